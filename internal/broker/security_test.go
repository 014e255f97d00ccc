package broker_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/testcert"
)

// TestSecuredClient writes and consumes through TLS and each SASL mechanism: writer, fetches and group connect in different ways.
func TestSecuredClient(t *testing.T) {
	t.Parallel()
	authority := testcert.New(t)
	server, ca := serverTLS(authority.Issue(t, "broker")), authority.CA
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
			roundTrip(t, c)

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

// roundTrip writes a message and consumes it in a group.
func roundTrip(t *testing.T, c *kafka.Client) {
	t.Helper()
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
	err := c.Consume(ctx, kafka.Group{ID: "g", Topics: []string{c.Topics().Events}}, func(_ context.Context, b []kafka.Message) error {
		n += len(b)
		cancel()
		return nil
	})
	if err != nil || n != 1 {
		t.Errorf("%d messages, error %v", n, err)
	}
}

func serverTLS(p testcert.Pair) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{p.TLS}}
}

// TestMutualTLS: the broker takes clients that its authority knows, and no others.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	authority, stranger := testcert.New(t), testcert.New(t)
	server := serverTLS(authority.Issue(t, "broker"))
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, authority.Pool
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(server))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	with := func(p testcert.Pair) kafka.Config {
		return kafka.Config{Brokers: cluster.ListenAddrs(), Partitions: 1, TLS: kafka.TLS{Enabled: true, CA: authority.CA, Cert: p.Cert, Key: p.Key}}
	}
	c, err := kafka.New(with(authority.Issue(t, "router")), zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	roundTrip(t, c)
	refused(t, "a client without a certificate", with(testcert.Pair{}))
	refused(t, "a certificate of another authority", with(stranger.Issue(t, "router")))
	plain := with(testcert.Pair{})
	plain.TLS = kafka.TLS{}
	refused(t, "a client without TLS", plain)
}
