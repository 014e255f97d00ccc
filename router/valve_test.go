package router

import (
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

func TestValve(t *testing.T) {
	rates := map[string]int{"a": 3, "b": 1}
	v := newValve(func(rule string) int { return rates[rule] })
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	steps := []struct {
		rule         string
		after        time.Duration
		times        int
		pass, begins int
	}{
		{"a", 0, 5, 3, 1},
		{"b", 0, 1, 1, 0}, // rules do not share
		{"a", 900 * time.Millisecond, 2, 0, 0},
		{"a", time.Second, 2, 2, 0},
		{"a", 0, 1, 0, 0}, // a partition that lags is in its own second
		{"a", time.Second, 2, 1, 0},
		{"a", 2 * time.Second, 4, 3, 0},
		{"a", 30 * time.Second, 4, 3, 1}, // another burst
		{"a", time.Hour, 3, 3, 0},
	}
	for i, s := range steps {
		pass, begins := 0, 0
		for range s.times {
			p, b := v.admit(s.rule, start.Add(s.after))
			if p {
				pass++
			}
			if b {
				begins++
			}
		}
		if pass != s.pass || begins != s.begins {
			t.Errorf("step %d: %d passed, %d bursts began; %d and %d expected", i, pass, begins, s.pass, s.begins)
		}
	}
}

func TestShedsHoldUntilSettled(t *testing.T) {
	s := newSheds()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cmd := schemas.Command{Rule: "r", Step: stepShed, Target: schemas.Target{Type: "rule", ID: "r"}}
	for o := int64(20); o < 50; o++ {
		s.add(&kafka.Message{Topic: "t", Partition: 1, Offset: o}, "uid", cmd, now.Add(time.Duration(o)*10*time.Millisecond))
	}
	if at, held := s.held("t", 1); !held || at != 20 {
		t.Errorf("held at %d, %t", at, held)
	}
	if _, held := s.held("t", 0); held {
		t.Error("another partition is held")
	}
	if due := s.due(now.Add(time.Second)); len(due) != 0 {
		t.Errorf("%d due too early", len(due))
	}
	due := s.due(now.Add(2 * time.Second))
	if len(due) != 1 || due[0].cmd.Shed.Count != 30 || due[0].cmd.Shed.Last != 49 || len(due[0].cmd.Shed.EventUIDs) != shedSample {
		t.Fatalf("due %+v", due)
	}
	if due[0].cmd.ID != schemas.CommandID("r", stepShed, "t/1/20", cmd.Target) {
		t.Errorf("id %s", due[0].cmd.ID)
	}
	if at, held := s.held("t", 1); !held || at != 20 {
		t.Errorf("while it is being published: held at %d, %t", at, held)
	}
	s.settled(due)
	if _, held := s.held("t", 1); held {
		t.Error("held for ever")
	}
}

// TestShedsCountOnce: neither a batch that is handled again nor a partition that was given away and came back counts twice.
func TestShedsCountOnce(t *testing.T) {
	t.Parallel()
	s := newSheds()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cmd := schemas.Command{Rule: "r", Step: stepShed, Target: schemas.Target{Type: "rule", ID: "r"}}
	batch := func(partition int, from, to int64) {
		for o := from; o < to; o++ {
			s.add(&kafka.Message{Topic: "t", Partition: partition, Offset: o}, "uid", cmd, now)
		}
	}
	batch(1, 20, 25)
	batch(1, 20, 25) // tried again
	batch(1, 25, 28)
	batch(2, 7, 9)
	s.drop("t", 2)
	if _, held := s.held("t", 2); held {
		t.Error("a partition of somebody else is held")
	}
	batch(2, 7, 8) // back again
	got := map[int]int{}
	for _, c := range s.due(now.Add(shedEvery)) {
		got[c.cmd.Shed.Partition] = c.cmd.Shed.Count
		if len(c.cmd.Shed.EventUIDs) != c.cmd.Shed.Count {
			t.Errorf("partition %d: %d uids for %d events", c.cmd.Shed.Partition, len(c.cmd.Shed.EventUIDs), c.cmd.Shed.Count)
		}
	}
	if len(got) != 2 || got[1] != 8 || got[2] != 1 {
		t.Errorf("counts by partition %v, want 8 and 1", got)
	}
}
