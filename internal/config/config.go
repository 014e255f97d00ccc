package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"regexp"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Config is riposte.yaml. Sections that belong to a stage are kept as nodes, which the stage decodes into its own struct: this package knows
// no stage.
type Config struct {
	Log       Log        `yaml:"log"`
	HTTP      HTTP       `yaml:"http"`
	Kafka     Node       `yaml:"kafka"`
	Ledger    Ledger     `yaml:"ledger"`
	AWS       Node       `yaml:"aws"`
	Producers []Producer `yaml:"producers"`
	Router    Node       `yaml:"router"`
	Lists     Node       `yaml:"lists"` // name → list
	GeoIP     Node       `yaml:"geoip"`
	Consumers Node       `yaml:"consumers"`
	Receivers []Node     `yaml:"receivers"` // each: name, and one key that says the kind
	Invoke    Node       `yaml:"invoke"`    // what rules may invoke by name
	Operator  Operator   `yaml:"operator"`
	Archive   Node       `yaml:"archive"`
	Callouts  Node       `yaml:"callouts"` // which addresses receivers and endpoints may have

	root Node
}

// Pos says where a value stands: file:line:column, as near as there is something.
func (c *Config) Pos(keys ...string) string { return c.root.At(keys...).Pos() }

// Log sets up the logger.
type Log struct {
	Level  string `yaml:"level"`  // trace debug info warn error
	Format string `yaml:"format"` // auto json console
}

// Operator is the person who uses the command line.
type Operator struct {
	// SigningKey is the key with which decisions are signed, as PEM (PKCS #8, Ed25519); without one they are not.
	SigningKey Secret `yaml:"signing_key"`
}

// HTTP is where /healthz, /readyz and /metrics are served.
type HTTP struct {
	Listen string `yaml:"listen"` // host:port; empty: not served
	// Token is what callers of the API (POST /api/stop, POST /api/resume) have to know; without one, only callers on this machine may.
	Token Secret `yaml:"token"`
	// TLSCert and TLSKey are files, PEM; with them it is HTTPS, for the approval pages as well.
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
}

// A Secret is a string that is never printed.
type Secret string

const hidden = "(secret)"

// String hides the secret.
func (Secret) String() string { return hidden }

