// Package open finds the ledger that a URL names: sqlite:///path or postgres://….
package open

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/consumers/ledger/sqlite"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
)

// Check tells whether Open would know what to do with the URL, without I/O.
func Check(ledgerURL string) error {
	u, err := url.Parse(ledgerURL)
	if err != nil { // its text could hold a password: leave it out
		return fault.Permanent(fmt.Errorf("ledger: the URL cannot be read; sqlite:///path or postgres://user@host/database expected"))
	}
	switch u.Scheme {
	case "sqlite":
		if sqlitePath(ledgerURL) == "" {
			return fault.Permanent(fmt.Errorf("ledger: sqlite:///path expected, with the path of a file"))
		}
		return nil
	case "postgres", "postgresql":
		return nil
	}
	return fault.Permanent(fmt.Errorf("ledger: unknown scheme %q; sqlite:///path or postgres://user@host/database expected", u.Scheme))
}

// Open opens the ledger that the URL names and brings its tables up to date. sqlite:///var/lib/x.db is an absolute path, sqlite://x.db a relative one. A
// URL that nobody understands is a permanent error. Who calls it closes the ledger.
func Open(ctx context.Context, ledgerURL string) (ledger.Ledger, error) {
	if err := Check(ledgerURL); err != nil {
		return nil, err
	}
	if strings.HasPrefix(ledgerURL, "sqlite:") {
		return sqlite.Open(ctx, sqlitePath(ledgerURL))
	}
	return postgres.Open(ctx, ledgerURL)
}

// Wait is Open, tried again until the database answers or ctx ends; the log has a line when it is away and one when it is back.
func Wait(ctx context.Context, ledgerURL string, log zerolog.Logger) (ledger.Ledger, error) {
	db := obs.NewCondition(log, "ledger")
	var l ledger.Ledger
	err := fault.Retry(ctx, db.Failed, func() (err error) {
		l, err = Open(ctx, ledgerURL)
		return err
	})
	if err != nil {
		return nil, err
	}
	db.OK()
	return l, nil
}

func sqlitePath(ledgerURL string) string {
	return strings.TrimPrefix(strings.TrimPrefix(ledgerURL, "sqlite:"), "//")
}
