package iampolicy

import (
	"bytes"
	"encoding/json"
	"net/url"
	"testing"
)

// FuzzDecode: what IAM hands out is decoded into JSON that has one form however often it is brought into it, or refused; and what is public is allowed.
func FuzzDecode(f *testing.F) {
	f.Add(`{"Effect":"Allow","Principal":"*"}`)
	f.Add(`{"Effect":"Allow","Principal":{"AWS":["*"]},"Condition":{"IpAddress":{"aws:SourceIp":["0.0.0.0/0"]}}}`)
	f.Add("%7B%22Effect%22%3A%22Deny%22%7D")
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := Decode(text)
		if (err == nil) != json.Valid(doc) {
			t.Fatalf("%q, %v", doc, err)
		}
		if err != nil {
			return
		}
		if again, err := Decode(url.PathEscape(string(doc))); len(text)*3 < longest && (err != nil || !bytes.Equal(again, doc)) {
			t.Errorf("%q, %v; %q", again, err, doc)
		}
		form := Compact(doc)
		if again := Compact(form); !bytes.Equal(again, form) {
			t.Errorf("%q becomes %q", form, again)
		}
		if Public(doc) && !bytes.Contains(doc, []byte("ncipal")) && !bytes.ContainsAny(doc, `\`) && !bytes.Contains(bytes.ToLower(doc), []byte("principal")) {
			t.Errorf("%s: public, to no principal", doc)
		}
	})
}
