package archive

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/riposte-security/riposte/internal/kafka"
)

// write writes the Parquet files of a segment, one after the other: rows are read from the spool again, in the order of their time. unmapped is
// how many messages are in none.
func (s *spool) tables(ctx context.Context, p place) (files []*piece, unmapped int64, err error) {
	if s.sorter == nil {
		return nil, s.count, nil
	}
	entries := slices.Clone(s.sorter.entries)
	folders := make([]string, len(s.sorter.tables))
	for i, t := range s.sorter.tables {
		folders[i] = t.folder(s.sorter.a.cfg.Parquet.Source)
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		if a.table != b.table && a.table >= 0 && b.table >= 0 {
			return cmp.Compare(folders[a.table], folders[b.table])
		}
		return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.time, b.time), cmp.Compare(a.at, b.at))
	})
	for len(entries) > 0 && entries[0].table < 0 {
		entries = entries[1:]
		unmapped++
	}
	w := &tableWriters{}
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && entries[n].table == entries[0].table {
			n++
		}
		file, skipped, err := s.table(ctx, w, tableName(folders[entries[0].table], p), s.sorter.tables[entries[0].table].commands, entries[:n])
		if err != nil {
			return files, unmapped, err
		}
		unmapped += skipped
		if file != nil {
			files = append(files, file)
		}
		entries = entries[n:]
	}
	return files, unmapped, nil
}

// tableWriters are the Parquet writers of a segment: they are large, and made once.
type tableWriters struct {
	events   *parquet.GenericWriter[eventRow]
	commands *parquet.GenericWriter[commandRow]
}

func writerOptions() []parquet.WriterOption {
	return []parquet.WriterOption{
		parquet.Compression(&parquet.Zstd), parquet.PageBufferSize(pageBytes), parquet.CreatedBy("riposte", "1", ""), parquet.DataPageStatistics(true),
	}
}

// table writes one Parquet file; nil if it would have no row.
func (s *spool) table(ctx context.Context, w *tableWriters, name string, commands bool, entries []entry) (_ *piece, skipped int64, err error) {
	file, err := newPiece(s.dir, name)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil || file.Rows == 0 {
			discard(file.f)
		}
	}()
	out := newSumWriter(file.f)
	buf := bufio.NewWriterSize(out, 256<<10)
	if commands {
		if w.commands == nil {
			w.commands = parquet.NewGenericWriter[commandRow](buf, writerOptions()...)
		}
		w.commands.Reset(buf)
		file.Rows, err = writeRows(ctx, s, w.commands, entries, newCommandRow)
	} else {
		if w.events == nil {
			w.events = parquet.NewGenericWriter[eventRow](buf, writerOptions()...)
		}
		w.events.Reset(buf)
		file.Rows, err = writeRows(ctx, s, w.events, entries, newEventRow)
	}
	if err == nil {
		err = buf.Flush()
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", name, err)
	}
	skipped = int64(len(entries)) - file.Rows
	if file.Rows == 0 {
		return nil, skipped, nil
	}
	file.Size, file.SHA256 = out.n, out.sum()
	return file, skipped, nil
}

// writeRows writes the rows of some messages, and closes the file. What cannot be a row is left out.
func writeRows[R any](ctx context.Context, s *spool, w *parquet.GenericWriter[R], entries []entry, row func(*kafka.Message) (R, error)) (rows int64, err error) {
	var text []byte
	var bytes int64
	one := make([]R, 1)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return rows, err
		}
		text = slices.Grow(text[:0], int(e.size))[:e.size]
		if _, err := s.f.ReadAt(text, e.at); err != nil && !errors.Is(err, io.EOF) {
			return rows, err
		}
		m := quickLine(text)
		if one[0], err = row(&m); err != nil {
			continue // no row, but a record of the segment all the same; it is counted
		}
		if _, err := w.Write(one); err != nil {
			return rows, err
		}
		rows++
		if bytes += e.size; bytes >= groupBytes {
			if err := w.Flush(); err != nil {
				return rows, err
			}
			bytes = 0
		}
	}
	return rows, w.Close()
}
