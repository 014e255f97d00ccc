package securityhub

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/eventbridge/envelope"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// What follows writes what every finding has.

// millis writes a time of the record in ms; what is no time stays unmapped only.
func (r *finding) millis(name string, n node) {
	if t, ok, err := envelope.Time(&r.Doc, n); ok && err == nil {
		r.Int(name, t.UnixMilli())
	}
}

// texts writes a list of texts: moved if it holds nothing else, left where it is none.
func (r *finding) texts(name string, n node) {
	d := &r.Doc
	if d.Kind(n) != ocsfjson.Array || d.First(n) < 0 {
		return
	}
	for c := d.First(n); c >= 0; c = d.Next(c) {
		if d.Kind(c) != ocsfjson.String {
			return
		}
	}
	r.MoveAny(name, n)
}

func (r *finding) writeMetadata() {
	profiles := []string{"cloud"}
	if r.hasActor() {
		profiles = []string{"cloud", "host"}
	}
	at := r.Metadata(Name, profiles...)
	r.Str("uid", r.uid)
	product := r.Open("product")
	if !r.Move("name", r.productName) && !r.Copy("name", r.get(r.productFields, "aws/securityhub/ProductName")) {
		r.Str("name", "Security Hub")
	}
	if !r.Move("vendor_name", r.companyName) && !r.Copy("vendor_name", r.get(r.productFields, "aws/securityhub/CompanyName")) {
		r.Str("vendor_name", "AWS")
	}
	r.Move("uid", r.productArn)
	r.Close(product)
	r.Move("log_version", r.schemaVersion)
	r.Close(at)
}

func (r *finding) writeCloud() {
	d := &r.Doc
	first := d.First(r.resources)
	at := r.Open("cloud")
	r.Lit(`"provider":"AWS"`)
	switch {
	case r.Move("region", r.regionName):
	case r.Copy("region", r.get(first, "Region")):
		r.region = r.str(first, "Region")
	default:
		if r.region = r.in.Attrs[producers.AttrRegion]; r.region != "" {
			r.Str("region", r.region)
		}
	}
	r.Copy("cloud_partition", r.get(first, "Partition"))
	in := r.Open("account")
	if !r.MoveSeen("uid", r.accountID, ocsfjson.AccountUID, "cloud.account.uid") && r.account != "" {
		r.Str("uid", r.account)
		r.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", r.account)
	}
	r.Move("name", r.accountName)
	r.Close(in)
	r.Close(at)
}

func (r *finding) writeFindingInfo() {
	at := r.Open("finding_info")
	r.Move("uid", r.id)
	r.Move("title", r.title)
	r.Move("desc", r.description)
	r.texts("types", r.types)
	r.millis("created_time", r.createdAt)
	r.millis("modified_time", r.updatedAt)
	r.millis("first_seen_time", r.firstObservedAt)
	r.millis("last_seen_time", r.lastObservedAt)
	r.Move("src_url", r.sourceURL)
	if r.Doc.Str(r.generatorID) != "" {
		in := r.Open("analytic")
		r.Move("uid", r.generatorID)
		if r.class == schemas.ClassComplianceFinding {
			r.Lit(`"type":"Rule","type_id":1`)
		} else {
			r.Lit(`"type":"Unknown","type_id":0`)
		}
		r.Close(in)
	}
	list := r.List("related_events")
	r.each(r.relatedFindings, func(n node) {
		if r.str(n, "Id") == "" {
			return
		}
		at := r.Open("")
		r.Move("uid", r.get(n, "Id"))
		if r.str(n, "ProductArn") != "" {
			in := r.Open("product")
			r.Move("uid", r.get(n, "ProductArn"))
			r.Close(in)
		}
		r.Close(at)
	})
	r.Close(list)
	r.Close(at)
}

// writeRemediation writes what to do about it.
func (r *finding) writeRemediation() {
	text := r.Doc.Path(r.remediation, "Recommendation", "Text")
	if r.Doc.Str(text) == "" {
		return
	}
	at := r.Open("remediation")
	r.Move("desc", text)
	if url := r.Doc.Path(r.remediation, "Recommendation", "Url"); r.Doc.Str(url) != "" {
		r.Raw("references", "["+r.Doc.Raw(url)+"]")
		r.Doc.Take(url)
	}
	r.Close(at)
}

func (r *finding) hasActor() bool {
	return r.str(r.keyDetails, "UserName") != "" || r.str(r.keyDetails, "PrincipalName") != "" ||
		r.str(r.keyDetails, "PrincipalId") != "" || r.str(r.keyDetails, "AccessKeyId") != ""
}

