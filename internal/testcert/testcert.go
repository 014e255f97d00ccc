// Package testcert makes certificates and keys for tests: an authority and what it signs, and keys that sign messages.
package testcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/sign"
)

// An Authority signs certificates. Its files are in a folder of the test.
type Authority struct {
	CA   string // file with its own certificate, PEM
	Pool *x509.CertPool
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// A Pair is a certificate with its key.
type Pair struct {
	Cert, Key string // files, PEM
	Both      string // file with the key and then the certificate
	TLS       tls.Certificate
}

// New makes an authority.
func New(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{dir: tb.TempDir(), key: newKey(tb), Pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	a.Pool.AddCert(a.cert)
	a.CA = a.put(tb, "ca.pem", block("CERTIFICATE", der))
	return a
}

// Issue makes a certificate for a name, for localhost and 127.0.0.1, that servers and clients may use.
func (a *Authority) Issue(tb testing.TB, name string) Pair {
	tb.Helper()
	key := newKey(tb)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, private := block("CERTIFICATE", der), block("PRIVATE KEY", keyDER)
	return Pair{
		Cert: a.put(tb, name+".pem", cert), Key: a.put(tb, name+".key", private), Both: a.put(tb, name+".both.pem", append(private, cert...)),
		TLS: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}
}

func (a *Authority) put(tb testing.TB, name string, text []byte) string {
	tb.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func serial(tb testing.TB) *big.Int {
	tb.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

// SigningKey makes a key that signs messages, and its private part as PEM.
func SigningKey(tb testing.TB) (key *sign.Key, private string) {
	tb.Helper()
	key, err := sign.NewKey()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := key.PEM()
	if err != nil {
		tb.Fatal(err)
	}
	return key, string(text)
}
