package http

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // SignatureVersion 1, the default of SNS, is made with it
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"time"
)

// maxCerts bounds the certificates that are kept: a region has one, and a new one now and then.
const maxCerts = 64

// A certificate is what SNS signs with.
type certificate struct {
	key           *rsa.PublicKey
	before, after time.Time // valid from, and until
}

// verify checks the signature of a message.
func (s *snsSettings) verify(ctx context.Context, m *snsMessage) error {
	signed, err := m.signed()
	if err != nil {
		return refuse(http.StatusForbidden, "%w", err)
	}
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil || len(signature) == 0 {
		return refuse(http.StatusForbidden, "Signature: base64 expected")
	}
	where, err := s.ours(m, m.SigningCertURL)
	if err == nil && !strings.HasSuffix(where, ".pem") {
		err = errors.New("a .pem file expected")
	}
	if err != nil {
		return refuse(http.StatusForbidden, "SigningCertURL: %w", err)
	}
	cert, err := s.certificate(ctx, where)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, "the certificate of SNS could not be had: %w", err) // SNS sends the message again
	}
	if now := time.Now(); now.Before(cert.before) || now.After(cert.after) {
		return refuse(http.StatusForbidden, "the certificate is valid from %s to %s", cert.before.Format(time.DateOnly), cert.after.Format(time.DateOnly))
	}
	switch m.SignatureVersion {
	case "1":
		sum := sha1.Sum([]byte(signed)) //nolint:gosec // as above
		err = rsa.VerifyPKCS1v15(cert.key, crypto.SHA1, sum[:], signature)
	case "2":
		sum := sha256.Sum256([]byte(signed))
		err = rsa.VerifyPKCS1v15(cert.key, crypto.SHA256, sum[:], signature)
	default:
		return refuse(http.StatusForbidden, "SignatureVersion %.16q: 1 or 2 expected", m.SignatureVersion)
	}
	if err != nil {
		return refuse(http.StatusForbidden, "the signature is not that of SNS: %w", err)
	}
	return nil
}

// signed is the text that SNS signs: names and values in the order of the names, a line each.
func (m *snsMessage) signed() (string, error) {
	var b strings.Builder
	add := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	add("Message", m.Message)
	add("MessageId", m.MessageID)
	switch m.Type {
	case snsNotification:
		if m.Subject != nil {
			add("Subject", *m.Subject)
		}
		add("Timestamp", m.Timestamp)
	case snsSubscribe, snsUnsubscribe:
		add("SubscribeURL", m.SubscribeURL)
		add("Timestamp", m.Timestamp)
		add("Token", m.Token)
	default:
		return "", errors.New("Type: Notification, SubscriptionConfirmation or UnsubscribeConfirmation expected") //nolint:staticcheck // a field's name
	}
	add("TopicArn", m.TopicArn)
	add("Type", m.Type)
	return b.String(), nil
}

// certificate fetches a certificate, once. TLS says that it comes from AWS.
func (s *snsSettings) certificate(ctx context.Context, where string) (certificate, error) {
	s.mu.Lock()
	cert, ok := s.certs[where]
	s.mu.Unlock()
	if ok {
		return cert, nil
	}
	text, err := s.get(ctx, where)
	if err != nil {
		return cert, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return cert, errors.New("it is not PEM")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return cert, err
	}
	key, ok := parsed.PublicKey.(*rsa.PublicKey)
	if !ok {
		return cert, errors.New("it has no RSA key")
	}
	cert = certificate{key: key, before: parsed.NotBefore, after: parsed.NotAfter}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.certs) >= maxCerts {
		clear(s.certs)
	}
	s.certs[where] = cert
	return cert, nil
}
