package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	// onceName is a file by which an archive sees that its store keeps what is there.
	onceName = "written-once.txt"
	onceText = "riposte writes this file again when it starts, and goes no further if that is taken: what can be written over is no archive.\n"
)

// tryOnce has a store refuse a file that is there already. One that does not, as S3's likes without conditional writes do, would let two archivers write one
// segment, each over the other.
func tryOnce(ctx context.Context, s Store) error {
	for range 2 {
		err := s.Create(ctx, onceName, strings.NewReader(onceText), int64(len(onceText)), sumText([]byte(onceText)))
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return fault.Permanent(fmt.Errorf("archive: %s lets files be written over (conditional writes, If-None-Match, are not known there)", s))
}

// once looks at the file of tryOnce: nothing else may be there.
func (w *verifier) once(ctx context.Context) error {
	f, err := w.store.Open(ctx, onceName)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(len(onceText))+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", onceName, err)
	}
	if string(text) != onceText {
		w.foundFile(onceName, "was changed")
	}
	return nil
}
