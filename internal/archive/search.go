package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// A Search looks for messages in an archive. Whatever it finds is in a segment whose manifest is signed and whose data are what the manifest says.
type Search struct {
	Store Store
	Keys  Keys
	Topic string
	// After and Before leave segments out all of whose messages came into Kafka before After, or after Before; zero: none.
	After, Before time.Time
	// Has is in every line that is looked at; what has no match in it costs least.
	Has string
	// Match says whether a message is wanted.
	Match func(*kafka.Message) bool
	// Most is how many are wanted, the newest segments first.
	Most int
}

// errForged says that a segment is not as it was written.
const errForged = sentinel("is not as it was written: see riposte audit verify")

// Find returns what is found, in the order of their partitions and offsets within a segment, the newest segments of a partition first.
func (s Search) Find(ctx context.Context) ([]kafka.Message, error) {
	var names []string // of the manifests of one topic
	err := s.Store.List(ctx, segmentFolder+"/"+s.Topic+"/", "", func(name string, _ int64) error {
		if _, suffix, ok := parseName(name); ok && suffix == manifestSuffix {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", s.Store, err)
	}
	var found []kafka.Message
	for _, name := range slices.Backward(names) {
		if len(found) >= s.Most {
			break
		}
		m, err := readManifest(ctx, s.Store, name, s.Keys)
		if err != nil {
			return found, fmt.Errorf("archive %s: %w", s.Store, err)
		}
		if (!s.After.IsZero() && m.Newest < s.After.UnixMilli()) || (!s.Before.IsZero() && m.Oldest > s.Before.UnixMilli()) {
			continue
		}
		in, err := s.segment(ctx, m, s.Most-len(found))
		if err != nil {
			return found, fmt.Errorf("archive %s: %w", s.Store, err)
		}
		found = append(found, in...)
	}
	return found, nil
}

// segment looks into one segment. It is read to its end, whatever was found: what is in it is to be believed only then.
func (s Search) segment(ctx context.Context, m *sealedManifest, most int) ([]kafka.Message, error) {
	r, err := s.Store.Open(ctx, m.Data.Name)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // read only
	sum := newSumWriter(io.Discard)
	src := io.TeeReader(r, sum)
	dec, err := newDecoder(src)
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	var found []kafka.Message
	needle := appendText(nil, []byte(s.Has))
	needle = appendText(nil, needle[1:len(needle)-1]) // within JSON within JSON
	inner := needle[1 : len(needle)-1]
	plain := appendText(nil, []byte(s.Has))
	outer := plain[1 : len(plain)-1]
	for lines := newLineReader(dec); ; {
		text, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", m.place(), errors.Join(err, ctx.Err()))
		}
		if len(found) >= most || (!bytes.Contains(text, outer) && !bytes.Contains(text, inner)) {
			continue
		}
		msg, err := parseLine(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.place(), err)
		}
		if s.Match(&msg) {
			found = append(found, msg)
		}
	}
	if _, err := io.Copy(io.Discard, src); err != nil {
		return nil, fmt.Errorf("%s: %w", m.place(), err)
	}
	if sum.n != m.Data.Size || sum.sum() != m.Data.SHA256 {
		return nil, fmt.Errorf("%s %w", m.place(), errForged)
	}
	return found, nil
}
