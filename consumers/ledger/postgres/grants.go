package postgres

import (
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

// tables are those of the migrations.
func tables() []string {
	return []string{"commands", "bodies", "targets", "holds", "outbox", "budgets", "spent", "switches", "duties"}
}
