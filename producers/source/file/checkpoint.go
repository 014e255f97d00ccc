package file

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"sync"
	"time"

	durable "github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers/unpack"
)

// keep is how long the checkpoint remembers a file that is no longer there.
const keep = 7 * 24 * time.Hour

// An entry is what is known of one file. Only the goroutine that reads the file changes it, through checkpoint.update.
type entry struct {
	Path   string `json:"path"`
	ID     fileID `json:"id"`
	Origin string `json:"origin"`           // of its records; set before the first of them leaves
	Head   int    `json:"head"`             // so many of its first bytes
	Print  string `json:"print"`            // have this hash, which tells whether it is still the same file
	Offset int64  `json:"offset"`           // all records before it are in Kafka
	Header string `json:"header,omitempty"` // header line in force there
	Last   string `json:"last,omitempty"`   // hash of the last bytes before Offset, at most FingerprintBytes; empty: not known
	Size   int64  `json:"size"`             // of the file when it had been read to its end; -1 before
	// Changed is the file's time of change then, in nanoseconds.
	Changed int64     `json:"changed,omitempty"`
	Seen    time.Time `json:"seen"`
}

// matches tells whether a file that begins with head may be the entry's.
func (e *entry) matches(head []byte) bool {
	return e.Head > 0 && len(head) >= e.Head && fingerprint(head[:e.Head]) == e.Print
}

func fingerprint(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// checkpoint holds the entries and makes them durable. With no path it only remembers.
type checkpoint struct {
	path string

	mu    sync.Mutex
	files []*entry
	dirty bool

	saving sync.Mutex
}

type checkpointFile struct {
	Version int      `json:"version"`
	Files   []*entry `json:"files"`
}

func loadCheckpoint(path string) (*checkpoint, error) {
	c := &checkpoint{path: path}
	if path == "" {
		return c, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	c.dirty = true                 // whether it can be written is to be known before anything is read: else that would be read again and again
	if errors.Is(err, fs.ErrNotExist) {
		return c, c.save()
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var f checkpointFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fault.Permanent(fmt.Errorf("checkpoint %s: %w", path, err))
	}
	if f.Version != 1 {
		return nil, fault.Permanent(fmt.Errorf("checkpoint %s: version %d is not known", path, f.Version))
	}
	c.files = f.Files
	return c, c.save()
}

// byID returns a copy of the entry of a file, or nil.
func (c *checkpoint) byID(id fileID) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.files {
		if e.ID == id {
			found := *e
			return &found
		}
	}
	return nil
}

// find returns the entry of a file that begins with head: its own or, where the file is new and has a whole fingerprint, that of a file it
// is a copy of, which copyOf is asked about. If there is none, the entry is new; twin says that another file has the same fingerprint.
func (c *checkpoint) find(id fileID, path string, head []byte, copyOf func(entry) bool) (e *entry, twin bool) {
	c.mu.Lock()
	var own *entry
	var copies []entry
	for _, e := range c.files {
		switch {
		case !e.matches(head):
		case e.ID == id:
			own = e
		case e.Head == unpack.FingerprintBytes:
			copies = append(copies, *e)
		}
	}
	found := entry{}
	if own != nil {
		found = *own
	}
	c.mu.Unlock()
	if own == nil {
		sort.Slice(copies, func(i, j int) bool { return copies[i].Offset > copies[j].Offset })
		twin = len(copies) > 0
		for _, e := range copies {
			if copyOf(e) {
				found, twin = e, false
				break
			}
		}
	}
	found.ID, found.Path, found.Seen, found.Size = id, path, time.Now(), -1
	return &found, twin
}

// update puts e in the place of the entry for the same file. An entry whose file was truncated stays as what its copy is found by.
func (c *checkpoint) update(e entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dirty = true
	for i, old := range c.files {
		if old.ID != e.ID {
			continue
		}
		if old.Origin == e.Origin || old.Origin == "" {
			c.files[i] = &e
			return
		}
		old.ID = fileID{} // another file is there now
	}
	c.files = append(c.files, &e)
}

// seen notes that files are still there, and forgets those that have long been gone.
func (c *checkpoint) seen(present map[fileID]string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.files[:0]
	for _, e := range c.files {
		if _, ok := present[e.ID]; ok {
			e.Seen = now
		}
		if now.Sub(e.Seen) < keep {
			kept = append(kept, e)
		}
	}
	c.files = kept
}

// save makes all updates durable: a kill leaves the old file or the new one.
func (c *checkpoint) save() error {
	c.saving.Lock()
	defer c.saving.Unlock()
	c.mu.Lock()
	if !c.dirty || c.path == "" {
		c.mu.Unlock()
		return nil
	}
	text, err := json.Marshal(checkpointFile{Version: 1, Files: c.files})
	c.dirty = false
	c.mu.Unlock()
	if err == nil {
		err = durable.Replace(c.path, text)
	}
	if err != nil {
		c.mu.Lock()
		c.dirty = true
		c.mu.Unlock()
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}
