package app

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/kafka"
)

// TestACLs: what is printed is what Grants says, for who somebody is there.
func TestACLs(t *testing.T) {
	dir := t.TempDir()
	cfg := write(t, dir, "riposte.yaml", "kafka: { brokers: [ \"k1:9092\", \"k2:9092\" ], prefix: acme }\nrouter: { group: deciders }\n")
	said := run(t, 0, "-c", cfg, "kafka", "acls", "--user", "router", "--principal", "router=CN=it's,O=acme")
	for _, want := range []string{
		`kafka-acls.sh --bootstrap-server k1:9092,k2:9092 --add --allow-principal 'User:CN=it'\''s,O=acme' --operation Read --operation Write --topic acme.events`,
		"--operation Read --topic acme.outcomes", "--operation Write --topic acme.remediate", "--operation Read --group deciders", "--operation Read --group acme.correlator",
	} {
		if !strings.Contains(said, want+"\n") {
			t.Errorf("no %s in\n%s", want, said)
		}
	}
	if strings.Contains(said, "riposte-alert") || strings.Contains(said, "control") {
		t.Errorf("rights of others, or too many:\n%s", said)
	}
	var grants []kafka.Grant
	if err := json.Unmarshal([]byte(run(t, 0, "-c", cfg, "kafka", "acls", "--json")), &grants); err != nil {
		t.Fatal(err)
	}
	if len(grants) < 30 {
		t.Errorf("%d grants", len(grants))
	}
	if said := run(t, 2, "-c", cfg, "kafka", "acls", "--principal", "boss=me"); !strings.Contains(said, `no user "boss"`) {
		t.Error(said)
	}
}
