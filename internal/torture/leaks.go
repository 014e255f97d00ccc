package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A holding is what a process, or PostgreSQL, holds at a time.
type holding struct {
	Goroutines  int `json:"goroutines,omitempty"`
	Files       int `json:"open_files,omitempty"` // connections among them
	Connections int `json:"connections,omitempty"`
}

// over tells whether it is much more than another one: more than the connections that come and go make up. What is leaked by every fault is.
func (h holding) over(base holding) bool {
	more := func(now, then int) bool { return now > then+then/4+10 }
	return more(h.Goroutines, base.Goroutines) || more(h.Files, base.Files) || more(h.Connections, base.Connections)
}

// holdings are those of the processes that are never killed, and of PostgreSQL.
func (w *world) holdings(ctx context.Context) (map[string]holding, error) {
	out := map[string]holding{}
	for _, m := range w.fleet.all() {
		if !m.stays {
			continue
		}
		h, err := m.holding(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		out[m.name] = h
	}
	conn, err := pgx.Connect(ctx, w.db.URL(w.db.Addr))
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // only read
	var n int
	if err := conn.QueryRow(ctx, `select count(*) from pg_stat_activity where datname = current_database()`).Scan(&n); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	out[linkPostgres] = holding{Connections: n}
	return out, nil
}

// holding reads the metrics of a process.
func (m *member) holding(ctx context.Context) (h holding, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.http+"/metrics", nil) //nolint:gosec // our own process
	if err != nil {
		return h, err
	}
	res, err := http.DefaultClient.Do(req) //nolint:gosec // our own process
	if err != nil {
		return h, err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil: // a comment, or one with labels
		case name == "go_goroutines":
			h.Goroutines = int(n)
		case name == "process_open_fds":
			h.Files = int(n)
		}
	}
	return h, lines.Err()
}

// leaked compares what is held with what was before the load. Connections that are no longer used are closed after a while, for which it waits.
func (w *world) leaked(ctx context.Context, before map[string]holding, within time.Duration) (after map[string]holding, over []string, err error) {
	until := time.Now().Add(within)
	for {
		if after, err = w.holdings(ctx); err != nil {
			return nil, nil, err
		}
		over = nil
		for name, h := range after {
			if h.over(before[name]) {
				over = append(over, fmt.Sprintf("%s held %+v before the load, and %+v at rest after it", name, before[name], h))
			}
		}
		if len(over) == 0 || time.Now().After(until) || ctx.Err() != nil {
			return after, over, ctx.Err()
		}
		pause(ctx, 2*time.Second)
	}
}
