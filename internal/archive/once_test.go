package archive

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/fault"
)

// overStore is a store without conditional writes.
type overStore struct{ *memStore }

func (s overStore) Create(ctx context.Context, name string, content io.ReadSeeker, size int64, sum Hash) error {
	s.mu.Lock()
	delete(s.files, name)
	s.mu.Unlock()
	return s.memStore.Create(ctx, name, content, size, sum)
}

// TestStoreThatWritesOver: an archive goes into a store that keeps what is there, at its first start and at those that follow, and into no other.
func TestStoreThatWritesOver(t *testing.T) {
	good := newMemStore()
	for range 3 {
		if err := tryOnce(t.Context(), good); err != nil {
			t.Error(err)
		}
	}
	bad := overStore{newMemStore()}
	for range 2 {
		if err := tryOnce(t.Context(), bad); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "written over") {
			t.Errorf("error %v", err)
		}
	}
}
