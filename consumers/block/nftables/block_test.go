package nftables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// fake is as much of nft as the action uses, over one table. What becomes of packets, the kernel itself shows in TestKernel.
type fake struct {
	mu     sync.Mutex
	name   string                          // of the table; "" while there is none
	chains map[string]map[string]any       // by name
	rules  []map[string]any                // in order
	sets   map[string]map[string]time.Time // when elements end; zero for never
	now    time.Time
	runs   int
	err    error
}

func newFake() *fake {
	return &fake{chains: map[string]map[string]any{}, sets: map[string]map[string]time.Time{}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (f *fake) run(ctx context.Context, in []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs++
	if err := errors.Join(ctx.Err(), f.err); err != nil {
		return nil, err
	}
	var batch struct {
		Commands []command `json:"nftables"`
	}
	if err := json.Unmarshal(in, &batch); err != nil {
		return nil, err
	}
	var out []any
	for _, c := range batch.Commands {
		verb, kind, object := c.parts()
		o := object.(map[string]any)
		if verb == "list" {
			out = append(out, f.list(kind)...)
		} else if err := f.change(verb, kind, o); err != nil {
			return nil, err
		}
	}
	if out == nil {
		return nil, nil
	}
	return json.Marshal(map[string]any{"nftables": append([]any{map[string]any{"metainfo": map[string]any{"version": "0"}}}, out...)})
}

func (f *fake) list(kind string) (out []any) {
	if f.name != "" {
		out = append(out, map[string]any{"table": map[string]any{"family": "inet", "name": f.name}})
	}
	out = append(out, map[string]any{"table": map[string]any{"family": "inet", "name": "another"}})
	if kind == "tables" {
		return out
	}
	for name, elements := range f.sets {
		set := map[string]any{"name": name, "table": f.name}
		var elem []any
		for e, ends := range elements {
			if ends.IsZero() {
				elem = append(elem, e)
			} else if ends.After(f.now) {
				left := int(ends.Sub(f.now) / time.Second)
				elem = append(elem, map[string]any{"elem": map[string]any{"val": e, "timeout": left, "expires": left}})
			}
		}
		if elem != nil {
			set["elem"] = elem
		}
		out = append(out, map[string]any{"set": set})
	}
	for _, c := range f.chains {
		out = append(out, map[string]any{"chain": c})
	}
	for _, r := range f.rules {
		out = append(out, map[string]any{"rule": r})
	}
	return out
}

func (f *fake) change(verb, kind string, o map[string]any) error {
	name := fmt.Sprint(o["name"])
	if kind == "table" {
		f.name = name
		return nil
	}
	if f.name == "" || o["table"] != f.name {
		return errors.New("no such table")
	}
	switch verb + " " + kind {
	case "add set":
		if f.sets[name] == nil {
			f.sets[name] = map[string]time.Time{}
		}
	case "add chain":
		f.chains[name] = o
	case "add rule":
		f.rules = append(f.rules, o)
	case "add element", "delete element":
		if f.sets[name] == nil {
			return errors.New("no such set")
		}
		return f.element(verb, name, o["elem"].([]any)[0])
	default:
		return errors.New(verb + " " + kind)
	}
	return nil
}

func (f *fake) element(verb, set string, e any) error {
	value, ends := fmt.Sprint(e), time.Time{}
	if m, ok := e.(map[string]any); ok {
		in := m["elem"].(map[string]any)
		value, ends = fmt.Sprint(in["val"]), f.now.Add(time.Duration(in["timeout"].(float64))*time.Second)
	}
	old, there := f.sets[set][value]
	there = there && (old.IsZero() || old.After(f.now))
	switch {
	case verb == "delete" && !there:
		return errors.New("no such element")
	case verb == "delete":
		delete(f.sets[set], value)
	case !there:
		f.sets[set][value] = ends
	}
	return nil
}

// elements is the elements of all sets, with what is left of their time. What is around them stays when the last is gone.
func (f *fake) elements() any {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]string{}
	for set, elements := range f.sets {
		for e, ends := range elements {
			out[set+" "+e] = "for ever"
			if !ends.IsZero() {
				out[set+" "+e] = ends.Sub(f.now).String()
			}
		}
	}
	return out
}

func (f *fake) put(set, element string, last time.Duration) {
	if f.sets[set] == nil {
		f.sets[set] = map[string]time.Time{}
	}
	f.sets[set][element] = time.Time{}
	if last > 0 {
		f.sets[set][element] = f.now.Add(last)
	}
}

func block(address string, last time.Duration) schemas.Command {
	return schemas.Command{ID: address, Target: schemas.Target{Type: "ip", ID: address}, For: schemas.Duration(last)}
}

func TestContract(t *testing.T) {
	for name, cmd := range map[string]schemas.Command{
		"an address": block("203.0.113.7", time.Hour), "for ever": block("203.0.113.7", 0), "a range": block("203.0.113.128/25", time.Hour),
		"IPv6": block("2001:db8::7", time.Hour), "an IPv6 range": block("2001:db8::/48", 0),
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake()
				return actiontest.Subject{Action: New(Deps{Run: f.run, Now: time.Now}), Command: cmd, State: f.elements}
			})
		})
	}
}

