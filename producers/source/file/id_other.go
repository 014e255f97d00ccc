//go:build !unix

package file

import (
	"hash/fnv"
	"io/fs"
)

// fileID names a file; on this system, by its path.
type fileID struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
}

func idOf(path string, _ fs.FileInfo) fileID {
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	return fileID{Inode: h.Sum64()}
}
