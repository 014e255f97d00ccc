package consumers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

const (
	// lookEvery is how often the kill switch is looked at: with what a look takes, effects stop well within a second.
	lookEvery = 250 * time.Millisecond
	// firstWord is how long the first effect waits for what the control topic has to say.
	firstWord = 10 * time.Second
)

// A brake is what one process knows of the kill switch.
type brake struct {
	mu      sync.Mutex
	stopped map[schemas.Lane]ledger.Switch
	work    map[schemas.Lane]context.Context // of lanes that run, under which their work goes on
	cancel  map[schemas.Lane]context.CancelCauseFunc
	known   bool // the switch was looked at
}

func newBrake() *brake {
	return &brake{stopped: map[schemas.Lane]ledger.Switch{}, work: map[schemas.Lane]context.Context{}, cancel: map[schemas.Lane]context.CancelCauseFunc{}}
}

// running returns the context for the work of a lane, made of parent, with which it ends. It ends with errStopped as its cause when the lane is stopped. ok is false
// while it is.
func (b *brake) running(parent context.Context, lane schemas.Lane) (ctx context.Context, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, stopped := b.stopped[lane]; stopped || !b.known {
		return nil, false
	}
	if b.work[lane] == nil {
		b.work[lane], b.cancel[lane] = context.WithCancelCause(parent)
	}
	return b.work[lane], true
}

// set takes over which lanes are stopped, and returns those that were not and those that no longer are.
func (b *brake) set(stopped map[schemas.Lane]ledger.Switch) (stop, resume []ledger.Switch, first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, lane := range schemas.Lanes() {
		was, before := b.stopped[lane]
		is, now := stopped[lane]
		switch {
		case now && !before:
			stop = append(stop, is)
			if b.cancel[lane] != nil {
				b.cancel[lane](errStopped)
			}
			b.work[lane], b.cancel[lane] = nil, nil
		case before && !now:
			resume = append(resume, was)
		}
	}
	first = !b.known
	b.stopped, b.known = stopped, true
	return stop, resume, first
}

// obey follows the kill switch until ctx ends: what the ledger says, what comes on the control topic (which it notes in the ledger), and the stop file.
func (s *Service) obey(ctx context.Context) error {
	look := make(chan struct{}, 1)
	heard := make(chan struct{})
	var once sync.Once
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		topic := s.d.Broker.Topics().Control
		err := s.d.Broker.Follow(ctx, topic, func() { once.Do(func() { close(heard) }) }, func(ctx context.Context, m kafka.Message) error {
			return s.control(ctx, m, look)
		})
		if err != nil {
			return fmt.Errorf("control topic: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		select { // somebody may have stopped everything while nobody ran
		case <-heard:
		case <-time.After(firstWord):
			s.d.Log.Warn().Dur("after", firstWord).Msg("the control topic has not been read to its end; going by the ledger's kill switch")
		case <-ctx.Done():
		}
		for ctx.Err() == nil {
			s.look(ctx)
			pause(ctx, look, lookEvery)
		}
		return nil
	})
	return g.Wait()
}

// look asks what is stopped now. While the ledger is away, what was known holds.
func (s *Service) look(ctx context.Context) {
	all, err := s.d.Ledger.Switches(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.db.Failed(err)
		}
		return
	}
	s.db.OK()
	stopped := map[schemas.Lane]ledger.Switch{}
	for _, w := range all {
		if w.Stopped {
			stopped[w.Lane] = w
		}
	}
	if at, there := s.stopFile(); there {
		for _, lane := range schemas.EffectLanes() {
			if _, already := stopped[lane]; !already {
				stopped[lane] = ledger.Switch{Lane: lane, Stopped: true, By: "file", Reason: s.cfg.StopFile, At: at}
			}
		}
	}
	stop, resume, first := s.brake.set(stopped)
	for _, w := range stop {
		s.tell(ctx, w, "effects are stopped", true)
	}
	for _, w := range resume {
		s.tell(ctx, w, "effects are resumed", false)
	}
	if first || len(resume) > 0 {
		for _, lane := range s.lanes {
			s.rouse(lane)
		}
	}
}

