package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/riposte-security/riposte/internal/fault"
)

// A Head is where the chain of a partition ends. Kept elsewhere, it shows whether the end of a chain was cut off.
type Head struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Next      int64  `json:"next"`     // the offset that the next segment begins at
	Manifest  Hash   `json:"manifest"` // hash of the last manifest

	last     int64 // offset of the last record; -1 where nothing is archived yet
	lastLeaf Hash
}

// maxHeads bounds a file of heads, in bytes.
const maxHeads = 64 << 20

// ReadHeads reads a file that WriteHeads wrote.
func ReadHeads(path string) ([]Head, error) {
	text, err := readLocal(path, maxHeads)
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	var heads []Head
	if err := json.Unmarshal(text, &heads); err != nil {
		return nil, fmt.Errorf("heads %s: %w", path, err)
	}
	return heads, nil
}

// WriteHeads writes heads into a file, in place of what was there.
func WriteHeads(path string, heads []Head) error {
	text, err := json.MarshalIndent(heads, "", "  ")
	if err != nil {
		return fmt.Errorf("heads: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("heads: %w", err)
	}
	return nil
}

func headOf(m *sealedManifest) Head {
	return Head{Topic: m.Topic, Partition: m.Partition, Next: m.next(), Manifest: m.hash, last: m.Last, lastLeaf: m.LastLeaf}
}

// readHead finds where the chain of a partition ends. hint is an offset that was committed: there, or a segment before, it is looked for first.
func (a *Archiver) readHead(ctx context.Context, topic string, partition int, hint int64) (Head, error) {
	p := place{topic: topic, partition: partition}
	none := Head{Topic: topic, Partition: partition, last: -1}
	newest := ""
	find := func(after string) error {
		return a.store.List(ctx, p.folder(), after, func(name string, _ int64) error {
			if _, suffix, ok := parseName(name); ok && suffix == manifestSuffix {
				newest = name
			}
			return nil
		})
	}
	if from := hint - maxRecords; from > 0 {
		if err := find(place{topic, partition, from}.name("")); err != nil {
			return none, err
		}
	}
	if newest == "" {
		if err := find(""); err != nil {
			return none, err
		}
	}
	if newest == "" {
		return none, nil
	}
	m, err := readManifest(ctx, a.store, newest, a.keys)
	if err != nil {
		return none, judge(fmt.Errorf("archive %s: %w", a.store, err))
	}
	return headOf(m), nil
}

// judge marks what a store has handed over and makes no sense as permanent; that it could not hand it over may pass.
func judge(err error) error {
	if errors.Is(err, errSignature) || errors.Is(err, errUnknownKey) || errors.Is(err, errLine) || errors.Is(err, errManifest) {
		return fault.Permanent(err)
	}
	return err
}

// resume finds where the chain of a partition ends, after having completed the segment that a writer has decided on there and not finished.
func (a *Archiver) resume(ctx context.Context, topic string, partition int, hint int64) (Head, error) {
	for {
		head, err := a.readHead(ctx, topic, partition, hint)
		if err != nil {
			return head, err
		}
		p := place{topic, partition, head.Next}
		pending, err := exists(ctx, a.store, p.name(dataSuffix))
		if err != nil || !pending {
			return head, err
		}
		err = a.complete(ctx, p, head)
		if err != nil && !errors.Is(err, errTaken) { // who took it has completed it
			return head, err
		}
	}
}

// complete finishes the segment that a signed data file was stored of.
func (a *Archiver) complete(ctx context.Context, p place, head Head) error {
	data, err := a.fetch(ctx, p.name(dataSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			discard(data.f)
		}
	}()
	if err := checkSeal(data.f, data.Size, p, a.keys); err != nil {
		return judge(fmt.Errorf("archive %s: %s, which has no manifest: %w; remove it, or archive to another place", a.store, data.Name, err))
	}
	s, err := a.unpack(ctx, data)
	if err != nil {
		return judge(fmt.Errorf("archive %s: %s: %w", a.store, data.Name, err))
	}
	defer s.close()
	seg, err := a.build(ctx, p, s, head.Manifest, data)
	if err != nil {
		return err
	}
	defer seg.close()
	a.log.Info().Str("segment", p.String()).Int64("last", s.last).Msg("completing a segment that was begun before")
	if err := a.put(ctx, seg); err != nil {
		return err
	}
	a.metrics.written(seg)
	return nil
}

// fetch copies a file of the store into a scratch file.
func (a *Archiver) fetch(ctx context.Context, name string) (*piece, error) {
	r, err := a.store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // read only
	p, err := newPiece(a.scratch, name)
	if err != nil {
		return nil, err
	}
	sum := newSumWriter(p.f)
	if _, err := io.Copy(sum, r); err != nil {
		discard(p.f)
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.Size, p.SHA256 = sum.n, sum.sum()
	return p, nil
}

// unpack makes a spool of a data file.
func (a *Archiver) unpack(ctx context.Context, data *piece) (*spool, error) {
	dec, err := newDecoder(data.content())
	if err != nil {
		return nil, err
	}
	defer dec.Close()
	s, err := a.newSpool(a.now())
	if err != nil {
		return nil, err
	}
	lines := newLineReader(dec)
	for {
		text, err := lines.next()
		if errors.Is(err, io.EOF) && s.count > 0 {
			return s, nil
		}
		if err == nil {
			m, bad := parseLine(text)
			if err = bad; err == nil {
				err = s.add(&m, text)
			}
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			s.close()
			return nil, err
		}
	}
}
