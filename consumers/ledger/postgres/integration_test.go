//go:build integration

package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/ledgertest"
	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/schemas"
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

// TestClaimReadsFew: a claim takes what it hands out off the index, however many targets are ready, also once the planner knows of them.
func TestClaimReadsFew(t *testing.T) {
	t.Parallel()
	lanes, severities := schemas.Lanes(), []string{"low", "medium", "high", "critical"} // mixed, as they come
	const ready, claims, each = 6000, 50, 100                                           // what was claimed lies in the index until the server clears it away
	url := servers.Schema(t, servers.Postgres(t))
	now := time.Now().UTC()
	l := open(t, url)
	for from := 0; from < ready; from += 1000 {
		cmds := make([]schemas.Command, 1000)
		for i := range cmds {
			n := from + i
			target := schemas.Target{Type: "thing", ID: fmt.Sprintf("%x", uint32(n)*2654435761)} // in the index as they do not lie in the table
			cmds[i] = schemas.Command{
				ID: schemas.CommandID("r", "s", "e", target), Rule: "r", RuleHash: "h", Step: "s", Lane: lanes[n*7%len(lanes)], Action: "a", Target: target,
				Severity: severities[n%len(severities)], Event: []byte(`{}`), EventUID: "e", EventTime: now, Created: now,
			}
		}
		if _, err := l.Enter(t.Context(), now, cmds); err != nil {
			t.Fatal(err)
		}
	}
	if err := query(t, url, "analyze"); err != nil {
		t.Fatal(err)
	}
	for range claims {
		if es, err := l.Claim(t.Context(), now, ledger.Claim{Owner: "o", Lanes: lanes, N: 1, Lease: time.Minute}); err != nil || len(es) != 1 {
			t.Fatal(len(es), err)
		}
	}
	var read int
	await.Until(t, "the server has counted", func() bool { // a second or so later
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context()) //nolint:errcheck // the test ends
		sql := `select idx_scan, idx_tup_read from pg_stat_user_indexes where indexrelname = 'targets_ready' and schemaname = current_schema()`
		var scans int
		if err := c.QueryRow(t.Context(), sql).Scan(&scans, &read); err != nil {
			t.Fatal(err)
		}
		return scans >= claims
	})
	if read > claims*each {
		t.Errorf("%d claims read %d entries of the index of what is ready", claims, read)
	}
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