// Ranges that overlap, and addresses in them, each have an element of their own: ending one leaves the others.
func TestOverlap(t *testing.T) {
	f := newFake()
	a := New(Deps{Run: f.run, Now: time.Now})
	cmds := []schemas.Command{block("203.0.113.7", time.Hour), block("203.0.113.0/24", 2*time.Hour), block("203.0.112.0/20", 0), block("2001:db8::1", time.Second)}
	var plans []schemas.Plan
	for _, cmd := range cmds {
		plans = append(plans, actiontest.CarryOut(t, a, cmd))
	}
	want := map[string]string{"ip4_32 203.0.113.7": "1h0m0s", "ip4_24 203.0.113.0": "2h0m0s", "ip4_20 203.0.112.0": "for ever", "ip6_128 2001:db8::1": "1s"}
	if got := f.elements().(map[string]string); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if len(f.chains) != 2 || len(f.rules) != 8 {
		t.Errorf("%d chains, %d rules", len(f.chains), len(f.rules))
	}
	f.now = f.now.Add(time.Minute) // the kernel has ended the last one by itself
	for i := range cmds {
		if err := a.(consumers.Undoer).Undo(t.Context(), cmds[i], plans[i], false); err != nil {
			t.Error(err)
		}
	}
	if got := f.elements().(map[string]string); len(got) > 1 {
		t.Errorf("left: %v", got)
	}
}

// The plan says each command of nft, and those are the ones that run.
func TestPlan(t *testing.T) {
	f := newFake()
	a := New(Deps{Run: f.run, Now: time.Now})
	p := actiontest.CarryOut(t, a, block("203.0.113.0/25", 90*time.Minute))
	var said []string
	for _, c := range p.Calls {
		said = append(said, c.Operation)
	}
	if want := []string{"add table", "add set", "add chain", "add rule", "add chain", "add rule", "add element"}; !slices.Equal(said, want) {
		t.Errorf("%v", said)
	}
	if text := fmt.Sprint(p.Calls[3].Params); !strings.Contains(text, "255.255.255.128") || !strings.Contains(text, "@ip4_25") || !strings.Contains(text, "drop") {
		t.Error(text)
	}
	if text := fmt.Sprint(p.Calls[6].Params); !strings.Contains(text, "timeout:5400") {
		t.Error(text)
	}
	if p.Summary != "drop what comes from 203.0.113.0/25 for 1h30m (set ip4_25 of table riposte)" {
		t.Error(p.Summary)
	}
	if p := actiontest.CarryOut(t, a, block("203.0.113.128/25", time.Hour)); len(p.Calls) != 1 {
		t.Errorf("the second: %+v", p.Calls)
	}
}

// An element that ends before the command does is renewed; one that lasts longer, or has no end, is left alone.
func TestRenewed(t *testing.T) {
	for name, tt := range map[string]struct {
		there, last time.Duration
		calls       bool
		want        string
	}{
		"soon over":      {time.Minute, time.Hour, true, "1h0m0s"},
		"to last":        {time.Hour, 0, true, "for ever"},
		"as long":        {time.Hour, time.Hour, false, "1h0m0s"},
		"nearly as long": {time.Hour - 30*time.Second, time.Hour, false, "59m30s"},
		"longer":         {2 * time.Hour, time.Hour, false, "2h0m0s"},
		"for ever":       {0, time.Hour, false, "for ever"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			a := New(Deps{Run: f.run, Now: time.Now})
			actiontest.CarryOut(t, a, block("203.0.113.8", 0))
			f.put("ip4_32", "203.0.113.7", tt.there)
			cmd := block("203.0.113.7", tt.last)
			p := actiontest.CarryOut(t, a, cmd)
			if got := f.elements().(map[string]string)["ip4_32 203.0.113.7"]; got != tt.want || p.Empty() == tt.calls {
				t.Errorf("%s, plan %+v", got, p)
			}
			if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil {
				t.Fatal(err)
			}
			if _, there := f.elements().(map[string]string)["ip4_32 203.0.113.7"]; there == tt.calls {
				t.Errorf("after undo it is there: %v", there)
			}
		})
	}
}

