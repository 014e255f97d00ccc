package simaws

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// An operation answers one call of a service that speaks the query protocol. What it returns is written as XML below the element that the
// protocol asks for.
type operation struct {
	run     func(form) (any, *fault)
	changes bool
}

// A form is the parameters of a call.
type form struct{ url.Values }

// list returns the values of prefix.1, prefix.2 and so on, or with a field those of prefix.1.field.
func (f form) list(prefix, field string) []string {
	var all []string
	for i := 1; ; i++ {
		key := prefix + "." + strconv.Itoa(i)
		if field != "" {
			key += "." + field
		}
		if !f.Has(key) {
			return all
		}
		all = append(all, f.Get(key))
	}
}

// serveQuery answers EC2, IAM, SNS and STS.
func (a *AWS) serveQuery(w http.ResponseWriter, r *request) {
	values, err := url.ParseQuery(string(r.body))
	name := values.Get("Action")
	var result any
	var f *fault
	switch op, known := a.operations(r.service)[name]; {
	case r.service == "":
		f = refuse(http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token")
	case err != nil:
		f = refuse(http.StatusBadRequest, "MalformedQueryString", "%v", err)
	case !known:
		f = refuse(http.StatusBadRequest, "InvalidAction", "The simulated AWS does not know the action %s of %s", name, r.service)
	default:
		result, f = op.run(form{values})
		a.note(r.service, name, op.changes, f)
	}
	if f != nil {
		writeQueryFault(w, r, f)
		return
	}
	if r.service == "ec2" {
		writeXML(w, http.StatusOK, ec2Answer{XMLName: xml.Name{Space: "http://ec2.amazonaws.com/doc/2016-11-15/", Local: name + "Response"}, RequestID: r.id, Result: result})
		return
	}
	writeXML(w, http.StatusOK, queryAnswer{
		XMLName: xml.Name{Space: "https://" + r.service + ".amazonaws.com/doc/", Local: name + "Response"},
		Result:  queryResult{XMLName: xml.Name{Local: name + "Result"}, Result: result}, RequestID: r.id,
	})
}

func (a *AWS) operations(service string) map[string]operation {
	switch service {
	case "ec2":
		return a.ec2()
	case "iam":
		return a.iam()
	case "sns":
		return a.sns()
	case "sts":
		return a.sts()
	}
	return nil
}

type ec2Answer struct {
	XMLName   xml.Name
	RequestID string `xml:"requestId"`
	Result    any
}

type queryAnswer struct {
	XMLName   xml.Name
	Result    queryResult
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type queryResult struct {
	XMLName xml.Name
	Result  any
}

type xmlError struct {
	Type    string `xml:"Type,omitempty"`
	Code    string
	Message string
}

func writeQueryFault(w http.ResponseWriter, r *request, f *fault) {
	if r.service == "ec2" {
		writeXML(w, f.status, struct {
			XMLName   xml.Name `xml:"Response"`
			Error     xmlError `xml:"Errors>Error"`
			RequestID string   `xml:"RequestID"`
		}{Error: xmlError{Code: f.code, Message: f.message}, RequestID: r.id})
		return
	}
	writeXML(w, f.status, struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Error     xmlError
		RequestID string `xml:"RequestId"`
	}{Error: xmlError{Type: "Sender", Code: f.code, Message: f.message}, RequestID: r.id})
}

func writeXML(w http.ResponseWriter, status int, v any) {
	body, err := xml.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(strings.TrimSpace(xml.Header) + string(body))) // who is gone needs no answer
}
