package k8saudit

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// fields are the members of an audit event that the mapping names.
type fields struct {
	apiVersion, level, auditID, stage, requestURI, verb, user, impersonatedUser, sourceIPs, userAgent, objectRef, responseStatus,
	requestObject, responseObject, requestReceivedTimestamp, stageTimestamp, timestamp, decision, reason node
}

// lookup finds the members in one pass.
func (f *fields) lookup(d *ocsfjson.Doc) {
	const none = ocsfjson.None
	*f = fields{
		none, none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, none, none, none,
	}
	for c := d.First(d.Root()); c >= 0; c = d.Next(c) {
		name := d.Key(c)
		if p := f.member(name); p != nil {
			*p = c
		} else if name == "annotations" {
			f.decision, f.reason = d.Get(c, "authorization.k8s.io/decision"), d.Get(c, "authorization.k8s.io/reason")
		}
	}
}

func (f *fields) member(name string) *node {
	switch name {
	case "apiVersion":
		return &f.apiVersion
	case "level":
		return &f.level
	case "auditID":
		return &f.auditID
	case "stage":
		return &f.stage
	case "requestURI":
		return &f.requestURI
	case "verb":
		return &f.verb
	case "user":
		return &f.user
	case "impersonatedUser":
		return &f.impersonatedUser
	case "sourceIPs":
		return &f.sourceIPs
	case "userAgent":
		return &f.userAgent
	}
	return f.content(name)
}

func (f *fields) content(name string) *node {
	switch name {
	case "objectRef":
		return &f.objectRef
	case "responseStatus":
		return &f.responseStatus
	case "requestObject":
		return &f.requestObject
	case "responseObject":
		return &f.responseObject
	case "requestReceivedTimestamp":
		return &f.requestReceivedTimestamp
	case "stageTimestamp":
		return &f.stageTimestamp
	case "timestamp":
		return &f.timestamp
	}
	return nil
}
