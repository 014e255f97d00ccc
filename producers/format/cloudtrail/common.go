package cloudtrail

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// What follows writes the parts that the events of every class have.

func (r *record) writeStatus() {
	if r.many() {
		r.Str("status", "Unknown")
		r.Int("status_id", 0)
		return
	}
	r.Status(r.failed)
	r.Copy("status_code", r.errorCode)
	r.Copy("status_detail", r.errorMessage)
}

func (r *record) writeMetadata() {
	at := r.Metadata(Name, "cloud")
	if !r.Move("uid", r.eventID) {
		r.Str("uid", r.uid)
	}
	product := r.Open("product")
	r.Lit(`"name":"CloudTrail","vendor_name":"AWS"`)
	feature := r.Open("feature")
	r.Move("name", r.eventCategory)
	r.Close(feature)
	r.Close(product)
	r.Move("log_version", r.eventVersion)
	r.Move("event_code", r.eventType)
	r.Move("correlation_uid", r.sharedEventID)
	r.Close(at)
}

func (r *record) writeCloud() {
	at := r.Open("cloud")
	r.Lit(`"provider":"AWS"`)
	r.MoveOr("region", r.awsRegion, r.region)
	account := r.Open("account")
	if r.Copy("uid", r.recipientAccountID) {
		r.Observe(ocsfjson.AccountUID, "cloud.account.uid", r.recipientAccountID)
	} else {
		own := r.Doc.Get(r.userIdentity, "accountId")
		if !r.Copy("uid", own) && r.account != "" {
			r.Str("uid", r.account)
		}
		r.Observe(ocsfjson.AccountUID, "cloud.account.uid", own)
	}
	if r.Close(account) {
		r.Close(at)
		return
	}
	r.Close(at)
}

// writeAPI writes the call: every class has this object, so that a rule asks for an operation without caring for the class.
func (r *record) writeAPI() {
	at := r.Open("api")
	write := r.Move
	if r.many() { // the record is about these, and not one of them: its own members keep them
		write = r.Copy
	}
	write("operation", r.call)
	service := r.Open("service")
	write("name", r.service)
	r.Close(service)
	request := r.Open("request")
	if !r.Move("uid", r.requestID) {
		r.Str("uid", r.uid)
	}
	r.MoveAny("data", r.requestParameters)
	r.Close(request)
	response := r.Open("response")
	r.MoveAny("data", r.responseElements)
	r.Move("error", r.errorCode)
	r.Move("error_message", r.errorMessage)
	r.Close(response)
	r.Move("version", r.apiVersion)
	r.Close(at)
}

func (r *record) writeEndpoint() {
	at := r.Open("src_endpoint")
	if text := r.Doc.Str(r.sourceIPAddress); text != "" {
		ip, canonical, ok := r.IP("ip", text, "src_endpoint.ip")
		switch {
		case ok:
			r.KeyIP = ip
			if canonical {
				r.Doc.Take(r.sourceIPAddress)
			}
		case isService(text):
			r.Copy("svc_name", r.sourceIPAddress)
		default:
			r.Copy("name", r.sourceIPAddress)
		}
	}
	r.Move("uid", r.vpcEndpointID)
	if !r.Close(at) { // where a record names no caller, the service itself speaks
		at = r.Open("src_endpoint")
		r.Str("svc_name", r.speaker())
		r.Close(at)
	}
	request := r.Open("http_request")
	r.MoveSeen("user_agent", r.userAgent, ocsfjson.UserAgent, "http_request.user_agent")
	r.Close(request)
}

// isService tells whether a sourceIPAddress is the name of an AWS service.
func isService(s string) bool {
	return s == "AWS Internal" || strings.HasSuffix(s, ".amazonaws.com") || strings.HasSuffix(s, ".amazonaws.com.cn") ||
		strings.HasSuffix(s, ".aws.internal")
}

// writeResources moves what resources says of each resource; an element without an ARN stays unmapped.
func (r *record) writeResources() {
	d := &r.Doc
	if d.Kind(r.resources) != ocsfjson.Array {
		return
	}
	list := r.List("resources")
	for c := d.First(r.resources); c >= 0; c = d.Next(c) {
		arn := d.Get(c, "ARN")
		if d.Str(arn) == "" {
			continue
		}
		at := r.Open("")
		r.MoveSeen("uid", arn, ocsfjson.ResourceUID, "resources[].uid")
		r.Move("type", d.Get(c, "type"))
		owner := r.Open("owner")
		account := r.Open("account")
		r.Move("uid", d.Get(c, "accountId"))
		r.Close(account)
		r.Close(owner)
		r.Close(at)
		if r.KeyResource == "" {
			r.KeyResource = d.Str(arn)
		}
	}
	r.Close(list)
}

// observeRest adds what is worth finding in parts that are copied whole.
func (r *record) observeRest() {
	d := &r.Doc
	r.Observe(ocsfjson.Hostname, "unmapped.tlsDetails.clientProvidedHostHeader", d.Get(r.tlsDetails, "clientProvidedHostHeader"))
	r.Observe(ocsfjson.CredentialUID, "api.response.data.accessKey.accessKeyId", d.Path(r.responseElements, "accessKey", "accessKeyId"))
	r.Observe(ocsfjson.CredentialUID, "api.response.data.credentials.accessKeyId", d.Path(r.responseElements, "credentials", "accessKeyId"))
	r.Observe(ocsfjson.CredentialUID, "api.request.data.accessKeyId", d.Get(r.requestParameters, "accessKeyId"))
	r.Observe(ocsfjson.ResourceUID, "api.request.data.roleArn", d.Get(r.requestParameters, "roleArn"))
	r.Observe(ocsfjson.ResourceUID, "api.request.data.policyArn", d.Get(r.requestParameters, "policyArn"))
}
