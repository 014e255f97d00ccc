package archive

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// memStore keeps an archive in memory, for tests that write many.
type memStore struct {
	mu    sync.Mutex
	files map[string][]byte
}

func newMemStore() *memStore { return &memStore{files: map[string][]byte{}} }

// String implements Store.
func (s *memStore) String() string { return "memory" }

// Create implements Store.
func (s *memStore) Create(_ context.Context, name string, content io.ReadSeeker, size int64, sum Hash) error {
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if int64(len(text)) != size || sumText(text) != sum || !validName(name) {
		return fmt.Errorf("%q: not what it is said to be", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.files[name]; ok {
		return fs.ErrExist
	}
	s.files[name] = text
	return nil
}

// Open implements Store.
func (s *memStore) Open(_ context.Context, name string) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.files[name]
	if !ok {
		return nil, notFound(name)
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

// List implements Store.
func (s *memStore) List(_ context.Context, prefix, after string, fn func(string, int64) error) error {
	s.mu.Lock()
	names := slices.Sorted(maps.Keys(s.files))
	sizes := map[string]int64{}
	for name, text := range s.files {
		sizes[name] = int64(len(text))
	}
	s.mu.Unlock()
	for _, name := range names {
		if !strings.HasPrefix(name, prefix) || name <= after {
			continue
		}
		if err := fn(name, sizes[name]); err == errStop { //nolint:errorlint // as it is
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}