// GoString hides the secret.
func (Secret) GoString() string { return hidden }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// UnmarshalYAML takes the secret as it stands. (UnmarshalText would be given the source's text, before ${ENV} was put in.)
func (s *Secret) UnmarshalYAML(node ast.Node) error {
	switch v := node.(type) {
	case *ast.StringNode:
		*s = Secret(v.Value)
	case *ast.LiteralNode:
		*s = Secret(v.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		*s = Secret(node.GetToken().Value) // a secret of digits is none the less a text
	case *ast.NullNode:
		*s = ""
	default:
		return errors.New("a text expected")
	}
	return nil
}

// Ledger names the database of the consumers.
type Ledger struct {
	URL string `yaml:"url"` // sqlite:///path/to/file or postgres://user:password@host/database
}

// Producer is one configured producer.
type Producer struct {
	Name   string `yaml:"name"`
	Source Node   `yaml:"source"` // one key, the source's name, with its settings
	Format string `yaml:"format"`
	Set    Node   `yaml:"set"` // settings of the format

	at Node
}

// UnmarshalYAML keeps the node beside what it holds, for the places in error messages.
func (p *Producer) UnmarshalYAML(node ast.Node) error {
	type plain Producer // without this method
	if err := yaml.NodeToValue(node, (*plain)(p), yaml.Strict()); err != nil {
		return err //nolint:wrapcheck // the caller asks it for its place
	}
	p.at = Node{node: node}
	return nil
}

// Pos says where a key of the producer stands: file:line:column; the producer itself if it has no such key.
func (p *Producer) Pos(key string) string { return p.at.At(key).Pos() }

// Defaults is what holds where riposte.yaml is silent.
func Defaults() Config {
	return Config{
		Log:  Log{Level: "info", Format: "auto"},
		HTTP: HTTP{Listen: "127.0.0.1:8080"},
	}
}

// maxConfig bounds riposte.yaml, in bytes.
const maxConfig = 1 << 20

// Load reads the file at path over the defaults. ${NAME} in a value stands for the environment variable NAME, ${NAME:-text} for text where
// it is not set or empty, ${file:PATH} for what a file says, ${STORE:NAME} for what one of stores has, and $${ for a literal ${. Errors name file, line and
// column.
func Load(path string, env func(string) (string, bool), stores Stores) (Config, error) {
	cfg := Defaults()
	info, err := os.Stat(path)
	if err != nil {
		return cfg, fmt.Errorf("configuration: %w", err)
	}
	if info.IsDir() {
		return cfg, fmt.Errorf("configuration: %w", &fs.PathError{Op: "read", Path: path, Err: errors.New("is a directory")})
	}
	if info.Size() > maxConfig {
		return cfg, fmt.Errorf("configuration %s: %d bytes, at most %d expected", path, info.Size(), maxConfig)
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return cfg, fmt.Errorf("configuration: %w", err)
	}
	return Read(path, text, env, stores)
}

// Read is Load for a text in hand; file is for error messages.
func Read(file string, text []byte, env func(string) (string, bool), stores Stores) (Config, error) {
	cfg := Defaults()
	root, err := Parse(file, text)
	if err != nil {
		return cfg, err
	}
	if root, err = root.Expand(env, stores); err != nil {
		return cfg, err
	}
	if err := root.Decode(&cfg); err != nil {
		return cfg, err
	}
	cfg.root = root
	cfg.name(file)
	return cfg, cfg.check()
}

// name tells every node which file it stands in.
func (c *Config) name(file string) {
	for _, n := range []*Node{&c.Kafka, &c.AWS, &c.Router, &c.Lists, &c.GeoIP, &c.Consumers, &c.Invoke, &c.Archive, &c.Callouts} {
		*n = n.Within(file)
	}
	for i := range c.Receivers {
		c.Receivers[i] = c.Receivers[i].Within(file)
	}
	for i := range c.Producers {
		c.Producers[i].Source = c.Producers[i].Source.Within(file)
		c.Producers[i].Set = c.Producers[i].Set.Within(file)
		c.Producers[i].at = c.Producers[i].at.Within(file)
	}
}

// nameForm is the form of the names of producers and receivers: they stand in message headers, metrics and file names.
const nameForm = `^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$`

// ValidName tells whether a producer or receiver may be called so.
func ValidName(name string) bool { return regexp.MustCompile(nameForm).MatchString(name) }

func (c *Config) check() error {
	if c.HTTP.Listen != "" {
		if _, _, err := net.SplitHostPort(c.HTTP.Listen); err != nil {
			return fmt.Errorf("%s: http.listen %q: host:port expected", c.Pos("http", "listen"), c.HTTP.Listen)
		}
	}
	if (c.HTTP.TLSCert == "") != (c.HTTP.TLSKey == "") {
		return fmt.Errorf("%s: http: tls_cert and tls_key go together", c.Pos("http"))
	}
	seen := map[string]bool{}
	for i, p := range c.Producers {
		switch {
		case !ValidName(p.Name):
			return fmt.Errorf("%s: producer %d: name %q: letters, digits, dots, dashes and underscores expected", p.Pos("name"), i+1, p.Name)
		case seen[p.Name]:
			return fmt.Errorf("%s: producer %q stands twice", p.Pos("name"), p.Name)
		case p.Source.IsZero():
			return fmt.Errorf("%s: producer %q has no source", p.Pos("source"), p.Name)
		case p.Format == "":
			return fmt.Errorf("%s: producer %q has no format", p.Pos("format"), p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}
