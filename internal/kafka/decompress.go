package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"
)

// maxPlain is what a batch may have at most when it is decompressed. Producers of riposte stay far below; a batch above it is a bomb.
const maxPlain = 64 << 20

// errBomb says that a batch becomes too large when it is decompressed.
var errBomb = fmt.Errorf("decompressed, the batch has more than %d MB", maxPlain>>20)

// plain decompresses what is in a batch. The readers of kafka-go allocate what hostile lengths say in Snappy and Zstandard, which are therefore decoded by what
// it is built on.
func (p *page) plain(how compress.Compression, data []byte) (out []byte, err error) {
	if cap(p.text) == 0 {
		p.text = make([]byte, 0, pageBytes)
	}
	from := len(p.text)
	text := p.text
	switch how {
	case compress.None:
		text = append(text, data...) // the answer's memory is used again before the page's
	case compress.Snappy:
		text, err = unsnappy(text, data)
	case compress.Zstd:
		text, err = p.unzstd(text, data)
	case compress.Gzip, compress.Lz4:
		text, err = stream(text, how.Codec(), data)
	default:
		return nil, fmt.Errorf("unknown compression %d", how)
	}
	if err != nil && !errors.Is(err, errBomb) {
		err = fmt.Errorf("%s: %w", how, err)
	}
	if err != nil {
		return nil, err
	}
	p.text, p.batchBytes = text, len(text)-from
	return text[from:len(text):len(text)], nil
}

// stream decompresses behind text.
func stream(text []byte, codec compress.Codec, data []byte) ([]byte, error) {
	r := codec.NewReader(bytes.NewReader(data))
	defer r.Close() //nolint:errcheck // nothing more is read from it
	const least = 64 << 10
	from := len(text)
	for {
		text = slices.Grow(text, least)
		n, err := r.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case len(text)-from > maxPlain:
			return nil, errBomb
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return nil, err
		}
	}
}

// xerial is what Snappy begins with where it is framed as Kafka's own clients do it: blocks with their lengths before them, behind this and two versions.
const xerial = "\x82SNAPPY\x00"

func unsnappy(text, data []byte) ([]byte, error) {
	const head, word = 16, 4
	if len(data) < head || string(data[:len(xerial)]) != xerial {
		return unblock(text, len(text), data)
	}
	from := len(text)
	for data = data[head:]; len(data) > 0; {
		if len(data) < word {
			return nil, snappy.ErrCorrupt
		}
		n := int(binary.BigEndian.Uint32(data))
		if data = data[word:]; n > len(data) {
			return nil, snappy.ErrCorrupt
		}
		var err error
		if text, err = unblock(text, from, data[:n]); err != nil {
			return nil, err
		}
		data = data[n:]
	}
	return text, nil
}

// unblock decompresses a block of Snappy behind text, of which what is from from on belongs to the same batch.
func unblock(text []byte, from int, block []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, err
	}
	if len(text)-from+n > maxPlain {
		return nil, errBomb
	}
	text = slices.Grow(text, n)
	out, err := snappy.Decode(text[len(text):len(text)+n], block)
	if err != nil {
		return nil, err
	}
	return text[:len(text)+len(out)], nil
}

func (m *memory) unzstd(text, data []byte) ([]byte, error) {
	if m.zstd == nil {
		var err error
		if m.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPlain)); err != nil {
			return nil, err
		}
	}
	text, err := m.zstd.DecodeAll(data, text)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return nil, errBomb
	}
	return text, err
}
