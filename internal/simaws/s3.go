package simaws

import (
	"encoding/xml"
	"net/http"
	"strings"
)

// A Bucket is an S3 bucket with its default encryption.
type Bucket struct {
	Region     string     // empty: that of the account
	Encryption Encryption // the zero value: none
}

// Encryption is a bucket's default encryption.
type Encryption struct {
	Algorithm string // AES256, aws:kms or aws:kms:dsse; empty: none
	Key       string // id or ARN of a KMS key
	BucketKey bool
}

// AddBucket puts a bucket into the account.
func (a *AWS) AddBucket(name string, b Bucket) {
	if b.Region == "" {
		b.Region = a.region
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.buckets[name] = &b
}

// Bucket returns what a bucket is like now, and whether it exists.
func (a *AWS) Bucket(name string) (Bucket, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, ok := a.buckets[name]
	if !ok {
		return Bucket{}, false
	}
	return *b, true
}

// encryptionXML is S3's own form of an Encryption.
type encryptionXML struct {
	XMLName xml.Name  `xml:"ServerSideEncryptionConfiguration"`
	Rules   []ruleXML `xml:"Rule"`
}

type ruleXML struct {
	Algorithm string `xml:"ApplyServerSideEncryptionByDefault>SSEAlgorithm"`
	Key       string `xml:"ApplyServerSideEncryptionByDefault>KMSMasterKeyID,omitempty"`
	BucketKey bool   `xml:"BucketKeyEnabled"`
}

// serveS3 answers S3, with buckets addressed by path.
func (a *AWS) serveS3(w http.ResponseWriter, r *request) {
	name, key, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	op, sub := r.Method, ""
	for _, s := range []string{"encryption", "location"} {
		if r.URL.Query().Has(s) {
			sub = s
		}
	}
	var run func(*Bucket) (any, *fault)
	var operation string
	switch {
	case name == "" || key != "":
	case op == http.MethodHead && sub == "":
		operation, run = "HeadBucket", func(*Bucket) (any, *fault) { return nil, nil }
	case op == http.MethodGet && sub == "location":
		operation, run = "GetBucketLocation", location
	case op == http.MethodGet && sub == "encryption":
		operation, run = "GetBucketEncryption", getEncryption
	case op == http.MethodPut && sub == "encryption":
		operation, run = "PutBucketEncryption", func(b *Bucket) (any, *fault) { return nil, putEncryption(b, r.body) }
	case op == http.MethodDelete && sub == "encryption":
		// S3 goes back to what it does by itself
		operation, run = "DeleteBucketEncryption", func(b *Bucket) (any, *fault) { b.Encryption = Encryption{Algorithm: "AES256"}; return nil, nil }
	}
	if operation == "" {
		writeS3(w, r, nil, refuse(http.StatusNotImplemented, "NotImplemented", "The simulated AWS does not know %s %s", op, r.URL.Path))
		return
	}
	b, f := a.bucket(w, r, name, operation)
	var result any
	if f == nil {
		result, f = run(b)
	}
	a.note("s3", operation, op == http.MethodPut || op == http.MethodDelete, f)
	writeS3(w, r, result, f)
}

// bucket finds a bucket, and refuses as S3 does who asks in the wrong place, or for somebody else's.
func (a *AWS) bucket(w http.ResponseWriter, r *request, name, operation string) (*Bucket, *fault) {
	b, ok := a.buckets[name]
	if r.service == "" {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "Anonymous users cannot call %s", operation)
	}
	if !ok {
		return nil, refuse(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
	}
	w.Header().Set("X-Amz-Bucket-Region", b.Region)
	if owner := r.Header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" && owner != a.account {
		return nil, refuse(http.StatusForbidden, "AccessDenied", "The bucket belongs to another account")
	}
	if r.region != b.Region && operation != "GetBucketLocation" {
		return nil, refuse(http.StatusMovedPermanently, "PermanentRedirect", "The bucket is in the region %s", b.Region)
	}
	return b, nil
}

func location(b *Bucket) (any, *fault) {
	region := b.Region
	if region == "us-east-1" { // for which S3 says nothing
		region = ""
	}
	return struct {
		XMLName xml.Name `xml:"LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: region}, nil
}

func getEncryption(b *Bucket) (any, *fault) {
	e := b.Encryption
	if e.Algorithm == "" {
		return nil, refuse(http.StatusNotFound, "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found")
	}
	return encryptionXML{Rules: []ruleXML{{Algorithm: e.Algorithm, Key: e.Key, BucketKey: e.BucketKey}}}, nil
}

func putEncryption(b *Bucket, body []byte) *fault {
	var c encryptionXML
	if err := xml.Unmarshal(body, &c); err != nil || len(c.Rules) != 1 {
		return refuse(http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	switch r := c.Rules[0]; {
	case r.Algorithm != "AES256" && r.Algorithm != "aws:kms" && r.Algorithm != "aws:kms:dsse":
		return refuse(http.StatusBadRequest, "InvalidArgument", "The algorithm %q is not known", r.Algorithm)
	case r.Algorithm == "AES256" && r.Key != "":
		return refuse(http.StatusBadRequest, "InvalidArgument", "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms")
	default:
		b.Encryption = Encryption(r)
	}
	return nil
}

func writeS3(w http.ResponseWriter, r *request, result any, f *fault) {
	switch {
	case f != nil && r.Method == http.MethodHead: // an answer to HEAD has no body
		w.WriteHeader(f.status)
	case f != nil:
		writeXML(w, f.status, struct {
			XMLName   xml.Name `xml:"Error"`
			Code      string
			Message   string
			RequestID string `xml:"RequestId"`
		}{Code: f.code, Message: f.message, RequestID: r.id})
	case result != nil:
		writeXML(w, http.StatusOK, result)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusOK)
	}
}
