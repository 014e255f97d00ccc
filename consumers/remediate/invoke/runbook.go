package invoke

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/invoke/runbook"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

type runbookSettings struct {
	input
	Runbook string `json:"runbook"`
}

const mostInput = 4 << 20

func toRunbook() Target {
	s := spec("runbook", "Runs an executable out of the folder of runbooks (invoke.runbooks in the configuration), without a shell, as a user of its own, with bounded time, memory and output; "+
		"the input is on its standard input, the command's id in RIPOSTE_COMMAND. Exit code 0 is success, 75 asks for another try later, anything else has failed. What it prints, as JSON or text, "+
		"stands in the outcome; whatever it has started ends with it. A run whose end was not recorded is repeated.", nil,
		append([]schemas.Setting{{Name: "runbook", Type: "string", Required: true, Help: "name of a file in the folder"}}, inputSettings(true)...)...)
	return Target{s, func(d Deps) (consumers.Action, error) {
		c, err := ReadConfig(d.Config)
		if err != nil {
			return nil, err
		}
		return &action{local{c.Runbooks}, d.Now}, nil
	}}
}

// local runs runbooks.
type local struct{ conf runbook.Config }

func (l local) plan(cmd schemas.Command) (planned, error) {
	var s runbookSettings
	if err := attribute.Settings(cmd, &s); err != nil {
		return planned{}, err
	}
	path, err := l.conf.Find(s.Runbook)
	if err != nil {
		return planned{}, err
	}
	body, err := s.body(cmd, mostInput)
	if err != nil {
		return planned{}, err
	}
	return planned{summary: "run " + s.Runbook, call: schemas.Call{Service: "runbook", Operation: s.Runbook, Params: map[string]any{
		"path": path, "stdin": string(body), "user": orElse(l.conf.User, "that of riposte"), "within": l.conf.Within.String(),
	}}}, nil
}

func (l local) start(ctx context.Context, cmd schemas.Command, call schemas.Call) (schemas.Run, error) {
	path, err := l.conf.Find(call.Operation) // it may be another by now, and has to be there
	if err != nil {
		return schemas.Run{}, err
	}
	stdin, _ := call.Params["stdin"].(string)
	r, err := l.conf.Run(ctx, path, []byte(stdin), map[string]string{
		"RIPOSTE_COMMAND": cmd.ID, "RIPOSTE_RULE": cmd.Rule, "RIPOSTE_SEVERITY": cmd.Severity, "RIPOSTE_EVENT": cmd.EventUID, "RIPOSTE_TARGET": cmd.Target.ID,
	})
	if err != nil {
		return schemas.Run{}, err
	}
	if err := judge(call.Operation, l.conf.Within, r); err != nil {
		return schemas.Run{}, err
	}
	return runOf(call.Operation, map[string]any{"exit": r.Exit, "stdout": outputOf(r.Output)})
}

// lingers: a runbook ends with start.
func (l local) lingers(schemas.Command) bool { return true }

// judge says what the end of a runbook means.
func judge(name string, limit time.Duration, r runbook.Result) error {
	said := ""
	if r.Errors != "" {
		lines := strings.Split(r.Errors, "\n")
		said = ": " + clip(strings.Join(lines[max(0, len(lines)-5):], "\n"), kib)
	}
	switch {
	case r.Loud:
		return fault.Permanent(fmt.Errorf("runbook %s printed too much, and was killed%s", name, said))
	case r.Late:
		return fault.Permanent(fmt.Errorf("runbook %s had not ended within %s, and was ended%s", name, limit, said))
	case r.Signal != "":
		return fault.Permanent(fmt.Errorf("runbook %s died by a signal (%s)%s", name, r.Signal, said))
	case r.Exit == runbook.TempFail:
		return fmt.Errorf("runbook %s asks for another try later%s", name, said)
	case r.Exit != 0:
		return fault.Permanent(fmt.Errorf("runbook %s ended with %d%s", name, r.Exit, said))
	}
	return nil
}

// poll: it has ended when start has.
func (l local) poll(_ context.Context, _ schemas.Command, _ schemas.Call, run schemas.Run) (progress, error) {
	return progress{status: "ended well", ended: true, output: run.Result}, nil
}
