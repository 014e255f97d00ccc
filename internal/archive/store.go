package archive

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
)

// A Store keeps the files of an archive. Names have slashes and no dots as parts. A file is there whole or not at all, and is never changed.
// Errors are retried unless permanent; that something is there already is fs.ErrExist, that it is not there fs.ErrNotExist. A Store is safe
// for concurrent use.
type Store interface {
	// Create keeps a file, unless there is one of that name: fs.ErrExist. It is durable when Create returns nil; when it returns another error, it
	// may be there all the same. sum is the SHA-256 of the content.
	Create(ctx context.Context, name string, content io.ReadSeeker, size int64, sum Hash) error
	// Open reads a file. The caller closes it.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List calls fn for every file whose name begins with prefix and sorts after after, in the order of names. An error of fn ends it.
	List(ctx context.Context, prefix, after string, fn func(name string, size int64) error) error
	// String is where the files are, as people write it.
	String() string
}

// validName tells whether a name leads to a place below the root.
func validName(name string) bool { return fs.ValidPath(name) && name != "." && filepath.IsLocal(name) }

// exists tells whether there is a file.
func exists(ctx context.Context, s Store, name string) (bool, error) {
	found := false
	// A listing from just before the name: nothing is fetched, and what S3 answers is consistent.
	err := s.List(ctx, name, "", func(n string, _ int64) error {
		found = found || n == name
		return errStop
	})
	return found, err
}

// errStop ends a listing; List does not return it.
const errStop = sentinel("stop")

type sentinel string

func (s sentinel) Error() string { return string(s) }

// notFound is the error for a file that is not there.
func notFound(name string) error { return fmt.Errorf("%s: %w", name, fs.ErrNotExist) }

// InS3 tells whether a place is one in S3.
func InS3(where string) bool { return strings.HasPrefix(where, "s3://") }
