package file

import (
	"context"
	"errors"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
)

// found is one file that the paths match.
type found struct {
	path string
	id   fileID
	info os.FileInfo
}

// A reader reads one file and keeps its entry.
type reader struct {
	*source
	cp   *checkpoint
	emit emitFunc
	file found

	f     *os.File // nil if compressed
	entry *entry
	twin  bool                   // another file begins alike
	head  func() ([]byte, error) // the first bytes as they are now, at most FingerprintBytes

	batch  []producers.Record
	bytes  int
	resume int64
	header string
	flying *flight // the batch before that one, until Kafka has it; nil if it does
	failed error   // of the batch that Kafka did not take, behind which no other may go
}

// A flight is a batch on its way into Kafka, and where to read on after it.
type flight struct {
	landed chan error // its buffer holds the one that comes
	resume int64
	header string
	last   string // fingerprint of what lies before
}

// whole reads a file, compressed or not, from where the checkpoint says to its end.
func (r *reader) whole(ctx context.Context) error {
	f, err := os.Open(r.file.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	r.f = nil
	if magic := make([]byte, 4); !compressedFile(f, magic) {
		r.f = f
	}
	plain := unpack.Decompress(f, 0)
	defer plain.Close()
	head, all := unpack.Peek(plain, unpack.FingerprintBytes)
	r.head = func() ([]byte, error) { return head, nil }
	r.entry = &entry{ID: r.file.id, Path: r.file.path}
	if r.cp.path != "" {
		r.entry, r.twin = r.cp.find(r.file.id, r.file.path, head, r.copyOf)
	}
	if r.entry.Origin == "" && !r.twin {
		r.entry.Origin = unpack.FileOrigin(head)
	}
	if _, err := io.CopyN(io.Discard, all, r.entry.Offset); unpack.Corrupt(err) {
		all = io.MultiReader() // broken before what was read already: reported then
	} else if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := r.unpack(ctx, all); err != nil {
		return err
	}
	r.finished(r.file.info)
	return nil
}

// compressedFile tells by its first bytes.
func compressedFile(f *os.File, magic []byte) bool {
	n, err := f.ReadAt(magic, 0)
	return (err == nil || errors.Is(err, io.EOF)) && unpack.Compressed(magic[:n])
}

// finished notes that the file, as info knows it, was read to its end.
func (r *reader) finished(info os.FileInfo) {
	if r.entry.Origin != "" {
		r.entry.Size, r.entry.Changed = info.Size(), info.ModTime().UnixNano()
		r.cp.update(*r.entry)
	}
}

// copyOf tells whether the file holds, up to e's offset, what the file of e held: both begin alike, and the last bytes before it are the same.
func (r *reader) copyOf(e entry) bool {
	f, err := os.Open(r.file.path)
	if err != nil || e.Last == "" {
		return false
	}
	defer func() { _ = f.Close() }()
	plain := unpack.Decompress(f, 0)
	defer plain.Close()
	last := make([]byte, min(e.Offset, unpack.FingerprintBytes))
	if _, err := io.CopyN(io.Discard, plain, e.Offset-int64(len(last))); err != nil {
		return false
	}
	_, err = io.ReadFull(plain, last)
	return err == nil && fingerprint(last) == e.Last
}

// replaced tells that the file, though it is the same one by name, number and beginning, holds something else than what was read of it.
func (r *reader) replaced(size int64) bool {
	e := r.entry
	return e.Offset > size || e.Offset > 0 && e.Last != "" && r.lastBytes(e.Offset) != e.Last
}

// lastBytes returns the fingerprint of what lies before offset, or "" if that cannot be told.
func (r *reader) lastBytes(offset int64) string {
	if r.f == nil {
		return ""
	}
	last := make([]byte, min(offset, unpack.FingerprintBytes))
	if n, _ := r.f.ReadAt(last, offset-int64(len(last))); n < len(last) { // it cannot be read, or was cut short
		return ""
	}
	return fingerprint(last)
}

// unpack reads records from in, which begins at the entry's offset, until it ends.
func (r *reader) unpack(ctx context.Context, in io.Reader) error {
	base := producers.Record{
		Origin: r.entry.Origin, Position: strconv.FormatInt(r.entry.Offset, 10),
		Attrs: map[string]string{producers.AttrFile: r.file.path},
	}
	if r.entry.Header != "" {
		base.Attrs[producers.AttrHeader] = r.entry.Header
	}
	err := unpack.Unpack(ctx, in, base, unpack.Options{MaxRecord: r.MaxRecord}, func(it unpack.Item) error {
		it.Record.Received = time.Now()
		r.batch = append(r.batch, it.Record)
		r.bytes += len(it.Record.Data)
		r.resume, r.header = it.Resume, it.Record.Attrs[producers.AttrHeader]
		if len(r.batch) >= batchRecords || r.bytes >= batchBytes {
			return r.flush(ctx)
		}
		return nil
	})
	if err == nil {
		err = r.flush(ctx)
	}
	if failed := r.settle(); failed != nil { // also where an error of Kafka's looks like the end of a file
		return failed
	}
	return err
}

// drain moves the batch into Kafka.
func (r *reader) drain(ctx context.Context) error {
	if err := r.flush(ctx); err != nil {
		return err
	}
	return r.settle()
}

// flush has the batch on its way into Kafka, behind the one before it, so that the next is read meanwhile. Whoever calls it calls settle at the end.
func (r *reader) flush(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	if err := r.settle(); err != nil {
		return err
	}
	if err := r.identify(); err != nil {
		return err
	}
	for i := range r.batch {
		r.batch[i].Origin = r.entry.Origin
	}
	r.flying = &flight{landed: make(chan error, 1), resume: r.resume, header: r.header, last: r.lastBytes(r.resume)}
	go func(batch []producers.Record, landed chan<- error) { landed <- r.emit(ctx, batch) }(r.batch, r.flying.landed)
	r.batch, r.bytes = nil, 0 // the records belong to whoever they were given to
	return nil
}

// settle waits until Kafka has the batch that is on its way, and notes how far that was. Once a batch has failed, all fail.
func (r *reader) settle() error {
	if r.flying == nil || r.failed != nil {
		return r.failed
	}
	f := r.flying
	r.flying = nil
	if r.failed = <-f.landed; r.failed != nil {
		return r.failed
	}
	r.entry.Offset, r.entry.Header, r.entry.Seen = f.resume, f.header, time.Now()
	r.entry.Last = f.last
	r.cp.update(*r.entry)
	return nil
}

// identify settles the origin of a new file, durably, and takes more of the file's beginning into its fingerprint as there is more.
func (r *reader) identify() error {
	if r.entry.Head == unpack.FingerprintBytes {
		return nil
	}
	head, err := r.head()
	if err != nil {
		return err
	}
	if len(head) > r.entry.Head {
		r.entry.Head, r.entry.Print = len(head), fingerprint(head)
	}
	if r.entry.Origin != "" {
		return nil
	}
	r.entry.Origin = unpack.FileOrigin(head)
	if len(head) < unpack.FingerprintBytes || r.twin {
		r.entry.Origin += "@" + strconv.FormatInt(time.Now().UnixNano(), 36)
	}
	r.cp.update(*r.entry)
	return r.cp.save()
}
