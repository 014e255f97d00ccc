package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
)

// TestReplay: what comes again is the same event, says who had it come again, and leads to nothing twice.
func TestReplay(t *testing.T) {
	u := startUp(t)
	cfg, err := os.ReadFile(filepath.Join(u.dir, "riposte.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	known := write(t, u.dir, "known.yaml", string(cfg)+fmt.Sprintf("\nkafka: { brokers: [ %q ] }\n", u.kafka.Config().Brokers[0]))
	run := func(code int, want string, args ...string) {
		t.Helper()
		var out strings.Builder
		args = append([]string{"-c", known, "replay"}, args...)
		if got := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &out}); got != code || !strings.Contains(out.String(), want) {
			t.Errorf("riposte %v: exit %d, %d expected, with %q in\n%s", args, got, code, want, out.String())
		}
	}
	events := u.kafka.Topics().Events
	w := u.kafka.NewWriter()
	defer w.Close()
	// One that somebody else published, whose identity is its place on the topic, and one that is none.
	if err := w.Publish(t.Context(), kafka.Message{Topic: events, Value: []byte(`{"kind":"login_failed","n":1}`)}, kafka.Message{Topic: events, Value: []byte("no JSON")}); err != nil {
		t.Fatal(err)
	}
	u.alerts(t, `{"kind":"login_failed","n":2}`)
	await.Until(t, "both alerts", func() bool { return u.calls.count() >= 2 })
	before := u.calls.count()

	run(2, "nobody answers", events)
	run(2, "one --partition expected", events, "--offsets", "1-2", "--yes")
	run(2, "further back than --until", events, "--since", "1h", "--until", "2h", "--yes")
	run(2, "nothing is put onto", events, "--to", u.kafka.Topics().DeadLetter, "--yes")
	run(0, "nothing there", events, "--since", "2h", "--until", "1h", "--yes")
	run(0, "1 are no events", events, "--yes", "--by", "ann", "--reason", "a new rule")

	times, marks := map[string]int{}, 0
	await.Until(t, "what came again", func() bool {
		times, marks = map[string]int{}, 0
		err := u.kafka.ReadAll(t.Context(), events, func(_ context.Context, m kafka.Message) error {
			ev, err := m.Event()
			if err != nil {
				return nil //nolint:nilerr // the one that is none
			}
			times[ev.UID]++
			if strings.HasPrefix(ev.Replay, "by ann at ") && strings.HasSuffix(ev.Replay, ": a new rule") {
				marks++
			}
			return nil
		})
		return err == nil && marks >= 2
	})
	for uid, n := range times {
		if n != 2 {
			t.Errorf("event %s is there %d times", uid, n)
		}
	}
	if marks != len(times) {
		t.Errorf("%d of %d say who had them come again", marks, len(times))
	}
	for _, n := range []string{"3", "4", "5"} { // come after what came again
		u.alerts(t, `{"kind":"login_failed","n":`+n+`}`)
	}
	if n := u.calls.count(); n != before+3 {
		t.Errorf("%d alerts more, three expected: what was alerted is alerted again", n-before)
	}
}
