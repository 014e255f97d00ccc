package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// A Problem is something in an archive that is not as it was written.
type Problem struct {
	// Segment is the segment, as "segments/topic/partition/start"; File is the file, where it is about one.
	Segment string `json:"segment,omitempty"`
	File    string `json:"file,omitempty"`
	// Offset is the record, where it is about one; else -1.
	Offset int64  `json:"offset"`
	What   string `json:"what"`
}

// String is the problem on one line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.Segment)
	if p.Segment == "" {
		b.WriteString(p.File)
	}
	if p.Offset >= 0 {
		fmt.Fprintf(&b, ": offset %d", p.Offset)
	}
	return b.String() + ": " + p.What
}

// Verification says what an archive is held against, apart from itself.
type Verification struct {
	Keys Keys // whose signatures are believed
	// Heads were kept elsewhere: what they name must still be there.
	Heads []Head
	// Committed are offsets that an archiver has committed to Kafka, by topic and partition: what is before them must be there.
	Committed map[string]map[int]int64
	// Found is told of every problem.
	Found func(Problem)
}

// A Report is what was looked at.
type Report struct {
	Partitions int    `json:"partitions"`
	Segments   int64  `json:"segments"`
	Records    int64  `json:"records"`
	Absent     int64  `json:"absent"` // offsets within the chains that Kafka did not have when it was read
	Problems   int64  `json:"problems"`
	Heads      []Head `json:"heads"`
	// Unfinished are segments that a writer has decided on and not finished. The next one does.
	Unfinished []string `json:"unfinished"`
}

// Verify reads a whole archive and says what was changed, removed, moved or added since it was written. It returns an error only if it could not
// read. What the owner of a key could do, it cannot tell; that the end of a chain was cut off, only heads or committed offsets tell.
func Verify(ctx context.Context, s Store, v Verification) (Report, error) {
	w := &verifier{store: s, v: v, chains: map[part]*checked{}, listed: map[[8]byte]struct{}{}}
	w.report.Heads, w.report.Unfinished = []Head{}, []string{}
	err := s.List(ctx, segmentFolder+"/", "", func(name string, _ int64) error { return w.file(ctx, name) })
	if err == nil {
		err = w.end(ctx)
	}
	if err == nil {
		err = w.others(ctx)
	}
	if err != nil {
		return w.report, fmt.Errorf("archive %s: %w", s, err)
	}
	w.heads()
	return w.report, nil
}

type verifier struct {
	store  Store
	v      Verification
	report Report
	chains map[part]*checked
	listed map[[8]byte]struct{} // Parquet files in manifests, by a part of the hash of their names

	at    *checked // the partition in course
	group group    // the segment in course
}

// checked is what is known of a partition's chain.
type checked struct {
	part

	next  int64
	hash  Hash
	sure  bool // hash is that of the manifest before
	known bool // next is where the segment before ends
	heads map[int64]Hash
	loose group // files without a manifest, behind everything else so far
	// unfinished tells that what begins at next is signed, and was not finished.
	unfinished bool
}

// A group are the files of one segment.
type group struct {
	place

	manifest, data, index bool
}

func (g group) files() []string {
	var names []string
	if g.data {
		names = append(names, g.name(dataSuffix))
	}
	if g.index {
		names = append(names, g.name(indexSuffix))
	}
	return names
}

func (w *verifier) found(p Problem) {
	w.report.Problems++
	if w.v.Found != nil {
		w.v.Found(p)
	}
}

func (w *verifier) foundIn(p place, what string, args ...any) {
	w.found(Problem{Segment: p.String(), Offset: -1, What: fmt.Sprintf(what, args...)})
}

func (w *verifier) foundFile(name, what string) {
	w.found(Problem{File: name, Offset: -1, What: what})
}

