package app

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/deadletter"
	"github.com/riposte-security/riposte/internal/kafka"
)

// TestDeadLetters: what could not be understood is listed, shown, put back to where it came from, and told of as done.
func TestDeadLetters(t *testing.T) {
	u := startUp(t)
	// A configuration in which the producer reads something else by now, and which knows the broker.
	cfg, err := os.ReadFile(filepath.Join(u.dir, "riposte.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	brokers := u.kafka.Config().Brokers
	later := write(t, u.dir, "later.yaml", string(cfg)+fmt.Sprintf("\nkafka: { brokers: [ %q ] }\n", brokers[0]))
	run := func(code int, args ...string) string {
		t.Helper()
		var out, errs strings.Builder
		args = append([]string{"-c", later, "deadletter"}, args...)
		if got := Main(t.Context(), args, Streams{In: strings.NewReader("y\n"), Out: &out, Err: &errs}); got != code {
			t.Errorf("riposte %v: exit %d, %d expected\n%s%s", args, got, code, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	list := func(n int, flags ...string) (letters []deadletter.Letter) {
		t.Helper()
		await.Until(t, fmt.Sprintf("%d dead letters of %v", n, flags), func() bool {
			letters = nil
			for line := range strings.Lines(run(0, append([]string{"list", "--json"}, flags...)...)) {
				var l deadletter.Letter
				if json.Unmarshal([]byte(line), &l) == nil && l.ID != "" {
					letters = append(letters, l)
				}
			}
			return len(letters) == n
		})
		return letters
	}
	if got := run(0, "list"); !strings.Contains(got, "no dead letters") {
		t.Errorf("an empty list: %s", got)
	}
	w := u.kafka.NewWriter()
	defer w.Close()
	topics := u.kafka.Topics()
	unknown, err := newCommand("no-such-action")
	if err != nil {
		t.Fatal(err)
	}
	err = w.Publish(t.Context(), kafka.Message{Topic: topics.Events, Value: []byte("no JSON at all")}, kafka.Message{Topic: topics.Remediate, Value: unknown})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := post("http://"+u.in, `{"broken"`); status != 400 {
		t.Errorf("a broken record: %d", status)
	}
	letters := list(3)
	for _, l := range letters {
		if shown := run(0, "show", l.ID); !strings.Contains(shown, l.Reason[:20]) || !strings.Contains(shown, l.Stage) {
			t.Errorf("show %s: %s", l.ID, shown)
		}
	}

	list(1, "--topic", topics.Remediate)
	list(1, "--reason-has", "NO-SUCH-action")
	list(0, "--reason-has", "nobody says that")
	list(0, "--since", "1ns")
	list(0, "--until", "1h")
	router := list(1, "--stage", "router")[0]
	if said := run(0, "replay", router.ID, "--by", "ann"); !strings.Contains(said, "back on "+topics.Events) {
		t.Error(said)
	}
	if said := run(1, "replay", router.ID); !strings.Contains(said, "was replayed by ann") {
		t.Errorf("a second replay: %s", said)
	}
	if again := list(1, "--stage", "router")[0]; again.ID == router.ID || again.Attempts != 2 {
		t.Errorf("it is dead again, after %d attempts: %+v", again.Attempts, again)
	}
	if said := run(0, "replay", "--stage", "produce"); !strings.Contains(said, "read again by json, and it became a dead letter again") {
		t.Error(said)
	}
	if again := list(1, "--stage", "produce")[0]; again.Attempts != 2 || again.Producer != "http" {
		t.Errorf("%+v", again)
	}
	if said := run(0, "replay", "--stage", "consumer", "--yes"); !strings.Contains(said, "back on "+topics.Remediate) {
		t.Error(said)
	}
	list(3)
	run(0, "drop", "--yes", "--reason", "an experiment")
	list(0)
	list(6, "--all")
	if said := run(1, "show", "99-1"); !strings.Contains(said, "no dead letter 99-1") {
		t.Error(said)
	}
	u.alerts(t, `{"kind":"login_failed"}`) // and the pipeline goes on
}
