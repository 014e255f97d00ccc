package archive

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"slices"
	"strings"
)

// headsOf are the heads to be found in a partition, by where they end.
func (w *verifier) headsOf(p part) map[int64]Hash {
	out := map[int64]Hash{}
	for _, h := range w.v.Heads {
		if (part{h.Topic, h.Partition}) == p && h.Next > 0 {
			out[h.Next] = h.Manifest
		}
	}
	return out
}

// heads compares the ends of the chains with what was kept elsewhere.
func (w *verifier) heads() {
	for _, h := range w.v.Heads {
		w.reaches(part{h.Topic, h.Partition}, h.Next, "the head that was kept")
		if c := w.chains[part{h.Topic, h.Partition}]; c != nil && c.next > h.Next && c.heads[h.Next] != (Hash{}) {
			w.foundIn(place{h.Topic, h.Partition, h.Next}, "no segment ends here, where the head that was kept does")
		}
	}
	for topic, of := range w.v.Committed {
		for partition, offset := range of {
			w.reaches(part{topic, partition}, offset, "the offset committed to Kafka")
		}
	}
	for _, c := range w.chains {
		if c.next > 0 {
			w.report.Heads = append(w.report.Heads, Head{Topic: c.topic, Partition: c.partition, Next: c.next, Manifest: c.hash})
		}
	}
	slices.SortFunc(w.report.Heads, func(a, b Head) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
}

// reaches says whether a chain goes as far as it once did.
func (w *verifier) reaches(p part, offset int64, what string) {
	next := int64(0)
	if c := w.chains[p]; c != nil {
		next = c.next
	}
	if next < offset {
		w.foundIn(place{p.topic, p.partition, next}, "the end is missing, up to offset %d: %s is beyond", offset-1, what)
	}
}

// nameKey stands for the name of a file.
func nameKey(name string) [8]byte {
	sum := sha256.Sum256([]byte(name))
	return [8]byte(sum[:8])
}

// others looks for files outside of the segments that no manifest lists.
func (w *verifier) others(ctx context.Context) error {
	return w.store.List(ctx, "", "", func(name string, _ int64) error {
		if strings.HasPrefix(name, segmentFolder+"/") {
			return nil
		}
		if name == onceName {
			return w.once(ctx)
		}
		if _, ok := w.listed[nameKey(name)]; ok {
			return nil
		}
		known, err := w.newer(ctx, name)
		if err == nil && !known {
			w.foundFile(name, "is in no manifest")
		}
		return err
	})
}

// newer tells whether a file belongs to a segment that was written since its partition was looked at, or to one that is not finished.
func (w *verifier) newer(ctx context.Context, name string) (bool, error) {
	p, ok := parseTable(name)
	if !ok {
		return false, nil
	}
	c := w.chains[part{p.topic, p.partition}]
	switch {
	case c == nil || p.start < c.next:
		return false, nil
	case p.start == c.next && c.unfinished:
		return true, nil
	}
	m, err := readManifest(ctx, w.store, p.name(manifestSuffix), w.v.Keys)
	switch {
	case err == nil:
		return slices.ContainsFunc(m.Parquet, func(f File) bool { return f.Name == name }), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errManifest), errors.Is(err, errSignature), errors.Is(err, errUnknownKey):
		return false, nil
	}
	return false, err
}
