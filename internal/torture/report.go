package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report is what a run comes to.
type report struct {
	Seed     uint64             `json:"seed"`
	Began    time.Time          `json:"began"`
	Took     float64            `json:"took_s"`
	Load     float64            `json:"load_s"` // for which events were sent, faults or not
	Settle   float64            `json:"settle_s"`
	Events   int                `json:"events"`
	Offered  float64            `json:"events_per_second_offered"`
	Machine  string             `json:"machine"`
	Brokers  int                `json:"brokers"`
	Faults   map[string]int     `json:"faults"`
	Happened []happening        `json:"happened"`
	Notes    []string           `json:"notes,omitempty"` // what could not be done here, and why
	Before   map[string]holding `json:"held_before"`
	After    map[string]holding `json:"held_after"`
	Commits  int                `json:"offset_commits"`
	Result   *result            `json:"result"`
	Disk     *filling           `json:"full_disk,omitempty"` // nil where no disk can be filled
	OK       bool               `json:"ok"`
}

func where() string {
	return fmt.Sprintf("%s/%s, %d processors", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}

// text prints the report for people.
func (r *report) text(w io.Writer) {
	total := 0
	for _, n := range r.Faults {
		total += n
	}
	fmt.Fprintf(w, "\nriposte torture, seed %d, %s, %d Kafka brokers\n", r.Seed, r.Machine, r.Brokers)
	fmt.Fprintf(w, "%d events in %.0f s (%.0f/s offered), %d faults, at rest %.0f s after the last event\n\n", r.Events, r.Load, r.Offered, total, r.Settle)
	for _, kind := range slices.Sorted(maps.Keys(r.Faults)) {
		fmt.Fprintf(w, "  %4d  %s\n", r.Faults[kind], kind)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "     -  %s\n", n)
	}
	x := r.Result
	fmt.Fprintf(w, "\n  events sent        %7d   events decided     %7d   published again %d\n", x.Sent, x.Decided, x.Again)
	fmt.Fprintf(w, "  commands expected  %7d   commands recorded  %7d   idempotency keys seen %d\n", x.Expected, x.Recorded, x.Keys)
	fmt.Fprintf(w, "  outcomes told      %7d   each once, of its last state\n", x.Told)
	fmt.Fprintf(w, "  of which findings  %7d   grouped alerts     %7d\n", x.Findings, x.Grouped)
	fmt.Fprintf(w, "  calls              %7d   with a key repeated %6d   commands taken up again %d\n", x.Calls, x.Repeats, x.Taken)
	fmt.Fprintf(w, "  calls refused      %7d   most with one key  %7d\n", x.Refused, x.Most)
	fmt.Fprintf(w, "  unreadable messages%7d   each a dead letter\n", x.Poison)
	fmt.Fprintf(w, "  offset commits     %7d   that went back      %6d\n\n", r.Commits, x.Wrong[wentBack])
	for _, name := range slices.Sorted(maps.Keys(r.After)) {
		b, a := r.Before[name], r.After[name]
		if a.Connections > 0 {
			fmt.Fprintf(w, "  %-12s connections %d before, %d after\n", name, b.Connections, a.Connections)
			continue
		}
		fmt.Fprintf(w, "  %-12s goroutines %d before, %d after; open files %d before, %d after\n", name, b.Goroutines, a.Goroutines, b.Files, a.Files)
	}
	if d := r.Disk; d != nil {
		fmt.Fprintf(w, "  full disk    %d events acknowledged, %d posts refused meanwhile; %d idempotency keys seen, %d calls\n", d.Acknowledged, d.Refused, d.Keys, d.Calls)
	}
	fmt.Fprintln(w)
	for _, k := range slices.Sorted(maps.Keys(x.Wrong)) {
		fmt.Fprintf(w, "  %7d  %s\n", x.Wrong[k], k)
	}
	for _, n := range x.Notes {
		fmt.Fprintf(w, "    %s\n", n)
	}
	verdict := "PASSED: lost 0, doubled 0"
	if !r.OK {
		verdict = "FAILED"
	}
	fmt.Fprintf(w, "\n%s\n%s\n", strings.Repeat("-", 40), verdict)
}

// write writes the report as JSON.
func (r *report) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o600) //nolint:gosec // where its user wants it
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
