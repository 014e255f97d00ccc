package consumers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

func newKey(t *testing.T) *sign.Key {
	t.Helper()
	k, err := sign.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signed is a message as the router writes it.
func signed(t *testing.T, cmd schemas.Command, s sign.Signer) kafka.Message {
	t.Helper()
	m := message(t, cmd)
	m.Headers = kafka.Headers(map[string]string{
		schemas.HeaderID: cmd.ID, schemas.HeaderSignature: s.Sign(sign.Message(m.Topic, m.Key, cmd.ID, m.Value)),
	})
	return m
}

// TestForgedCommands plays what a neighbour can do who may write to the topics of commands: nothing of it acts, and each try is a dead letter
// with its reason.
func TestForgedCommands(t *testing.T) {
	t.Parallel()
	router, before, thief := newKey(t), newKey(t), newKey(t)
	cfg := enforcing()
	cfg.TrustedKeys = []string{before.Public(), router.Public()} // in the course of a rotation
	for name, c := range map[string]struct {
		forge func(good kafka.Message) kafka.Message
		lane  schemas.Lane
		want  string // in the reason; "": it acts
	}{
		"as it is":          {func(m kafka.Message) kafka.Message { return m }, schemas.LaneRemediate, ""},
		"no signature":      {func(m kafka.Message) kafka.Message { m.Headers = nil; return m }, schemas.LaneRemediate, "bears no signature"},
		"a key of its own":  {func(m kafka.Message) kafka.Message { return resigned(m, thief) }, schemas.LaneRemediate, "a key that is not trusted"},
		"the key of before": {func(m kafka.Message) kafka.Message { return resigned(m, before) }, schemas.LaneRemediate, ""},
		"another target": {func(m kafka.Message) kafka.Message {
			m.Value = bytes.Replace(m.Value, []byte(`"id":"x"`), []byte(`"id":"y"`), 1)
			return m
		}, schemas.LaneRemediate, "not of what it says"},
		"another message key": {func(m kafka.Message) kafka.Message { m.Key = []byte("thing:::y"); return m }, schemas.LaneRemediate, "not of what it says"},
		"another id": {func(m kafka.Message) kafka.Message {
			m.Headers = append([]kafka.Header{{Key: schemas.HeaderID, Value: []byte("0123456789abcdef0123456789abcdef")}}, m.Headers...)
			return m
		}, schemas.LaneRemediate, "not of what it says"},
		"another lane":              {func(m kafka.Message) kafka.Message { m.Topic = "riposte.block"; return m }, schemas.LaneBlock, "not of what it says"},
		"another riposte's command": {func(m kafka.Message) kafka.Message { m.Topic = "other.remediate"; return m }, schemas.LaneRemediate, "not of what it says"},
		"blanks added":              {func(m kafka.Message) kafka.Message { m.Value = append(bytes.Clone(m.Value), ' '); return m }, schemas.LaneRemediate, "not of what it says"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, cfg)
			m := c.forge(signed(t, b.command(1), router))
			b.send(c.lane, m)
			b.round()
			b.published()
			letters := b.broker.on("riposte.deadletter")
			if c.want == "" {
				b.state(b.command(1), schemas.StateVerified, "")
				b.value("good")
				return
			}
			b.value("")
			if es, err := b.ledger.List(t.Context(), ledger.Filter{}); err != nil || len(es) != 0 {
				t.Errorf("%d entries in the ledger, error %v", len(es), err)
			}
			if len(letters) != 1 || !strings.Contains(letters[0].Header(kafka.HeaderReason), c.want) {
				t.Fatalf("dead letters %v; one with …%s… expected", letters, c.want)
			}
			if n := testutil.ToFloat64(b.m.forged.WithLabelValues(forgedCommand)); n != 1 {
				t.Errorf("%v counted as forged", n)
			}
		})
	}
}

func resigned(m kafka.Message, s sign.Signer) kafka.Message {
	id := m.Header(schemas.HeaderID)
	m.Headers = kafka.Headers(map[string]string{schemas.HeaderID: id, schemas.HeaderSignature: s.Sign(sign.Message(m.Topic, m.Key, id, m.Value))})
	return m
}

// TestSignedCommandUnderAnotherID: a router whose key is trusted does not write such a thing, and nobody else can; it is refused all the same.
func TestSignedCommandUnderAnotherID(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	cfg := enforcing()
	cfg.TrustedKeys = []string{k.Public()}
	b := newBench(t, cfg)
	m := message(t, b.command(1))
	m.Headers = []kafka.Header{{Key: schemas.HeaderID, Value: []byte("other")}}
	b.send(schemas.LaneRemediate, resigned(m, k))
	b.published()
	if l := b.broker.on("riposte.deadletter"); len(l) != 1 || !strings.Contains(l[0].Header(kafka.HeaderReason), `under the id "other"`) {
		t.Errorf("dead letters %v", l)
	}
}

