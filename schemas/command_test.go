package schemas_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riposte-security/riposte/schemas"
	"golang.org/x/tools/txtar"
)

func TestCommandThereAndBack(t *testing.T) {
	want := command()
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := schemas.ReadCommand(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	// Whoever decodes by encoding/json, such as a ledger, loses no digit either.
	var plain schemas.Command
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, plain); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestNumbersInWith(t *testing.T) {
	var c schemas.Command
	err := json.Unmarshal([]byte(`{"with":{"max":9223372036854775807,"min":-9223372036854775808,"over":9223372036854775808,"whole":2.0,"exp":1e2,
		"part":0.25,"huge":1e999,"in":{"a":[1]}}}`), &c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"max": int64(9223372036854775807), "min": int64(-9223372036854775808), "over": json.Number("9223372036854775808"), "whole": 2.0,
		"exp": 100.0, "part": 0.25, "huge": json.Number("1e999"), "in": map[string]any{"a": []any{int64(1)}},
	}
	if diff := cmp.Diff(want, c.With); diff != "" {
		t.Errorf("with (-want +got):\n%s", diff)
	}
}

// Each case changes a valid command by a JSON merge (null removes a field) and says why it must be refused.
func TestReadCommandRefuses(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "refused_commands.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	schema, _ := document(t, "command")
	files := txtar.Parse(text).Files
	if len(files) < 20 {
		t.Fatalf("only %d cases", len(files))
	}
	for _, f := range files {
		change, want, _ := strings.Cut(strings.TrimSpace(string(f.Data)), "\n")
		t.Run(f.Name, func(t *testing.T) {
			base := command()
			base.Shed = nil
			doc := toJSON(t, base)
			var merge map[string]any
			if err := json.Unmarshal([]byte(change), &merge); err != nil {
				t.Fatal(err)
			}
			apply(doc, merge)
			value, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			_, err = schemas.ReadCommand(value)
			var m *schemas.MalformedError
			if !errors.As(err, &m) || !strings.Contains(m.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
			if err := schema.Validate(toJSON(t, doc)); err == nil && !strings.Contains(f.Name, "beyond the schema") {
				t.Error("the schema takes it")
			}
		})
	}
}

func apply(doc, merge map[string]any) {
	for k, v := range merge {
		sub, isMap := v.(map[string]any)
		have, hasMap := doc[k].(map[string]any)
		switch {
		case v == nil:
			delete(doc, k)
		case isMap && hasMap:
			apply(have, sub)
		default:
			doc[k] = v
		}
	}
}

func TestReadCommandRefusesWhatIsNoObject(t *testing.T) {
	for _, text := range []string{"", "[]", "null", "{", `{"id":1}`, `{} {}`, strings.Repeat(`{"event":`, 200) + "1" + strings.Repeat("}", 200)} {
		_, err := schemas.ReadCommand([]byte(text))
		if _, ok := errors.AsType[*schemas.MalformedError](err); !ok {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func TestReadCommandBoundsNames(t *testing.T) {
	schema, _ := document(t, "command")
	long := strings.Repeat("x", 3000)
	for name, change := range map[string]func(*schemas.Command){
		"rule":        func(c *schemas.Command) { c.Rule = long },
		"step":        func(c *schemas.Command) { c.Step = long },
		"action":      func(c *schemas.Command) { c.Action = long },
		"event_uid":   func(c *schemas.Command) { c.EventUID = long },
		"target.type": func(c *schemas.Command) { c.Target.Type = long },
		"target.id":   func(c *schemas.Command) { c.Target.ID = long },
	} {
		c := command()
		change(&c)
		value, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schemas.ReadCommand(value); err == nil || !strings.Contains(err.Error(), name+" has 3000 bytes") {
			t.Errorf("%s: %v", name, err)
		}
		if schema.Validate(toJSON(t, c)) == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}

// The deepest event that can be read still fits into a command.
func TestDeepestEventInACommand(t *testing.T) {
	value := strings.Repeat(`{"a":`, schemas.MaxDepth-1) + "1" + strings.Repeat("}", schemas.MaxDepth-1)
	e, err := schemas.ReadEvent([]byte(value), from())
	if err != nil {
		t.Fatal(err)
	}
	c := command()
	c.Event = e.Data
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schemas.ReadCommand(text); err != nil {
		t.Error(err)
	}
}

func TestShedCommandNeedsNoEvent(t *testing.T) {
	c := command()
	c.Event, c.EventUID, c.RuleHash, c.EventTime = nil, "", "", time.Time{}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := schemas.ReadCommand(text); err != nil {
		t.Error(err)
	}
	s, _ := document(t, "command")
	if err := s.Validate(toJSON(t, c)); err != nil {
		t.Error(err)
	}
}

// The id is fixed for ever: ledgers know commands by it.
func TestCommandID(t *testing.T) {
	target := schemas.Target{Type: "ip", ID: "203.0.113.9"}
	const want = "899f04bf9de215f579092fced9ab6796"
	if got := schemas.CommandID("ssh-probe", "block:wafv2-ipset", "e-1", target); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	seen := map[string]bool{}
	for _, id := range []string{
		schemas.CommandID("a", "b", "c", target), schemas.CommandID("ab", "", "c", target), schemas.CommandID("", "ab", "c", target),
		schemas.CommandID("a", "bc", "", target), schemas.CommandID("a", "b", "c", schemas.Target{Type: "ip", ID: "203.0.113.90"}),
		schemas.CommandID("a", "b", "c", schemas.Target{Type: "ip", Region: "x", ID: "203.0.113.9"}),
	} {
		if seen[id] || len(id) != 32 {
			t.Errorf("id %s", id)
		}
		seen[id] = true
	}
}

func TestPlanHash(t *testing.T) {
	hash := func(p schemas.Plan) string {
		t.Helper()
		h, err := p.Hash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	p := plan()
	same := plan()
	same.Summary = "in other words"
	same.Before = json.RawMessage("{ \"n\": 1.0, \"algorithm\" :\"AES256\"}")
	if hash(p) != hash(same) {
		t.Error("summary, white space, order and spelling count")
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back schemas.Plan
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if hash(p) != hash(back) {
		t.Error("storing a plan changes its hash")
	}
	for name, change := range map[string]func(*schemas.Plan){
		"call":      func(p *schemas.Plan) { p.Calls[0].Operation = "DeleteBucket" },
		"parameter": func(p *schemas.Plan) { p.Calls[0].Params["big"] = int64(9007199254740992) },
		"before":    func(p *schemas.Plan) { p.Before = json.RawMessage(`{}`) },
		"after":     func(p *schemas.Plan) { p.After = nil },
	} {
		other := plan()
		change(&other)
		if hash(p) == hash(other) {
			t.Errorf("another %s has the same hash", name)
		}
	}
	if _, err := (schemas.Plan{Before: json.RawMessage("{")}).Hash(); err == nil {
		t.Error("a plan that is not JSON has a hash")
	}
}

func FuzzReadCommand(f *testing.F) {
	text, err := json.Marshal(command())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"id":"00000000000000000000000000000000","lane":"block"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		c, err := schemas.ReadCommand(value)
		if err != nil {
			if _, ok := errors.AsType[*schemas.MalformedError](err); !ok {
				t.Fatalf("not permanent: %v", err)
			}
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := schemas.ReadCommand(text)
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		second, err := json.Marshal(again)
		if err != nil || string(second) != string(text) {
			t.Fatalf("%v\n%s\n%s", err, text, second)
		}
	})
}
