package sigma

import (
	"strings"

	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A filterBody is a Sigma filter: a condition that rules have to fulfil in addition to their own.
type filterBody struct {
	at         *yamltree.Node
	logsource  logsource
	rules      []reference
	any        bool
	detections *detections
	conditions []condition
}

func (d *document) readFilter(n *yamltree.Node) {
	body := &ruleBody{}
	d.readLogsource(body)
	f := &filterBody{at: n, logsource: body.logsource}
	d.filter = f
	values, ok := yamltree.Pairs(n)
	if !ok {
		d.fail(n, "filter must be a mapping, not %s", yamltree.Kind(n))
		return
	}
	m := d.reader.members(n, "filter")
	f.detections = d.detections(values, "condition", "rules")
	if c := m["condition"]; c != nil {
		f.conditions = d.conditions(c, f.detections)
	} else {
		d.fail(n, "filter has no condition")
	}
	for _, c := range f.conditions {
		if c.aggregation != "" {
			d.fail(m["condition"], "a filter cannot aggregate")
		}
	}
	f.any = m["rules"] == nil
	list := []*yamltree.Node{m["rules"]}
	if l, ok := yamltree.Items(m["rules"]); ok {
		list, f.any = l, len(l) == 0
	}
	for _, e := range list {
		if f.any {
			break
		}
		name, _ := scalar(e)
		if strings.EqualFold(name, "any") {
			f.any, f.rules = true, nil
			break
		}
		f.rules = append(f.rules, reference{name, e})
	}
}

// linkFilter gives a filter to the rules that it is for: those that it names, or all of its log source.
func (im *importer) linkFilter(d *document) {
	f := d.filter
	for _, ref := range f.rules {
		o, ok := im.byName[ref.name]
		switch {
		case !ok || o.rule == nil:
			d.fail(either(ref.at, f.at), "filter: there is no rule %q among the imported ones", ref.name)
		case !f.logsource.covers(o.rule.logsource):
			d.fail(either(ref.at, f.at), "filter: the rule %q is of another log source, %s", ref.name, o.rule.logsource)
		default:
			o.filters = append(o.filters, d)
		}
	}
	if !f.any {
		return
	}
	for _, o := range im.documents {
		if o.rule != nil && f.logsource.covers(o.rule.logsource) {
			o.filters = append(o.filters, d)
		}
	}
}

// covers tells whether a log source is one of those that l stands for.
func (l logsource) covers(o logsource) bool {
	return (l.category == "" || l.category == o.category) && (l.product == "" || l.product == o.product) && (l.service == "" || l.service == o.service)
}
