//go:build unix

package file

import (
	"io/fs"
	"syscall"
)

// fileID names a file whatever it is called, as long as it exists.
type fileID struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
}

func idOf(_ string, info fs.FileInfo) fileID {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return fileID{Dev: uint64(st.Dev), Inode: st.Ino} //nolint:unconvert // the type differs by system
	}
	return fileID{}
}
