package router_test

import (
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/internal/testcert"
	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/schemas"
)

// TestCommandsAreSigned: with a key, every command bears a signature that holds for its topic, key, id and value.
func TestCommandsAreSigned(t *testing.T) {
	key, pem := testcert.SigningKey(t)
	ring, err := sign.NewRing([]string{key.Public()}, "")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.cfg.SigningKey = config.Secret(pem)
	b.route(t, fake{}, nil)
	topics := b.client.Topics()
	b.send(t, topics.Events, ask("alert block remediate", 1), ask("long", 2)) // the latter is cut to size
	for topic, n := range map[string]int{topics.Alert: 2, topics.Block: 1, topics.Remediate: 1} {
		for _, m := range b.await(t, topic, n) {
			text := sign.Message(m.Topic, m.Key, m.Header(schemas.HeaderID), m.Value)
			if id, err := ring.Verify(text, m.Header(schemas.HeaderSignature)); err != nil || id != key.ID() {
				t.Errorf("%s: %v", topic, err)
			}
		}
	}
	if err := (router.Config{SigningKey: "hush"}).Validate(); err == nil || err.Error() != "signing_key: PEM with a PRIVATE KEY (PKCS #8) expected" {
		t.Error(err)
	}
}
