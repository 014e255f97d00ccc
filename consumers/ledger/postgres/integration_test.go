//go:build integration

package postgres_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/ledgertest"
	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/internal/servers"
)

func TestLedger(t *testing.T) {
	t.Parallel()
	base := servers.Postgres(t) // each test has a schema of its own in it
	ledgertest.Run(t, func(t *testing.T) ledgertest.Database {
		t.Helper()
		inSchema := servers.Schema(t, base)
		return database(inSchema)
	})
}

func BenchmarkLedger(b *testing.B) {
	base := servers.DirectPostgres(b)
	ledgertest.Bench(b, func(b *testing.B) ledger.Ledger { b.Helper(); return open(b, servers.Schema(b, base)) })
}

func database(url string) ledgertest.Database {
	return ledgertest.Database{
		Open: func(t *testing.T) ledger.Ledger { t.Helper(); return open(t, url) },
		Targets: func(t *testing.T) (n int) {
			t.Helper()
			c, err := pgx.Connect(t.Context(), url)
			if err == nil {
				defer c.Close(t.Context()) //nolint:errcheck // the test ends
				err = c.QueryRow(t.Context(), "select count(*) from targets").Scan(&n)
			}
			if err != nil {
				t.Fatal(err)
			}
			return n
		},
	}
}

func open(tb testing.TB, url string) ledger.Ledger {
	tb.Helper()
	l, err := postgres.Open(tb.Context(), url)
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