// writeActor writes whose access key it is that the finding is about.
func (r *finding) writeActor() {
	k := r.keyDetails
	at := r.Open("actor")
	user := r.Open("user")
	name := r.get(k, "UserName")
	if r.Doc.Str(name) == "" {
		name = r.get(k, "PrincipalName")
	}
	principal := r.get(k, "PrincipalId")
	if r.Copy("name", name) {
		r.Observe(ocsfjson.UserName, "actor.user.name", name)
		r.Copy("uid_alt", principal)
	} else if r.Copy("uid", principal) {
		r.Observe(ocsfjson.UserUID, "actor.user.uid", principal)
	}
	if r.Doc.Str(name) != "" || r.Doc.Str(principal) != "" {
		r.Copy("type", r.get(k, "PrincipalType"))
	}
	r.Close(user)
	session := r.Open("session")
	if key := r.get(k, "AccessKeyId"); r.Copy("credential_uid", key) {
		r.Observe(ocsfjson.CredentialUID, "actor.session.credential_uid", key)
	}
	r.Close(session)
	r.Close(at)
	r.KeyUser = r.Doc.Str(principal)
}

func (r *finding) writeResources() {
	list := r.List("resources")
	i := 0
	r.each(r.resources, func(n node) {
		id := r.get(n, "Id")
		if r.Doc.Str(id) == "" {
			return
		}
		path := fmt.Sprintf("resources[%d]", i)
		i++
		at := r.Open("")
		r.MoveSeen("uid", id, ocsfjson.ResourceUID, path+".uid")
		if r.KeyResource == "" {
			r.KeyResource = r.Doc.Str(id)
		}
		if name := resourceName(r.Doc.Str(id)); name != "" {
			r.Str("name", name)
		}
		r.Move("type", r.get(n, "Type"))
		r.Move("region", r.get(n, "Region"))
		r.Move("cloud_partition", r.get(n, "Partition"))
		switch role := r.str(n, "ResourceRole"); {
		case strings.EqualFold(role, "Target"):
			r.Lit(`"role":"Target","role_id":1`)
		case strings.EqualFold(role, "Actor"):
			r.Lit(`"role":"Actor","role_id":2`)
		}
		r.tags(r.get(n, "Tags"))
		r.observeDetails(path, r.get(n, "Details"))
		r.MoveAny("data", r.get(n, "Details"))
		r.Close(at)
	})
	r.Close(list)
}

// resourceName is what stands behind the last separator of an ARN, which is the resource's name or id; empty if id is no ARN.
func resourceName(id string) string {
	parts := strings.SplitN(id, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return ""
	}
	return parts[5][strings.LastIndexAny(parts[5], "/:")+1:]
}

// tags writes tags, which a resource has as an object of texts. A value that is no text stays unmapped.
func (r *finding) tags(tags node) {
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

// observeDetails adds the addresses of an instance.
func (r *finding) observeDetails(path string, details node) {
	for _, name := range [...]string{"IpV4Addresses", "IpV6Addresses"} {
		n := r.Doc.Path(details, "AwsEc2Instance", name)
		if r.Doc.Kind(n) != ocsfjson.Array {
			continue
		}
		i := 0
		for c := r.Doc.First(n); c >= 0; c = r.Doc.Next(c) {
			r.ObserveText(ocsfjson.IPAddress, fmt.Sprintf("%s.data.AwsEc2Instance.%s[%d]", path, name, i), envelope.IP(r.Doc.Str(c)))
			i++
		}
	}
}

// observeIndicators adds the indicators that the finding names.
func (r *finding) observeIndicators() {
	i := -1
	r.each(r.indicators, func(n node) {
		i++
		path := fmt.Sprintf("unmapped.ThreatIntelIndicators[%d].Value", i)
		value := r.str(n, "Value")
		switch kind := r.str(n, "Type"); {
		case kind == "IPV4_ADDRESS" || kind == "IPV6_ADDRESS":
			r.ObserveText(ocsfjson.IPAddress, path, envelope.IP(value))
		case kind == "DOMAIN":
			r.ObserveText(ocsfjson.Hostname, path, value)
		case kind == "URL":
			r.ObserveText(ocsfjson.URLString, path, value)
		case strings.HasPrefix(kind, "HASH_"):
			r.ObserveText(ocsfjson.Hash, path, value)
		}
	})
}
