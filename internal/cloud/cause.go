package cloud

import (
	"strings"

	"github.com/tidwall/gjson"
)

// A Cause is what an event says of the call of ours that it tells of. It is what the caller claimed: an event proves who the actor was, but anybody
// can send a User-Agent, and name a session as he likes.
type Cause struct {
	Command        string // the id of the command
	Actor          string // ARN of who called: of a user, or of a session of a role
	Account        string // of the actor
	Role           string // name of the role, without its path; "" where the actor is in none
	Session        string // name of the session of that role
	SourceIdentity string // of the session, "" where it has none
}

// CauseOf reads an OCSF event, as the format cloudtrail writes it, for the command that the call was made for: in the User-Agent, or in the role
// session's name where there is a session a command, which also says so of what AWS services then do in our name. Where the two
// disagree, and where nobody is named as actor, there is no cause.
func CauseOf(event []byte) (Cause, bool) {
	found := gjson.GetManyBytes(event, "actor.user.uid", "http_request.user_agent", "unmapped.userIdentity.sessionContext.sourceIdentity")
	c := Cause{Actor: found[0].String(), SourceIdentity: found[2].String()}
	p := ParsePrincipal(c.Actor)
	if p.Account == "" {
		return Cause{}, false
	}
	c.Account, c.Session = p.Account, p.Session
	if p.Kind == "role" {
		c.Role = p.Name
	}
	id, marked := CommandIn(found[1].String())
	named := commandOfSession(p.Session)
	switch {
	case !marked && named == "", marked && named != "" && id != named:
		return Cause{}, false
	case marked:
		c.Command = id
	default:
		c.Command = named
	}
	return c, true
}

// commandOfSession reads the id at the end of NAME-COMMAND, or returns "".
func commandOfSession(name string) string {
	i := len(name) - commandLen
	if i < 1 || name[i-1] != '-' || !isCommand(name[i:]) {
		return ""
	}
	return name[i:]
}

// A Principal is a user or role of IAM, whatever form of ARN names it.
type Principal struct {
	Account string
	Kind    string // user, role, root, federated-user …
	Name    string // without its path
	Session string // of a role that somebody is in
}

// ParsePrincipal reads the ARN of a principal: of a user or role in IAM, or of a session in STS. A session's ARN leaves out the path of its role, so a
// path is left out everywhere: in an account, names are unique without it. What is no such ARN gives the zero Principal.
func ParsePrincipal(arn string) Principal {
	part := strings.SplitN(arn, ":", 6)
	if len(part) != 6 || part[0] != "arn" || !IsAccount(part[4]) {
		return Principal{}
	}
	kind, name, _ := strings.Cut(part[5], "/")
	p := Principal{Account: part[4], Kind: kind}
	switch part[2] {
	case "iam":
		p.Name = name[strings.LastIndexByte(name, '/')+1:]
	case "sts":
		p.Name = name
		if kind == "assumed-role" {
			p.Kind = "role"
			p.Name, p.Session, _ = strings.Cut(name, "/")
		}
	default:
		return Principal{}
	}
	return p
}
