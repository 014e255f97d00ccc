package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/ledgertest"
	"github.com/riposte-security/riposte/consumers/ledger/sqlite"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) ledgertest.Database {
		t.Helper()
		path := filepath.Join(t.TempDir(), "odd name? #1%", "ledger.db")
		return ledgertest.Database{Open: func(t *testing.T) ledger.Ledger { t.Helper(); return open(t, path) }}
	})
}

func BenchmarkLedger(b *testing.B) {
	ledgertest.Bench(b, func(b *testing.B) ledger.Ledger { b.Helper(); return open(b, filepath.Join(b.TempDir(), "ledger.db")) })
}

func open(tb testing.TB, path string) ledger.Ledger {
	tb.Helper()
	l, err := sqlite.Open(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}
