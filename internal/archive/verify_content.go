package archive

import (
	"context"
	"errors"
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

// unvouched looks at a segment whose manifest says nothing any more: the data file has a signature of its own. Where that is not good either, the index says which
// records were changed, as far as it was left alone. known tells whether the offset that it returns is the one behind the last record; what somebody may have
// changed does not tell. Of a writer whose key is a stranger's nothing more is said than that.
func (w *verifier) unvouched(ctx context.Context, g group, stranger bool) (next int64, known bool, err error) {
	next = g.start
	d, err := w.read(ctx, g.place, nil, maxRecords, func(_ int64, text []byte) {
		if offset, err := offsetOf(text); err == nil {
			next = max(next, offset+1)
		}
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w.foundIn(g.place, "the data file is missing")
		return g.start, false, nil
	case err != nil:
		return g.start, false, err
	case d.sealed || stranger:
		return next, true, nil
	}
	next = g.start
	before := w.report.Problems
	index, err := readFile(ctx, w.store, g.name(indexSuffix), maxRecords*entrySize)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errManifest) || len(index) == 0 {
		index, err = nil, nil
	}
	if err != nil {
		return next, false, err
	}
	m := &sealedManifest{Manifest: Manifest{Topic: g.topic, Partition: g.partition, Start: g.start, Count: int64(len(index) / entrySize)}}
	cmp := &comparison{w: w, m: m, index: index}
	if d, err = w.read(ctx, g.place, nil, m.Count+maxAdded, cmp.line); err != nil {
		return next, false, err
	}
	m.Root = cmp.tree.root() // no other is known
	if index != nil {
		cmp.end(d)
	}
	if w.report.Problems == before {
		w.foundIn(g.place, "the data file was changed as well, and nothing tells which of its records")
	}
	return next, false, nil
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
