package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Roles are the database roles that work with a ledger which belongs to somebody else: its owner makes and changes the tables. An empty name is nobody.
type Roles struct {
	Consumer string // of the services: everything but the tables' definition
	Operator string // of people at the command line: decides, asks for undos, turns the switch. It writes no command and no plan
	Reader   string // looks
}

// Grants is SQL that gives roles their rights on the tables of a schema. Its statements may be run again; the roles exist.
func Grants(schema string, r Roles) string {
	var b strings.Builder
	in := pgx.Identifier{schema}.Sanitize()
	grant := func(role, rights string, tables ...string) {
		for _, t := range tables {
			fmt.Fprintf(&b, "grant %s on %s.%s to %s;\n", rights, in, t, role)
		}
	}
	begin := func(name, what string) (string, bool) {
		if name == "" {
			return "", false
		}
		role := pgx.Identifier{name}.Sanitize()
		fmt.Fprintf(&b, "-- %s\ngrant usage on schema %s to %s;\n", what, in, role)
		for _, t := range append(tables(), "goose_db_version") {
			fmt.Fprintf(&b, "revoke all on %s.%s from %s;\n", in, t, role)
		}
		return role, true
	}
	if role, ok := begin(r.Consumer, "consumers: they carry commands out"); ok {
		grant(role, "select, insert, update, delete", tables()...)
		grant(role, "select", "goose_db_version")
	}
	if role, ok := begin(r.Operator, "operators: they decide; what is done, and to what, is not theirs to write"); ok {
		grant(role, "select", append(tables(), "goose_db_version")...)
		grant(role, "update (state, slot, due, attempts, approved_hash, approved_by, approvals, outcome, undo, ends, updated)", "commands")
		grant(role, "insert, update, delete", "targets")
		grant(role, "insert, update", "holds", "switches")
	}
	if role, ok := begin(r.Reader, "readers"); ok {
		grant(role, "select", append(tables(), "goose_db_version")...)
	}
	return b.String()
}

// Grant gives roles their rights on the tables of a ledger, which are in the first schema of the URL's search_path, all or none: see Grants. The URL's user owns
// the tables.
func Grant(ctx context.Context, url string, r Roles) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("ledger: grants: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // what was granted is durable already
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		var schema string
		if err := tx.QueryRow(ctx, "select current_schema()").Scan(&schema); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, Grants(schema, r))
		return err
	})
	if err != nil {
		return fmt.Errorf("ledger: grants: %w", err)
	}
	return nil
}

// tables are those of the migrations.
func tables() []string {
	return []string{"commands", "bodies", "targets", "holds", "outbox", "budgets", "spent", "switches", "duties"}
}
