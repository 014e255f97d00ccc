package securityhub

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// writeCompliance writes the result of a control.
func (r *finding) writeCompliance() {
	c := r.compliance
	at := r.Open("compliance")
	if !r.Move("control", r.get(c, "SecurityControlId")) && !r.Copy("control", r.get(r.productFields, "ControlId")) {
		r.Copy("control", r.get(r.productFields, "RuleId"))
	}
	r.writeStandards(r.get(c, "AssociatedStandards"))
	r.texts("requirements", r.get(c, "RelatedRequirements"))
	r.writeParameters(r.get(c, "SecurityControlParameters"))
	status := r.get(c, "Status")
	switch r.Doc.Str(status) {
	case "PASSED":
		r.Lit(`"status":"Pass","status_id":1`)
	case "WARNING":
		r.Lit(`"status":"Warning","status_id":2`)
	case "FAILED":
		r.Lit(`"status":"Fail","status_id":3`)
	case "":
		r.Lit(`"status":"Unknown","status_id":0`)
	default: // NOT_AVAILABLE
		r.Lit(`"status":"Other","status_id":99`)
	}
	r.Move("status_code", status)
	list := r.List("status_details")
	r.each(r.get(c, "StatusReasons"), func(n node) {
		if text := r.get(n, "Description"); r.Doc.Str(text) != "" {
			r.Lit(r.Doc.Raw(text))
		}
	})
	r.Close(list)
	r.Close(at)
}

// writeStandards writes the standards that the control belongs to.
func (r *finding) writeStandards(standards node) {
	list := r.List("standards")
	r.each(standards, func(n node) {
		if id := r.get(n, "StandardsId"); r.Doc.Str(id) != "" {
			r.Lit(r.Doc.Raw(id))
			r.Doc.Take(id)
		}
	})
	if r.B[len(r.B)-1] == '[' {
		for _, name := range [...]string{"StandardsArn", "StandardsGuideArn"} {
			if id := r.get(r.productFields, name); r.Doc.Str(id) != "" {
				r.Lit(r.Doc.Raw(id))
			}
		}
	}
	r.Close(list)
}

func (r *finding) writeParameters(parameters node) {
	list := r.List("control_parameters")
	r.each(parameters, func(n node) {
		values := r.get(n, "Value")
		if r.str(n, "Name") == "" || r.Doc.Kind(values) != ocsfjson.Array {
			return
		}
		for v := r.Doc.First(values); v >= 0; v = r.Doc.Next(v) {
			if r.Doc.Kind(v) != ocsfjson.String {
				return
			}
		}
		at := r.Open("")
		r.Move("name", r.get(n, "Name"))
		r.MoveAny("values", values)
		r.Close(at)
	})
	r.Close(list)
}
