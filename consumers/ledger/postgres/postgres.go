// Package postgres keeps the ledger in PostgreSQL 15 or later, for production: any number of processes share it.
//
// What is committed is as durable as the server's synchronous_commit makes it: leave that on.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/sqlstore"
	"github.com/riposte-security/riposte/internal/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// patience is how long a connection may take to be made where the URL has no connect_timeout, and how long a call may take.
	patience = 5 * time.Second
	// goodbye is how long the server has to end connections before they are cut.
	goodbye = 2 * time.Second
)

// Open connects to the database that the URL names (postgres://user:password@host:port/database?sslmode=…&pool_max_conns=…&connect_timeout=…) and
// brings its tables up to date. A malformed URL is a permanent error; everything else may be worth another try.
func Open(ctx context.Context, url string) (ledger.Ledger, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("ledger: %w", err)) // pgx leaves the password out
	}
	l, err := open(ctx, cfg)
	if err != nil {
		c := cfg.ConnConfig
		return nil, fmt.Errorf("ledger postgres://%s:%d/%s: %w", c.Host, c.Port, c.Database, err)
	}
	return l, nil
}

func open(ctx context.Context, cfg *pgxpool.Config) (ledger.Ledger, error) {
	if cfg.ConnConfig.RuntimeParams["application_name"] == "" {
		cfg.ConnConfig.RuntimeParams["application_name"] = "riposte"
	}
	if cfg.ConnConfig.ConnectTimeout <= 0 {
		cfg.ConnConfig.ConnectTimeout = patience
	}
	cfg.AfterConnect = byIndex
	dialer := newDialer()
	cfg.ConnConfig.DialFunc = dialer.dial
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	shut := func() error {
		defer time.AfterFunc(goodbye, dialer.cut).Stop()
		err := db.Close()
		pool.Close()
		return err
	}
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, shut())
	}
	return sqlstore.New(db, db, dialect(), shut), nil
}

// byIndex makes a connection go by indexes. Every statement of the ledger has one that fits; but its tables are queues, which grow and shrink faster
// than their statistics, and a plan that was made, and kept, when they were short reads the whole of them for ever after. What is said not to be done costs so much in the planner's eyes that it would compile it, which takes longer than
// all else. Statements are planned for each call where that is what the planner prefers, though it costs more than to carry some of them out: with
// plan_cache_mode = force_generic_plan a plan of when the tables were short was kept, and a sixteenth of the commands were done (BenchmarkCommands).
func byIndex(ctx context.Context, c *pgx.Conn) error {
	const settings = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set jit = off"
	if _, err := c.Exec(ctx, settings); err != nil {
		return fmt.Errorf("settings of the connection: %w", err)
	}
	return nil
}

// migrate brings the tables up to date, one process at a time.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		Chained:    true,
		Patience:   patience,
		SkipLocked: "for update skip locked",
		Lock:       `collate "C" for update`,
		Rows:       columns,
		AtOnce:     1000,
		Any:        func(column, placeholder string) string { return column + " = any(" + placeholder + ")" },
		Latest: func(query string) string {
			return "cross join lateral (" + query + ") as latest join commands on commands.seq = latest.seq"
		},
		List: func(values any) (any, error) { return values, nil },
	}
}
