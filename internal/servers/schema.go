//go:build integration

package servers

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Schema makes an empty schema in the database of a URL and returns a URL under which it is the one that is used.
func Schema(tb testing.TB, base string) string {
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
