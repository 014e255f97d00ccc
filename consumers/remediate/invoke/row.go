package invoke

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A row is a target that is invoked by one call of AWS: with settings S, an input In of the SDK, and a client C. The plan holds the input as it will be sent, and what
// is sent is made of the plan again.
type row[S, In, C any] struct {
	service, operation string
	// client makes or finds the client for a place.
	client func(ctx context.Context, c *cloud.Clients, account, region string) (C, error)
	// build makes the call of the settings. body, if there is one, is shown as text under bodyAs, and put back by attach.
	build  func(cmd schemas.Command, s S) (in In, body []byte, what string, err error)
	bodyAs string
	attach func(in *In, body []byte)
	// at is the name or ARN of what is invoked: an ARN says in which account and region it is; a name is looked for where the command's target is.
	at func(s S) string
	// send makes the call. find, where there is no idempotency key, looks for what the command has started before: its Ref is empty if it has not.
	send func(ctx context.Context, api C, in In) (schemas.Run, error)
	find func(ctx context.Context, api C, cmd schemas.Command, in In) (schemas.Run, error)
	// poll reads how far it is; nil where the answer to the call is all there is.
	poll func(ctx context.Context, api C, in In, run schemas.Run) (progress, error)
	// lasts tells whether the answer to the call may take minutes; nil: never.
	lasts func(s S) bool
	// touches is what the call is about beside the command's target.
	touches func(cmd schemas.Command, s S, account, region string) []schemas.Target
}

// target makes it a line of the catalogue.
func (r row[S, In, C]) target(s schemas.ActionSpec) Target {
	return Target{s, func(d Deps) (consumers.Action, error) {
		if d.Clients == nil {
			return nil, errNoClients
		}
		return &action{&onAWS[S, In, C]{r, d.Clients}, d.Now}, nil
	}}
}

// onAWS is a row with what it needs.
type onAWS[S, In, C any] struct {
	row[S, In, C]
	clients *cloud.Clients
}

func (r *onAWS[S, In, C]) plan(cmd schemas.Command) (planned, error) {
	s, err := r.settings(cmd)
	if err != nil {
		return planned{}, err
	}
	in, body, what, err := r.build(cmd, s)
	if err != nil {
		return planned{}, err
	}
	params, err := paramsOf(in)
	if err != nil {
		return planned{}, err
	}
	if body != nil {
		params[r.bodyAs] = string(body)
	}
	p := planned{summary: what, call: schemas.Call{Service: r.service, Operation: r.operation, Params: params}}
	account, region := r.place(cmd, s)
	if r.touches != nil {
		p.touches = r.touches(cmd, s, account, region)
	}
	if account != "" {
		p.summary += " in account " + account
	}
	return p, nil
}

func (r *onAWS[S, In, C]) settings(cmd schemas.Command) (S, error) {
	var s S
	return s, attribute.Settings(cmd, &s)
}

// place is where the call is made.
func (r *onAWS[S, In, C]) place(cmd schemas.Command, s S) (account, region string) {
	account, region = cmd.Target.Account, cmd.Target.Region
	a, err := arn.Parse(r.at(s))
	if err != nil { // a name
		return account, region
	}
	if a.AccountID != "" {
		account = a.AccountID
	}
	if a.Region != "" {
		region = a.Region
	}
	return account, region
}

// open gives the client, and the call as the plan has it.
func (r *onAWS[S, In, C]) open(ctx context.Context, cmd schemas.Command, call schemas.Call) (api C, in In, err error) {
	s, err := r.settings(cmd)
	if err != nil {
		return api, in, err
	}
	params := make(map[string]any, len(call.Params))
	var body string
	for k, v := range call.Params {
		if k == r.bodyAs && r.attach != nil {
			body, _ = v.(string)
			continue
		}
		params[k] = v
	}
	b, err := json.Marshal(params)
	if err == nil {
		err = json.Unmarshal(b, &in)
	}
	if err != nil {
		return api, in, fault.Permanent(fmt.Errorf("the plan's call: %w", err))
	}
	if r.attach != nil {
		r.attach(&in, []byte(body))
	}
	account, region := r.place(cmd, s)
	api, err = r.client(ctx, r.clients, account, region)
	return api, in, err
}

func (r *onAWS[S, In, C]) start(ctx context.Context, cmd schemas.Command, call schemas.Call) (schemas.Run, error) {
	api, in, err := r.open(ctx, cmd, call)
	if err != nil {
		return schemas.Run{}, err
	}
	if r.find != nil {
		run, err := r.find(ctx, api, cmd, in)
		if err != nil || run.Ref != "" {
			return run, cloud.Classify(err)
		}
	}
	run, err := r.send(ctx, api, in)
	return run, cloud.Classify(err)
}

func (r *onAWS[S, In, C]) lingers(cmd schemas.Command) bool {
	if r.lasts == nil {
		return false
	}
	s, err := r.settings(cmd)
	return err == nil && r.lasts(s)
}

func (r *onAWS[S, In, C]) poll(ctx context.Context, cmd schemas.Command, call schemas.Call, run schemas.Run) (progress, error) {
	if r.row.poll == nil {
		var out any
		if len(run.Result) > 0 {
			out = run.Result
		}
		return progress{status: "accepted", ended: true, output: out}, nil
	}
	api, in, err := r.open(ctx, cmd, call)
	if err != nil {
		return progress{}, err
	}
	is, err := r.row.poll(ctx, api, in, run)
	return is, cloud.Classify(err)
}

// paramsOf is the input of a call as a plan has it: by the API's own names, less what is not set.
func paramsOf(in any) (map[string]any, error) {
	m, ok := valueOf(reflect.ValueOf(in)).(map[string]any)
	if !ok {
		return nil, fault.Permanent(fmt.Errorf("a call of type %T", in))
	}
	return m, nil
}

// valueOf gives a value of the SDK in JSON's types. Of a struct, nil and zero fields are not set; what a pointer leads to is, even if it is zero.
func valueOf(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return valueOf(v.Elem())
	case reflect.Struct:
		m := map[string]any{}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
				m[f.Name] = valueOf(v.Field(i))
			}
		}
		return m
	case reflect.Map:
		m := map[string]any{}
		for _, k := range v.MapKeys() {
			m[k.String()] = valueOf(v.MapIndex(k))
		}
		return m
	case reflect.Slice:
		l := make([]any, v.Len())
		for i := range l {
			l[i] = valueOf(v.Index(i))
		}
		return l
	case reflect.String:
		return v.String() // enumerations are strings of a type of their own
	default:
		return v.Interface()
	}
}

// badly is the permanent error that a run ended as nobody wanted.
func badly(ref, status string, why ...*string) error {
	text := []string{ref + " is " + status}
	for _, w := range why {
		if s := aws.ToString(w); s != "" {
			text = append(text, clip(s, kib))
		}
	}
	return fault.Permanent(runError(strings.Join(text, ": ")))
}

type runError string

func (e runError) Error() string { return string(e) }
