package guardduty

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// WriteEvidences writes `evidences` for an action as findings have it, in whatever case its names are: Security Hub's form of findings has
// taken it over. It moves what it writes.
func WriteEvidences(e *ocsfjson.Event, action ocsfjson.Node) {
	r := &finding{Event: e, root: ocsfjson.None, resource: ocsfjson.None, service: ocsfjson.None, action: action}
	r.writeEvidences()
}
