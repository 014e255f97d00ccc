package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/archive"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

type auditShowCmd struct {
	archiveFlags
	ID      string        `arg:"" name:"COMMAND" help:"Id of a command, in full."`
	Archive string        `placeholder:"PATH" help:"Folder or s3://bucket/prefix; the configured archive for none."`
	Rules   []string      `placeholder:"PATH" help:"Where the text of the rule is looked for; by default the configured rules."`
	Within  time.Duration `default:"720h" help:"How long before its command an event may have come."`
	Data    string        `default:"data" env:"RIPOSTE_DATA" help:"Folder of 'riposte up', whose ledger is asked for approvals where the configuration names none."`
	JSON    bool          `name:"json" help:"Print JSON."`
}

// A story is all that is known of one command. Its JSON form is what `riposte audit show --json` prints.
type story struct {
	Causes   []schemas.Command `json:"causes"` // the commands whose outcomes led here, the first one first
	Command  schemas.Command   `json:"command"`
	Where    where             `json:"where"` // the command in Kafka
	Event    *where            `json:"event"` // the event in Kafka; null: it is not in the archive
	Rule     ruleText          `json:"rule"`
	Outcomes []told            `json:"outcomes"`
	Ledger   *ledger.Entry     `json:"ledger,omitempty"`
	Followed []string          `json:"followed"` // commands that followed from its outcomes
	Notes    []string          `json:"notes"`
}

// where is the place of a message.
type where struct {
	Topic     string            `json:"topic"`
	Partition int               `json:"partition"`
	Offset    int64             `json:"offset"`
	Time      time.Time         `json:"time"`
	Headers   map[string]string `json:"headers"`
}

func whereOf(m kafka.Message) where {
	return where{m.Topic, m.Partition, m.Offset, m.Time, headerMap(m.Headers)}
}

// ruleText is a rule as it stands now, if that is the edition that decided.
type ruleText struct {
	ID   string `json:"id"`
	Hash string `json:"hash"`
	Text string `json:"text,omitempty"`
	At   string `json:"at,omitempty"` // file:line
}

