package broker

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const portFile = "riposte.port"

// listen opens the port that was asked for, or the one of the last run if it is free, or any.
func listen(ctx context.Context, o Options) (net.Listener, error) {
	var lc net.ListenConfig
	if o.Port == 0 && o.DataDir != "" {
		if text, err := os.ReadFile(filepath.Join(o.DataDir, portFile)); err == nil {
			port, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16)
			if err == nil {
				if l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
					return l, nil
				}
			}
		}
	}
	l, err := lc.Listen(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", o.Port))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

func rememberPort(dir string, addr net.Addr) error {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return fmt.Errorf("address %s: %w", addr, err)
	}
	if err := os.WriteFile(filepath.Join(dir, portFile), []byte(port+"\n"), 0o600); err != nil {
		return fmt.Errorf("remember the port: %w", err)
	}
	return nil
}
