//go:build integration

package postgres_test

import (
	"fmt"
	"net/url"
	"testing"
	"time"

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
		inSchema := newSchema(t, base)
		return ledgertest.Database{Open: func(t *testing.T) ledger.Ledger { t.Helper(); return open(t, inSchema) }}
	})
}

func BenchmarkLedger(b *testing.B) {
	base := servers.Postgres(b)
	ledgertest.Bench(b, func(b *testing.B) ledger.Ledger { b.Helper(); return open(b, newSchema(b, base)) })
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

// newSchema makes an empty schema and returns a URL under which it is the one that is used.
func newSchema(tb testing.TB, base string) string {
	tb.Helper()
	ctx := tb.Context()
	conn, err := pgx.Connect(ctx, base)
	if err != nil {
		tb.Fatal(err)
	}
	name := fmt.Sprintf("ledger_%d", time.Now().UnixNano())
	if _, err := conn.Exec(ctx, "create schema "+name); err != nil {
		tb.Fatal(err)
	}
	if err := conn.Close(ctx); err != nil {
		tb.Fatal(err)
	}
	u, err := url.Parse(base)
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}
