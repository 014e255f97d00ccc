package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/riposte-security/riposte/internal/kafka"
)

// A row is a command as the ledger has it, read by SQL.
type row struct {
	id, rule, about, target, state string
	claims                         int64 // how often a worker took it up: each of them calls once at most
}

// ledger reads all commands, in the order in which they came in.
func (w *world) ledger(ctx context.Context) (rows []row, err error) {
	conn, err := pgx.Connect(ctx, w.db.URL(w.db.Addr))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // only read
	found, err := conn.Query(ctx, `select id, rule, state, fence, body from commands join bodies using (seq) order by seq`)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer found.Close()
	for found.Next() {
		var r row
		var body []byte
		var cmd struct {
			EventUID string              `json:"event_uid"`
			Target   struct{ ID string } `json:"target"`
		}
		if err := found.Scan(&r.id, &r.rule, &r.state, &r.claims, &body); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		if err := json.Unmarshal(body, &cmd); err != nil {
			return nil, fmt.Errorf("ledger: command %s: %w", r.id, err)
		}
		r.about, r.target = cmd.EventUID, cmd.Target.ID
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return rows, nil
}

// open counts the commands that have not come to an end, and the outcomes that wait to be published.
func (w *world) open(ctx context.Context) (commands, outcomes int, err error) {
	conn, err := pgx.Connect(ctx, w.db.URL(w.db.Addr))
	if err != nil {
		return 0, 0, fmt.Errorf("ledger: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // only read
	err = conn.QueryRow(ctx, `select (select count(*) from commands where slot <> 0), (select count(*) from outbox)`).Scan(&commands, &outcomes)
	if err != nil {
		return 0, 0, fmt.Errorf("ledger: %w", err)
	}
	return commands, outcomes, nil
}

// uids counts, for each event, the messages of a topic that hold it.
func (w *world) uids(ctx context.Context, topic string) (map[string]int, error) {
	n := map[string]int{}
	err := w.kafka.ReadAll(ctx, topic, func(_ context.Context, m kafka.Message) error {
		var ev struct {
			Metadata struct{ UID string } `json:"metadata"`
			ClassUID int                  `json:"class_uid"`
		}
		// What correlations have found is there as well, and what nobody can read.
		if json.Unmarshal(m.Value, &ev) == nil && ev.ClassUID == 3002 {
			n[ev.Metadata.UID]++
		}
		return nil
	})
	return n, err
}

// outcomes reads what was told of commands.
func (w *world) outcomes(ctx context.Context) (map[string]map[string]string, error) {
	told := map[string]map[string]string{}
	return told, w.kafka.ReadAll(ctx, w.kafka.Topics().Outcomes, func(_ context.Context, m kafka.Message) error {
		var ev struct {
			Metadata struct{ UID string } `json:"metadata"`
			Unmapped struct {
				Riposte struct{ Command, State string } `json:"riposte"`
			} `json:"unmapped"`
		}
		of := &ev.Unmapped.Riposte
		if json.Unmarshal(m.Value, &ev) != nil || of.State == "" {
			return nil //nolint:nilerr // what nobody can read
		}
		if told[of.Command] == nil {
			told[of.Command] = map[string]string{}
		}
		told[of.Command][ev.Metadata.UID] = of.State
		return nil
	})
}

// deadLetters counts them by what they hold.
func (w *world) deadLetters(ctx context.Context) (map[string]int, error) {
	n := map[string]int{}
	return n, w.kafka.ReadAll(ctx, w.kafka.Topics().DeadLetter, func(_ context.Context, m kafka.Message) error {
		n[fmt.Sprintf("%.300s", m.Value)]++
		return nil
	})
}
