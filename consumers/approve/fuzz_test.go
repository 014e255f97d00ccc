package approve

import (
	"errors"
	"testing"
	"time"
)

// FuzzOpen: no link is taken that was not sealed with the secret.
func FuzzOpen(f *testing.F) {
	s, now := &Signer{Secret: "0123456789abcdef0123456789abcdef"}, time.Unix(1_800_000_000, 0)
	ours := s.seal(ticket{Command: "c", Plan: "p", Until: now.Add(time.Hour)})
	f.Add(ours[1:])
	f.Add((&Signer{Secret: "another"}).seal(ticket{Command: "c"}))
	f.Add(".")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := s.open(token, now)
		if token != ours && !errors.Is(err, errForged) {
			t.Errorf("%q: %v", token, err)
		}
	})
}
