package rule

import (
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
	"github.com/riposte-security/riposte/schemas"
)

func (d *decoder) steps(n *yamltree.Node) {
	list, ok := yamltree.Items(n)
	if !ok {
		d.fail(n, "then must be a list of steps, not %s", yamltree.Kind(n))
		return
	}
	if len(list) == 0 {
		d.fail(n, "then needs at least one step")
	}
	names := map[string]bool{}
	for _, e := range list {
		st, ok := d.step(e)
		if !ok {
			continue
		}
		if names[st.name] {
			d.fail(e, "two steps of this rule are called %q; give one of them a name: of its own", st.name)
		}
		names[st.name] = true
		d.current.steps = append(d.current.steps, st)
	}
}

// step reads one entry of then: a mapping with one key, the kind of the step.
func (d *decoder) step(n *yamltree.Node) (step, bool) {
	kinds := stepKinds()
	values, ok := yamltree.Pairs(n)
	if !ok || len(values) != 1 {
		d.fail(n, "a step is a mapping with one key: %s", strings.Join(kinds, ", "))
		return step{}, false
	}
	kind := values[0].Key.Value
	body := values[0].Value
	switch kind {
	case "alert":
		return d.alert(body)
	case "block":
		return d.response(body, schemas.LaneBlock)
	case "remediate":
		return d.response(body, schemas.LaneRemediate)
	case "publish":
		return d.publish(body)
	case "invoke":
		return d.invoke(body)
	}
	d.fail(values[0].Key, "unknown step %q%s", kind, predicate.Suggest(kind, kinds))
	return step{}, false
}

