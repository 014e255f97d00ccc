package open

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
)

// Existing is Open for those who only look and decide: a ledger file that is not there is a permanent error, and is not made.
func Existing(ctx context.Context, ledgerURL string) (ledger.Ledger, error) {
	if err := Check(ledgerURL); err != nil {
		return nil, err
	}
	if strings.HasPrefix(ledgerURL, "sqlite:") {
		if _, err := os.Stat(sqlitePath(ledgerURL)); errors.Is(err, fs.ErrNotExist) {
			return nil, fault.Permanent(fmt.Errorf("ledger: there is none at %s", sqlitePath(ledgerURL)))
		}
	}
	return Open(ctx, ledgerURL)
}