// told is one outcome.
type told struct {
	Where   where           `json:"where"`
	State   schemas.State   `json:"state"`
	Message string          `json:"message,omitempty"`
	Error   string          `json:"error,omitempty"`
	Plan    *toldPlan       `json:"plan,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	// Approvals are those that it followed from, Undo is who asked for it.
	Approvals []ledger.Approval   `json:"approvals,omitempty"`
	Undo      *ledger.UndoRequest `json:"undo,omitempty"`
	// Truncated names what was too large for the outcome and stands in the ledger alone.
	Truncated []string `json:"truncated,omitempty"`
}

type toldPlan struct {
	Summary  string         `json:"summary"`
	Hash     string         `json:"hash"`
	Calls    []schemas.Call `json:"calls"`
	Approval string         `json:"approval,omitempty"`
}

// Run tells the story of a command.
func (c *auditShowCmd) Run(ctx context.Context, a *App) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	return a.withArchive(ctx, c.Archive, func(s *stack, store archive.Store, _ archive.Config) error {
		t := &storyTeller{c: c, s: s, store: store, keys: keys, topics: s.kafka.Topics()}
		st, err := t.tell(ctx)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.printJSON(st)
		}
		st.print(a)
		return nil
	})
}

type storyTeller struct {
	c      *auditShowCmd
	s      *stack
	store  archive.Store
	keys   archive.Keys
	topics kafka.Topics
}

const (
	maxCauses   = 20   // commands that led to commands
	maxOutcomes = 1000 // of one command
)

func (t *storyTeller) tell(ctx context.Context) (*story, error) {
	st := &story{Causes: []schemas.Command{}, Outcomes: []told{}, Followed: []string{}, Notes: []string{}}
	cmd, m, ok, err := t.command(ctx, t.c.ID)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("command %s is not in archive %s", clean(t.c.ID), t.store)
	}
	st.Command, st.Where = cmd, whereOf(m)
	for cause := cmd.Cause; cause != "" && len(st.Causes) < maxCauses; {
		before, _, ok, err := t.command(ctx, cause)
		if err != nil {
			return nil, err
		}
		if !ok {
			st.Notes = append(st.Notes, "command "+cause+", whose outcome led here, is not in the archive")
			break
		}
		st.Causes, cause = append(st.Causes, before), before.Cause
	}
	slices.Reverse(st.Causes)
	if err := t.event(ctx, st); err != nil {
		return nil, err
	}
	if err := t.outcomes(ctx, st); err != nil {
		return nil, err
	}
	t.rule(st)
	t.ledger(ctx, st)
	return st, nil
}

// command finds a command in the topics of the lanes.
func (t *storyTeller) command(ctx context.Context, id string) (cmd schemas.Command, at kafka.Message, ok bool, err error) {
	for _, lane := range schemas.Lanes() {
		found, err := archive.Search{
			Store: t.store, Keys: t.keys, Topic: t.topics.Lane(lane), Has: id, Most: 1,
			Match: func(m *kafka.Message) bool {
				c, err := schemas.ReadCommand(m.Value)
				return err == nil && c.ID == id
			},
		}.Find(ctx)
		if err != nil {
			return cmd, at, false, err
		}
		if len(found) > 0 {
			cmd, err = schemas.ReadCommand(found[0].Value)
			return cmd, found[0], err == nil, err
		}
	}
	return cmd, at, false, nil
}

// event finds the message of the event.
func (t *storyTeller) event(ctx context.Context, st *story) error {
	cmd := st.Command
	for _, later := range []time.Duration{aMoment, time.Hour} { // what came again since then was not what led here; but clocks differ
		for _, topic := range []string{t.topics.Events, t.topics.Outcomes} {
			m, found, err := t.record(ctx, cmd, topic, later)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			w := whereOf(m)
			st.Event = &w
			if !shows(cmd, m) {
				st.Notes = append(st.Notes, "the event in the command, which is shown here, is NOT the one in the archive")
			}
			return nil
		}
	}
	st.Notes = append(st.Notes, "the event is not in the archive within the time given; what follows is the copy in the command")
	return nil
}

// aMoment is how far the clocks of brokers and routers are usually apart, at most.
const aMoment = 10 * time.Second

// record finds the message of a command's event on a topic, among those that came no later than so much after it.
func (t *storyTeller) record(ctx context.Context, cmd schemas.Command, topic string, later time.Duration) (m kafka.Message, ok bool, err error) {
	until := cmd.Created.Add(later)
	found, err := archive.Search{
		Store: t.store, Keys: t.keys, Topic: topic, Most: 1, After: cmd.Created.Add(-t.c.Within), Before: until,
		Match: func(m *kafka.Message) bool {
			ev, err := m.Event()
			return err == nil && ev.UID == cmd.EventUID && !m.Time.After(until)
		},
	}.Find(ctx)
	if err != nil || len(found) == 0 {
		return m, false, err
	}
	return found[0], true, nil
}

// shows tells whether the event that a command bears is the one in a message, but for spaces. Of a large one it bears a part, and says so.
func shows(cmd schemas.Command, m kafka.Message) bool {
	if gjson.GetBytes(cmd.Event, "unmapped.riposte.truncated").Exists() {
		return true
	}
	ev, err := m.Event()
	var has, archived bytes.Buffer
	return err == nil && json.Compact(&has, cmd.Event) == nil && json.Compact(&archived, ev.Data) == nil && bytes.Equal(has.Bytes(), archived.Bytes())
}

// outcomes finds what became of the command, and what followed from that.
func (t *storyTeller) outcomes(ctx context.Context, st *story) error {
	id := st.Command.ID
	after := st.Where.Time.Add(-time.Hour)
	found, err := archive.Search{
		Store: t.store, Keys: t.keys, Topic: t.topics.Outcomes, Has: id, After: after, Most: maxOutcomes,
		Match: func(m *kafka.Message) bool { return m.Header(schemas.HeaderCause) == id },
	}.Find(ctx)
	if err != nil {
		return err
	}
	for _, m := range found {
		var doc struct {
			Unmapped struct{ Riposte told } `json:"unmapped"`
		}
		if err := json.Unmarshal(m.Value, &doc); err != nil {
			st.Notes = append(st.Notes, fmt.Sprintf("%s/%d@%d cannot be read", m.Topic, m.Partition, m.Offset))
			continue
		}
		o := doc.Unmapped.Riposte
		o.Where = whereOf(m)
		st.Outcomes = append(st.Outcomes, o)
	}
	slices.SortStableFunc(st.Outcomes, func(a, b told) int { return a.Where.Time.Compare(b.Where.Time) })
	for _, lane := range schemas.Lanes() {
		followed, err := archive.Search{
			Store: t.store, Keys: t.keys, Topic: t.topics.Lane(lane), Has: id, After: after, Most: maxOutcomes,
			Match: func(m *kafka.Message) bool { return m.Header(schemas.HeaderCause) == id },
		}.Find(ctx)
		if err != nil {
			return err
		}
		for _, m := range followed {
			st.Followed = append(st.Followed, m.Header(schemas.HeaderID))
		}
	}
	return nil
}
