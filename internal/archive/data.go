package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// A data file is one zstd frame with the lines, and after it a skippable frame, which decoders pass over, with a signature: what a crash left
// behind of a segment can be told from what somebody put there.
const (
	sealMagic = 0x184D2A5A // one of zstd's sixteen for skippable frames
	sealSize  = 8 + 32 + 64
)

// An entry of an index file stands for one record: its offset, and the first half of its leaf hash, which tells where a segment was changed.
// That it was, the root tells.
const entrySize = 8 + 16

func appendEntry(b []byte, offset int64, leaf Hash) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(offset)) //nolint:gosec // offsets are not negative
	return append(b, leaf[:entrySize-8]...)
}

// newEncoder makes the encoder of data files. It works in the caller's goroutine, so that its output and its memory are always the same.
func newEncoder(w io.Writer) (*zstd.Encoder, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(1<<20))
}

// newDecoder makes a decoder of data files with bounded memory.
func newDecoder(r io.Reader) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
}

// A piece is a file of a segment before it is stored.
type piece struct {
	File

	f *os.File
}

func (p *piece) content() io.ReadSeeker { return io.NewSectionReader(p.f, 0, p.Size) }

// A digest is what is computed over the lines of a segment.
type digest struct {
	tree     tree
	lastLeaf Hash
	offset   int64
}

// write writes data and index file of a segment, and computes the hashes over its lines.
func (s *spool) write(ctx context.Context, p place, signer Signer) (d digest, data, index *piece, err error) {
	if data, err = newPiece(s.dir, p.name(dataSuffix)); err != nil {
		return d, nil, nil, err
	}
	f := data.f // an error returns no data
	defer func() {
		if err != nil {
			discard(f)
		}
	}()
	sum := newSumWriter(data.f)
	enc, err := newEncoder(sum)
	if err != nil {
		return d, nil, nil, fmt.Errorf("%s: %w", data.Name, err)
	}
	r, err := s.reader()
	if err != nil {
		return d, nil, nil, err
	}
	if d, index, err = scan(ctx, s.dir, p, r, func(text []byte) error {
		if _, err := enc.Write(text); err != nil {
			return err
		}
		_, err := enc.Write([]byte{'\n'})
		return err
	}); err != nil {
		return d, nil, nil, errors.Join(err, enc.Close())
	}
	var sig Signature
	if err = enc.Close(); err == nil {
		sig, err = signed(ctx, signer, dataStatement(p, sum.sum()))
	}
	if err == nil {
		_, err = sum.Write(sealFrame(sig))
	}
	if err != nil {
		discard(index.f)
		return d, nil, nil, fmt.Errorf("%s: %w", data.Name, err)
	}
	data.Size, data.SHA256 = sum.n, sum.sum()
	return d, data, index, nil
}

// scan reads the lines of a segment, writes its index and computes the hashes.
func scan(ctx context.Context, dir string, p place, r *lineReader, each func(text []byte) error) (d digest, index *piece, err error) {
	if index, err = newPiece(dir, p.name(indexSuffix)); err != nil {
		return d, nil, err
	}
	f := index.f // an error returns no index
	defer func() {
		if err != nil {
			discard(f)
		}
	}()
	sum := newSumWriter(index.f)
	w := bufio.NewWriterSize(sum, 64<<10)
	var entry []byte
	for {
		text, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			d.offset, err = offsetOf(text)
		}
		if err == nil {
			err = each(text)
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return d, nil, fmt.Errorf("segment %s: %w", p, err)
		}
		d.lastLeaf = leafHash(text)
		d.tree.add(d.lastLeaf)
		entry = appendEntry(entry[:0], d.offset, d.lastLeaf)
		if _, err := w.Write(entry); err != nil {
			return d, nil, fmt.Errorf("%s: %w", index.Name, err)
		}
	}
	if err := w.Flush(); err != nil {
		return d, nil, fmt.Errorf("%s: %w", index.Name, err)
	}
	index.Size, index.SHA256 = sum.n, sum.sum()
	return d, index, nil
}

func newPiece(dir, name string) (*piece, error) {
	f, err := scratch(dir)
	if err != nil {
		return nil, err
	}
	return &piece{File: File{Name: name}, f: f}, nil
}

// offsetOf reads the offset of a line, without reading the rest of it.
func offsetOf(text []byte) (int64, error) {
	const before = `,"offset":`
	i := bytes.Index(text[:min(len(text), 400)], []byte(before)) // topics are at most 249 bytes long, and free of quotes
	if i < 0 {
		return 0, errLine
	}
	var n int64
	i += len(before)
	from := i
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9' && i-from < 18; i++ {
		n = 10*n + int64(text[i]-'0')
	}
	if i == from {
		return 0, errLine
	}
	return n, nil
}

// sealFrame is a signature as a skippable frame.
func sealFrame(sig Signature) []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, sealSize), sealMagic)
	b = binary.LittleEndian.AppendUint32(b, sealSize-8)
	b = append(b, sig.Key[:]...)
	return append(b, sig.Value...)
}

// checkSeal checks the signature at the end of a data file.
func checkSeal(f io.ReaderAt, size int64, p place, keys Keys) error {
	if size <= sealSize {
		return errSignature
	}
	sum := newSumWriter(io.Discard)
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size-sealSize)); err != nil {
		return err
	}
	var frame [sealSize]byte
	if _, err := f.ReadAt(frame[:], size-sealSize); err != nil {
		return err
	}
	return openSeal(frame[:], dataStatement(p, sum.sum()), keys)
}

func openSeal(frame, statement []byte, keys Keys) error {
	if binary.LittleEndian.Uint32(frame) != sealMagic || binary.LittleEndian.Uint32(frame[4:]) != sealSize-8 {
		return errSignature
	}
	return keys.check(statement, Signature{Algorithm: algorithm, Key: Hash(frame[8:40]), Value: frame[40:]})
}
