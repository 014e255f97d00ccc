package s3denyprincipal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/internal/fault"
)

const (
	longest    = 20 << 10 // of a bucket policy, as S3 has it
	emptyStart = `{"Version":"2012-10-17","Statement":`
)

// statement gives a statement a Sid made of what it says: commands that deny the same share one, and others never overwrite each other's.
func statement(doc map[string]any) (sid string, text json.RawMessage, err error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return "", nil, fault.Permanent(fmt.Errorf("policy statement: %w", err))
	}
	sum := sha256.Sum256(iampolicy.Compact(b))
	sid = "Riposte" + hex.EncodeToString(sum[:6])
	doc["Sid"] = sid
	if b, err = json.Marshal(doc); err != nil {
		return "", nil, fault.Permanent(fmt.Errorf("policy statement: %w", err))
	}
	return sid, iampolicy.Compact(b), nil
}

// A policy is a bucket policy cut open at its statements, so that each of them, and all around them, stays as it is written.
type policy struct {
	before, after string // the text around the value of Statement
	statements    []json.RawMessage
}

// parse reads a policy; "" is that of a bucket without one.
func parse(text string) (policy, error) {
	if text == "" {
		return policy{before: emptyStart, after: "}"}, nil
	}
	if !json.Valid([]byte(text)) {
		return policy{}, fault.Permanent(errors.New("the bucket's policy is no JSON"))
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return policy{}, fault.Permanent(errors.New("the bucket's policy is no JSON object"))
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return policy{}, fault.Permanent(fmt.Errorf("the bucket's policy: %w", err))
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return policy{}, fault.Permanent(fmt.Errorf("the bucket's policy: %w", err))
		}
		if key != "Statement" {
			continue
		}
		end := d.InputOffset()
		p := policy{before: text[:end-int64(len(v))], after: text[end:], statements: []json.RawMessage{v}}
		if v[0] == '[' {
			p.statements = nil
			if err := json.Unmarshal(v, &p.statements); err != nil {
				return policy{}, fault.Permanent(fmt.Errorf("the bucket's policy: %w", err))
			}
		}
		return p, nil
	}
	return policy{}, fault.Permanent(errors.New("the bucket's policy has no statement"))
}

// find returns the statement with a Sid; nil if there is none.
func (p policy) find(sid string) json.RawMessage {
	for _, s := range p.statements {
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

// with returns the text of the policy with a statement in the place of that with the Sid, or at the end; nil takes it out. A policy without any statement
// is none: "".
func (p policy) with(sid string, s json.RawMessage) string {
	var statements []json.RawMessage
	placed := s == nil
	for _, old := range p.statements {
		if sidOf(old) != sid {
			statements = append(statements, old)
		} else if !placed {
			statements, placed = append(statements, s), true
		}
	}
	if !placed {
		statements = append(statements, s)
	}
	return p.text(statements)
}

// text writes the policy with these statements, as a list.
func (p policy) text(statements []json.RawMessage) string {
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

// equal tells whether two policies say the same, statement for statement.
func equal(a, b string) bool {
	p, err := parse(a)
	q, err2 := parse(b)
	return err == nil && err2 == nil && bytes.Equal(iampolicy.Compact([]byte(p.text(p.statements))), iampolicy.Compact([]byte(q.text(q.statements))))
}
