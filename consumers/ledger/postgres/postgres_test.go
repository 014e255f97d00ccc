package postgres_test

import (
	"testing"

	"github.com/riposte-security/riposte/consumers/ledger/postgres"
	"github.com/riposte-security/riposte/internal/fault"
)

func TestOpenRefusesAMalformedURL(t *testing.T) {
	t.Parallel()
	_, err := postgres.Open(t.Context(), "postgres://u:secret@host:port/db")
	if !fault.IsPermanent(err) {
		t.Errorf("error %v; a permanent one expected", err)
	}
}