// TestReplayedCommand: the signature of an old command is good for ever, and brings about nothing twice.
func TestReplayedCommand(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	cfg := enforcing()
	cfg.TrustedKeys = []string{k.Public()}
	b := newBench(t, cfg)
	cmd := b.command(1)
	m := signed(t, cmd, k)
	b.send(schemas.LaneRemediate, m)
	b.round()
	b.state(cmd, schemas.StateVerified, "")
	b.world.put("x", "somebody's own")
	for range 3 {
		m.Offset++
		b.send(schemas.LaneRemediate, m)
		b.round()
	}
	b.value("somebody's own")
	if len(b.world.writes) != 1 {
		t.Errorf("writes %v", b.world.writes)
	}
}

// TestForgedControl: the kill switch is turned by people with a key only; an old message brings nothing back.
func TestForgedControl(t *testing.T) {
	t.Parallel()
	ann, router := newKey(t), newKey(t)
	cfg := enforcing()
	cfg.OperatorKeys, cfg.TrustedKeys = []string{ann.Public()}, []string{router.Public()}
	b := newBench(t, cfg)
	at := b.clock.Now()
	control := func(typ string, at time.Time, s sign.Signer) kafka.Message {
		value, err := json.Marshal(Control{Type: typ, By: "ann", At: at})
		if err != nil {
			t.Fatal(err)
		}
		m := kafka.Message{Topic: b.broker.Topics().Control, Value: value, Time: at}
		if s != nil {
			m.Headers = kafka.Headers(map[string]string{schemas.HeaderSignature: s.Sign(sign.Message(m.Topic, nil, "", value))})
		}
		return m
	}
	stopped := func() bool {
		all, err := b.ledger.Switches(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(all) > 0 && all[0].Stopped
	}
	resume := control(ControlResume, at.Add(time.Second), ann)
	for i, step := range []struct {
		m    kafka.Message
		want bool
	}{
		{control(ControlStop, at, nil), false},
		{control(ControlStop, at, router), false}, // whoever may decide about events may not decide for people
		{control(ControlStop, at, ann), true},
		{control(ControlResume, at.Add(time.Second), nil), true},
		{resume, false},
		{control(ControlStop, at.Add(2*time.Second), ann), true},
		{resume, true}, // again
		{func() kafka.Message { // an old one, in new clothes
			m := resume
			m.Value = bytes.Replace(m.Value, []byte(`:01Z`), []byte(`:09Z`), 1)
			return m
		}(), true},
	} {
		if err := b.control(t.Context(), step.m, make(chan struct{}, 1)); err != nil {
			t.Fatal(err)
		}
		if stopped() != step.want {
			t.Fatalf("after message %d, stopped is %v", i, !step.want)
		}
	}
	if n := testutil.ToFloat64(b.m.forged.WithLabelValues(forgedControl)); n != 4 {
		t.Errorf("%v counted as forged, 4 expected", n)
	}
}

// TestForgedDecisions: to write to the ledger's tables is not to decide. Whoever makes an approval or an undo up there is found out before
// anything is done.
func TestForgedDecisions(t *testing.T) {
	t.Parallel()
	ann, bob, thief := newKey(t), newKey(t), newKey(t)
	cfg := enforcing()
	cfg.OperatorKeys = []string{ann.Public(), bob.Public()}
	cfg.Approval.Secret, cfg.Approval.URL = "0123456789abcdef0123456789abcdef", "https://riposte.example"
	link := sign.Secret(cfg.Approval.Secret)
	type decision struct {
		by, via, nonce string
		key            sign.Signer
		forge          func(*ledger.Decision)
	}
	for name, c := range map[string]struct {
		fourEyes  bool
		decisions []decision
		want      string // in the outcome's message; "": it acts
	}{
		"signed":                 {decisions: []decision{{by: "ann", key: ann}}},
		"unsigned":               {decisions: []decision{{by: "ann"}}, want: "the approval by ann is not authentic: it bears no signature"},
		"another's key":          {decisions: []decision{{by: "ann", key: thief}}, want: "a key that is not trusted"},
		"in another's name":      {decisions: []decision{{by: "ann", key: ann, forge: func(d *ledger.Decision) { d.By = "bob" }}}, want: "not of what it says"},
		"another reason":         {decisions: []decision{{by: "ann", key: ann, forge: func(d *ledger.Decision) { d.Reason = "quite" }}}, want: "not of what it says"},
		"by a link":              {decisions: []decision{{by: "ann", via: ledger.ViaLink, nonce: "p/0", key: link}}},
		"by a link made up":      {decisions: []decision{{by: "ann", via: ledger.ViaLink, nonce: "p/0", key: sign.Secret("guessed")}}, want: "not of what it says"},
		"two":                    {fourEyes: true, decisions: []decision{{by: "ann", key: ann}, {by: "bob", key: bob}}},
		"two, one forged":        {fourEyes: true, decisions: []decision{{by: "ann", key: ann}, {by: "bob", key: thief}}, want: "1 of 2 approvals are authentic"},
		"one with two names":     {fourEyes: true, decisions: []decision{{by: "ann", key: ann}, {by: "bob", key: ann}}, want: "1 of 2 approvals are authentic"},
		"two links":              {fourEyes: true, decisions: []decision{{by: "ann", via: ledger.ViaLink, nonce: "p/0", key: link}, {by: "bob", via: ledger.ViaLink, nonce: "p/1", key: link}}},
		"a link and a signature": {fourEyes: true, decisions: []decision{{by: "ann", via: ledger.ViaLink, nonce: "p/0", key: link}, {by: "bob", key: bob}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := cfg
			cfg.Approval.FourEyes = c.fourEyes
			b := newBench(t, cfg)
			cmd := b.command(1, func(c *schemas.Command) { c.Approval = schemas.ApprovalRequired })
			b.enters(cmd)
			b.round()
			hash, err := b.state(cmd, schemas.StateApproval, "").Plan.Hash()
			if err != nil {
				t.Fatal(err)
			}
			for _, by := range c.decisions {
				d := ledger.Decision{Approve: true, By: by.by, Via: by.via, Nonce: by.nonce, Plan: hash}
				if by.key != nil {
					d.Signature = by.key.Sign(d.Approval(b.clock.Now()).Text(cmd.ID))
				}
				if by.forge != nil {
					by.forge(&d)
				}
				if _, err := b.ledger.Decide(t.Context(), b.clock.Now(), cmd.ID, d); err != nil {
					t.Fatal(err)
				}
			}
			b.round()
			if c.want == "" {
				b.state(cmd, schemas.StateVerified, "")
				return
			}
			b.state(cmd, schemas.StateApproval, c.want)
			b.value("")
			if n := testutil.ToFloat64(b.m.forged.WithLabelValues(forgedApproval)); n != 1 {
				t.Errorf("%v counted as forged", n)
			}
		})
	}
}

// TestApprovalOfAnotherCommand: a signature that ann gave for one command, copied to another with the same plan, is worth nothing there.
func TestApprovalOfAnotherCommand(t *testing.T) {
	t.Parallel()
	ann := newKey(t)
	cfg := enforcing()
	cfg.OperatorKeys = []string{ann.Public()}
	b := newBench(t, cfg)
	asks := func(c *schemas.Command) { c.Approval = schemas.ApprovalRequired }
	one, two := b.command(1, asks), b.command(2, asks)
	b.enters(one, two)
	b.round()
	hash, err := b.state(two, schemas.StateApproval, "").Plan.Hash()
	if err != nil {
		t.Fatal(err)
	}
	d := ledger.Decision{Approve: true, By: "ann", Plan: hash}
	d.Signature = ann.Sign(d.Approval(b.clock.Now()).Text(one.ID))
	if _, err := b.ledger.Decide(t.Context(), b.clock.Now(), two.ID, d); err != nil {
		t.Fatal(err)
	}
	b.round()
	b.state(two, schemas.StateApproval, "not of what it says")
	b.value("")
}

func TestForgedUndo(t *testing.T) {
	t.Parallel()
	ann := newKey(t)
	cfg := enforcing()
	cfg.OperatorKeys = []string{ann.Public()}
	b := newBench(t, cfg)
	cmd := b.command(1)
	b.enters(cmd)
	b.round()
	b.value("good")
	ask := func(s sign.Signer, forge bool) {
		u := ledger.UndoRequest{By: "ann", Reason: "a mistake", At: b.clock.Now()}
		if s != nil {
			u.Signature = s.Sign(u.Text(cmd.ID))
		}
		u.Force = forge
		if err := b.ledger.RequestUndo(t.Context(), b.clock.Now(), cmd.ID, u, 0); err != nil {
			t.Fatal(err)
		}
		b.round()
	}
	for i, refused := range []func(){func() { ask(nil, false) }, func() { ask(newKey(t), false) }, func() { ask(ann, true) }} {
		refused()
		if e := b.state(cmd, schemas.StateVerified, ""); e.Undo == nil || !strings.Contains(e.Undo.Refused, "the request is not authentic") {
			t.Errorf("forged request %d: %+v", i, e.Undo)
		}
		b.value("good")
	}
	ask(ann, false)
	b.state(cmd, schemas.StateUndone, "undone by ann")
	b.value("")
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	for _, edit := range []func(*Config){func(c *Config) { c.TrustedKeys = []string{"x"} }, func(c *Config) { c.OperatorKeys = []string{""} }} {
		cfg := enforcing()
		edit(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(fmt.Sprint(err), "_keys: key 1: a public key expected") {
			t.Error(err)
		}
	}
}
