package app

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/consumers/ledger/postgres"
)

type ledgerCmd struct {
	Grants  grantsCmd  `cmd:"" help:"Print SQL that gives PostgreSQL roles the least rights on the ledger's tables."`
	Migrate migrateCmd `cmd:"" help:"Bring the ledger's tables up to date, as their owner; those who work with it then need not be."`
}

type grantsCmd struct {
	Schema   string `default:"public" help:"Schema of the tables."`
	Consumer string `default:"riposte_consumer" help:"Role of consumers; empty for none."`
	Operator string `default:"riposte_operator" help:"Role of people at the command line; empty for none."`
	Reader   string `default:"riposte_reader" help:"Role of those who look; empty for none."`
}

// Run prints the grants.
func (c *grantsCmd) Run(a *App) error {
	fmt.Fprint(a.Out, postgres.Grants(c.Schema, postgres.Roles{Consumer: c.Consumer, Operator: c.Operator, Reader: c.Reader}))
	return nil
}

type migrateCmd struct {
	deskFlags
	Consumer string `help:"Role of consumers, which is given its rights as well; PostgreSQL alone."`
	Operator string `help:"Role of people at the command line, likewise."`
	Reader   string `help:"Role of those who look, likewise."`
}

// Run brings the tables up to date: to open a ledger does. Roles that are named get their rights on them.
func (c *migrateCmd) Run(ctx context.Context, a *App) error {
	cfg, _, err := a.find()
	if err != nil {
		return err
	}
	url, err := a.ledgerURL(cfg, c.Data)
	if err != nil {
		return err
	}
	l, err := open.Open(ctx, url)
	if err != nil {
		return err
	}
	if err := l.Close(); err != nil {
		return err
	}
	if roles := (postgres.Roles{Consumer: c.Consumer, Operator: c.Operator, Reader: c.Reader}); roles != (postgres.Roles{}) {
		if !strings.HasPrefix(url, "postgres") {
			return misuse{errors.New("ledger migrate: only PostgreSQL has roles")}
		}
		if err := postgres.Grant(ctx, url, roles); err != nil {
			return err
		}
		fmt.Fprintln(a.Out, "the roles have their rights")
	}
	fmt.Fprintln(a.Out, "the ledger's tables are up to date")
	return nil
}
