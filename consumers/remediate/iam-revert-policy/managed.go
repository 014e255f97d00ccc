package iamrevertpolicy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// mostVersions is how many versions of a managed policy IAM keeps.
const mostVersions = 5

// grantsNothing is the document for a policy that has no version to go back to: IAM wants a statement, and this one allows what needs no
// permission. A Deny would reach further than the policy ever did.
const grantsNothing = `{"Statement":[{"Action":"sts:GetCallerIdentity","Effect":"Allow","Resource":"*","Sid":"RevertedByRiposte"}],"Version":"2012-10-17"}`

func (r reverter) readManaged(ctx context.Context, api managedAPI, cmd schemas.Command, with settings, planning bool) (state, error) {
	arn := cmd.Target.ID
	out, err := api.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	if out.Policy == nil {
		return state{}, errors.New("iam GetPolicy: the answer does not hold the policy")
	}
	current, err := readVersion(ctx, api, arn, aws.ToString(out.Policy.DefaultVersionId))
	if err != nil {
		return state{}, err
	}
	s := state{Version: current.Version, Document: current.Document}
	if !planning {
		return s, nil
	}
	if all, err := grantsAll(s.Document); err != nil || !all {
		return s, fault.Permanent(err)
	}
	versions, err := s.readOthers(ctx, api, cmd)
	if err != nil {
		return s, err
	}
	if with.By == byVersions {
		s.previous = newestHarmless(versions)
	}
	if s.previous == nil {
		if err := r.managedHistory(ctx, cmd, with, aws.ToString(out.Policy.PolicyId), versions, &s); err != nil {
			return s, err
		}
	}
	if s.previous == nil {
		s.previous = newestHarmless(versions)
	}
	return s, nil
}

func readVersion(ctx context.Context, api managedAPI, arn, version string) (candidate, error) {
	out, err := api.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: &version})
	if err != nil {
		return candidate{}, cloud.Classify(err)
	}
	if out.PolicyVersion == nil {
		return candidate{}, errors.New("iam GetPolicyVersion: the answer does not hold the version")
	}
	doc, err := iampolicy.Decode(aws.ToString(out.PolicyVersion.Document))
	return candidate{Version: version, Document: doc}, fault.Permanent(err)
}

// readOthers reads the versions that are not the default, that to go back to first. AWS does not say which version was the default before. A new version took
// the place of an older one, most likely the newest of these; when an existing version was made the default, the newest of all the others was it, most likely.
func (s *state) readOthers(ctx context.Context, api managedAPI, cmd schemas.Command) ([]candidate, error) {
	versions, err := listVersions(ctx, api, cmd.Target.ID)
	if err != nil {
		return nil, err
	}
	s.full = len(versions) >= mostVersions
	older, newer := []string{}, []string{}
	for _, v := range versions {
		switch n := cmp.Compare(number(v), number(s.Version)); {
		case n < 0:
			older = append(older, v)
		case n > 0:
			newer = append(newer, v)
		}
	}
	order := slices.Concat(older, newer) // each is newest first
	if gjson.GetBytes(cmd.Event, "api.operation").String() == "SetDefaultPolicyVersion" {
		order = slices.Concat(newer, older)
	}
	var all []candidate
	for _, v := range order {
		c, err := readVersion(ctx, api, cmd.Target.ID, v)
		if err != nil {
			return nil, err
		}
		if c.all, err = grantsAll(c.Document); err != nil {
			return nil, fault.Permanent(fmt.Errorf("version %s: %w", v, err))
		}
		all = append(all, c)
	}
	return all, nil
}

// newestHarmless is the first of the versions that does not grant everything; nil where all of them do.
func newestHarmless(versions []candidate) *candidate {
	if i := slices.IndexFunc(versions, func(c candidate) bool { return !c.all }); i >= 0 {
		return &versions[i]
	}
	return nil
}

// listVersions returns the ids of all versions, the newest first.
func listVersions(ctx context.Context, api managedAPI, arn string) ([]string, error) {
	var ids []string
	in := &iam.ListPolicyVersionsInput{PolicyArn: &arn}
	for {
		out, err := api.ListPolicyVersions(ctx, in)
		if err != nil {
			return nil, cloud.Classify(err)
		}
		for _, v := range out.Versions {
			ids = append(ids, aws.ToString(v.VersionId))
		}
		if !out.IsTruncated || out.Marker == nil {
			break
		}
		in.Marker = out.Marker
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(number(b), number(a)) })
	return ids, nil
}

// number is the n of version id vn; 0 where it has another form.
func number(version string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(version, "v"))
	if err != nil {
		return 0
	}
	return n
}

func wantManaged(c attribute.Change[state], arn string) (attribute.Change[state], error) {
	if p := c.Before.previous; p != nil && p.Version != "" {
		c.After = state{Version: p.Version, Document: p.Document}
		c.Summary = fmt.Sprintf("set policy %s back from version %s, which grants every action on every resource, to version %s%s", arn, c.Before.Version, p.Version, p.From+c.Before.asked)
		c.Calls = []schemas.Call{{Service: "iam", Operation: "SetDefaultPolicyVersion", Params: map[string]any{"PolicyArn": arn, "VersionId": p.Version}}}
		return c, nil
	}
	if c.Before.full {
		return c, fault.Permanent(fmt.Errorf("all its %d versions grant every action on every resource, and IAM keeps no more: delete one, then try again", mostVersions))
	}
	made, what := grantsNothing, "grants nothing"
	if p := c.Before.previous; p != nil {
		made, what = string(iampolicy.Compact(p.Document)), "says what it said before"+p.From
	}
	c.After, c.Before.Made = state{Document: []byte(made)}, []byte(made)
	c.Summary = fmt.Sprintf("give policy %s a default version that %s, in place of %s, which grants every action on every resource%s", arn, what, c.Before.Version, c.Before.asked)
	c.Calls = []schemas.Call{{Service: "iam", Operation: "CreatePolicyVersion", Params: map[string]any{
		"PolicyArn": arn, "PolicyDocument": made, "SetAsDefault": true,
	}}}
	if c.Before.previous != nil {
		return c, nil
	}
	c.Approval = "the policy has no version to go back to: whoever it is attached to will lose everything it grants, though it stays attached" + c.Before.asked
	return c, nil
}

// writeManaged makes a version the default: an existing one by its id, else a new one with that document. A version that we made is
// deleted when an undo has replaced it.
func writeManaged(ctx context.Context, api managedAPI, arn string, from, to state) error {
	if to.Version == "" {
		doc := string(to.Document)
		_, err := api.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &arn, PolicyDocument: &doc, SetAsDefault: true})
		return cloud.Classify(err)
	}
	if _, err := api.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: &arn, VersionId: &to.Version}); err != nil {
		return cloud.Classify(err)
	}
	if made := string(iampolicy.Compact(from.Document)); from.Version == "" || made != grantsNothing && made != string(iampolicy.Compact(to.Made)) {
		return nil
	}
	_, err := api.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &arn, VersionId: &from.Version})
	if cloud.Missing(err) {
		return nil
	}
	return cloud.Classify(err)
}
