package simaws

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Policy is a managed IAM policy. Its versions are v1, v2 and so on.
type Policy struct {
	Versions []Version
	Default  string
	next     int
}

// A Version is one version of a managed policy.
type Version struct {
	ID, Document string
	Created      time.Time
}

const maxVersions = 5 // as IAM has it

// AddPolicy puts a managed policy into the account; the last document is the default version. It returns the ARN.
func (a *AWS) AddPolicy(name string, documents ...string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := &Policy{}
	for _, d := range documents {
		p.add(d, a.now(), true)
	}
	arn := "arn:aws:iam::" + a.account + ":policy/" + name
	a.policies[arn] = p
	return arn
}

// Policy returns what a managed policy is like now, and whether it exists.
func (a *AWS) Policy(arn string) (Policy, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, ok := a.policies[arn]
	if !ok {
		return Policy{}, false
	}
	c := *p
	c.Versions = slices.Clone(p.Versions)
	return c, true
}

// AddInlinePolicy puts an inline policy, and its owner, into the account. Kind is user, role or group.
func (a *AWS) AddInlinePolicy(kind, name, policy, document string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.principals[kind+"/"+name] = true
	a.inline[kind+"/"+name+"/"+policy] = document
}

// InlinePolicy returns the document of an inline policy, and whether it exists.
func (a *AWS) InlinePolicy(kind, name, policy string) (string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, ok := a.inline[kind+"/"+name+"/"+policy]
	return d, ok
}

func (p *Policy) add(document string, now time.Time, byDefault bool) Version {
	p.next++
	v := Version{ID: "v" + strconv.Itoa(p.next), Document: document, Created: now}
	p.Versions = append(p.Versions, v)
	if byDefault {
		p.Default = v.ID
	}
	return v
}

func (p *Policy) index(id string) int {
	return slices.IndexFunc(p.Versions, func(v Version) bool { return v.ID == id })
}

func (a *AWS) iam() map[string]operation {
	ops := map[string]operation{
		"GetPolicy":               {run: a.getPolicy},
		"GetPolicyVersion":        {run: a.getPolicyVersion},
		"ListPolicyVersions":      {run: a.listPolicyVersions},
		"SetDefaultPolicyVersion": {run: a.setDefaultPolicyVersion, changes: true},
		"CreatePolicyVersion":     {run: a.createPolicyVersion, changes: true},
		"DeletePolicyVersion":     {run: a.deletePolicyVersion, changes: true},
	}
	for _, kind := range []string{"User", "Role", "Group"} {
		ops["Get"+kind] = operation{run: func(f form) (any, *fault) { return a.getPrincipal(kind, f) }}
		ops["Get"+kind+"Policy"] = operation{run: func(f form) (any, *fault) { return a.getInline(kind, f) }}
		ops["Put"+kind+"Policy"] = operation{run: func(f form) (any, *fault) { return a.putInline(kind, f) }, changes: true}
		ops["Delete"+kind+"Policy"] = operation{run: func(f form) (any, *fault) { return a.deleteInline(kind, f) }, changes: true}
	}
	return ops
}

func noEntity(format string, args ...any) *fault {
	return refuse(http.StatusNotFound, "NoSuchEntity", format, args...)
}

func (a *AWS) policy(f form) (*Policy, *fault) {
	arn := f.Get("PolicyArn")
	if p, ok := a.policies[arn]; ok {
		return p, nil
	}
	return nil, noEntity("Policy %s does not exist or is not attachable.", arn)
}

func (a *AWS) policyVersion(f form) (*Policy, int, *fault) {
	p, fault := a.policy(f)
	if fault != nil {
		return nil, 0, fault
	}
	n := p.index(f.Get("VersionId"))
	if n < 0 {
		return nil, 0, noEntity("Policy %s version %s does not exist or is not attachable.", f.Get("PolicyArn"), f.Get("VersionId"))
	}
	return p, n, nil
}

type versionXML struct {
	XMLName  xml.Name `xml:"PolicyVersion"`
	Document string   `xml:"Document,omitempty"` // URL-encoded JSON
	ID       string   `xml:"VersionId"`
	Default  bool     `xml:"IsDefaultVersion"`
	Created  string   `xml:"CreateDate"`
}

func (p *Policy) versionXML(v Version, whole bool) versionXML {
	x := versionXML{ID: v.ID, Default: v.ID == p.Default, Created: v.Created.UTC().Format(time.RFC3339)}
	if whole {
		x.Document = encode(v.Document)
	}
	return x
}

// encode writes a document as IAM hands it out: URL-encoded after RFC 3986, with %20 for a blank.
func encode(document string) string { return strings.ReplaceAll(url.QueryEscape(document), "+", "%20") }

func (a *AWS) getPolicy(f form) (any, *fault) {
	p, fault := a.policy(f)
	if fault != nil {
		return nil, fault
	}
	arn := f.Get("PolicyArn")
	return struct {
		XMLName    xml.Name `xml:"Policy"`
		Name       string   `xml:"PolicyName"`
		ARN        string   `xml:"Arn"`
		ID         string   `xml:"PolicyId"`
		Default    string   `xml:"DefaultVersionId"`
		Attachable bool     `xml:"IsAttachable"`
	}{Name: arn[strings.LastIndexByte(arn, '/')+1:], ARN: arn, ID: "ANPA" + strings.ToUpper(arn[strings.LastIndexByte(arn, '/')+1:]), Default: p.Default, Attachable: true}, nil
}

