package iampolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/internal/fault"
)

// emptyStart begins a document that has no statements yet.
const emptyStart = `{"Version":"2012-10-17","Statement":`

// Statements is a policy document cut open at its statements, so that each of them, and all around them, stays as it is written.
type Statements struct {
	before, after string // the text around the value of Statement
	// All are the statements, in their order.
	All []json.RawMessage
}

// Open reads a document; "" is that of a thing without one. Its errors are permanent.
func Open(text string) (Statements, error) {
	if text == "" {
		return Statements{before: emptyStart, after: "}"}, nil
	}
	if !json.Valid([]byte(text)) {
		return Statements{}, fault.Permanent(errors.New("the policy document is no JSON"))
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return Statements{}, fault.Permanent(errors.New("the policy document is no JSON object"))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return Statements{}, fault.Permanent(fmt.Errorf("the policy document: %w", err))
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return Statements{}, fault.Permanent(fmt.Errorf("the policy document: %w", err))
		}
		if key != "Statement" {
			continue
		}
		end := d.InputOffset()
		p := Statements{before: text[:end-int64(len(v))], after: text[end:], All: []json.RawMessage{v}}
		if v[0] == '[' {
			p.All = nil
			if err := json.Unmarshal(v, &p.All); err != nil {
				return Statements{}, fault.Permanent(fmt.Errorf("the policy document: %w", err))
			}
		}
		return p, nil
	}
	return Statements{}, fault.Permanent(errors.New("the policy document has no statement"))
}

// Find returns the statement with a Sid; nil if there is none.
func (p Statements) Find(sid string) json.RawMessage {
	for _, s := range p.All {
		if sidOf(s) == sid {
			return s
		}
	}
	return nil
}

func sidOf(s json.RawMessage) string {
	var v struct{ Sid string }
	if err := json.Unmarshal(s, &v); err != nil {
		return ""
	}
	return v.Sid
}

// With returns the text of the document with a statement in the place of that with the Sid, or at the end; nil takes it out. A document without any statement
// is none: "".
func (p Statements) With(sid string, s json.RawMessage) string {
	var statements []json.RawMessage
	placed := s == nil
	for _, old := range p.All {
		if sidOf(old) != sid {
			statements = append(statements, old)
		} else if !placed {
			statements, placed = append(statements, s), true
		}
	}
	if !placed {
		statements = append(statements, s)
	}
	return p.Text(statements)
}

// Text writes the document with these statements, as a list.
func (p Statements) Text(statements []json.RawMessage) string {
	if len(statements) == 0 {
		return ""
	}
	b := bytes.NewBufferString(p.before + "[")
	for i, s := range statements {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(s)
	}
	b.WriteString("]" + p.after)
	return b.String()
}

// SameStatements tells whether two documents say the same, statement for statement.
func SameStatements(a, b string) bool {
	p, err := Open(a)
	q, err2 := Open(b)
	return err == nil && err2 == nil && bytes.Equal(Compact([]byte(p.Text(p.All))), Compact([]byte(q.Text(q.All))))
}
