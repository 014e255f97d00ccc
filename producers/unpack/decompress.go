package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	bombFree  = 64 << 20 // bytes that may come out of a compressed stream whatever its size
	bombRatio = 250      // and how many times its size after that
	maxWindow = 32 << 20 // of zstd
)

// corrupt marks an error of the content, as opposed to one of reading it.
type corrupt struct{ err error }

func (c corrupt) Error() string { return c.err.Error() }
func (c corrupt) Unwrap() error { return c.err }

// Corrupt tells that an error is one of what was read, and not of reading it: it comes again each time.
func Corrupt(err error) bool {
	_, ok := errors.AsType[corrupt](err)
	return ok
}

// Decompress returns r without its compression, if it has one: gzip or zstd, recognised by the first bytes, which are read with the first
// Read. maxTotal bounds what comes out; 0 is no bound. Closing it does not close r.
func Decompress(r io.Reader, maxTotal int64) *Plain {
	return &Plain{raw: &counter{r: r}, max: maxTotal}
}

// Plain is a stream without its compression. It is not safe for concurrent use.
type Plain struct {
	raw   *counter
	r     io.Reader // nil until the first Read
	close func()
	max   int64
	out   int64
	ratio bool
}

// counter notes how much was read and the error of the reader below a decompressor.
type counter struct {
	r   io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// Read implements io.Reader.
func (p *Plain) Read(b []byte) (int, error) {
	if p.r == nil {
		if err := p.start(); err != nil {
			return 0, p.classify(err)
		}
	}
	n, err := p.r.Read(b)
	p.out += int64(n)
	switch {
	case p.max > 0 && p.out > p.max:
		return 0, corrupt{fmt.Errorf("more than %d bytes: %w", p.max, ErrTooLarge)}
	case p.ratio && p.out > bombFree && p.out > bombRatio*p.raw.n:
		return 0, corrupt{fmt.Errorf("more than %d times the compressed size: %w", bombRatio, ErrTooLarge)}
	}
	return n, p.classify(err)
}

// classify tells a broken stream from a reader that fails: the content is to blame if the reader below came to its end well.
func (p *Plain) classify(err error) error {
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if p.raw.err != nil && !errors.Is(p.raw.err, io.EOF) {
		return p.raw.err
	}
	if p.ratio {
		return corrupt{fmt.Errorf("compressed stream: %w", err)}
	}
	return err
}

func (p *Plain) start() error {
	head := make([]byte, 0, 4)
	for len(head) < 4 && (len(head) == 0 || bytes.HasPrefix([]byte(gzipMagic), head) || bytes.HasPrefix([]byte(zstdMagic), head)) {
		n, err := p.raw.Read(head[len(head) : len(head)+1])
		head = head[:len(head)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, ErrIdle) { // what was read must not get lost
			return err
		}
	}
	all := io.MultiReader(bytes.NewReader(head), p.raw)
	switch {
	case bytes.HasPrefix(head, []byte(gzipMagic)):
		p.ratio = true
		z, err := gzip.NewReader(all)
		if err != nil {
			return err
		}
		p.r, p.close = z, func() { _ = z.Close() }
	case bytes.HasPrefix(head, []byte(zstdMagic)):
		p.ratio = true
		z, err := zstd.NewReader(all, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		p.r, p.close = z, z.Close
	default:
		p.r = all
	}
	return nil
}

const (
	gzipMagic = "\x1f\x8b\x08"
	zstdMagic = "\x28\xb5\x2f\xfd"
)

// Compressed tells by the first bytes of a stream whether Decompress would change it.
func Compressed(head []byte) bool {
	return bytes.HasPrefix(head, []byte(gzipMagic)) || bytes.HasPrefix(head, []byte(zstdMagic))
}

// Close ends the decompressor, not the reader below.
func (p *Plain) Close() {
	if p.close != nil {
		p.close()
	}
}
