package file

import (
	"io/fs"
	"sync"
)

// notes are what was said of single files, so that it is said once.
type notes struct {
	mu     sync.Mutex
	unread map[string]bool
	passed map[string]bool
}

// note notes a name in one of the two, and tells whether it was not there.
func (n *notes) note(in *map[string]bool, name string) (first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if *in == nil {
		*in = map[string]bool{}
	}
	first = !(*in)[name]
	(*in)[name] = true
	return first
}

// unreadable says that a file cannot be read, once until it can be.
func (s *source) unreadable(path string, err error) {
	if s.notes.note(&s.notes.unread, path) {
		s.log.Warn().Err(err).Str("file", path).Msg("the file cannot be read; trying again")
	}
}

// readable says that it can be, if it could not.
func (s *source) readable(path string) {
	s.notes.mu.Lock()
	was := s.notes.unread[path]
	delete(s.notes.unread, path)
	s.notes.mu.Unlock()
	if was {
		s.log.Info().Str("file", path).Msg("the file can be read again")
	}
}

// passedOver says that something is not read since it is no file. Of a folder that only a glob matches that goes without saying.
func (s *source) passedOver(path string, info fs.FileInfo, named bool) {
	if info.IsDir() && !named || !s.notes.note(&s.notes.passed, path) {
		return
	}
	hint := "only regular files are read; a pipe can be given as standard input"
	if info.IsDir() {
		hint = "folders are not read; give a glob such as " + path + "/*"
	}
	s.log.Warn().Str("file", path).Str("mode", info.Mode().String()).Msg("not read: " + hint)
}
