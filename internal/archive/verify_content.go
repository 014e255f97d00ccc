package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// content looks at the files of a segment whose manifest is good.
func (w *verifier) content(ctx context.Context, m *sealedManifest) error {
	before := w.report.Problems
	index, err := w.index(ctx, m)
	if err != nil {
		return err
	}
	cmp := &comparison{w: w, m: m, index: index}
	d, err := w.read(ctx, m.place(), &m.Data, m.Count+maxAdded, cmp.line)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.foundIn(m.place(), "the data file is missing")
	case err != nil:
		return err
	default:
		cmp.end(d)
		if d.whole {
			break
		}
		if w.report.Problems == before {
			w.foundIn(m.place(), "the data file was changed, though not its records")
		}
	}
	for _, f := range m.Parquet {
		sum, err := sumOf(ctx, w.store, f.Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			w.found(Problem{Segment: m.place().String(), File: f.Name, Offset: -1, What: f.Name + " is missing"})
		case err != nil:
			return err
		case sum != f.SHA256:
			w.found(Problem{Segment: m.place().String(), File: f.Name, Offset: -1, What: f.Name + " was changed"})
		}
	}
	return nil
}

// index reads the index of a segment; nil where it is not what was written.
func (w *verifier) index(ctx context.Context, m *sealedManifest) ([]byte, error) {
	if m.Index.Size != m.Count*entrySize {
		w.foundIn(m.place(), "the manifest has an index of another size")
		return nil, nil
	}
	text, err := readFile(ctx, w.store, m.Index.Name, m.Index.Size)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.foundIn(m.place(), "the index file is missing")
		return nil, nil
	case errors.Is(err, errManifest), err == nil && sumText(text) != m.Index.SHA256:
		w.foundIn(m.place(), "the index file was changed")
		return nil, nil
	}
	return text, err
}

// A reading is what reading a data file gave.
type reading struct {
	whole  bool // the file is the one in the manifest
	sealed bool // its signature is good
	broken error
}

// maxAdded is how many lines more than there should be are looked at.
const maxAdded = 1000

// errLines says that there is no end of lines.
const errLines = sentinel("far more lines than there should be")

// read reads the lines of a data file, at most limit of them. What is wrong with its content is no error.
func (w *verifier) read(ctx context.Context, p place, want *File, limit int64, line func(at int64, text []byte)) (reading, error) {
	var d reading
	r, err := w.store.Open(ctx, p.name(dataSuffix))
	if err != nil {
		return d, err
	}
	defer r.Close() //nolint:errcheck // read only
	src := &sealReader{r: r, all: newSumWriter(io.Discard), content: newSumWriter(io.Discard)}
	dec, err := newDecoder(src)
	if err != nil {
		return d, err
	}
	defer dec.Close()
	lines := newLineReader(dec)
	for n := int64(0); d.broken == nil; n++ {
		text, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err := ctx.Err(); err != nil {
			return d, err
		}
		if err == nil && n >= limit {
			err = errLines
		}
		if d.broken = err; err == nil {
			line(n, text)
		}
	}
	if _, err := io.Copy(io.Discard, src); err != nil || src.err != nil {
		return d, errors.Join(err, src.err)
	}
	if want != nil {
		d.whole = d.broken == nil && src.all.n == want.Size && src.all.sum() == want.SHA256
	}
	d.sealed = d.broken == nil && len(src.tail) == sealSize && openSeal(src.tail, dataStatement(p, src.content.sum()), w.v.Keys) == nil
	return d, nil
}

// A sealReader hashes what is read through it: all of it, and all but the signature at the end.
type sealReader struct {
	r            io.Reader
	all, content *sumWriter
	tail         []byte
	err          error // of the store, which is not one of the content
}

// Read implements io.Reader.
func (s *sealReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	_, _ = s.all.Write(p[:n]) // to io.Discard
	s.tail = append(s.tail, p[:n]...)
	if more := len(s.tail) - sealSize; more > 0 {
		_, _ = s.content.Write(s.tail[:more])
		s.tail = append(s.tail[:0], s.tail[more:]...)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// A comparison holds the lines of a data file against the index, which tells one from another, and against the manifest, which tells whether all
// is well.
type comparison struct {
	w     *verifier
	m     *sealedManifest
	index []byte // nil: there is none to be believed

	n    int64
	tree tree
	// What follows is for a segment that was changed, from the first difference on.
	places map[int64]int64 // offset → place in the index
	seen   map[int64]bool  // offsets that came
	latest int64           // the highest place that came
	named  int             // problems that were named
}

func (c *comparison) entry(i int64) (offset int64, leaf []byte) {
	e := c.index[i*entrySize : (i+1)*entrySize]
	return int64(binary.BigEndian.Uint64(e)), e[8:] //nolint:gosec // as it was written
}

func (c *comparison) found(offset int64, what string) {
	c.named++
	c.w.found(Problem{Segment: c.m.place().String(), Offset: offset, What: what})
}

func (c *comparison) line(n int64, text []byte) {
	leaf := leafHash(text)
	c.tree.add(leaf)
	c.n = n + 1
	if c.index == nil {
		return
	}
	offset, err := offsetOf(text)
	if c.places == nil && n < c.m.Count {
		expected, hash := c.entry(n)
		if err == nil && offset == expected && bytes.Equal(hash, leaf[:len(hash)]) {
			return
		}
	}
	c.differs(n)
	if err != nil {
		if n < c.m.Count {
			offset, _ = c.entry(n)
			c.seen[offset] = true
			c.found(offset, "the record was changed: it is none any more")
			return
		}
		c.found(-1, fmt.Sprintf("line %d was added", n+1))
		return
	}
	at, known := c.places[offset]
	if !known || c.seen[offset] {
		c.found(offset, "the record was added")
		return
	}
	c.seen[offset] = true
	if _, hash := c.entry(at); !bytes.Equal(hash, leaf[:len(hash)]) {
		c.found(offset, "the record was changed")
	} else if at < c.latest {
		c.found(offset, "the record was moved")
	}
	c.latest = max(c.latest, at)
}

// differs begins to look at each record by itself: the n before were as they should be.
func (c *comparison) differs(n int64) {
	if c.places != nil {
		return
	}
	c.places, c.seen = make(map[int64]int64, c.m.Count), map[int64]bool{}
	for i := range c.m.Count {
		offset, _ := c.entry(i)
		c.places[offset] = i
		if i < n {
			c.seen[offset] = true
		}
	}
	c.latest = n - 1
}

// end says what is missing, and whether all that was written is there.
func (c *comparison) end(d reading) {
	if c.index != nil && (c.places != nil || c.n < c.m.Count) {
		c.differs(c.n)
		for i := range c.m.Count {
			offset, _ := c.entry(i)
			switch {
			case c.seen[offset]:
			case d.broken != nil:
				c.found(offset, fmt.Sprintf("the data file cannot be read from here on: %v", d.broken))
				return
			default:
				c.found(offset, "the record is missing")
			}
		}
	}
	if d.broken != nil {
		c.w.foundIn(c.m.place(), "the data file cannot be read: %v", d.broken)
		return
	}
	if c.named == 0 && (c.n != c.m.Count || c.tree.root() != c.m.Root) {
		c.w.foundIn(c.m.place(), "records were changed, and no index tells which")
	}
}
