package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/proc"
)

// mostStarts is how often a process that ends by itself is started again.
const mostStarts = 200

// readyWithin is how long processes may take to begin.
const readyWithin = 2 * time.Minute

// A role is what a process does.
type role string

const (
	router   role = "router"
	consumer role = "consumer"
	producer role = "producer"
	extra    role = "extra" // comes and goes, whatever it does
)

// A fleet is the riposte processes.
type fleet struct {
	bin, dir, config string
	env              []string

	mu      sync.Mutex
	members []*member
	died    []string // processes that ended by themselves
}

// A member is one place of the fleet: one process after the other.
type member struct {
	fleet *fleet
	name  string
	role  role
	args  []string
	stays bool // is never killed: what it leaks, it keeps
	bin   string
	env   []string

	busy sync.Mutex // held by the one fault that happens to it

	mu       sync.Mutex
	child    *proc.Child
	log      *os.File
	expected bool   // its end is ours
	http     string // where its metrics are
	starts   int
}

func newFleet(bin, dir, config string, env ...string) *fleet {
	return &fleet{bin: bin, dir: dir, config: config, env: env}
}

// add makes a place; start fills it.
func (f *fleet) add(name string, as role, stays bool, args ...string) *member {
	m := &member{fleet: f, name: name, role: as, args: args, stays: stays, bin: f.bin, env: f.env}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = append(f.members, m)
	return m
}

// start starts the process of a place, if none runs there.
func (m *member) start() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.child != nil {
		return nil
	}
	var err error
	if m.http == "" {
		if m.http, err = proc.FreeAddr(); err != nil {
			return err
		}
	}
	if m.log == nil {
		if m.log, err = os.OpenFile(filepath.Join(m.fleet.dir, m.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return fmt.Errorf("log: %w", err)
		}
	}
	env := append([]string{"TORTURE_HTTP=" + m.http}, m.env...)
	args := append([]string{"-c", m.fleet.config}, m.args...)
	if m.child, err = proc.Start(m.bin, m.fleet.dir, env, m.log, args...); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	m.starts++
	m.expected = false
	child := m.child
	go func() { // ends with the process, which somebody ends
		<-child.Ended()
		m.ended(child)
	}()
	return nil
}

// ended notes a process that nobody ended, and starts another one: the run goes on, but is no success.
func (m *member) ended(child *proc.Child) {
	m.mu.Lock()
	alone := m.child == child && !m.expected
	if alone {
		m.child = nil
	}
	m.mu.Unlock()
	if !alone {
		return
	}
	m.fleet.mu.Lock()
	m.fleet.died = append(m.fleet.died, fmt.Sprintf("%s: %s", m.name, child.ProcessState))
	m.fleet.mu.Unlock()
	if m.starts < mostStarts {
		_ = m.start() // it will say in its log why it cannot
	}
}

// ready waits until every process says that it can do its work. One that ends instead will not.
func (f *fleet) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, m := range f.all() {
		for !m.answers(ctx, "/readyz") {
			f.mu.Lock()
			dead := f.died
			f.mu.Unlock()
			if len(dead) > 0 {
				return fmt.Errorf("ended at once: %s; its log is in %s", dead[0], f.dir)
			}
			if pause(ctx, 200*time.Millisecond); ctx.Err() != nil {
				return fmt.Errorf("%s is not ready: %w", m.name, ctx.Err())
			}
		}
	}
	return nil
}

// answers tells whether the process answers well at a path of its own HTTP server.
func (m *member) answers(ctx context.Context, path string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.http+path, nil) //nolint:gosec // our own process
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req) //nolint:gosec // our own process
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// take takes the process out of its place, to be ended.
func (m *member) take() *proc.Child {
	m.mu.Lock()
	defer m.mu.Unlock()
	child := m.child
	m.child, m.expected = nil, true
	return child
}

// kill ends the process with SIGKILL.
func (m *member) kill() {
	if child := m.take(); child != nil {
		child.Kill()
	}
}

// stop ends the process as an operator does. One that does not end by itself is an error, and is killed.
func (m *member) stop() error {
	child := m.take()
	if child == nil {
		return nil
	}
	const patience = 30 * time.Second
	late := time.AfterFunc(patience, child.Kill)
	defer late.Stop()
	code, took, err := child.Interrupt()
	if err == nil && code != 0 {
		err = fmt.Errorf("%s: exit code %d, %s after it was asked to end", m.name, code, took.Round(time.Millisecond))
	}
	return err
}

// pause and resume stop the process as it stands, and let it go on.
func (m *member) pause() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.child == nil {
		return nil
	}
	return m.child.Pause()
}

func (m *member) resume() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.child == nil {
		return nil
	}
	return m.child.Resume()
}

// all lists the places.
func (f *fleet) all() []*member {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.members)
}

// of lists the places of a role that may be killed, or all of them.
func (f *fleet) of(as role, all bool) []*member {
	var out []*member
	for _, m := range f.all() {
		if m.role == as && (all || !m.stays) {
			out = append(out, m)
		}
	}
	return out
}

// close kills what still runs.
func (f *fleet) close() {
	for _, m := range f.all() {
		m.kill()
		if m.log != nil {
			_ = m.log.Close() // what it holds was written
		}
	}
}
