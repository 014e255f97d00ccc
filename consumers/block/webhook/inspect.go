package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Enforcer implements consumers.Sharer: it is the whole of the settings, since nobody but the other system knows what its lists are.
func (c *caller) Enforcer(cmd schemas.Command) string {
	b, err := json.Marshal(cmd.With) // keys are sorted
	if err != nil {
		return ""
	}
	return string(b)
}

// Inspect implements consumers.Inspector: it asks about one target after the other. What cannot be asked about is taken to hold, and is not asked for again:
// a plan, which always has a call then, says nothing of it. Nobody tells what else the other system blocks.
func (c *caller) Inspect(ctx context.Context, cmds []schemas.Command) (missing, others []string, err error) {
	if len(cmds) == 0 {
		return nil, nil, fault.Permanent(errors.New("no command to inspect a webhook for"))
	}
	for _, cmd := range cmds {
		s, err := settingsOf(cmd)
		if err != nil {
			return nil, nil, err
		}
		if s.StatusURL == "" {
			continue
		}
		blocked, err := c.blocked(ctx, s, cmd)
		if err != nil {
			return nil, nil, fmt.Errorf("target %s: %w", cmd.Target.ID, err)
		}
		if blocked != nil && !*blocked {
			missing = append(missing, cmd.ID)
		}
	}
	return missing, nil, nil
}
