package sigma

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/yamltree"
	"github.com/riposte-security/riposte/schemas"
)

// Options is what an import needs beside the rules.
type Options struct {
	// To is the receiver of the alerts; "log" if it is empty.
	To string
	// Placeholders are the values of placeholders, for the modifier expand.
	Placeholders map[string][]string
	// Check is what the rules that are made are checked against.
	Check rule.Options
}

// A document is one document of a Sigma file: a rule, a correlation or a filter.
type document struct {
	*reader
	at      *yamltree.Node
	members map[string]*yamltree.Node
	head    head

	rule    *ruleBody
	correl  *correlation
	filter  *filterBody
	counts  *correlation // what an old condition aggregates
	base    []*document  // of a correlation, the rules that it names
	filters []*document  // of a rule, what it has to fulfil as well
	quiet   bool         // it makes no alerts of its own: a correlation names it
	outputs []Rule       // what has become of it
	lists   []string     // named lists that they ask
}

// head is what rules, correlations and filters have in common.
type head struct {
	id, name, title, description, author, status, level, date, modified string
	references, tags, falsePositives                                    []string
}

// A ruleBody is what a rule has beyond its head.
type ruleBody struct {
	logsource  logsource
	detections *detections
	conditions []condition
	timeframe  string
	at         *yamltree.Node // its conditions
}

// read reads one document.
func (d *document) read() {
	d.members = d.reader.members(d.at, "a Sigma rule")
	if d.members == nil {
		return
	}
	if n, ok := d.members["action"]; ok {
		d.fail(n, "rule collections with action are no part of Sigma 2; write one document a rule")
		return
	}
	d.readHead()
	switch m := d.members; {
	case m["correlation"] != nil:
		d.readCorrelation(m["correlation"])
	case m["filter"] != nil:
		d.readFilter(m["filter"])
	case m["detection"] != nil:
		d.readRule(m["detection"])
	default:
		d.fail(d.at, "no Sigma rule: detection, correlation or filter is expected")
	}
}

func (d *document) readHead() {
	m := d.members
	d.head = head{
		id: d.text(m, "id"), name: d.text(m, "name"), title: strings.TrimSpace(d.text(m, "title")), description: d.text(m, "description"),
		author: d.text(m, "author"), status: d.text(m, "status"), level: strings.ToLower(d.text(m, "level")), date: d.text(m, "date"),
		modified: d.text(m, "modified"), references: d.texts(m, "references"), tags: d.texts(m, "tags"), falsePositives: d.texts(m, "falsepositives"),
	}
	if d.head.title == "" {
		d.fail(d.at, "title is missing")
	}
	if l := d.head.level; l != "" && !slices.Contains(schemas.Severities(), l) {
		d.fail(m["level"], "level %q: one of %s is expected", l, strings.Join(schemas.Severities(), ", "))
	}
	if t := d.text(m, "taxonomy"); t != "" && t != "sigma" {
		d.fail(m["taxonomy"], "the taxonomy %q is not supported, only sigma", t)
	}
}

// ident is the id of the rule that is made: Sigma's, or one that its name, else its title, gives.
func (h head) ident() string {
	if h.id != "" {
		return h.id
	}
	name := h.name
	if name == "" {
		name = h.title
	}
	sum := sha256.Sum256([]byte(name))
	return "sigma-" + slug(name, 60) + "-" + hex.EncodeToString(sum[:4])
}

// slug makes a name of small letters, digits and dashes.
func slug(s string, most int) string {
	s = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(s), "-")
	return strings.Trim(s[:min(len(s), most)], "-")
}

// severity is the level; Sigma's default for one that is missing is the specification's to say, which has none: medium.
func (h head) severity() string {
	if h.level == "" {
		return "medium"
	}
	return h.level
}

func (d *document) readRule(detection *yamltree.Node) {
	body := &ruleBody{}
	d.rule = body
	d.readLogsource(body)
	values, ok := yamltree.Pairs(detection)
	if !ok {
		d.fail(detection, "detection must be a mapping, not %s", yamltree.Kind(detection))
		return
	}
	body.detections = d.detections(values, "condition", "timeframe")
	var conditions *yamltree.Node
	for _, v := range values {
		switch v.Key.Value {
		case "condition":
			conditions = v.Value
		case "timeframe":
			body.timeframe, _ = scalar(v.Value)
		}
	}
	if conditions == nil {
		d.fail(detection, "detection has no condition")
		return
	}
	body.at = conditions
	body.conditions = d.conditions(conditions, body.detections)
}

func (d *document) readLogsource(body *ruleBody) {
	n, ok := d.members["logsource"]
	if !ok {
		d.fail(d.at, "logsource is missing")
		return
	}
	m := d.reader.members(n, "logsource")
	body.logsource = logsource{d.text(m, "category"), d.text(m, "product"), d.text(m, "service")}
	if body.logsource == (logsource{}) {
		d.fail(n, "logsource says neither product, category nor service")
	}
}

// conditions reads one condition, or a list of which one has to hold.
func (d *document) conditions(n *yamltree.Node, all *detections) []condition {
	list := []*yamltree.Node{n}
	if l, ok := yamltree.Items(n); ok {
		list = l
	}
	var out []condition
	for _, e := range list {
		text, ok := scalar(e)
		if !ok {
			d.fail(e, "a condition must be a text, not %s", yamltree.Kind(e))
			continue
		}
		c, err := parseCondition(text, all)
		if err != nil {
			line, column := yamltree.Place(e)
			if ce, ok := errors.AsType[*conditionError](err); ok {
				column += ce.offset
			}
			d.failAt(line, column, "%v", err)
			continue
		}
		out = append(out, c)
	}
	if len(list) == 0 {
		d.fail(n, "condition is empty")
	}
	return out
}

// timespan reads a number with s, m, h, d, w, M or y behind it.
func timespan(s string) (time.Duration, bool) {
	m := regexp.MustCompile(`^([0-9]{1,6})([smhdwMy])$`).FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, false
	}
	const day = 24 * time.Hour
	unit := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "M": 30 * day, "y": 365 * day}[m[2]]
	var n time.Duration
	for _, c := range m[1] {
		n = n*10 + time.Duration(c-'0')
	}
	return n * unit, n > 0
}
