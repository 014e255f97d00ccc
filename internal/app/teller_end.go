package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// decodedEvent is what the story tells of an event.
type decodedEvent struct {
	ClassName string `json:"class_name"`
	Metadata  struct {
		LogName string `json:"log_name"`
	} `json:"metadata"`
	Unmapped struct {
		Kind string `json:"kind"`
	} `json:"unmapped"`
	API struct {
		Operation string `json:"operation"`
		Service   struct {
			Name string `json:"name"`
		} `json:"service"`
	} `json:"api"`
	Actor struct {
		User struct {
			Name string `json:"name"`
		} `json:"user"`
	} `json:"actor"`
	Src endpoint `json:"src_endpoint"`
	Dst endpoint `json:"dst_endpoint"`
}

type endpoint struct {
	IP   string `json:"ip"`
	Port int    `json:"port"`
}

// decodeEvent decodes what it can: the story does without the rest.
func decodeEvent(data []byte) decodedEvent {
	var ev decodedEvent
	if json.Unmarshal(data, &ev) != nil {
		return decodedEvent{}
	}
	return ev
}

// undo has an engineer take one remediation back, as `riposte undo` does.
func (t *teller) undo(ctx context.Context) error {
	entries, err := t.desk.List(ctx, ledger.Filter{Lanes: []schemas.Lane{schemas.LaneRemediate}, States: []schemas.State{schemas.StateVerified}, Limit: 1})
	if err != nil || len(entries) == 0 {
		return err
	}
	id := entries[0].Command.ID
	fmt.Fprintf(t.out, "● an engineer takes one of them back: riposte undo %s\n", id[:12])
	now := time.Now().UTC()
	if err := t.desk.RequestUndo(ctx, now, id, ledger.UndoRequest{By: "engineer", Reason: "demonstration", At: now}, time.Hour); err != nil {
		return fmt.Errorf("undo: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		e, err := one(ctx, t.desk, id)
		if err != nil {
			return err
		}
		if e.State == schemas.StateUndone {
			fmt.Fprintf(t.out, "  done     %s: %s\n\n", e.State, clean(e.Outcome.Message))
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("undo of %s: %w", id, ctx.Err())
		case <-tick.C:
		}
	}
}

// summary closes the story with the times from publish to response.
func (t *teller) summary() {
	if len(t.latencies) == 0 {
		return
	}
	slices.Sort(t.latencies)
	at := func(q float64) int64 { return t.latencies[int(q*float64(len(t.latencies)-1))].Milliseconds() }
	fmt.Fprintf(t.out, "%d responses; from publish to response: median %d ms, slowest %d ms\n", len(t.latencies), at(0.5), at(1))
}
