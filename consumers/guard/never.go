package guard

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// An Entry is a line of the list of what is never blocked and never touched. Of the keys that say what (cidr, arn, tag, account, name), one is set.
type Entry struct {
	CIDR    string `yaml:"cidr"`    // an address or a range; a range that contains it is refused too
	ARN     string `yaml:"arn"`     // with * and ? as in IAM policies
	Tag     string `yaml:"tag"`     // key, or key=value; of the resource, read when a command is about to act on it
	Account string `yaml:"account"` // twelve digits
	Name    string `yaml:"name"`    // a bucket's, a user's, an id; with * and ?
	Type    string `yaml:"type"`    // the kind of target that the entry is about (see riposte list actions); every kind if empty
	Reason  string `yaml:"reason"`  // for people
}

// Validate checks an entry.
func (e Entry) Validate() error {
	given := 0
	for _, v := range []string{e.CIDR, e.ARN, e.Tag, e.Account, e.Name} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		return errors.New("one of cidr, arn, tag, account and name expected")
	}
	if e.CIDR != "" {
		if _, err := address.Parse(e.CIDR); err != nil {
			return fmt.Errorf("cidr %q: an address or a range expected", e.CIDR)
		}
	}
	if e.Account != "" && (len(e.Account) != 12 || strings.Trim(e.Account, "0123456789") != "") {
		return fmt.Errorf("account %q: twelve digits in quotes expected", e.Account)
	}
	for _, p := range []string{e.ARN, e.Name, e.Tag} {
		if strings.ContainsAny(p, `[]\`) {
			return fmt.Errorf("%q: only * and ? stand for something else", p)
		}
	}
	if e.ARN != "" && !strings.HasPrefix(e.ARN, "arn:") && !strings.HasPrefix(e.ARN, "*") {
		return fmt.Errorf("arn %q: arn:… expected", e.ARN)
	}
	return nil
}

// String names the entry as an outcome does.
func (e Entry) String() string {
	var what string
	switch {
	case e.CIDR != "":
		what = "cidr " + e.CIDR
	case e.ARN != "":
		what = "arn " + e.ARN
	case e.Tag != "":
		what = "tag " + e.Tag
	case e.Account != "":
		what = "account " + e.Account
	default:
		what = "name " + e.Name
	}
	if e.Type != "" {
		what += ", type " + e.Type
	}
	if e.Reason != "" {
		what += " (" + e.Reason + ")"
	}
	return what
}

// Never refuses to act on what is listed, whatever a rule says and whoever approved it. Alerts pass.
type Never struct {
	Entries []Entry
	// ARNs are the names of a target, as IAM spells them; nil: those that the target's id has.
	ARNs func(schemas.Target) []string
	// Tags reads the tags of a target. It is asked only where entries are about tags. nil: such entries refuse every target of their kind.
	Tags func(ctx context.Context, t schemas.Target) (map[string]string, error)
	// Account is the account of a thing that says none; nil: nobody knows it.
	Account func(ctx context.Context) (string, error)
	// Own tells of an address or range whether it belongs to the accounts that are looked after, and what has it. nil: nobody knows.
	Own func(ctx context.Context, p netip.Prefix, cmd schemas.Command) (what string, found bool, err error)
	// Principals tells of a user, role or key whether it is one that riposte itself works with, and which. nil: nobody knows.
	Principals func(ctx context.Context, account, ref string) (what string, found bool, err error)
	// Range says why an address or range is blocked by nobody: what is private, or too wide. nil: nothing is.
	Range func(p netip.Prefix) error
}

// Check is a Guard's. Without a plan it asks about the target, with one about what the plan touches beside it.
func (g Never) Check(ctx context.Context, c Case) (Verdict, error) {
	if c.Alert() {
		return Verdict{}, nil
	}
	if c.Plan != nil {
		for _, t := range c.Touches {
			if v, err := g.listed(ctx, t, ", by way of "+t.Type+" "+t.ID); err != nil || !v.Pass() {
				return v, err
			}
		}
		return Verdict{}, nil
	}
	t := c.Command.Target
	if v, err := g.listed(ctx, t, ""); err != nil || !v.Pass() {
		return v, err
	}
	if t.Type == address.TargetType {
		p, err := address.Parse(t.ID)
		if err != nil {
			return refuse(fmt.Sprintf("%.100q is no address: %s", t.ID, err)), nil
		}
		return g.address(ctx, p, c.Command)
	}
	return g.principal(ctx, t)
}

// listed refuses what an entry is about. What has tags that nobody may or can read is refused where an entry is about tags.
func (g Never) listed(ctx context.Context, t schemas.Target, how string) (Verdict, error) {
	if t.Account == "" && t.Type != address.TargetType && g.Account != nil && len(g.Entries) > 0 {
		var err error
		if t.Account, err = g.Account(ctx); err != nil {
			return Verdict{}, fmt.Errorf("never: %w", err)
		}
	}
	for _, e := range g.Entries {
		hit, err := g.hits(ctx, e, t)
		if e.Tag != "" && fault.IsPermanent(err) {
			return refuse(fmt.Sprintf("it may be on the list of what is never touched: %s%s, and nobody can tell: %s", e, how, err)), nil
		}
		if err != nil {
			return Verdict{}, fmt.Errorf("never: %s: %w", e, err)
		}
		if hit {
			return refuse("on the list of what is never touched: " + e.String() + how), nil
		}
	}
	return Verdict{}, nil
}

// hits tells whether an entry is about a target.
func (g Never) hits(ctx context.Context, e Entry, t schemas.Target) (bool, error) {
	if e.Type != "" && e.Type != t.Type {
		return false, nil
	}
	switch {
	case e.Account != "":
		return slices.ContainsFunc(g.arns(t), func(a string) bool { return accountOf(a) == e.Account }) || t.Account == e.Account, nil
	case e.CIDR != "":
		listed, err := address.Parse(e.CIDR)
		if err != nil {
			return false, err
		}
		p, err := address.Parse(t.ID)
		return err == nil && p.Overlaps(listed), nil
	case e.ARN != "":
		return slices.ContainsFunc(g.arns(t), func(a string) bool { return match(e.ARN, a) }), nil
	case e.Name != "":
		return slices.ContainsFunc(names(t), func(n string) bool { return match(e.Name, n) }), nil
	case t.Type == address.TargetType:
		return false, nil // addresses have no tags
	case g.Tags == nil:
		return true, nil
	}
	tags, err := g.Tags(ctx, t)
	if err != nil {
		return false, err
	}
	key, value, valued := strings.Cut(e.Tag, "=")
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if match(key, k) && (!valued || match(value, tags[k])) {
			return true, nil
		}
	}
	return false, nil
}

// address refuses what is not public, and what is ours.
func (g Never) address(ctx context.Context, p netip.Prefix, cmd schemas.Command) (Verdict, error) {
	if g.Range != nil {
		if err := g.Range(p); err != nil {
			return refuse(err.Error()), nil
		}
	}
	if g.Own == nil {
		return Verdict{}, nil
	}
	what, found, err := g.Own(ctx, p, cmd)
	if err != nil {
		return Verdict{}, fmt.Errorf("never: own addresses: %w", err)
	}
	if found {
		return refuse("on the list of what is never touched: our own address: " + what), nil
	}
	return Verdict{}, nil
}

// principal refuses what riposte works with.
func (g Never) principal(ctx context.Context, t schemas.Target) (Verdict, error) {
	if g.Principals == nil || !strings.HasPrefix(t.Type, "iam-") {
		return Verdict{}, nil
	}
	what, found, err := g.Principals(ctx, t.Account, t.ID)
	if err != nil {
		return Verdict{}, fmt.Errorf("never: riposte's own identities: %w", err)
	}
	if found {
		return refuse("on the list of what is never touched: " + what), nil
	}
	return Verdict{}, nil
}

func (g Never) arns(t schemas.Target) []string {
	if g.ARNs != nil {
		return g.ARNs(t)
	}
	if strings.HasPrefix(t.ID, "arn:") {
		return []string{t.ID}
	}
	return nil
}

// names are what people call a target: its id, and the last part of one that is a path or an ARN.
func names(t schemas.Target) []string {
	all := []string{t.ID}
	if i := strings.LastIndexAny(t.ID, "/:"); i >= 0 && i+1 < len(t.ID) {
		all = append(all, t.ID[i+1:])
	}
	if part := strings.Split(t.ID, "/"); len(part) == 4 && part[1] == "ipset" { // regional/ipset/NAME/ID
		all = append(all, part[2])
	}
	return all
}

// accountOf is the fifth part of an ARN.
func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// match tells whether a pattern with * and ? is all of a name. As in IAM policies, * stands for slashes too.
func match(pattern, name string) bool {
	const slash = "\x01"
	hit, err := path.Match(strings.ReplaceAll(pattern, "/", slash), strings.ReplaceAll(name, "/", slash))
	return err == nil && hit
}
