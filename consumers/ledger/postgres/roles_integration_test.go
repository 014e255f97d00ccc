//go:build integration

package postgres_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/ledgertest"
	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/testcert"
	"github.com/riposte-security/riposte/schemas"
)

var someRoles = postgres.Roles{Consumer: "riposte-consumer", Operator: "riposte-operator", Reader: "riposte-reader"} //nolint:gochecknoglobals // of a test

// as is the URL with which a role connects.
func as(t *testing.T, base, role string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "of-"+role)
	return u.String()
}

// query runs SQL as whom a URL names.
func query(t *testing.T, base, sql string) error {
	t.Helper()
	c, err := pgx.Connect(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context()) //nolint:errcheck // the test ends
	_, err = c.Exec(t.Context(), sql)
	return err
}

func makeRoles(t *testing.T, base string) {
	t.Helper()
	for _, role := range []string{someRoles.Consumer, someRoles.Operator, someRoles.Reader} {
		err := query(t, base, fmt.Sprintf("create role %q login password 'of-%s'", role, role))
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42710" {
			continue // it is there: of a test before, where the environment names a server
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// granted is a schema with a ledger of its owner, in which roles have their rights, twice over.
func granted(t *testing.T, base string) string {
	t.Helper()
	inSchema := servers.Schema(t, base)
	l, err := postgres.Open(t.Context(), inSchema)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // who migrates once more grants once more
		if err := postgres.Grant(t.Context(), inSchema, someRoles); err != nil {
			t.Fatal(err)
		}
	}
	return inSchema
}

// TestLedgerAsConsumer holds the ledger to its contract with no more rights than Grants gives to consumers.
func TestLedgerAsConsumer(t *testing.T) {
	t.Parallel()
	base := servers.Postgres(t)
	makeRoles(t, base)
	ledgertest.Run(t, func(t *testing.T) ledgertest.Database {
		t.Helper()
		url := as(t, granted(t, base), someRoles.Consumer)
		return database(url)
	})
}

// TestRoles: each role does its work, and is refused what is not.
func TestRoles(t *testing.T) {
	t.Parallel()
	base := servers.Postgres(t)
	makeRoles(t, base)
	inSchema := granted(t, base)
	consumer, operator, reader := open(t, as(t, inSchema, someRoles.Consumer)), open(t, as(t, inSchema, someRoles.Operator)), open(t, as(t, inSchema, someRoles.Reader))
	now := time.Now().UTC()
	target := schemas.Target{Type: "thing", ID: "x"}
	cmd := schemas.Command{
		ID: schemas.CommandID("r", "s", "e", target), Rule: "r", RuleHash: "h", Step: "s", Lane: schemas.LaneRemediate, Action: "a", Target: target,
		Severity: "low", Event: []byte(`{}`), EventUID: "e", EventTime: now, Created: now,
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	work := func(state schemas.State) {
		t.Helper()
		es, err := consumer.Claim(t.Context(), time.Now().UTC(), ledger.Claim{Owner: "o", Lanes: schemas.Lanes(), N: 1, Lease: time.Minute})
		must(err)
		if len(es) != 1 {
			t.Fatalf("%d entries claimed", len(es))
		}
		es[0].State, es[0].Plan, es[0].Outcome = state, &schemas.Plan{Summary: "set", Calls: []schemas.Call{{Service: "s", Operation: "o"}}}, schemas.Outcome{State: state}
		must(consumer.Save(t.Context(), time.Now().UTC(), es[0]))
	}
	_, err := consumer.Enter(t.Context(), now, []schemas.Command{cmd})
	must(err)
	work(schemas.StateApproval)
	_, err = operator.Decide(t.Context(), now, cmd.ID, ledger.Decision{Approve: true, By: "ann"})
	must(err)
	work(schemas.StateFailed)
	_, err = operator.Retry(t.Context(), now, cmd.ID, "ann", "")
	must(err)
	work(schemas.StateInForce)
	_, err = operator.Prolong(t.Context(), now, cmd.ID, now.Add(time.Hour), "ann", "")
	must(err)
	must(operator.RequestUndo(t.Context(), now, cmd.ID, ledger.UndoRequest{By: "ann", At: now}, time.Hour))
	must(operator.Turn(t.Context(), ledger.Switch{Lane: schemas.LaneBlock, Stopped: true, By: "ann", At: now}))
	if es, err := reader.List(t.Context(), ledger.Filter{}); err != nil || len(es) != 1 {
		t.Errorf("a reader sees %d entries, %v", len(es), err)
	}
	refused := 0
	for role, statements := range map[string][]string{
		someRoles.Reader: {
			"update commands set state = 'pending'", "insert into switches values ('block', false, '', '', 0)", "delete from outbox", "insert into holds values ('r', 't', 0, '')",
		},
		someRoles.Operator: {
			"update commands set plan = null", "update commands set applied = true", "update commands set lane = 'alert'", "update bodies set body = ''",
			"insert into bodies values (1, '')", "insert into commands default values", "delete from commands", "insert into outbox default values", "update spent set until = 0",
			"update duties set owner = ''", "delete from switches", "update goose_db_version set version_id = 0",
		},
		someRoles.Consumer: {"drop table commands", "create table extra (x int)", "alter table commands add column x int", "update goose_db_version set version_id = 0"},
	} {
		for _, sql := range statements {
			err := query(t, as(t, inSchema, role), sql)
			if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "42501" {
				t.Errorf("%s: %s: %v; insufficient_privilege expected", role, sql, err)
				continue
			}
			refused++
		}
	}
	t.Logf("%d statements refused", refused)
}

// TestTLS: with sslmode=verify-full a server is taken whose certificate the authority has signed for its name, and no other.
func TestTLS(t *testing.T) {
	t.Parallel()
	base := servers.Postgres(t)
	authority, stranger := testcert.New(t), testcert.New(t)
	pair := authority.Issue(t, "postgres")
	for to, from := range map[string]string{"server.crt": pair.Cert, "server.key": pair.Key} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		sql := fmt.Sprintf("copy (select '%s') to program 'base64 -d > %s; chmod 600 %s'", base64.StdEncoding.EncodeToString(text), to, to)
		if err := query(t, base, sql); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range []string{"alter system set ssl = on", "select pg_reload_conf()"} {
		if err := query(t, base, sql); err != nil {
			t.Fatal(err)
		}
	}
	with := func(mode, ca string) string {
		return strings.Replace(base, "sslmode=disable", "sslmode="+mode+"&sslrootcert="+url.QueryEscape(ca), 1)
	}
	await.Until(t, "the server speaks TLS", func() bool {
		c, err := pgx.Connect(t.Context(), with("verify-full", authority.CA))
		return err == nil && c.Close(t.Context()) == nil
	})
	open(t, with("verify-full", authority.CA))
	for what, url := range map[string]string{
		"a stranger's authority": with("verify-full", stranger.CA),
		"another name":           strings.Replace(with("verify-full", authority.CA), "127.0.0.1", "127.0.0.2", 1),
	} {
		l, err := postgres.Open(t.Context(), url)
		if err == nil {
			_ = l.Close()
			t.Errorf("%s is taken", what)
		} else if strings.Contains(err.Error(), "riposte:riposte") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
