package cloud

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestStores asks an API that answers as Secrets Manager and Parameter Store do.
func TestStores(t *testing.T) {
	var calls atomic.Int32
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, err := io.ReadAll(r.Body)
		var in struct {
			SecretID       string `json:"SecretId"`
			Name           string
			WithDecryption bool
		}
		if err != nil || json.Unmarshal(body, &in) != nil {
			t.Error(err)
		}
		region := strings.Split(r.Header.Get("Authorization"), "/")[2]
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch r.Header.Get("X-Amz-Target") {
		case "secretsmanager.GetSecretValue":
			switch in.SecretID {
			case "gone":
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"__type":"ResourceNotFoundException","Message":"no such secret"}`)
			case "binary":
				_, _ = io.WriteString(w, `{"SecretBinary":"aHVzaA=="}`)
			default:
				_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": `{"password":"hush","n":1,"region":"` + region + `"}`})
			}
		case "AmazonSSM.GetParameter":
			if !in.WithDecryption {
				t.Error("a parameter is asked for as it is stored")
			}
			_, _ = io.WriteString(w, `{"Parameter":{"Value":"hush from `+in.Name+`"}}`)
		default:
			t.Errorf("call %s", r.Header.Get("X-Amz-Target"))
		}
	}))
	t.Cleanup(api.Close)
	t.Setenv("AWS_ENDPOINT_URL", api.URL)
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "k")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	stores := Stores(t.Context())
	for _, c := range []struct{ store, name, want, err string }{
		{"aws-secretsmanager", "kafka#password", "hush", ""},
		{"aws-secretsmanager", "kafka#region", "eu-central-1", ""},
		{"aws-secretsmanager", "arn:aws:secretsmanager:us-west-2:111122223333:secret:kafka#region", "us-west-2", ""},
		{"aws-secretsmanager", "binary", "hush", ""},
		{"aws-secretsmanager", "kafka#none", "", `the secret has no key "none"`},
		{"aws-secretsmanager", "kafka#n", "", `key "n" of the secret is no text`},
		{"aws-secretsmanager", "binary#x", "", "the secret is no JSON object"},
		{"aws-secretsmanager", "gone", "", "ResourceNotFoundException"},
		{"aws-ssm", "/riposte/kafka", "hush from /riposte/kafka", ""},
	} {
		got, err := stores[c.store](c.name)
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s:%s: %q, %v", c.store, c.name, got, err)
		}
	}
	before := calls.Load()
	if v, err := stores["aws-ssm"]("/riposte/kafka"); err != nil || v == "" || calls.Load() != before {
		t.Errorf("asked again: %q, %v", v, err)
	}
}
