package consumers

import (
	"context"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// warnBefore is how long before its end an exemption is spoken of.
const warnBefore = 7 * 24 * time.Hour

// remind says which exemptions end soon or have ended. told holds what this process has said already; what another says too is the same event.
func (s *Service) remind(ctx context.Context, told map[string]bool) {
	if s.d.Exemptions == nil {
		return
	}
	now := s.d.Now()
	for _, x := range s.d.Exemptions() {
		n := schemas.Notice{Kind: schemas.NoticeExemption, Subject: x.ID, Severity: "medium"}
		day := x.Expires.UTC().Format(time.RFC3339)
		switch {
		case x.Over(now):
			n.Once = x.Expires
			n.Message = fmt.Sprintf("exemption %s of %s has ended on %s: %s is acted on again (%s)", x.ID, x.Owner, day, x.When, x.Reason)
		case x.Over(now.Add(warnBefore)):
			n.Once = x.Expires.Add(-warnBefore)
			n.Message = fmt.Sprintf("exemption %s of %s ends on %s (%s)", x.ID, x.Owner, day, x.Reason)
		default:
			continue
		}
		key := x.ID + " " + n.Once.String()
		if !told[key] {
			told[key] = true
			s.post(ctx, n)
		}
	}
}
