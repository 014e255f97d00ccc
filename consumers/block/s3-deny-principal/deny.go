// Package s3denyprincipal denies principals a bucket, by a statement in the bucket's policy.
package s3denyprincipal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/bucket"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const within = 30 * time.Second

// API is what the action needs of S3.
type API interface {
	bucket.Header
	GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error)
	PutBucketPolicy(context.Context, *s3.PutBucketPolicyInput, ...func(*s3.Options)) (*s3.PutBucketPolicyOutput, error)
	DeleteBucketPolicy(context.Context, *s3.DeleteBucketPolicyInput, ...func(*s3.Options)) (*s3.DeleteBucketPolicyOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	S3  func(ctx context.Context, account, region string) (API, error)
	Now func() time.Time
}

// state is our statement in a bucket's policy.
type state struct {
	Region    string          `json:"region,omitempty"`
	Sid       string          `json:"sid"`
	Statement json.RawMessage `json:"statement,omitempty"`
	// Policy is the whole text, "" for none. It is not compared: what else is in there is none of the command's business.
	Policy string `json:"policy"`
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, S3: func(ctx context.Context, account, region string) (API, error) { return c.S3(ctx, account, region) }})
}

// New makes the action. Commands that deny a bucket the same share their effect.
func New(d Deps) consumers.Action {
	x := &denier{Deps: d}
	x.Action = attribute.New(attribute.Row[state]{
		Noun:  func(cmd schemas.Command) string { return "bucket " + cmd.Target.ID },
		Read:  x.read,
		Want:  want,
		Write: x.write,
		Same: func(a, b state) bool {
			return bytes.Equal(iampolicy.Compact(a.Statement), iampolicy.Compact(b.Statement))
		},
		Now:    d.Now,
		Within: within,
	})
	return x
}

type denier struct {
	*attribute.Action[state]
	Deps
}

// Enforcer implements consumers.Sharer: it is the statement.
func (x *denier) Enforcer(cmd schemas.Command) string {
	d, err := denialOf(cmd)
	if err != nil {
		return ""
	}
	return d.sid
}

func (x *denier) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	var s state
	var err error
	if like != nil {
		s.Region, s.Sid = like.Region, like.Sid
	} else {
		d, err := denialOf(cmd)
		if err != nil {
			return s, err
		}
		s.Sid = d.sid
		if s.Region, err = bucket.Region(ctx, x.S3, cmd.Target); err != nil {
			return s, err
		}
	}
	api, err := x.S3(ctx, cmd.Target.Account, s.Region)
	if err != nil {
		return s, err
	}
	out, err := api.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &cmd.Target.ID, ExpectedBucketOwner: bucket.Owner(cmd.Target)})
	if cloud.Code(err) == "NoSuchBucketPolicy" {
		return s, nil
	}
	if err != nil {
		return s, cloud.Classify(err)
	}
	s.Policy = aws.ToString(out.Policy)
	p, err := iampolicy.Open(s.Policy)
	s.Statement = p.Find(s.Sid)
	return s, err
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	d, err := denialOf(cmd)
	if err != nil {
		return c, err
	}
	whom := strings.Join(d.principals, ", ")
	if bytes.Equal(iampolicy.Compact(current.Statement), d.statement) {
		c.Summary = "bucket " + cmd.Target.ID + " is denied to " + whom + " already"
		return c, nil
	}
	p, err := iampolicy.Open(current.Policy)
	if err != nil {
		return c, err
	}
	c.After.Statement, c.After.Policy = d.statement, p.With(d.sid, d.statement)
	if len(c.After.Policy) > longest {
		return c, fault.Permanent(fmt.Errorf("its policy would have %d bytes, and S3 allows %d", len(c.After.Policy), longest))
	}
	c.Summary = "deny bucket " + cmd.Target.ID + " to " + whom + attribute.Lasting(cmd)
	c.Calls = []schemas.Call{{Service: "s3", Operation: "PutBucketPolicy", Params: map[string]any{"Bucket": cmd.Target.ID, "Policy": c.After.Policy}}}
	return c, nil
}

// write puts the statement into the policy that is there now, or takes it out. Where that gives what the policy was before, or was planned to be,
// it is written as it was.
func (x *denier) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := x.S3(ctx, cmd.Target.Account, from.Region)
	if err != nil {
		return err
	}
	p, err := iampolicy.Open(from.Policy)
	if err != nil {
		return err
	}
	text := p.With(to.Sid, to.Statement)
	if iampolicy.SameStatements(text, to.Policy) {
		text = to.Policy
	}
	if text == "" {
		_, err = api.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &cmd.Target.ID, ExpectedBucketOwner: bucket.Owner(cmd.Target)})
	} else {
		_, err = api.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &cmd.Target.ID, ExpectedBucketOwner: bucket.Owner(cmd.Target), Policy: &text})
	}
	return cloud.Classify(err)
}
