// Package log is the receiver that writes a notification as one line of the log. It always exists, under the name log.
package log

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/alert"
	"github.com/riposte-security/riposte/schemas"
)

// Receiver writes notifications to a log. It is a consumers.Action.
type Receiver struct{ log zerolog.Logger }

// New returns a receiver that writes to log.
func New(log zerolog.Logger) *Receiver { return &Receiver{log: log} }

// Plan renders the line.
func (r *Receiver) Plan(_ context.Context, cmd schemas.Command) (schemas.Plan, error) {
	n := alert.From(cmd)
	return schemas.Plan{
		Summary: "write to the log: " + n.Title,
		Calls: []schemas.Call{{Service: "log", Operation: "write", Params: map[string]any{
			"title": n.Title, "summary": n.Summary, "severity": n.Severity, "target": n.Target.Key(),
		}}},
	}, nil
}

// Apply writes the line.
func (r *Receiver) Apply(ctx context.Context, cmd schemas.Command, _ schemas.Plan) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	n := alert.From(cmd)
	// Not at a level of the logger: an alert is to be seen whatever the log level is set to.
	e := r.log.Log().Str(zerolog.LevelFieldName, level(n.Severity)).Str("alert", n.Title).Str("severity", n.Severity).Str("rule", n.Rule).
		Str("target", n.Target.Key()).Str("event", n.EventUID).Time("event_time", n.Time).Str("command", n.CommandID)
	for _, f := range []struct{ key, value string }{{"account", n.Account}, {"region", n.Region}, {"source", n.Source}, {"cause", n.Cause}} {
		if f.value != "" {
			e = e.Str(f.key, f.value)
		}
	}
	e.Msg(n.Summary)
	return nil
}

// Verify confirms; what was written cannot be read back.
func (r *Receiver) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{State: schemas.StateVerified, Message: "written to the log"}, nil
}

func level(severity string) string {
	switch severity {
	case "critical", "high":
		return zerolog.LevelErrorValue
	case "medium", "low":
		return zerolog.LevelWarnValue
	}
	return zerolog.LevelInfoValue
}
