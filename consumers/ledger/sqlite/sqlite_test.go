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
		return ledgertest.Database{Open: func(t *testing.T) ledger.Ledger {
			t.Helper()
			l, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
			return l
		}}
	})
}
