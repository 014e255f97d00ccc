package s3denyprincipal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/internal/fault"
)

const longest = 20 << 10 // of a bucket policy, as S3 has it

// statement gives a statement a Sid made of what it says: commands that deny the same share one, and others never overwrite each other's.
func statement(doc map[string]any) (sid string, text json.RawMessage, err error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return "", nil, fault.Permanent(fmt.Errorf("policy statement: %w", err))
	}
	sum := sha256.Sum256(iampolicy.Compact(b))
	sid = "Riposte" + hex.EncodeToString(sum[:6])
	doc["Sid"] = sid
	if b, err = json.Marshal(doc); err != nil {
		return "", nil, fault.Permanent(fmt.Errorf("policy statement: %w", err))
	}
	return sid, iampolicy.Compact(b), nil
}