// stopFile tells whether the stop file is there, and since when. One that cannot be looked at is there: who put it has a reason.
func (s *Service) stopFile() (time.Time, bool) {
	if s.cfg.StopFile == "" {
		return time.Time{}, false
	}
	info, err := os.Stat(s.cfg.StopFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return time.Time{}, false
	case err != nil:
		return s.d.Now(), true
	}
	return info.ModTime(), true
}

// tell makes a turn of the switch known, once for all processes.
func (s *Service) tell(ctx context.Context, w ledger.Switch, what string, stopped bool) {
	if !slices.Contains(s.lanes, w.Lane) {
		return
	}
	s.m.stopped.WithLabelValues(string(w.Lane)).Set(map[bool]float64{true: 1}[stopped])
	message := fmt.Sprintf("lane %s: %s", w.Lane, what)
	s.d.Log.Warn().Str("lane", string(w.Lane)).Str("by", w.By).Str("why", w.Reason).Msg(message)
	n := schemas.Notice{Kind: schemas.NoticeSwitch, Subject: "lane " + string(w.Lane), Severity: "high", Message: message, Once: w.At}
	if stopped {
		n.Message += " by " + w.By
		if w.Reason != "" {
			n.Message += ": " + w.Reason
		}
	} else {
		n.Once = w.At.Add(time.Nanosecond) // another event than that of the stop
	}
	s.post(ctx, n)
}

// post leaves a notice for Kafka. A notice is for information: if the ledger is away, the log has it.
func (s *Service) post(ctx context.Context, n schemas.Notice) {
	now := s.d.Now()
	msg, err := noticeMessage(n, now)
	if err == nil {
		_, err = s.d.Ledger.Enter(ctx, now, nil, msg)
	}
	if err != nil {
		s.d.Log.Warn().Err(err).Str("notice", n.Message).Msg("a notice could not be left for Kafka")
		return
	}
	nudge(s.outbox)
}

// A Control is a message on the control topic.
type Control struct {
	Type   string         `json:"type"`            // stop or resume; others are for others
	Lanes  []schemas.Lane `json:"lanes,omitempty"` // block and remediate if empty
	By     string         `json:"by,omitempty"`
	Reason string         `json:"reason,omitempty"`
	At     time.Time      `json:"at,omitzero"` // the message's own time if absent
}

// The types of control messages.
const (
	ControlStop   = "stop"
	ControlResume = "resume"
)

// Switches are what a message turns; none for one of another type.
func (c Control) Switches() []ledger.Switch {
	if c.Type != ControlStop && c.Type != ControlResume {
		return nil
	}
	lanes := c.Lanes
	if len(lanes) == 0 {
		lanes = schemas.EffectLanes()
	}
	var all []ledger.Switch
	for _, lane := range lanes {
		all = append(all, ledger.Switch{Lane: lane, Stopped: c.Type == ControlStop, By: c.By, Reason: c.Reason, At: c.At})
	}
	return all
}

// known leaves out switches of lanes that do not exist.
func known(all []ledger.Switch) []ledger.Switch {
	return slices.DeleteFunc(all, func(w ledger.Switch) bool { return !slices.Contains(schemas.Lanes(), w.Lane) })
}

// control notes in the ledger what a message says. What is no message of ours is left alone.
func (s *Service) control(ctx context.Context, m kafka.Message, look chan<- struct{}) error {
	if err := s.signed(s.operators, forgedControl, m); err != nil {
		s.d.Log.Warn().Err(err).Int64("offset", m.Offset).Msg("a message on the control topic is ignored")
		return nil
	}
	var c Control
	if err := json.Unmarshal(m.Value, &c); err != nil {
		s.d.Log.Warn().Err(err).Int64("offset", m.Offset).Msg("a message on the control topic is not JSON; ignored")
		return nil
	}
	if c.At.IsZero() || c.At.After(m.Time) { // a time to come would outlast every resume
		c.At = m.Time
	}
	if c.By == "" {
		c.By = "a message on " + m.Topic
	}
	turned := known(c.Switches())
	if len(turned) == 0 {
		return nil
	}
	if err := fault.Retry(ctx, s.db.Failed, func() error { return s.d.Ledger.Turn(ctx, turned...) }); err != nil {
		return err
	}
	nudge(look)
	return nil
}
