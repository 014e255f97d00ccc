// Package sqlite keeps the ledger in one file, for a single machine. Several processes on that machine may use the file at once.
//
// It survives kill -9 and a loss of power: the journal is a write-ahead log, and synchronous is FULL, so that every commit has reached the disk
// when it returns. (NORMAL, usual with a write-ahead log, would lose the last commits when the power goes, and with them commands whose offsets
// were committed to Kafka.)
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// patience is how long a call waits for other processes that write.
const patience = 15 * time.Second

// readers is how many connections read beside the one that writes.
const readers = 4

// Open opens the ledger in the file at path, and makes it and its folder if they are missing.
func Open(ctx context.Context, path string) (ledger.Ledger, error) {
	s, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	return s, nil
}

func open(ctx context.Context, path string) (ledger.Ledger, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", dsn(path, "immediate"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1) // SQLite has one writer: wait for it here, in turn, and not in its busy loop
	if err := migrate(ctx, write); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := sql.Open("sqlite", dsn(path, "deferred")+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(readers)
	return sqlstore.New(write, read, dialect(), func() error { return errors.Join(read.Close(), write.Close()) }), nil
}

// dsn is the driver's form of a path. Other processes may hold the file for the length of a transaction: they are waited for.
func dsn(path, lock string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String() +
		fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=%s",
			patience.Milliseconds(), lock)
}

// migrate brings the tables up to date. Processes that start together may get in each other's way, whence the tries.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = 20 * time.Millisecond
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		_, err = p.Up(ctx)
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(10))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		OneWriter: true,
		Patience:  patience,
		Rows:      values,
		AtOnce:    64, // few enough texts of statements to stay prepared
		Any: func(column, placeholder string) string {
			return column + " in (select value from json_each(" + placeholder + "))"
		},
		Latest: func(query string) string { return "join commands on commands.seq in (" + query + ")" },
		List: func(values any) (any, error) {
			b, err := json.Marshal(values)
			return string(b), err
		},
	}
}
