package config

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// member is the first of the item's members with one of these names: notifications and the API spell them differently.
func (r *record) member(names ...string) node {
	for _, name := range names {
		if n := r.Doc.Get(r.item, name); n >= 0 {
			return n
		}
	}
	return ocsfjson.None
}

// inventory writes a configuration item.
func (r *record) inventory(activity int, name string) (schemas.Event, error) {
	d := &r.Doc
	t, err := r.eventTime("configurationItemCaptureTime", r.member("configurationItemCaptureTime"))
	if err != nil {
		return schemas.Event{}, err
	}
	created, hasCreated, err := r.timeOf(r.member("resourceCreationTime"), "resourceCreationTime")
	if err != nil {
		return schemas.Event{}, err
	}
	r.Begin(schemas.ClassCloudResources, activity, name, t)
	r.Severity(1)
	r.Status(false)
	r.Move("status_code", r.member("configurationItemStatus"))
	r.writeMetadata(r.member("configurationItemVersion", "version"))
	r.writeCloud(r.member("awsAccountId", "accountId"), r.member("awsRegion"))
	list := r.List("resources")
	at := r.Open("")
	id, arn := r.member("resourceId"), r.member("ARN", "arn")
	if r.MoveSeen("uid", arn, ocsfjson.ResourceUID, "resources[0].uid") {
		r.KeyResource = strings.Clone(d.Str(arn))
		r.Move("uid_alt", id)
	} else if r.MoveSeen("uid", id, ocsfjson.ResourceUID, "resources[0].uid") {
		r.KeyResource = strings.Clone(d.Str(id))
	}
	if !r.Move("name", r.member("resourceName")) && !r.Copy("name", id) {
		r.Copy("name", r.member("resourceType")) // an item that names nothing else
	}
	r.Move("type", r.member("resourceType"))
	r.Copy("region", r.member("awsRegion"))
	r.Move("zone", r.member("availabilityZone"))
	if hasCreated {
		r.Int("created_time", created.UnixMilli())
	}
	r.writeTags(r.member("tags"))
	r.writeConfiguration(r.member("configuration"))
	r.Close(at)
	r.Close(list)
	return r.Finish(schemas.ClassCloudResources, r.uid, t), nil
}

// writeTags writes tags, which the record has as an object of texts. A value that is no text stays unmapped.
func (r *record) writeTags(tags node) {
	d := &r.Doc
	if d.Kind(tags) != ocsfjson.Object {
		return
	}
	list := r.List("tags")
	for c := d.First(tags); c >= 0; c = d.Next(c) {
		if d.Kind(c) != ocsfjson.String {
			continue
		}
		at := r.Open("")
		r.Raw("name", `"`+d.RawKey(c)+`"`)
		r.Raw("value", d.Raw(c))
		r.Close(at)
		d.Take(c)
	}
	r.Close(list)
}

// writeConfiguration writes the configuration, opened if it is JSON in a string: then the string stays unmapped, since it is changed.
func (r *record) writeConfiguration(n node) {
	var inner ocsfjson.Doc
	if text := r.Doc.Str(n); text != "" && (text[0] == '{' || text[0] == '[') && inner.ParseText(text) == nil {
		r.Raw("data", inner.Raw(inner.Root()))
		return
	}
	r.MoveAny("data", n)
}

// notice writes a notification that is about no resource.
func (r *record) notice() (schemas.Event, error) {
	t, err := r.eventTime("", ocsfjson.None)
	if err != nil {
		return schemas.Event{}, err
	}
	d := &r.Doc
	r.Begin(schemas.ClassCloudResources, 99, r.kind, t)
	r.Severity(1)
	r.Status(false)
	r.writeMetadata(d.Get(r.message, "recordVersion"))
	r.writeCloud(d.Get(r.message, "awsAccountId"), d.Get(r.message, "awsRegion"))
	return r.Finish(schemas.ClassCloudResources, r.uid, t), nil
}

func (r *record) writeMetadata(version node) {
	at := r.Metadata(Name, "cloud")
	if id := r.Doc.Str(r.Doc.Get(r.envelope, "id")); id != "" { // as if the container had been opened before
		r.uid = schemas.CloudEventUID(r.Doc.Str(r.Doc.Get(r.envelope, "source")), id)
	}
	r.Str("uid", r.uid)
	product := r.Open("product")
	r.Str("name", "AWS Config")
	r.Str("vendor_name", "AWS")
	r.Close(product)
	r.Move("log_version", version)
	r.Move("event_code", r.Doc.Get(r.message, "messageType"))
	r.Close(at)
}

// ruleRegion is the region in the ARN of the rule that a call to its function names: what is asked of a rule on a schedule says none itself.
func (r *record) ruleRegion() string {
	if r.Outer == nil {
		return ""
	}
	if parts := strings.SplitN(r.Outer.Str(r.Outer.Get(r.Outer.Root(), "configRuleArn")), ":", 5); len(parts) == 5 && parts[0] == "arn" {
		return parts[3]
	}
	return ""
}

func (r *record) writeCloud(account, region node) {
	d := &r.Doc
	at := r.Open("cloud")
	r.Str("provider", "AWS")
	if !r.Move("region", region) && !r.Move("region", d.Get(r.envelope, "region")) {
		if own := r.ruleRegion(); own != "" {
			r.Str("region", own)
		} else if r.region != "" {
			r.Str("region", r.region)
		}
	}
	in := r.Open("account")
	if d.Str(account) == "" {
		account = d.Get(r.envelope, "account")
	}
	if !r.MoveSeen("uid", account, ocsfjson.AccountUID, "cloud.account.uid") {
		own := ""
		if r.Outer != nil {
			own = r.Outer.Str(r.Outer.Get(r.Outer.Root(), "accountId"))
		}
		if own == "" {
			own = r.account
		}
		if own != "" {
			r.Str("uid", own)
			r.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", own)
		}
	}
	r.Close(in)
	r.Close(at)
}