func (d *decoder) alert(n *yamltree.Node) (step, bool) {
	st := step{lane: schemas.LaneAlert, action: LogReceiver, settings: d.opts.AlertSettings}
	m, ok := map[string]*yamltree.Node(nil), true
	if !yamltree.IsNull(n) {
		m, ok = d.mapping(n, "alert", alertKeys()...)
	}
	if !ok {
		return st, false
	}
	if v, ok := m["to"]; ok {
		st.action = d.name(v, "to")
		known := []string{LogReceiver} // a configuration may name it as well
		for _, name := range d.opts.Receivers {
			if !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
		if d.opts.Receivers != nil && !slices.Contains(known, st.action) {
			d.fail(v, "unknown receiver %q%s (known: %s)", st.action, predicate.Suggest(st.action, known), strings.Join(known, ", "))
		}
	}
	if v, ok := m["group_by"]; ok {
		if len(yamltree.Elements(v)) == 0 {
			d.fail(v, "group_by needs at least one expression; without it, alerts are grouped by the resource")
		}
		d.keyed(func() {
			for _, e := range yamltree.Elements(v) {
				text, p := d.expression(e, "group_by", predicate.WantAny)
				st.groupBy = append(st.groupBy, grouping{text: strings.TrimSpace(text), value: p})
			}
		})
	}
	st.byKey = d.keys != nil
	if v, ok := m["with"]; ok {
		st.with = d.with(v, &st)
	}
	d.common(&st, m)
	return st, true
}

// response reads a step of the block or remediate lane.
func (d *decoder) response(n *yamltree.Node, lane schemas.Lane) (step, bool) {
	st := step{lane: lane}
	m, ok := d.mapping(n, string(lane), responseKeys()...)
	if !ok {
		return st, false
	}
	if v, ok := m["action"]; ok {
		st.action, _ = d.text(v, "action")
		if st.spec = d.spec(v, st.action, lane); st.spec != nil {
			st.settings = st.spec.Settings
		}
	} else {
		d.fail(n, "a %s step needs action", lane)
	}
	if v, ok := m["target"]; ok {
		d.keyed(func() { _, st.target = d.expression(v, "target", predicate.WantNames) })
	} else {
		d.fail(n, "a %s step needs target", lane)
	}
	d.demands(n, &st, m)
	return st, true
}

// invoke reads a step of the remediate lane that starts something: `to: lambda` is the action invoke-lambda. Without a target, it is about the resource of the event,
// as an alert is.
func (d *decoder) invoke(n *yamltree.Node) (step, bool) {
	st := step{lane: schemas.LaneRemediate}
	m, ok := d.mapping(n, "invoke", invokeKeys()...)
	if !ok {
		return st, false
	}
	if v, ok := m["to"]; ok {
		to, _ := d.text(v, "to")
		st.action = InvokePrefix + to
		st.spec = d.invoked(v, to)
	} else {
		d.fail(n, "an invoke step needs to: what is to be invoked")
	}
	if st.spec != nil {
		st.settings = st.spec.Settings
	}
	if v, ok := m["target"]; ok {
		d.keyed(func() { _, st.target = d.expression(v, "target", predicate.WantNames) })
	}
	st.byKey = d.keys != nil
	d.demands(n, &st, m)
	return st, st.action != ""
}

// InvokePrefix begins the names of the actions that invoke steps mean.
const InvokePrefix = "invoke-"

// invoked finds the action of an invoke step.
func (d *decoder) invoked(n *yamltree.Node, to string) *schemas.ActionSpec {
	var names []string
	for i := range d.opts.Actions {
		name, ok := strings.CutPrefix(d.opts.Actions[i].Name, InvokePrefix)
		if ok && name == to {
			return &d.opts.Actions[i]
		}
		if ok {
			names = append(names, name)
		}
	}
	d.fail(n, "nothing is invoked as %q%s (known: %s)", to, predicate.Suggest(to, names), joined(names))
	return nil
}

// demands reads what steps that change something share.
func (d *decoder) demands(n *yamltree.Node, st *step, m map[string]*yamltree.Node) {
	if v, ok := m["with"]; ok {
		st.with = d.with(v, st)
	}
	d.required(n, st)
	if v, ok := m["for"]; ok {
		d.keep(v, st)
	}
	if v, ok := m["approval"]; ok {
		st.approval = d.oneOf(v, "approval", schemas.ApprovalRequired, schemas.ApprovalWaived)
	}
	d.common(st, m)
}

// keyed has what ids are made of read in its scope, where it has one.
func (d *decoder) keyed(read func()) {
	before := d.scope
	if d.keys != nil {
		d.scope = d.keys
	}
	read()
	d.scope = before
}

// common reads what steps of all lanes share.
func (d *decoder) common(st *step, m map[string]*yamltree.Node) {
	st.name = string(st.lane) + ":" + st.action
	if v, ok := m["name"]; ok {
		st.name = d.name(v, "name")
	}
	if v, ok := m["mode"]; ok {
		st.mode = d.oneOf(v, "mode", "dry_run")
	}
}

// spec finds the action, and says where it is when it stands in the wrong lane.
func (d *decoder) spec(n *yamltree.Node, name string, lane schemas.Lane) *schemas.ActionSpec {
	var names []string
	for i := range d.opts.Actions {
		a := &d.opts.Actions[i]
		if a.Name == name && a.Lane == lane {
			return a
		}
		if a.Name == name {
			d.fail(n, "%s is an action of the %s lane, not of %s", name, a.Lane, lane)
			return nil
		}
		if a.Lane == lane {
			names = append(names, a.Name)
		}
	}
	known := strings.Join(names, ", ")
	if known == "" {
		known = "none"
	}
	d.fail(n, "unknown action %q in the %s lane%s (known: %s)", name, lane, predicate.Suggest(name, names), known)
	return nil
}

// keep reads for.
func (d *decoder) keep(n *yamltree.Node, st *step) {
	text, ok := d.text(n, "for")
	if !ok {
		return
	}
	v, err := time.ParseDuration(text)
	if err != nil || v <= 0 {
		d.fail(n, "for: a time such as 90s, 30m or 4h expected, not %q", text)
		return
	}
	if st.spec != nil && !st.spec.Expires {
		d.fail(n, "for: the effect of %s does not end by itself", st.action)
		return
	}
	st.keep = v
}

func (d *decoder) publish(n *yamltree.Node) (step, bool) {
	m, ok := d.mapping(n, "publish", publishKeys()...)
	if !ok {
		return step{}, false
	}
	v, ok := m["topic"]
	if !ok {
		d.fail(n, "publish needs topic")
		return step{}, false
	}
	topic, ok := d.text(v, "topic")
	if !ok {
		return step{}, false
	}
	if !plainName(topic, longestTopic) || topic == "." || topic == ".." {
		d.fail(v, "%q is no name of a Kafka topic", topic)
	}
	for _, prefix := range []string{"riposte", d.opts.Prefix} {
		if prefix != "" && strings.HasPrefix(topic, prefix+".") {
			d.fail(v, "%q is one of riposte's own topics; a rule publishes to others", topic)
			break
		}
	}
	st := step{publish: topic, name: "publish:" + topic}
	if v, ok := m["name"]; ok {
		st.name = d.name(v, "name")
	}
	return st, true
}
