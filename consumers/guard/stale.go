package guard

import (
	"context"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// Stale keeps old news from acting: a back-fill, a replay, or what lay in a queue for days. A person who approved the command has seen how
// old it is. Age is counted to the moment at which the command would act.
type Stale struct {
	Within func(lane schemas.Lane) time.Duration // how old an event may be; zero: any age
}

// Check is a Guard's.
func (g Stale) Check(_ context.Context, c Case) (Verdict, error) {
	within := g.Within(c.Command.Lane)
	if within <= 0 || c.ApprovedHash != "" {
		return Verdict{}, nil
	}
	if age := c.Now.Sub(c.Command.EventTime); age > within {
		return Verdict{State: schemas.StateStale, Reason: fmt.Sprintf("the event is %s old, and respond_within is %s",
			age.Truncate(time.Second), within)}, nil
	}
	return Verdict{}, nil
}
