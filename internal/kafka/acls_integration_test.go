//go:build integration

package kafka

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/testcert"
)

// TestGrantsOnApacheKafka gives each user what Grants says, on a broker with an authorizer, and tries every user at every topic and group: what is granted
// goes, and all else is refused.
func TestGrantsOnApacheKafka(t *testing.T) {
	authority := testcert.New(t)
	names := make([]string, 0, len(Users()))
	for _, u := range Users() {
		names = append(names, string(u))
	}
	b := servers.SecuredKafka(t, authority, names...)
	client := func(cfg Config) *Client {
		t.Helper()
		cfg.TLS.Enabled, cfg.TLS.CA, cfg.Replication, cfg.Partitions = true, authority.CA, 1, 1
		if cfg.Brokers == nil {
			cfg.Brokers = []string{b.SASL}
		}
		c, err := New(cfg, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	as := func(user string) *Client {
		return client(Config{SASL: SASL{Mechanism: "plain", Username: user, Password: config.Secret(servers.SecuredPassword(user))}})
	}
	ctx, cancel := context.WithTimeout(t.Context(), await.Long)
	t.Cleanup(cancel)
	root := as(servers.SecuredAdmin)
	topics := root.Topics()
	groups := []string{"riposte.router", "riposte.correlator", ConsumerGroup(topics.Alert), ConsumerGroup(topics.Block), ConsumerGroup(topics.Remediate), "riposte.archive"}
	grants := topics.Grants(groups[0], groups[1])
	await.Until(t, "the broker takes ACLs", func() bool {
		return root.Allow(ctx, grants, func(u User) string { return "User:" + string(u) }) == nil
	})
	if err := as(string(UserAdmin)).EnsureTopics(ctx); err != nil { // Create and Describe are all that it takes
		t.Fatal(err)
	}
	w := root.NewWriter()
	t.Cleanup(w.Close)
	for _, topic := range topics.All() {
		if err := w.Publish(ctx, Message{Topic: topic, Value: []byte("one")}); err != nil {
			t.Fatal(err)
		}
	}
	granted := func(u User, resource, name, op string) bool {
		return slices.ContainsFunc(grants, func(g Grant) bool {
			return g.User == u && g.Resource == resource && g.Name == name && slices.Contains(g.Operations, op)
		})
	}
	refusals := 0
	check := func(u User, what string, allowed bool, err error, refusal kafka.Error) {
		t.Helper()
		switch {
		case allowed && err != nil:
			t.Errorf("%s cannot %s: %v", u, what, err)
		case !allowed && !errors.Is(err, refusal):
			t.Errorf("%s at %s: %v; %v expected", u, what, err, refusal)
		case !allowed:
			refusals++
		}
	}
	for _, u := range Users() {
		c := as(string(u))
		for _, topic := range topics.All() {
			check(u, "read "+topic, granted(u, ResourceTopic, topic, opRead), direct(ctx, t, c, b.SASL, topic, read), kafka.TopicAuthorizationFailed)
			check(u, "write "+topic, granted(u, ResourceTopic, topic, opWrite), direct(ctx, t, c, b.SASL, topic, write), kafka.TopicAuthorizationFailed)
			if u != UserAdmin {
				_, err := c.retention(ctx, []string{topic})
				check(u, "ask for the retention of "+topic, granted(u, ResourceTopic, topic, opDescribeConfigs), err, kafka.TopicAuthorizationFailed)
			}
		}
		for _, group := range groups {
			var err error
			await.Until(t, "the group's coordinator is up", func() bool {
				_, err = c.committed(ctx, group, topics.Events, nil)
				return !errors.Is(err, kafka.NotCoordinatorForGroup) && !errors.Is(err, kafka.GroupCoordinatorNotAvailable) && !errors.Is(err, kafka.GroupLoadInProgress)
			})
			check(u, "be in group "+group, granted(u, ResourceGroup, group, opRead), err, kafka.GroupAuthorizationFailed)
		}
		if u != UserAdmin {
			err := c.create(ctx, []kafka.TopicConfig{{Topic: "riposte.new", NumPartitions: 1, ReplicationFactor: 1}})
			check(u, "make a topic", false, err, kafka.TopicAuthorizationFailed)
		}
		if !granted(u, ResourceTopic, topics.DeadLetter, opRead) {
			err := c.ReadAll(ctx, topics.DeadLetter, func(context.Context, Message) error { return nil })
			if !fault.IsPermanent(err) {
				t.Errorf("%s waits for the right to read dead letters: %v", u, err)
			}
		}
		check(u, "give rights", false, c.Allow(ctx, grants[:1], func(User) string { return "User:thief" }), kafka.ClusterAuthorizationFailed)
	}
	t.Logf("%d users, %d refusals", len(Users()), refusals)

	t.Run("mechanisms", func(t *testing.T) {
		for mechanism, number := range map[string]kafka.ScramMechanism{"scram-sha-256": kafka.ScramMechanismSha256, "scram-sha-512": kafka.ScramMechanismSha512} {
			salted, salt := salt(t, number, "a password")
			_, err := root.api.AlterUserScramCredentials(ctx, &kafka.AlterUserScramCredentialsRequest{Upsertions: []kafka.UserScramCredentialsUpsertion{
				{Name: "router", Mechanism: number, Iterations: 4096, Salt: salt, SaltedPassword: salted},
			}})
			if err != nil {
				t.Fatal(err)
			}
			c := client(Config{SASL: SASL{Mechanism: mechanism, Username: "router", Password: "a password"}})
			await.Until(t, mechanism+" reads", func() bool { return direct(ctx, t, c, b.SASL, topics.Events, read) == nil })
			if err := client(Config{SASL: SASL{Mechanism: mechanism, Username: "router", Password: "another"}}).Ping(ctx); err == nil {
				t.Errorf("%s: a wrong password is taken", mechanism)
			}
		}
		pair := authority.Issue(t, "router-1")
		c := client(Config{Brokers: []string{b.Mutual}, TLS: TLS{Cert: pair.Cert, Key: pair.Key}})
		if err := direct(ctx, t, c, b.Mutual, topics.Events, read); !errors.Is(err, kafka.TopicAuthorizationFailed) {
			t.Errorf("a certificate that no ACL names: %v", err)
		}
		if err := root.Allow(ctx, grants, func(u User) string { return "User:CN=" + string(u) + "-1" }); err != nil {
			t.Fatal(err)
		}
		await.Until(t, "the certificate reads", func() bool { return direct(ctx, t, c, b.Mutual, topics.Events, read) == nil })
		if err := client(Config{Brokers: []string{b.Mutual}}).Ping(ctx); err == nil {
			t.Error("mutual TLS without a certificate is taken")
		}
		if err := client(Config{SASL: SASL{Mechanism: "plain", Username: "router", Password: "wrong"}}).Ping(ctx); err == nil {
			t.Error("a wrong password is taken")
		}
	})
}

func read(c *kafka.Conn) error {
	if _, err := c.Seek(0, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
		return err
	}
	b := c.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second})
	_, err := b.ReadMessage()
	if cerr := b.Close(); err == nil || errors.Is(err, io.EOF) {
		err = cerr
	}
	return err
}

func write(c *kafka.Conn) error {
	_, err := c.WriteMessages(kafka.Message{Value: []byte("x")})
	return err
}

// direct does something about partition 0 of a topic, without asking anybody where that is: a client that does would not find what it must not see.
func direct(ctx context.Context, t *testing.T, c *Client, addr, topic string, do func(*kafka.Conn) error) error {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	to, err := c.dialer.DialPartition(ctx, "tcp", addr, kafka.Partition{Topic: topic, ID: 0, Leader: kafka.Broker{Host: host, Port: n, ID: 1}})
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer to.Close() //nolint:errcheck // only its answer is wanted
	if err := to.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return err
	}
	return do(to)
}

// salt makes what a broker keeps of a password.
func salt(t *testing.T, m kafka.ScramMechanism, password string) (salted, salt []byte) {
	t.Helper()
	salt = []byte("a grain of salt")
	var err error
	if m == kafka.ScramMechanismSha512 {
		salted, err = pbkdf2.Key(sha512.New, password, salt, 4096, sha512.Size)
	} else {
		salted, err = pbkdf2.Key(sha256.New, password, salt, 4096, sha256.Size)
	}
	if err != nil {
		t.Fatal(err)
	}
	return salted, salt
}
