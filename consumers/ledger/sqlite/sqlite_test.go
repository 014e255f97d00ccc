package sqlite_test

import (
	"database/sql"
	"net/url"
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
		return ledgertest.Database{
			Open: func(t *testing.T) ledger.Ledger { t.Helper(); return open(t, path) },
			Targets: func(t *testing.T) (n int) {
				t.Helper()
				db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String())
				if err == nil {
					defer db.Close() //nolint:errcheck // only read
					err = db.QueryRowContext(t.Context(), "select count(*) from targets").Scan(&n)
				}
				if err != nil {
					t.Fatal(err)
				}
				return n
			},
		}
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
