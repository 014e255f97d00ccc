package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

// A Parquet file is read from its end, so a stream of it is put aside in a temporary file first. Its rows become records one by one: lines
// with a header where the columns are those of flow logs, JSON objects elsewhere, as in Security Lake. What a row says of itself stays in
// its columns; the record's position is that of the file, a slash, and the number of the row from 0.
const (
	parquetMagic = "PAR1"
	maxParquet   = 1 << 30 // bytes of a file, where no other bound is given
	rowsAtOnce   = 64
)

// parquetAhead tells whether the stream is a Parquet file. It takes no more of it than it must.
func (u *unpacker) parquetAhead() (bool, error) {
	var head []byte
	defer func() { u.in.unread(head) }()
	for len(head) < len(parquetMagic) {
		c, err := u.in.next()
		if errors.Is(err, io.EOF) && len(head) > 0 {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if head = append(head, c); !strings.HasPrefix(parquetMagic, string(head)) {
			return false, nil
		}
	}
	return true, nil
}

// parquet reads the rest of the stream as a Parquet file.
func (u *unpacker) parquet() error {
	at := u.in.off
	file, err := os.CreateTemp("", "riposte-*.parquet")
	if err != nil {
		return fmt.Errorf("parquet: %w", err)
	}
	defer func() {
		_ = file.Close()
		_ = os.Remove(file.Name())
	}()
	size, err := u.spool(file)
	switch bad := (corrupt{}); {
	case errors.As(err, &bad):
		return u.problem(at, u.in.off, nil, bad.err)
	case err != nil:
		return err
	}
	p := &parquetFile{u: u, at: at, size: size}
	if err := p.run(file); err != nil {
		if errors.As(err, new(broken)) {
			return u.problem(at, u.in.off, nil, err)
		}
		return err
	}
	return nil
}

// spool copies the rest of the stream into file.
func (u *unpacker) spool(file io.Writer) (int64, error) {
	limit := u.opts.MaxTotal
	if limit <= 0 {
		limit = maxParquet
	}
	size := int64(0)
	for {
		if err := u.in.more(); errors.Is(err, io.EOF) {
			return size, nil
		} else if err != nil {
			return size, err
		}
		part := u.in.buf[u.in.pos:]
		if size += int64(len(part)); size > limit {
			return size, corrupt{fmt.Errorf("a Parquet file of more than %d bytes: %w", limit, ErrTooLarge)}
		}
		if _, err := file.Write(part); err != nil {
			return size, fmt.Errorf("parquet: %w", err)
		}
		u.in.pos += len(part)
		u.in.off += int64(len(part))
	}
}

// broken marks an error of the file's content.
type broken struct{ err error }

func (b broken) Error() string { return "Parquet: " + b.err.Error() }
func (b broken) Unwrap() error { return b.err }

// guarded runs f, and makes a failure of the library over a hostile file an error.
func guarded(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = broken{fmt.Errorf("the reader failed: %v\n%s", v, debug.Stack())}
		}
	}()
	return f()
}

// A parquetFile is a file while its rows are handed over.
type parquetFile struct {
	u        *unpacker
	at, size int64
	columns  rowWriter
	attrs    map[string]string
	rows     int64 // that the file says it has
	row, out int64 // rows and bytes handed over
}

func (p *parquetFile) run(file io.ReaderAt) error {
	footer, err := checkFooter(file, p.size)
	if err != nil {
		return broken{err}
	}
	var f *parquet.File
	err = guarded(func() error {
		f, err = parquet.OpenFile(file, p.size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return broken{err}
		}
		p.attrs, p.rows = p.u.attrs, f.NumRows()
		header := ""
		if p.columns, header, err = newRowWriter(f.Root(), p.u.opts.MaxRecord); err != nil {
			return broken{err}
		}
		if header != "" {
			p.attrs = with(p.attrs, producers.AttrHeader, header)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, group := range f.RowGroups() {
		if err := checkPages(file, p.size-footer, f.Metadata(), i); err != nil {
			return broken{fmt.Errorf("row group %d: %w", i, err)}
		}
		if err := p.group(group); err != nil {
			return err
		}
	}
	return nil
}

// group hands over the rows of one row group.
func (p *parquetFile) group(group parquet.RowGroup) error {
	var rows parquet.Rows
	if err := guarded(func() error { rows = group.Rows(); return nil }); err != nil {
		return err
	}
	defer func() { _ = guarded(rows.Close) }()
	buffer := make([]parquet.Row, rowsAtOnce)
	for {
		n, end := 0, false
		err := guarded(func() error {
			var err error
			n, err = rows.ReadRows(buffer)
			if end = errors.Is(err, io.EOF); err != nil && !end {
				return broken{err}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, row := range buffer[:n] {
			if err := p.emit(row); err != nil {
				return err
			}
		}
		if end || n == 0 {
			return nil
		}
	}
}

// emit hands over one row.
func (p *parquetFile) emit(row parquet.Row) error {
	var data []byte
	reason := guarded(func() error {
		var err error
		data, err = p.columns.record(row)
		return err
	})
	p.out += int64(len(data))
	if p.out > bombFree && p.out > bombRatio*p.size {
		return broken{fmt.Errorf("more than %d times the file's size: %w", bombRatio, ErrTooLarge)}
	}
	rec := p.u.base
	rec.Data, rec.Attrs = bytes.Clone(data), p.attrs
	rec.Position = p.u.at + strconv.FormatInt(p.at+p.u.shift, 10) + "/" + strconv.FormatInt(p.row, 10)
	resume := p.at + p.u.shift
	if p.row++; p.row == p.rows {
		resume = p.u.in.off + p.u.shift
	}
	if reason == nil {
		return p.u.emit(rec, resume, nil)
	}
	rec.Attrs = with(rec.Attrs, producers.AttrProblem, reason.Error())
	return p.u.emit(rec, resume, fault.Permanent(fmt.Errorf("row %d: %w", p.row-1, reason)))
}
