package archive

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// scratch makes a file that is gone when it is closed or the process ends.
func scratch(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "riposte-archive-*")
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	_ = os.Remove(f.Name()) // where the system does not allow that, discard does it
	return f, nil
}

func discard(f *os.File) {
	_ = f.Close() // nobody wants it any more
	_ = os.Remove(f.Name())
}

// A spool holds the lines of a segment that is not complete yet, in a scratch file: memory is for indexes.
type spool struct {
	dir     string  // of scratch files
	sorter  *sorter // nil: no Parquet files are wanted
	f       *os.File
	buf     []byte // what is not in the file yet
	flushed int64  // bytes in the file

	count, bytes   int64
	first, last    int64
	oldest, newest int64
	since          time.Time // when it was begun, here
}

// spoolBuffer is how many bytes of lines are written at a time.
const spoolBuffer = 64 << 10

func (a *Archiver) newSpool(since time.Time) (*spool, error) {
	f, err := scratch(a.scratch)
	if err != nil {
		return nil, err
	}
	s := &spool{dir: a.scratch, f: f, since: since}
	if !a.cfg.Parquet.Off {
		s.sorter = &sorter{a: a}
	}
	return s, nil
}

// add appends the line of a message. When it fails, the spool is as it was, and may be tried again: the disk may be full for a while.
func (s *spool) add(m *kafka.Message, text []byte) error {
	if len(s.buf) >= spoolBuffer {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.buf = append(append(s.buf, text...), '\n')
	if s.sorter != nil {
		s.sorter.add(m, s.bytes, int64(len(text)))
	}
	at := m.Time.UnixMilli()
	if s.count == 0 {
		s.first, s.oldest, s.newest = m.Offset, at, at
	}
	s.last, s.oldest, s.newest = m.Offset, min(s.oldest, at), max(s.newest, at)
	s.count++
	s.bytes += int64(len(text)) + 1
	return nil
}

func (s *spool) flush() error {
	if _, err := s.f.WriteAt(s.buf, s.flushed); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	s.flushed += int64(len(s.buf))
	s.buf = s.buf[:0]
	return nil
}

func (s *spool) close() { discard(s.f) }

// reader reads the lines from the first one on.
func (s *spool) reader() (*lineReader, error) {
	if err := s.flush(); err != nil {
		return nil, err
	}
	return newLineReader(io.NewSectionReader(s.f, 0, s.bytes)), nil
}

// cut makes a spool of the lines from an offset on; nil if there are none. The old one is closed unless there is an error. last, where it is
// among the lines, is handed to check.
func (a *Archiver) cut(ctx context.Context, s *spool, from int64, check func(offset int64, leaf Hash) error) (*spool, error) {
	r, err := s.reader()
	if err != nil {
		return nil, err
	}
	out, err := a.newSpool(s.since)
	if err != nil {
		return nil, err
	}
	for {
		text, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		var m kafka.Message
		if err == nil {
			m, err = parseLine(text)
		}
		switch {
		case err == nil && m.Offset < from:
			err = check(m.Offset, leafHash(text))
		case err == nil:
			err = out.add(&m, text)
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			out.close()
			return nil, err
		}
	}
	s.close()
	if out.count == 0 {
		out.close()
		return nil, nil
	}
	return out, nil
}

// A lineReader reads lines of bounded length.
type lineReader struct {
	r    *bufio.Reader
	long []byte
	at   int64 // where the line that next returned begins
	end  int64 // and where the one after it does
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 256<<10)} }

// next returns the next line without its line feed; it is valid until the next call. The end is io.EOF; an end within a line is
// io.ErrUnexpectedEOF.
func (l *lineReader) next() ([]byte, error) {
	l.at = l.end
	text, err := l.r.ReadSlice('\n')
	if err == nil {
		l.end += int64(len(text))
		return text[:len(text)-1], nil
	}
	l.long = append(l.long[:0], text...)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(l.long) > maxLine {
			return nil, fmt.Errorf("%w: longer than %d bytes", errLine, maxLine)
		}
		text, err = l.r.ReadSlice('\n')
		l.long = append(l.long, text...)
	}
	if errors.Is(err, io.EOF) && len(l.long) > 0 {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	l.end += int64(len(l.long))
	return l.long[:len(l.long)-1], nil
}

// A sumWriter hashes and counts what goes through it.
type sumWriter struct {
	w io.Writer
	h hash.Hash
	n int64
}

func newSumWriter(w io.Writer) *sumWriter { return &sumWriter{w: w, h: sha256.New()} }

// Write implements io.Writer.
func (s *sumWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.h.Write(p[:n])
	s.n += int64(n)
	return n, err
}

func (s *sumWriter) sum() Hash { return Hash(s.h.Sum(nil)) }
