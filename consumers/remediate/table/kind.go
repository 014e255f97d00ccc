package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers/remediate/bucket"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// A kind is a kind of target.
type kind struct {
	typ       string // Target.Type
	name      string // "bucket"
	takes     string // what a rule may name as target: "the bucket's name or ARN"
	canonical func(raw, account, region string) (schemas.Target, error)
	// locate finds the region of a thing whose name does not say it; nil where the target has it. finding are the permissions for that.
	locate  func(context.Context, *cloud.Clients, schemas.Target) (string, error)
	finding []string
}

// noun names a target in messages: "bucket logs".
func (k kind) noun(t schemas.Target) string {
	if k.typ == accountType && t.Region != "" {
		return k.name + " " + t.ID + " in " + t.Region
	}
	return k.name + " " + t.ID
}

const accountType = "aws-account"

func bucketKind() kind {
	return kind{
		typ: bucket.TargetType, name: "bucket", takes: "the bucket's name or ARN", canonical: bucket.Canonical, finding: []string{"s3:ListBucket"},
		locate: func(ctx context.Context, c *cloud.Clients, t schemas.Target) (string, error) {
			return bucket.Region(ctx, c.S3, t)
		},
	}
}

// accountKind is an account; with regional, one region of it.
func accountKind(regional bool) kind {
	k := kind{typ: accountType, name: "account", takes: "the account's id, its ARN, or what Security Hub calls it (AWS::::Account:123456789012)"}
	if regional {
		k.takes += "; the region is the event's"
	}
	k.canonical = func(raw, _, region string) (schemas.Target, error) {
		id := strings.TrimPrefix(raw, "AWS::::Account:")
		if a, err := arn.Parse(raw); err == nil && (a.Service == "iam" && a.Resource == "root" || a.Service == "organizations") {
			id = a.AccountID
			if a.Service == "organizations" { // arn:aws:organizations::111111111111:account/o-1/222222222222
				id = a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
			}
		}
		if !cloud.IsAccount(id) {
			return schemas.Target{}, fmt.Errorf("account %q: an account id (twelve digits) or ARN expected", raw)
		}
		if !regional {
			region = ""
		} else if region == "" {
			return schemas.Target{}, fmt.Errorf("account %q: the event does not say in which region", raw)
		}
		return schemas.Target{Type: k.typ, Account: id, Region: region, ID: id}, nil
	}
	return k
}

// resource is a kind of thing that has an ARN: of a service, and with a prefix before its id ("instance/"). A rule may name the bare id, which valid judges.
// An ARN's own account and region go before the event's.
func resource(typ, name, service, prefix string, valid func(id string) bool) kind {
	k := kind{typ: typ, name: name, takes: "the " + name + "'s id or ARN"}
	k.canonical = func(raw, account, region string) (schemas.Target, error) {
		id := raw
		if strings.HasPrefix(raw, "arn:") {
			a, err := arn.Parse(raw)
			if err != nil {
				return schemas.Target{}, fmt.Errorf("%s %q: %w", name, raw, err)
			}
			rest, ok := strings.CutPrefix(a.Resource, prefix)
			if a.Service != service || !ok {
				return schemas.Target{}, fmt.Errorf("%s %q: not the ARN of one (arn:aws:%s:…:%s…)", name, raw, service, prefix)
			}
			id, region = rest, a.Region
			if a.AccountID != "" {
				account = a.AccountID
			}
		}
		if !valid(id) {
			return schemas.Target{}, fmt.Errorf("%s %q: an id or ARN of one expected", name, raw)
		}
		return schemas.Target{Type: typ, Account: account, Region: region, ID: id}, nil
	}
	return k
}

// named is a resource whose ARNs internal/cloud knows.
func named(typ, name string, valid func(id string) bool) kind {
	service, prefix := cloud.ARNOf(typ)
	return resource(typ, name, service, prefix, valid)
}

// isName tells whether s is a name of letters, digits and what is in also, of at most that many characters.
func isName(s string, longest int, also string) bool {
	other := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(also, r)
	}
	return s != "" && len(s) <= longest && strings.IndexFunc(s, other) < 0
}