func (a *AWS) getPolicyVersion(f form) (any, *fault) {
	p, n, fault := a.policyVersion(f)
	if fault != nil {
		return nil, fault
	}
	return p.versionXML(p.Versions[n], true), nil
}

func (a *AWS) listPolicyVersions(f form) (any, *fault) {
	p, fault := a.policy(f)
	if fault != nil {
		return nil, fault
	}
	out := struct {
		XMLName  xml.Name `xml:"Versions"`
		Versions []versionMember
	}{}
	for _, v := range slices.Backward(p.Versions) {
		out.Versions = append(out.Versions, versionMember{versionXML: p.versionXML(v, false), XMLName: xml.Name{Local: "member"}})
	}
	return out, nil
}

// versionMember is a versionXML in a list.
type versionMember struct {
	versionXML
	XMLName xml.Name
}

func (a *AWS) setDefaultPolicyVersion(f form) (any, *fault) {
	p, n, fault := a.policyVersion(f)
	if fault != nil {
		return nil, fault
	}
	p.Default = p.Versions[n].ID
	return nil, nil
}

func (a *AWS) createPolicyVersion(f form) (any, *fault) {
	p, fault := a.policy(f)
	switch {
	case fault != nil:
		return nil, fault
	case len(p.Versions) >= maxVersions:
		return nil, refuse(http.StatusConflict, "LimitExceeded", "A managed policy can have up to %d versions.", maxVersions)
	case !json.Valid([]byte(f.Get("PolicyDocument"))):
		return nil, malformed()
	}
	return p.versionXML(p.add(f.Get("PolicyDocument"), a.now(), f.Get("SetAsDefault") == "true"), false), nil
}

func malformed() *fault {
	return refuse(http.StatusBadRequest, "MalformedPolicyDocument", "Syntax errors in policy.")
}

func (a *AWS) deletePolicyVersion(f form) (any, *fault) {
	p, n, fault := a.policyVersion(f)
	switch {
	case fault != nil:
		return nil, fault
	case p.Versions[n].ID == p.Default:
		return nil, refuse(http.StatusConflict, "DeleteConflict", "Cannot delete the default version of a policy.")
	}
	p.Versions = slices.Delete(p.Versions, n, n+1)
	return nil, nil
}

// inlineKey returns the key of an inline policy, and refuses where its owner does not exist.
func (a *AWS) inlineKey(kind string, f form) (string, *fault) {
	owner := strings.ToLower(kind) + "/" + f.Get(kind+"Name")
	if !a.principals[owner] {
		return "", noEntity("The %s with name %s cannot be found.", strings.ToLower(kind), f.Get(kind+"Name"))
	}
	return owner + "/" + f.Get("PolicyName"), nil
}

func (a *AWS) existingInline(kind string, f form) (string, *fault) {
	key, fault := a.inlineKey(kind, f)
	if fault != nil {
		return "", fault
	}
	if _, ok := a.inline[key]; !ok {
		return "", noEntity("The %s policy with name %s cannot be found.", strings.ToLower(kind), f.Get("PolicyName"))
	}
	return key, nil
}

// getPrincipal answers with the name and id of a user, role or group.
func (a *AWS) getPrincipal(kind string, f form) (any, *fault) {
	name := f.Get(kind + "Name")
	if !a.principals[strings.ToLower(kind)+"/"+name] {
		return nil, refuse(http.StatusNotFound, "NoSuchEntity", "The %s with name %s cannot be found.", strings.ToLower(kind), name)
	}
	return struct {
		XMLName xml.Name
		Parts   []textXML
	}{xml.Name{Local: kind}, []textXML{{xml.Name{Local: kind + "Name"}, name}, {xml.Name{Local: kind + "Id"}, "AIDA" + strings.ToUpper(name)}}}, nil
}

func (a *AWS) getInline(kind string, f form) (any, *fault) {
	key, fault := a.existingInline(kind, f)
	if fault != nil {
		return nil, fault
	}
	return []textXML{{xml.Name{Local: kind + "Name"}, f.Get(kind + "Name")}, {xml.Name{Local: "PolicyName"}, f.Get("PolicyName")}, {xml.Name{Local: "PolicyDocument"}, encode(a.inline[key])}}, nil
}

func (a *AWS) putInline(kind string, f form) (any, *fault) {
	key, fault := a.inlineKey(kind, f)
	if fault != nil {
		return nil, fault
	}
	if !json.Valid([]byte(f.Get("PolicyDocument"))) {
		return nil, malformed()
	}
	a.inline[key] = f.Get("PolicyDocument")
	return nil, nil
}

func (a *AWS) deleteInline(kind string, f form) (any, *fault) {
	key, fault := a.existingInline(kind, f)
	if fault != nil {
		return nil, fault
	}
	delete(a.inline, key)
	return nil, nil
}
