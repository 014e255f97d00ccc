package archive

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
)

// standInKMS speaks the two calls of KMS that are needed, as its API reference has them: moto 5.2.5 has no Ed25519 keys.
func standInKMS(t *testing.T, id string, key ed25519.PrivateKey) *httptest.Server {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			KeyID            string `json:"KeyId"`
			Message          []byte
			MessageType      string
			SigningAlgorithm string
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.KeyID != id {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"NotFoundException","message":"no such key"}`)
			return
		}
		out := map[string]any{"KeyId": "arn:aws:kms:eu-central-1:111122223333:key/" + id}
		switch target := r.Header.Get("X-Amz-Target"); {
		case target == "TrentService.GetPublicKey":
			out["PublicKey"], out["KeySpec"], out["KeyUsage"] = der, "ECC_NIST_EDWARDS25519", "SIGN_VERIFY"
		case target == "TrentService.Sign" && in.MessageType == "RAW" && in.SigningAlgorithm == "ED25519_SHA_512" && len(in.Message) <= 4096:
			out["Signature"], out["SigningAlgorithm"] = ed25519.Sign(key, in.Message), in.SigningAlgorithm
		default:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ValidationException","message":"not so"}`)
			return
		}
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// TestKMSKey has segments signed by a key that is elsewhere.
func TestKMSKey(t *testing.T) {
	const id = "1234abcd-12ab-34cd-56ef-1234567890ab"
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": standInKMS(t, id, private).URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
	} {
		t.Setenv(k, v)
	}
	clients, err := cloud.New(t.Context(), cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	s := newMemStore()
	write(t, newArchiver(t, s, KMSKey(clients, "", id), SegmentConfig{Records: 10}), testPart(), 35)
	if r, found := problems(t, s, Verification{Keys: NewKeys(public)}); len(found) > 0 || r.Records != 35 {
		t.Errorf("%+v: %q", r, found)
	}
	if _, err := KMSKey(clients, "", "another").Public(t.Context()); err == nil {
		t.Error("a key that is not there")
	}
}