// file looks at a file of the segments. They come in the order of their names, so that the files of a segment come together.
func (w *verifier) file(ctx context.Context, name string) error {
	p, suffix, ok := parseName(name)
	if !ok || (suffix != dataSuffix && suffix != indexSuffix && suffix != manifestSuffix) {
		w.foundFile(name, "was not written by an archiver")
		return nil
	}
	if w.at != nil && w.group.place != p {
		if err := w.segment(ctx); err != nil {
			return err
		}
	}
	if of := (part{p.topic, p.partition}); w.at == nil || w.at.part != of {
		if err := w.end(ctx); err != nil {
			return err
		}
		w.at = &checked{part: of, sure: true, known: true, heads: w.headsOf(of)}
		w.chains[of] = w.at
		w.report.Partitions++
	}
	w.group.place = p
	w.group.manifest = w.group.manifest || suffix == manifestSuffix
	w.group.data = w.group.data || suffix == dataSuffix
	w.group.index = w.group.index || suffix == indexSuffix
	return nil
}

// segment looks at the segment whose files have come.
func (w *verifier) segment(ctx context.Context) error {
	c, g := w.at, w.group
	w.group = group{}
	for _, name := range c.loose.files() {
		w.foundFile(name, "has no manifest")
	}
	c.loose = group{}
	if !g.manifest {
		c.loose = g
		return nil
	}
	w.report.Segments++
	m, err := readManifest(ctx, w.store, g.name(manifestSuffix), w.v.Keys)
	switch {
	case err == nil:
	case errors.Is(err, errManifest), errors.Is(err, errSignature), errors.Is(err, errUnknownKey):
		w.foundIn(g.place, "the manifest was changed, or is not ours: %v", err)
	default:
		return err
	}
	if err != nil || m.place() != g.place { // what it says says nothing
		w.gap(c, g.place)
		next, known, err := w.unvouched(ctx, g, errors.Is(err, errUnknownKey))
		if err != nil {
			return err
		}
		c.next, c.sure, c.known = max(c.next, next), false, known
		return nil
	}
	w.link(c, m)
	for _, f := range m.Parquet {
		w.listed[nameKey(f.Name)] = struct{}{}
	}
	w.report.Records += m.Count
	w.report.Absent += m.Last + 1 - m.Start - m.Count
	return w.content(ctx, m)
}

// gap tells of what is missing in front of a segment.
func (w *verifier) gap(c *checked, p place) {
	switch {
	case p.start <= c.next:
	case c.next == 0 && c.known:
		w.foundIn(place{p.topic, p.partition, 0}, "the beginning is missing, up to offset %d", p.start-1)
	case !c.known:
		w.foundIn(place{p.topic, p.partition, c.next}, "nothing vouches any more for what was here, up to offset %d", p.start-1)
	default:
		w.foundIn(place{p.topic, p.partition, c.next}, "missing, up to offset %d", p.start-1)
	}
}

// link holds a manifest whose signature is good against the one before it.
func (w *verifier) link(c *checked, m *sealedManifest) {
	p := m.place()
	w.gap(c, p)
	switch {
	case p.start < c.next:
		w.foundIn(p, "begins before the segment in front of it ends")
	case p.start == c.next && c.sure && m.Previous != c.hash:
		w.foundIn(p, "does not follow the segment that is in front of it")
	}
	c.next, c.hash, c.sure, c.known = m.next(), m.hash, true, true
	if want, ok := c.heads[c.next]; ok {
		delete(c.heads, c.next)
		if want != m.hash {
			w.foundIn(p, "is not the segment that was kept as head")
		}
	}
}

// end closes the partition in course.
func (w *verifier) end(ctx context.Context) error {
	if w.at == nil {
		return nil
	}
	if err := w.segment(ctx); err != nil {
		return err
	}
	c := w.at
	w.at = nil
	if g := c.loose; g.data && g.start == c.next {
		ok, err := w.sealed(ctx, g.place)
		if err != nil {
			return err
		}
		if ok {
			c.unfinished = true
			w.report.Unfinished = append(w.report.Unfinished, g.String())
			return nil
		}
	}
	for _, name := range c.loose.files() {
		w.foundFile(name, "has no manifest")
	}
	return nil
}

// sealed tells whether a data file was written by an archiver.
func (w *verifier) sealed(ctx context.Context, p place) (bool, error) {
	d, err := w.read(ctx, p, nil, maxRecords, func(int64, []byte) {})
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // it was finished meanwhile, or never was
	}
	return err == nil && d.sealed, err
}
