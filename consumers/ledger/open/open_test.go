package open_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/internal/fault"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ url, err string }{
		{"sqlite:///var/lib/riposte/ledger.db", ""},
		{"sqlite://ledger.db", ""},
		{"postgres://riposte@db.example.com/riposte?sslmode=verify-full", ""},
		{"postgresql://db.example.com/riposte", ""},
		{"sqlite://", "path of a file"},
		{"mysql://db/riposte", `unknown scheme "mysql"`},
		{"ledger.db", `unknown scheme ""`},
		{"postgres://u:secret@[::1/db", "cannot be read"},
	} {
		err := open.Check(tc.url)
		if (err == nil) != (tc.err == "") || (err != nil && (!strings.Contains(err.Error(), tc.err) || !fault.IsPermanent(err))) {
			t.Errorf("%s: error %v; a permanent one with %q expected", tc.url, err, tc.err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", tc.url, err)
		}
	}
}

func TestOpenSQLite(t *testing.T) {
	t.Parallel()
	l, err := open.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "new", "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
