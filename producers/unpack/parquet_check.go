package unpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// The library believes what a file says of its own sizes. So they are looked at before it sees them.
const (
	maxFooter     = 16 << 20  // bytes
	maxPageHeader = 1 << 20   // bytes
	maxPage       = 64 << 20  // bytes, decompressed
	maxPageValues = 4 << 20   // values
	maxPages      = 256 << 20 // bytes of one page of every column
	maxColumns    = 4096
	maxThrift     = 32 // levels
)

// checkFooter looks through the footer of a file: every list and string in there must fit into it. It returns the footer's size, with what
// follows it.
func checkFooter(file io.ReaderAt, size int64) (int64, error) {
	var tail [8]byte
	if size < 12 {
		return 0, fmt.Errorf("a file of %d bytes", size)
	}
	if _, err := file.ReadAt(tail[:], size-8); err != nil {
		return 0, err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if string(tail[4:]) != parquetMagic {
		return 0, fmt.Errorf("the end of the file is missing: %q", tail[4:])
	}
	if n > maxFooter || n > size-12 {
		return 0, fmt.Errorf("a footer of %d bytes", n)
	}
	footer := make([]byte, n)
	if _, err := file.ReadAt(footer, size-8-n); err != nil {
		return 0, err
	}
	if _, _, err := readThrift(footer); err != nil {
		return 0, fmt.Errorf("footer: %w", err)
	}
	return n + 8, nil
}

// checkPages looks through the headers of all pages of a row group. end is where the pages of the file end.
func checkPages(file io.ReaderAt, end int64, meta *format.FileMetaData, group int) error {
	columns := meta.RowGroups[group].Columns
	if len(columns) > maxColumns {
		return fmt.Errorf("%d columns, at most %d are read", len(columns), maxColumns)
	}
	total := int64(0)
	for i := range columns {
		m := &columns[i].MetaData
		at := m.DataPageOffset
		if d := m.DictionaryPageOffset; d > 0 && d < at {
			at = d
		}
		if at < 4 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > end-at {
			return fmt.Errorf("column %d: %d bytes from %d, of a file with %d", i, m.TotalCompressedSize, at, end)
		}
		largest, err := checkChunk(io.NewSectionReader(file, at, m.TotalCompressedSize))
		if err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
		if total += largest; total > maxPages {
			return fmt.Errorf("pages that need more than %d bytes at a time: %w", maxPages, ErrTooLarge)
		}
	}
	return nil
}

// checkChunk looks through the pages of one column, and returns what the largest one needs.
func checkChunk(r *io.SectionReader) (largest int64, err error) {
	head := make([]byte, 512)
	for at := int64(0); at < r.Size(); {
		n, err := r.ReadAt(head, at)
		if n == 0 {
			return 0, err
		}
		page, size, err := readThrift(head[:n])
		if errors.Is(err, errShort) && n == len(head) && n < maxPageHeader {
			head = make([]byte, 4*len(head))
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("page at %d: %w", at, err)
		}
		plain, packed := page[2], page[3]
		values := max(page[under(5, 1)], page[under(7, 1)], page[under(8, 1)])
		if plain < 0 || plain > maxPage || packed < 0 || packed > r.Size() || values < 0 || values > maxPageValues {
			return 0, fmt.Errorf("page at %d: %d bytes, of %d, with %d values: %w", at, plain, packed, values, ErrTooLarge)
		}
		largest = max(largest, plain+packed+8*values)
		at += int64(size) + packed
	}
	return largest, nil
}
