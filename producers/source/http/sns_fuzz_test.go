package http

import (
	"net/http"
	"testing"
)

// FuzzSNS: nothing is taken that SNS has not signed, whatever it says and wherever it says that its certificate is; and it is asked for at SNS alone.
func FuzzSNS(f *testing.F) {
	f.Add([]byte(`{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:111122223333:trail","Message":"x","Timestamp":"t","SignatureVersion":"1","Signature":"AAAA","SigningCertURL":"https://sns.eu-west-1.amazonaws.com/a.pem"}`))
	f.Add([]byte(`{"Type":"SubscriptionConfirmation","TopicArn":"arn:aws:sns:eu-west-1:111122223333:trail","SubscribeURL":"https://sns.eu-west-1.amazonaws.com@evil.example/","SignatureVersion":"2","Signature":"AA==","SigningCertURL":"https://sns.eu-west-1.amazonaws.com:443/a.pem"}`))
	f.Add([]byte(`{"TopicArn":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &snsSettings{Topics: []string{topic}, client: &http.Client{Transport: onlyAmazon{t}}}
		if d, err := s.open(&http.Request{Header: http.Header{}}, body); err == nil {
			t.Errorf("taken without a signature: %q as %+v", body, d)
		}
	})
}

// onlyAmazon fails a test that goes elsewhere than to SNS.
type onlyAmazon struct{ t *testing.T }

// RoundTrip implements http.RoundTripper.
func (a onlyAmazon) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "sns.eu-west-1.amazonaws.com" || r.URL.Scheme != "https" {
		a.t.Errorf("asked %s", r.URL)
	}
	return nil, http.ErrServerClosed
}
