package waf

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// writeRule writes firewall_rule: the rule that decided.
func (r *record) writeRule() {
	d := &r.Doc
	if d.Str(r.at[ruleID]) == "" {
		return
	}
	at := r.Open("firewall_rule")
	r.Move("uid", r.at[ruleID])
	inner := r.innerRule()
	if !r.Copy("name", d.Get(inner, "ruleId")) {
		r.Copy("name", r.at[ruleID])
	}
	r.Move("type", r.at[ruleType])
	matched := r.at[details]
	if d.First(matched) < 0 {
		matched = d.Get(inner, "ruleMatchDetails")
	}
	r.writeMatch(matched)
	if rate := r.rateRule(); rate >= 0 {
		if n, ok := d.Int(d.Get(rate, "maxRateAllowed")); ok {
			r.Int("rate_limit", n)
		}
	}
	r.Close(at)
}

// innerRule is the rule that decided, in the group that terminatingRuleId stands for.
func (r *record) innerRule() node {
	d := &r.Doc
	if d.Kind(r.at[groups]) != ocsfjson.Array {
		return ocsfjson.None
	}
	for c := d.First(r.at[groups]); c >= 0; c = d.Next(c) {
		if n := d.Get(c, "terminatingRule"); d.Kind(n) == ocsfjson.Object {
			return n
		}
	}
	return ocsfjson.None
}

// rateRule is the rate-based rule that decided, None if it was another.
func (r *record) rateRule() node {
	d := &r.Doc
	if d.Kind(r.at[rateRules]) != ocsfjson.Array {
		return ocsfjson.None
	}
	for c := d.First(r.at[rateRules]); c >= 0; c = d.Next(c) {
		id := d.Str(r.at[ruleID])
		if id == d.Str(d.Get(c, "rateBasedRuleName")) || id == d.Str(d.Get(c, "rateBasedRuleId")) || d.Str(r.at[ruleType]) == "RATE_BASED" {
			return c
		}
	}
	return ocsfjson.None
}

// writeMatch writes what of the request matched. It is a copy: the details stay unmapped, since a list has no place for all of them.
func (r *record) writeMatch(matched node) {
	d := &r.Doc
	one := d.First(matched)
	if d.Kind(matched) != ocsfjson.Array || d.Kind(one) != ocsfjson.Object {
		return
	}
	r.Copy("condition", d.Get(one, "conditionType"))
	r.Copy("match_location", d.Get(one, "location"))
	r.Copy("sensitivity", d.Get(one, "sensitivityLevel"))
	list := r.List("match_details")
	n := 0
	for c := one; c >= 0; c = d.Next(c) {
		data := d.Get(c, "matchedData")
		if d.Kind(data) != ocsfjson.Array {
			continue
		}
		var words []string
		for w := d.First(data); w >= 0; w = d.Next(w) {
			words = append(words, d.Str(w))
		}
		if n > 0 {
			r.B = append(r.B, ',')
		}
		r.Quote(strings.Join(words, " "))
		n++
	}
	r.Close(list)
}
