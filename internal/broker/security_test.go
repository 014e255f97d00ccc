package broker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
)

// TestSecuredClient writes and consumes through TLS and each SASL mechanism: writer, fetches and group connect in different ways.
func TestSecuredClient(t *testing.T) {
	t.Parallel()
	server, ca := certificate(t)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(server), kfake.EnableSASL(), kfake.Superuser(mechanism, "u", "p"))
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			cfg := kafka.Config{
				Brokers: cluster.ListenAddrs(), Partitions: 1, TLS: kafka.TLS{Enabled: true, CA: ca},
				SASL: kafka.SASL{Mechanism: map[string]string{
					"PLAIN": "plain", "SCRAM-SHA-256": "scram-sha-256", "SCRAM-SHA-512": "scram-sha-512",
				}[mechanism], Username: "u", Password: "p"},
			}
			c, err := kafka.New(cfg, zerolog.Nop())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), await.Long)
			defer cancel()
			if err := c.EnsureTopics(ctx); err != nil {
				t.Fatal(err)
			}
			w := c.NewWriter()
			defer w.Close()
			if err := w.Publish(ctx, kafka.Message{Topic: c.Topics().Events, Value: []byte("x")}); err != nil {
				t.Fatal(err)
			}
			n := 0
			err = c.Consume(ctx, kafka.Group{ID: "g", Topics: []string{c.Topics().Events}}, func(_ context.Context, b []kafka.Message) error {
				n += len(b)
				cancel()
				return nil
			})
			if err != nil || n != 1 {
				t.Errorf("%d messages, error %v", n, err)
			}

			cfg.SASL.Password = "wrong"
			refused(t, "a wrong password", cfg)
			cfg.SASL.Password, cfg.TLS.CA = "p", ""
			refused(t, "a certificate of an unknown authority", cfg)
		})
	}
}

func refused(t *testing.T, what string, cfg kafka.Config) {
	t.Helper()
	c, err := kafka.New(cfg, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Ping(t.Context()); err == nil {
		t.Errorf("%s is taken", what)
	}
}

// certificate makes a certificate for 127.0.0.1 that is its own authority, and writes it to a file.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}
