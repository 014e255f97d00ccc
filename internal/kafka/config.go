package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/riposte-security/riposte/internal/config"
)

// DefaultPrefix is what the names of all topics begin with unless the configuration says otherwise.
const DefaultPrefix = "riposte"

// Config says how to reach Kafka and how topics are made. The zero value of every field but Brokers has a meaning.
type Config struct {
	// Brokers are host:port addresses to start from; at least one.
	Brokers []string `yaml:"brokers"`
	// Prefix begins the name of every topic; "riposte" if empty.
	Prefix string `yaml:"prefix"`
	// ClientID is told to the brokers and shows in their logs and quotas; the prefix if empty.
	ClientID string `yaml:"client_id"`
	// Partitions is the number of partitions of a topic that is made; 6 if zero.
	Partitions int `yaml:"partitions"`
	// Replication is the number of replicas of a topic that is made; three, or as many as there are brokers, if zero.
	Replication int `yaml:"replication"`
	// SessionTimeout is how long a consumer that died without a word keeps its partitions; 10 s if zero, at least 1 s. Brokers have limits of
	// their own, 6 s to 30 min by default.
	SessionTimeout time.Duration `yaml:"session_timeout"`
	TLS            TLS           `yaml:"tls"`
	SASL           SASL          `yaml:"sasl"`
}

// TLS says how connections are protected.
type TLS struct {
	Enabled bool   `yaml:"enabled"`
	CA      string `yaml:"ca"`   // file with the certificates of the authority, PEM; the system's if empty
	Cert    string `yaml:"cert"` // file with the client's own certificate, PEM; with Key, for mutual TLS
	Key     string `yaml:"key"`  // file with the key to Cert, PEM
}

// SASL says how the client proves who it is. An empty Mechanism means not at all.
type SASL struct {
	Mechanism string        `yaml:"mechanism"` // plain, scram-sha-256, scram-sha-512 or aws-msk-iam
	Username  string        `yaml:"username"`
	Password  config.Secret `yaml:"password"`
	Region    string        `yaml:"region"` // of an MSK cluster, with aws-msk-iam; that of the environment if empty
}

// Validate checks what can be checked without reaching a broker.
func (c Config) Validate() error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("brokers: at least one host:port expected"))
	}
	for _, b := range c.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			errs = append(errs, fmt.Errorf("brokers: %w", err))
		}
	}
	if c.Prefix != "" && !ValidTopic(c.Prefix) {
		errs = append(errs, fmt.Errorf("prefix %q: letters, digits, '.', '_' and '-' expected", c.Prefix))
	}
	if c.Partitions < 0 {
		errs = append(errs, fmt.Errorf("partitions: %d is negative", c.Partitions))
	}
	if c.Replication < 0 {
		errs = append(errs, fmt.Errorf("replication: %d is negative", c.Replication))
	}
	if c.SessionTimeout != 0 && c.SessionTimeout < time.Second {
		errs = append(errs, fmt.Errorf("session_timeout: %v is less than 1s", c.SessionTimeout))
	}
	return errors.Join(append(errs, c.TLS.validate(), c.SASL.validate(c.TLS.Enabled))...)
}

func (t TLS) validate() error {
	if !t.Enabled && (t.CA != "" || t.Cert != "" || t.Key != "") {
		return errors.New("tls: files are given, but enabled is false")
	}
	if (t.Cert == "") != (t.Key == "") {
		return errors.New("tls: cert and key go together")
	}
	return nil
}

func (s SASL) validate(encrypted bool) error {
	const mechanisms = "plain, scram-sha-256, scram-sha-512 or aws-msk-iam"
	switch s.Mechanism {
	case "":
		if s.Username != "" || s.Password != "" {
			return errors.New("sasl: mechanism expected: " + mechanisms)
		}
		return nil
	case mskIAM:
		if s.Username != "" || s.Password != "" {
			return errors.New("sasl: with aws-msk-iam, credentials are those of AWS: no username and password expected")
		}
		if !encrypted {
			return errors.New("sasl: aws-msk-iam needs tls: enabled: true")
		}
		return nil
	case "plain", "scram-sha-256", "scram-sha-512":
		if s.Username == "" || s.Password == "" {
			return errors.New("sasl: username and password expected")
		}
		return nil
	}
	return fmt.Errorf("sasl: mechanism %q: %s expected", s.Mechanism, mechanisms)
}

// mskIAM is the mechanism of Amazon MSK with IAM.
const mskIAM = "aws-msk-iam"

// ValidTopic tells whether Kafka accepts name as the name of a topic.
func ValidTopic(name string) bool {
	const longest = 249
	if name == "" || len(name) > longest || name == "." || name == ".." {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
		if !letter && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// client reads the files and makes the TLS settings; nil where TLS is off.
func (t TLS) client() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("tls ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls ca %s: no certificate in it", t.CA)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("tls cert: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// mechanism makes the SASL mechanism; nil where there is none.
func (s SASL) mechanism() (sasl.Mechanism, error) {
	var (
		m   sasl.Mechanism
		err error
	)
	switch s.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Mechanism{Username: s.Username, Password: string(s.Password)}, nil
	case mskIAM:
		return &iam{region: s.Region}, nil
	case "scram-sha-256":
		m, err = scram.Mechanism(scram.SHA256, s.Username, string(s.Password))
	case "scram-sha-512":
		m, err = scram.Mechanism(scram.SHA512, s.Username, string(s.Password))
	}
	if err != nil {
		return nil, fmt.Errorf("sasl: %w", err)
	}
	return m, nil
}
