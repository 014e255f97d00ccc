package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/riposte-security/riposte/internal/fault"
)

// A segment is one whose content is decided, on its way to the store: data, index, Parquet, and last the manifest, with which it counts.
type segment struct {
	manifest *sealedManifest
	pieces   []*piece
	stored   int // of pieces
}

func (s *segment) close() {
	for _, p := range s.pieces {
		discard(p.f)
	}
}

// errTaken says that somebody else has written this place of the chain.
const errTaken = sentinel("another writer was faster")

// build makes a segment of a spool. data, where it is not nil, is the data file as somebody has stored it already; it belongs to the segment from
// then on, unless there is an error.
func (a *Archiver) build(ctx context.Context, p place, s *spool, previous Hash, data *piece) (*segment, error) {
	var (
		d     digest
		index *piece
		err   error
	)
	seg := &segment{}
	if data == nil {
		d, data, index, err = s.write(ctx, p, a.signer)
		if err != nil {
			return nil, err
		}
		seg.pieces = append(seg.pieces, data, index)
	} else {
		r, err := s.reader()
		if err != nil {
			return nil, err
		}
		if d, index, err = scan(ctx, a.scratch, p, r, func([]byte) error { return nil }); err != nil {
			return nil, err
		}
		seg.pieces = append(seg.pieces, index)
	}
	m := Manifest{
		Version: manifestVersion, Topic: p.topic, Partition: p.partition, Start: p.start,
		First: s.first, Last: s.last, Count: s.count, Bytes: s.bytes, Oldest: s.oldest, Newest: s.newest,
		Previous: previous, Root: d.tree.root(), LastLeaf: d.lastLeaf, Data: data.File, Index: index.File,
		Parquet: []File{}, Writer: a.writer, Created: a.now().UTC(), RetainUntil: a.retainUntil(),
	}
	files, unmapped, err := s.tables(ctx, p)
	m.Unmapped = unmapped
	for _, f := range files {
		m.Parquet = append(m.Parquet, f.File)
	}
	seg.pieces = append(seg.pieces, files...)
	if err == nil {
		seg.manifest, err = m.seal(ctx, a.signer)
	}
	if err != nil {
		seg.close()
		return nil, err
	}
	return seg, nil
}

// put stores what is not stored yet of a segment. errTaken says that its place is somebody else's.
func (a *Archiver) put(ctx context.Context, s *segment) error {
	for ; s.stored < len(s.pieces); s.stored++ {
		p := s.pieces[s.stored]
		err := a.store.Create(ctx, p.Name, p.content(), p.Size, p.SHA256)
		if errors.Is(err, fs.ErrExist) {
			err = a.same(ctx, s, p)
		}
		if err != nil {
			return err
		}
	}
	m := s.manifest
	name := m.place().name(manifestSuffix)
	err := a.store.Create(ctx, name, bytes.NewReader(m.text), int64(len(m.text)), sha256.Sum256(m.text))
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	text, err := readFile(ctx, a.store, name, maxManifest)
	if err != nil {
		return err
	}
	if sha256.Sum256(text) == sha256.Sum256(m.text) {
		return nil // ours: the answer was lost
	}
	return errTaken
}

// same looks at what is there under the name of a piece. Data that differ are another writer's decision. All else follows from the data, so it
// must be the same: byte by byte, or, in a Parquet file that another version of the library has written, row by row.
func (a *Archiver) same(ctx context.Context, s *segment, p *piece) error {
	sum, err := sumOf(ctx, a.store, p.Name)
	if err != nil {
		return err
	}
	switch {
	case sum == p.SHA256:
		return nil
	case p.Name == s.manifest.Data.Name:
		return errTaken
	case p.Rows > 0:
		there, err := a.fetch(ctx, p.Name)
		if err != nil {
			return err
		}
		defer discard(there.f)
		if there.SHA256 == sum && sameRows(p, there) {
			return s.adopt(ctx, a.signer, there.File)
		}
	}
	return fault.Permanent(fmt.Errorf("archive %s: %s holds something that was not archived there; remove it, or archive to another place", a.store, p.Name))
}

// adopt lists a Parquet file as it is there, in place of the one that would have been written.
func (s *segment) adopt(ctx context.Context, signer Signer, f File) error {
	m := s.manifest.Manifest
	m.Parquet = slices.Clone(m.Parquet)
	for i := range m.Parquet {
		if m.Parquet[i].Name == f.Name {
			m.Parquet[i].Size, m.Parquet[i].SHA256 = f.Size, f.SHA256
		}
	}
	again, err := m.seal(ctx, signer)
	if err != nil {
		return err
	}
	s.manifest = again
	return nil
}

func sumOf(ctx context.Context, s Store, name string) (Hash, error) {
	r, err := s.Open(ctx, name)
	if err != nil {
		return Hash{}, err
	}
	defer r.Close() //nolint:errcheck // read only
	sum := newSumWriter(io.Discard)
	if _, err := io.Copy(sum, r); err != nil {
		return Hash{}, fmt.Errorf("%s: %w", name, err)
	}
	return sum.sum(), nil
}
