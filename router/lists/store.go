package lists

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/checkpoint"
)

// A store keeps the last good copy of one list: NAME.copy as the server sent it, and NAME.json with what is to be known of it. The second is
// written last and names the first by its digest, so that a kill between the two leaves a copy that is not used. Without a folder nothing is
// kept.
type store struct{ dir, name string }

// meta is what is to be known of a copy.
type meta struct {
	Source       string    `json:"source"` // digest of the address
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"`
	Confirmed    time.Time `json:"confirmed"` // when the server last said that this is what it has
	Digest       string    `json:"sha256"`
	Bytes        int64     `json:"bytes"`
}

func (s store) path(ext string) string { return filepath.Join(s.dir, s.name+ext) }

// open returns the copy kept; no file if there is none, or not the one that is described.
func (s store) open() (meta, *os.File, error) {
	var m meta
	if s.dir == "" {
		return m, nil, nil
	}
	text, err := os.ReadFile(s.path(".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return m, nil, err
	}
	f, err := os.Open(s.path(".copy"))
	if err != nil {
		return m, nil, err
	}
	_, digest, err := digestCopy(io.Discard, f)
	if err == nil && digest != m.Digest {
		err = errors.New("it is not what it should be")
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return m, nil, errors.Join(err, f.Close())
	}
	return m, f, nil
}

// sweep removes what a process that was killed has left behind.
func (s store) sweep() error {
	if s.dir == "" {
		return nil
	}
	left, err := filepath.Glob(s.path(".*.part"))
	for _, file := range left {
		middle := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), s.name+"."), ".part")
		if _, number := strconv.ParseUint(middle, 10, 64); number == nil { // else it is of a list whose name begins like this one's
			err = errors.Join(err, os.Remove(file))
		}
	}
	return err
}

// create makes the file that a copy is fetched into.
func (s store) create() (*os.File, error) {
	if s.dir != "" {
		if err := os.MkdirAll(s.dir, 0o750); err != nil {
			return nil, err
		}
	}
	return os.CreateTemp(s.dir, s.name+".*.part")
}

// keep makes a fetched file the copy that is kept.
func (s store) keep(file string, m meta) error {
	if s.dir == "" {
		return nil
	}
	if err := os.Rename(file, s.path(".copy")); err != nil {
		return fmt.Errorf("keeping the copy: %w", err)
	}
	return s.note(m)
}

// note writes what is to be known of the copy.
func (s store) note(m meta) error {
	if s.dir == "" {
		return nil
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = checkpoint.Replace(s.path(".json"), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the copy: %w", err)
	}
	return nil
}

func digestCopy(to io.Writer, from io.Reader) (int64, string, error) {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), from)
	return n, hex.EncodeToString(h.Sum(nil)), err
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
