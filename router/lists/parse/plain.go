package parse

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/riposte-security/riposte/router/lists/set"
)

// longestLine bounds a line of a plain list, in bytes.
const longestLine = 64 << 10

// readPlain reads an entry a line. Lines that begin with #, ; or // are comments, and so is what stands behind a blank and # or ; (of strings,
// whole lines that begin with # alone). In a list of domains a line may be one of a hosts file: an address, and names.
func readPlain(r *bufio.Reader, o Options, emit func(set.Entry) error) error {
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("line %d: longer than %d bytes", n, longestLine)
		}
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("line %d: %w", n, err)
		}
		for _, value := range entriesOf(string(line), o.Kind) {
			if err := emit(set.Entry{Value: value}); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
		if last {
			return nil
		}
	}
}

func entriesOf(line string, kind set.Kind) []string {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return nil
	}
	if kind == set.String {
		return []string{line}
	}
	if line[0] == ';' || strings.HasPrefix(line, "//") {
		return nil
	}
	for _, mark := range []string{" #", "\t#", " ;", "\t;"} {
		if i := strings.Index(line, mark); i >= 0 {
			line = strings.TrimSpace(line[:i])
		}
	}
	if names := strings.Fields(line); len(names) > 1 && (kind == set.Domain || kind == set.Auto) {
		if _, err := netip.ParseAddr(names[0]); err == nil {
			return hostNames(names[1:])
		}
	}
	return []string{line}
}

// hostNames leaves out the names that every hosts file has for the machine itself.
func hostNames(names []string) []string {
	var out []string
	for _, n := range names {
		switch n {
		case "localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix",
			"ip6-allnodes", "ip6-allrouters", "ip6-allhosts", "0.0.0.0":
		default:
			out = append(out, n)
		}
	}
	return out
}
