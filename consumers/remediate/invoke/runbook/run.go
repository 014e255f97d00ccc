package runbook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// A Result is what became of a runbook that was started.
type Result struct {
	// Exit is its exit code, Signal what killed it ("" if nothing did).
	Exit   int    `json:"exit"`
	Signal string `json:"signal,omitempty"`
	// Output is what it printed, Errors the end of what it printed on standard error.
	Output []byte `json:"-"`
	Errors string `json:"-"`
	// Late: it did not end in time; Loud: it printed too much. It was killed then.
	Late, Loud bool `json:"-"`
}

// TempFail is the exit code that asks for another try later, as in sysexits.h.
const TempFail = 75

const (
	mostErrors = 4 << 10
	// grace is how long a runbook has between SIGTERM and SIGKILL, and slack how long the processes around it may take to end.
	grace = 3 * time.Second
	slack = 10 * time.Second
)

// An order is what the supervisor is told to run.
type order struct {
	Path   string   `json:"path"`
	Env    []string `json:"env"`
	User   *owner   `json:"user,omitempty"`
	Limits limits   `json:"limits"`
}

// owner is whom a runbook runs as.
type owner struct {
	UID, GID uint32
	Groups   []uint32
}

// limits are those of a process; zero is none.
type limits struct {
	Memory, FileSize, CPU, Files, Processes uint64
}

func (c Config) limits() limits {
	l := limits{Memory: uint64(c.Memory) * mib, FileSize: uint64(c.FileSize) * mib, CPU: uint64(c.CPU / time.Second), Files: uint64(c.Files)} //nolint:gosec // Validate has seen them
	if c.User != "" {
		l.Processes = uint64(c.Processes) //nolint:gosec // as above
	}
	return l
}

// environment is what a runbook finds: PATH, what the configuration names, a folder for its own files, and vars.
func (c Config) environment(dir string, vars map[string]string) []string {
	env := []string{"TMPDIR=" + dir}
	for _, name := range append([]string{"PATH"}, c.Env...) {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for name, v := range vars {
		env = append(env, name+"="+strings.ReplaceAll(v, "\x00", ""))
	}
	return env
}

// Run runs the executable at path, with input on its standard input and a new folder as its working directory, which is gone when Run returns, as is every process
// that it has started. vars are added to its environment. What it does is in the result; an error says that it could not be run, or that ctx has ended.
func (c Config) Run(ctx context.Context, path string, input []byte, vars map[string]string) (Result, error) {
	user, err := c.owner()
	if err != nil {
		return Result{}, err
	}
	dir, err := os.MkdirTemp("", "riposte-runbook-")
	if err != nil {
		return Result{}, fmt.Errorf("runbook: %w", err)
	}
	var r Result
	if err = give(dir, user); err == nil {
		r, err = c.run(ctx, dir, order{Path: path, Env: c.environment(dir, vars), User: user, Limits: c.limits()}, input)
	}
	return r, errors.Join(err, remove(dir))
}

func (c Config) run(ctx context.Context, dir string, o order, input []byte) (Result, error) {
	line, held, err := os.Pipe() // the lifeline: orders go through it, and its end is the end of all
	if err != nil {
		return Result{}, fmt.Errorf("runbook: %w", err)
	}
	report, reports, err := os.Pipe()
	if err != nil {
		return Result{}, errors.Join(fmt.Errorf("runbook: %w", err), line.Close(), held.Close())
	}
	defer report.Close() //nolint:errcheck // only read
	life := &lifeline{w: held}
	defer life.cut()

	var r Result
	out, errs := &head{most: c.Output * mib, over: life.cut}, &tail{most: mostErrors, limit: c.Output * mib, over: life.cut}
	cmd := supervisor(line, reports)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, []string{}, slack
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), out, errs
	err = cmd.Start()
	err = errors.Join(err, line.Close(), reports.Close()) // they are the supervisor's
	if err != nil {
		return r, fmt.Errorf("runbook: %w", err)
	}
	told := life.order(o)
	stop := context.AfterFunc(ctx, life.cut)
	defer stop()
	var late sync.Once
	over := time.AfterFunc(c.Within, func() { late.Do(life.term) })
	kill := time.AfterFunc(c.Within+grace, life.cut)
	werr := cmd.Wait()
	ended := over.Stop() // in time
	kill.Stop()
	if ctx.Err() != nil {
		return r, fmt.Errorf("runbook: %w", context.Cause(ctx))
	}
	if told != nil {
		return r, fmt.Errorf("runbook: %w", told)
	}
	if err := json.NewDecoder(report).Decode(&r); err != nil {
		return r, fmt.Errorf("runbook: what supervises it has ended (%w): %s", errors.Join(werr, err), errs)
	}
	r.Output, r.Errors, r.Loud, r.Late = out.b.Bytes(), errs.String(), out.loud() || errs.loud(), !ended
	return r, nil
}

// A lifeline leads to the supervisor. It is safe for concurrent use.
type lifeline struct {
	mu sync.Mutex
	w  *os.File
}

func (l *lifeline) order(o order) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return json.NewEncoder(l.w).Encode(o)
}

// term asks the runbook to end.
func (l *lifeline) term() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.w.Write([]byte{wordTerm}) // it may have ended
}

// cut kills the runbook and all that it has started.
func (l *lifeline) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.w.Close() // once more does no harm
}

// wordTerm on the lifeline, after the order.
const wordTerm = 't'

// head keeps the beginning of what is written to it. What is above its size is dropped, and over called.
type head struct {
	mu   sync.Mutex
	b    bytes.Buffer
	most int
	full bool
	over func()
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	n := min(len(p), h.most-h.b.Len())
	h.b.Write(p[:n])
	first := n < len(p) && !h.full
	h.full = h.full || n < len(p)
	h.mu.Unlock()
	if first {
		h.over()
	}
	return len(p), nil
}

func (h *head) loud() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.full
}

// tail keeps the end of what is written to it, and calls over when there is more than limit.
type tail struct {
	mu          sync.Mutex
	b           []byte
	most, limit int
	seen        int
	full        bool
	over        func()
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.b = append(t.b, p[max(0, len(p)-t.most):]...)
	t.b = t.b[max(0, len(t.b)-t.most):]
	t.seen += len(p)
	first := t.seen > t.limit && !t.full
	t.full = t.full || first
	t.mu.Unlock()
	if first {
		t.over()
	}
	return len(p), nil
}

func (t *tail) loud() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.full
}

// String is the end, as text.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.b), "\ufffd"))
}
