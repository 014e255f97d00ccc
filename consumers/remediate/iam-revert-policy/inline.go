package iamrevertpolicy

import (
	"context"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// readInline reads an inline policy. That it does not exist is an answer, except while planning for so young an event that IAM may not
// show it yet.
func (r reverter) readInline(ctx context.Context, api API, cmd schemas.Command, o iampolicy.Owner, with settings, planning bool) (state, error) {
	doc, err := iampolicy.Get(ctx, api, o)
	if cloud.Missing(err) {
		if planning && r.Now().Sub(cmd.EventTime) <= cloud.Settling {
			return state{}, err
		}
		return state{}, nil
	}
	s := state{Document: doc}
	if err != nil || !planning {
		return s, err
	}
	if all, err := grantsAll(doc); err != nil || !all {
		return s, fault.Permanent(err)
	}
	return s, r.inlineHistory(ctx, api, cmd, with, o, &s)
}

func wantInline(c attribute.Change[state], o iampolicy.Owner) attribute.Change[state] {
	if p := c.Before.previous; p != nil {
		c.After = state{Document: p.Document}
		c.Summary = "set inline policy " + o.Policy + " of " + o.Kind + " " + o.Name + ", which grants every action on every resource, back to what it said before" + p.From
		params := o.Params()
		params["PolicyDocument"] = string(iampolicy.Compact(p.Document))
		c.Calls = []schemas.Call{{Service: "iam", Operation: o.Operation("Put"), Params: params}}
		return c
	}
	c.After = state{}
	c.Summary = "remove inline policy " + o.Policy + " of " + o.Kind + " " + o.Name + ", which grants every action on every resource" + c.Before.asked
	c.Calls = []schemas.Call{{Service: "iam", Operation: o.Operation("Delete"), Params: o.Params()}}
	return c
}
