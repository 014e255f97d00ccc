package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// A File is a file of a segment, as its manifest lists it.
type File struct {
	Name   string `json:"name"` // from the root of the archive, with slashes
	Size   int64  `json:"size"`
	SHA256 Hash   `json:"sha256"`
	Rows   int64  `json:"rows,omitempty"` // of a Parquet file
}

// A Manifest describes one segment: what is in it, and what came before it.
type Manifest struct {
	Version   int    `json:"version"`
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	// Start is the offset that the segment before this one ended at, and this one's name; 0 in the first segment of a partition.
	Start int64 `json:"start"`
	// First and Last are the offsets of the first and the last record. Offsets between Start and Last that no record has were not in Kafka when it was read.
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"` // of the lines, with line feeds, before compression
	// Oldest and Newest are the least and the greatest of Kafka's timestamps, in milliseconds.
	Oldest int64 `json:"oldest"`
	Newest int64 `json:"newest"`
	// Previous is the hash of the manifest before this one; zeros in the first.
	Previous Hash `json:"previous"`
	// Root is the Merkle tree hash over the lines, in their order.
	Root Hash `json:"merkle_root"`
	// LastLeaf is the leaf hash of the last line: whoever goes on compares it with Kafka's record there.
	LastLeaf Hash `json:"last_leaf"`
	Data     File `json:"data"`
	Index    File `json:"index"`
	// Parquet are the files made of the segment for queries. Unmapped is how many records are in none of them, being no events.
	Parquet  []File `json:"parquet"`
	Unmapped int64  `json:"unmapped"`
	// RetainUntil is the Object Lock that was asked for.
	RetainUntil time.Time `json:"retain_until,omitzero"`
	Writer      string    `json:"writer"`
	Created     time.Time `json:"created"`
}

// errManifest says that something cannot be the manifest that an archiver wrote.
var errManifest = errors.New("not a manifest of an archive")

const (
	manifestVersion = 1
	// maxManifest bounds a manifest, in bytes.
	maxManifest = 4 << 20
)

func (m *Manifest) place() place { return place{m.Topic, m.Partition, m.Start} }

// next is the offset at which the segment after this one begins.
func (m *Manifest) next() int64 { return m.Last + 1 }

// A sealed manifest is its file: the manifest as one line of JSON, and its signature as another.
type sealedManifest struct {
	Manifest

	text []byte // both lines
	hash Hash   // of the first, without its line feed
}

// seal encodes and signs a manifest.
func (m *Manifest) seal(ctx context.Context, s Signer) (*sealedManifest, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", m.place(), err)
	}
	out := &sealedManifest{Manifest: *m, hash: sha256.Sum256(body)}
	sig, err := signed(ctx, s, manifestStatement(out.hash))
	if err != nil {
		return nil, err
	}
	signature, err := json.Marshal(sig)
	if err != nil {
		return nil, fmt.Errorf("manifest of %s: %w", m.place(), err)
	}
	out.text = append(append(append(body, '\n'), signature...), '\n')
	return out, nil
}

// parseManifest reads the file of a manifest and checks its signature. When that alone is wrong, the manifest is returned with the error.
func parseManifest(text []byte, keys Keys) (*sealedManifest, error) {
	body, rest, ok := bytes.Cut(text, []byte("\n"))
	signature, rest, ok2 := bytes.Cut(rest, []byte("\n"))
	if !ok || !ok2 || len(rest) > 0 {
		return nil, fmt.Errorf("%w: two lines expected, a manifest and its signature", errManifest)
	}
	m := &sealedManifest{text: text, hash: sha256.Sum256(body)}
	if err := strict(body, &m.Manifest); err != nil {
		return nil, err
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	var sig Signature
	if err := strict(signature, &sig); err != nil {
		return m, fmt.Errorf("signature: %w", err)
	}
	return m, keys.check(manifestStatement(m.hash), sig)
}

// strict decodes JSON that was written by this package: the same value must give the same text.
func strict(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", errManifest, err)
	}
	again, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("%w: %w", errManifest, err)
	}
	if !bytes.Equal(again, text) {
		return fmt.Errorf("%w: another spelling than the archive's", errManifest)
	}
	return nil
}

// check says whether a manifest makes sense by itself.
func (m *Manifest) check() error {
	switch {
	case m.Version != manifestVersion:
		return fmt.Errorf("%w: version %d, %d expected", errManifest, m.Version, manifestVersion)
	case !kafka.ValidTopic(m.Topic), m.Count < 1, m.Start < 0, m.Last == math.MaxInt64, m.First < m.Start, m.Last < m.First, m.Last-m.First < m.Count-1, m.Partition < 0:
		return fmt.Errorf("%w: its offsets make no sense", errManifest)
	case m.Data.Name != m.place().name(dataSuffix), m.Index.Name != m.place().name(indexSuffix):
		return fmt.Errorf("%w: it names files of another segment", errManifest)
	}
	for _, f := range m.Parquet {
		if !validName(f.Name) {
			return fmt.Errorf("%w: %q is no name of a file", errManifest, f.Name)
		}
	}
	return nil
}

// readManifest reads and checks the manifest of a place.
func readManifest(ctx context.Context, s Store, name string, keys Keys) (*sealedManifest, error) {
	text, err := readFile(ctx, s, name, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text, keys)
	if err != nil {
		return m, fmt.Errorf("%s: %w", name, err)
	}
	if m.place().name(manifestSuffix) != name {
		return nil, fmt.Errorf("%s: %w: that of another segment, %s", name, errManifest, m.place())
	}
	return m, nil
}

// readFile reads a small file whole.
func readFile(ctx context.Context, s Store, name string, limit int64) ([]byte, error) {
	r, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s: %w: more than %d bytes", name, errManifest, limit)
	}
	return text, nil
}
