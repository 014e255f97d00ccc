package iamrevertpolicy

import (
	"context"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// readInline reads an inline policy. That it does not exist is an answer, except while planning for so young an event that IAM may not
// show it yet.
func (r reverter) readInline(ctx context.Context, api iampolicy.InlineAPI, cmd schemas.Command, o iampolicy.Owner, planning bool) (state, error) {
	doc, err := iampolicy.Get(ctx, api, o)
	if cloud.Missing(err) {
		if planning && r.Now().Sub(cmd.EventTime) <= cloud.Settling {
			return state{}, err
		}
		return state{}, nil
	}
	return state{Document: doc}, err
}

func wantInline(c attribute.Change[state], o iampolicy.Owner) attribute.Change[state] {
	c.After = state{}
	c.Summary = "remove inline policy " + o.Policy + " of " + o.Kind + " " + o.Name + ", which grants every action on every resource"
	c.Calls = []schemas.Call{{Service: "iam", Operation: o.Operation("Delete"), Params: o.Params()}}
	return c
}
