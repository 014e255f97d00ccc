//go:build integration

package servers

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestServersStart(t *testing.T) {
	for name, start := range map[string]func(testing.TB) string{"kafka": Kafka, "postgres": Postgres, "aws": AWS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Log(start(t))
		})
	}
}

// TestSignals: what cannot be frozen is stopped by signals, all of it, and goes on as it was.
func TestSignals(t *testing.T) {
	t.Parallel()
	db, err := StartDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c, err := pgx.Connect(t.Context(), db.URL(db.Addr))
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	if err := db.signal(t.Context(), "STOP"); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := c.Exec(context.Background(), "select 1")
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Errorf("a connection that was there answered: %v", err)
	case <-time.After(time.Second):
	}
	if err := db.signal(t.Context(), "CONT"); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
