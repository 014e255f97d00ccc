package postgres_test

import (
	"net"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/internal/fault"
)

func TestOpenRefusesAMalformedURL(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://u:secret@host:port/db")
	if !fault.IsPermanent(err) {
		t.Errorf("error %v; a permanent one expected", err)
	}
}

// TestOpenGivesUpOnAServerThatIsMute: it accepts connections, and says nothing.
func TestOpenGivesUpOnAServerThatIsMute(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only listened
	start := time.Now()
	_, err = postgres.Open(t.Context(), "postgres://u@"+l.Addr().String()+"/db?sslmode=disable")
	if err == nil || fault.IsPermanent(err) {
		t.Errorf("error %v; one that passes expected", err)
	}
	if d := time.Since(start); d > 12*time.Second {
		t.Errorf("Open took %s", d)
	}
}