// What somebody took away around the elements is missing, and put back by Apply.
func TestMended(t *testing.T) {
	for name, spoil := range map[string]func(*fake){
		"the element": func(f *fake) { clear(f.sets["ip4_32"]) },
		"a rule":      func(f *fake) { f.rules = f.rules[1:] },
		"a rule that drops no more": func(f *fake) {
			f.rules[0] = map[string]any{"chain": f.rules[0]["chain"], "expr": append(f.rules[0]["expr"].([]any)[:2:2], map[string]any{"accept": nil})}
		},
		"a chain":   func(f *fake) { delete(f.chains, "forward") },
		"the table": func(f *fake) { f.name, f.rules = "", nil; clear(f.chains); clear(f.sets) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			a, cmd := New(Deps{Run: f.run, Now: time.Now}), block("203.0.113.7", time.Hour)
			p := actiontest.CarryOut(t, a, cmd)
			spoil(f)
			inspect := func() []string {
				missing, others, err := a.(consumers.Inspector).Inspect(t.Context(), []schemas.Command{cmd})
				if err != nil || len(others) != 0 {
					t.Errorf("%v, %v", others, err)
				}
				return missing
			}
			if got := inspect(); !slices.Equal(got, []string{"203.0.113.7"}) {
				t.Errorf("missing: %v", got)
			}
			if err := a.Apply(t.Context(), cmd, p); err != nil {
				t.Fatal(err)
			}
			if got := inspect(); len(got) != 0 {
				t.Errorf("still missing: %v", got)
			}
		})
	}
}

func TestInspect(t *testing.T) {
	f := newFake()
	a := New(Deps{Run: f.run, Now: time.Now})
	actiontest.CarryOut(t, a, block("203.0.113.7", time.Hour))
	actiontest.CarryOut(t, a, block("2001:db8::/64", 0))
	f.put("ip4_32", "192.0.2.1", 0)
	f.put("ip4_32", "192.0.2.2", time.Hour)
	f.put("theirs", "22", 0)
	f.runs = 0
	missing, others, err := a.(consumers.Inspector).Inspect(t.Context(), []schemas.Command{block("203.0.113.7", 0), block("203.0.113.8", 0), block("2001:db8::/64", 0)})
	if err != nil || !slices.Equal(missing, []string{"203.0.113.8"}) || !slices.Equal(others, []string{"192.0.2.1", "192.0.2.2", "22"}) || f.runs != 2 {
		t.Errorf("%v, %v, %v, %d runs", missing, others, err, f.runs)
	}
	if _, _, err := a.(consumers.Inspector).Inspect(t.Context(), nil); !fault.IsPermanent(err) {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	for want, cmd := range map[string]schemas.Command{
		"refused: 10.0.0.1": block("10.0.0.1", 0),
		"not an IP address": block("evil.example", 0),
		"with.table":        {Target: schemas.Target{ID: "203.0.113.7"}, With: map[string]any{"table": "x; flush ruleset"}},
		"refused: 203":      {Target: schemas.Target{ID: "203.0.113.7"}, With: map[string]any{"never": "203.0.113.0/24"}},
		"unknown field":     {Target: schemas.Target{ID: "203.0.113.7"}, With: map[string]any{"set": "x"}},
	} {
		if _, err := New(Deps{Run: newFake().run, Now: time.Now}).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
	f := newFake()
	f.err = errors.New("exit status 1: Operation not permitted")
	if _, err := New(Deps{Run: f.run, Now: time.Now}).Plan(t.Context(), block("203.0.113.7", 0)); err == nil || fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
	if _, err := RunBy(exec.CommandContext(t.Context(), "riposte-no-such-nft"), nil); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "has no nft") {
		t.Errorf("without nft: %v", err)
	}
}
