package unpack

import (
	"errors"
	"io"
)

// badElement is called with the byte that cannot be in an element of a container. on tells whether the next element can be read.
func (d *document) badElement(c byte, reason error) (on bool, err error) {
	d.element.add(c)
	if on, err = d.passOver(c); err != nil {
		return false, err
	} else if !on {
		return false, d.resync(reason)
	}
	err = d.u.problem(d.at, d.start, &d.element, reason)
	return err == nil, err
}

// passOver reads to the end of an element that is no JSON, if its brackets say where that is before a line ends; then reading goes on behind
// it, where the next element may come.
func (d *document) passOver(c byte) (found bool, err error) {
	u, open, quoted, escaped := d.u, d.scan.kinds, false, false
	for {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open = append(open, c)
		case c == '}' || c == ']':
			open = closed(open, c-2, d.elements) // in ASCII each opens two before it closes
		}
		if len(open) == d.elements {
			d.in = false
			d.scan.kinds, d.scan.deep, d.scan.state = open, 0, afterValue
			return true, nil
		}
		if len(open) > 4*u.opts.MaxDepth {
			return false, nil
		}
		if err := u.in.more(); err != nil {
			if errors.Is(err, io.EOF) || Corrupt(err) {
				return false, nil
			}
			return false, err
		}
		if c = u.in.buf[u.in.pos]; c == '\n' {
			return false, nil
		}
		u.in.pos++
		u.in.off++
		d.element.add(c)
	}
}

// closed returns which of the open containers stay so when the last one of that kind closes, and all that have been left open in it. It leaves
// the first few alone.
func closed(open []byte, kind byte, keep int) []byte {
	for i := len(open) - 1; i >= keep; i-- {
		if open[i] == kind {
			return open[:i]
		}
	}
	return open
}
