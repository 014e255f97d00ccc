package nftables

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	family     = "inet"
	mostOutput = 256 << 20 // of a table with a million elements
	lastWords  = 2 * time.Second
)

// A Runner hands nft a list of commands, as JSON, and returns what it prints. The commands of one call take effect all together or not at all.
type Runner func(ctx context.Context, commands []byte) ([]byte, error)

// Run is the Runner that calls the nft of the host.
func Run(ctx context.Context, commands []byte) ([]byte, error) {
	return RunBy(exec.CommandContext(ctx, "nft", "-j", "-f", "-"), commands)
}

// RunBy runs a command that reads what nft reads and prints what it prints.
func RunBy(cmd *exec.Cmd, commands []byte) ([]byte, error) {
	var out, errs limited
	out.most, errs.most = mostOutput, 4<<10
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = bytes.NewReader(commands), &out, &errs, lastWords
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fault.Permanent(fmt.Errorf("this host has no nft: %w", err))
	case err != nil:
		said, _, _ := strings.Cut(strings.TrimSpace(errs.b.String()), "\n") // what follows repeats the input
		return nil, fmt.Errorf("nft: %w: %s", err, said)
	case out.over:
		return nil, fault.Permanent(fmt.Errorf("nft printed more than %d bytes", mostOutput))
	}
	return out.b.Bytes(), nil
}

// limited keeps the beginning of what is written to it.
type limited struct {
	b    bytes.Buffer
	most int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.most-l.b.Len())
	l.over = l.over || n < len(p)
	l.b.Write(p[:n])
	return len(p), nil
}

// A command is one command of nft in its JSON form (libnftables-json(5)): {"add": {"table": {…}}}.
type command map[string]map[string]any

// verb and kind name the command, as "add" and "table"; object is what it is about.
func (c command) parts() (verb, kind string, object any) {
	for verb, what := range c {
		for kind, object := range what {
			return verb, kind, object
		}
	}
	return "", "", nil
}

// do runs commands and decodes what they print.
func do(ctx context.Context, run Runner, commands ...command) (listing, error) {
	in, err := json.Marshal(map[string]any{"nftables": commands})
	if err != nil {
		return listing{}, fault.Permanent(fmt.Errorf("nft: %w", err))
	}
	text, err := run(ctx, in)
	if err != nil {
		return listing{}, err
	}
	var l listing
	if len(bytes.TrimSpace(text)) == 0 {
		return l, nil
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("what nft prints: %w", err)
	}
	return l, nil
}

// A listing is what nft prints, as far as it matters here.
type listing struct {
	Objects []struct {
		Table *struct{ Family, Name string }
		Set   *struct {
			Name string
			Elem []element
		}
		Chain *struct{ Name, Hook string }
		Rule  *struct {
			Chain string
			Expr  []struct {
				Match *struct{ Right any }
				Drop  json.RawMessage // null: it drops
			}
		}
	} `json:"nftables"`
}

// An element is one of a set: a value alone, or with more about it.
type element struct {
	Value   json.RawMessage
	Timed   bool
	Expires time.Duration // what is left; 0 where it is not Timed
}

// UnmarshalJSON reads both forms.
func (e *element) UnmarshalJSON(b []byte) error {
	e.Value = bytes.Clone(b)
	var with struct {
		Elem *struct {
			Val              json.RawMessage
			Timeout, Expires *int64
		}
	}
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	if err := json.Unmarshal(b, &with); err != nil {
		return err
	}
	if x := with.Elem; x != nil {
		e.Value, e.Timed = x.Val, x.Timeout != nil || x.Expires != nil
		if x.Expires != nil {
			e.Expires = time.Duration(*x.Expires) * time.Second
		}
	}
	return nil
}
