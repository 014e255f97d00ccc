package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/callout"
)

// snsSettings set up the endpoint that topics of SNS deliver to.
type snsSettings struct {
	Path   string   `yaml:"path"`
	Topics []string `yaml:"topics"`

	log    zerolog.Logger
	client *http.Client

	mu    sync.Mutex
	certs map[string]certificate // by URL
}

func (s *snsSettings) validate() error {
	if len(s.Topics) == 0 {
		return errors.New("topics: at least one ARN is required; others are refused")
	}
	for _, t := range s.Topics {
		if _, err := snsHost(t); err != nil {
			return fmt.Errorf("topics: %w", err)
		}
	}
	return nil
}

const (
	snsTimeout = 5 * time.Second // for a certificate, or the confirmation of a subscription
	maxCert    = 64 << 10
)

// newSNSClient follows no redirect: it goes to AWS and nowhere else.
func newSNSClient() *http.Client {
	c := callout.Client(callout.Policy{})
	c.Timeout = snsTimeout
	return c
}

// snsHost is the host of SNS in the region of a topic: the only one that certificates and confirmations may come from.
func snsHost(topic string) (string, error) {
	p := strings.Split(topic, ":")
	if len(p) != 6 || p[0] != "arn" || p[2] != "sns" || p[3] == "" || strings.Trim(p[3], "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", fmt.Errorf("%.256q: something like arn:aws:sns:eu-west-1:111122223333:name expected", topic)
	}
	host := "sns." + p[3] + ".amazonaws.com"
	if p[1] == "aws-cn" {
		host += ".cn"
	}
	return host, nil
}

// snsMessage is what SNS posts.
type snsMessage struct {
	Type             string
	MessageID        string `json:"MessageId"`
	Token            string
	TopicArn         string
	Subject          *string
	Message          string
	SubscribeURL     string
	Timestamp        string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
}

const (
	snsNotification = "Notification"
	snsSubscribe    = "SubscriptionConfirmation"
	snsUnsubscribe  = "UnsubscribeConfirmation"
)

// whole implements hook. No message of SNS is so large: 256 KiB are its limit.
func (s *snsSettings) whole(*http.Request) (io.Writer, func() bool) {
	return nil, func() bool { return false }
}

// open implements hook: the topic must be one of ours and the signature that of SNS, whatever the message is about.
func (s *snsSettings) open(r *http.Request, body []byte) (delivery, error) {
	if strings.EqualFold(r.Header.Get("X-Amz-Sns-Rawdelivery"), "true") {
		return delivery{}, refuse(http.StatusForbidden, "raw message delivery has no signature: switch it off for this subscription")
	}
	var m snsMessage
	if err := json.Unmarshal(body, &m); err != nil {
		return delivery{}, fmt.Errorf("a message of SNS expected: %w", err)
	}
	if !slices.Contains(s.Topics, m.TopicArn) {
		return delivery{}, refuse(http.StatusForbidden, "topic %.256q is not configured", m.TopicArn)
	}
	if err := s.verify(r.Context(), &m); err != nil {
		return delivery{}, err
	}
	switch m.Type {
	case snsNotification:
		return m.opened()
	case snsSubscribe:
		return delivery{said: "confirmed"}, s.confirm(r.Context(), &m)
	default:
		s.log.Warn().Str("topic", m.TopicArn).Msg("the subscription was cancelled: nothing comes from this topic any more")
		return delivery{said: "noted"}, nil
	}
}

// opened is the message as it was signed, for unpack to open. The request's own bytes may say something else to another reader of JSON: a
// name may stand there twice, and only one of the two is signed.
func (m *snsMessage) opened() (delivery, error) {
	text, err := json.Marshal(map[string]any{
		"Type": m.Type, "MessageId": m.MessageID, "TopicArn": m.TopicArn, "Subject": m.Subject, "Message": m.Message, "Timestamp": m.Timestamp,
	})
	return delivery{body: text}, err
}

// confirm tells SNS that the subscription is wanted.
func (s *snsSettings) confirm(ctx context.Context, m *snsMessage) error {
	u, err := s.ours(m, m.SubscribeURL)
	if err != nil {
		return refuse(http.StatusForbidden, "SubscribeURL: %w", err)
	}
	if _, err := s.get(ctx, u); err != nil {
		return refuse(http.StatusServiceUnavailable, "the subscription could not be confirmed: %w", err) // SNS sends it again
	}
	s.log.Info().Str("topic", m.TopicArn).Msg("the subscription is confirmed")
	return nil
}

// ours checks that a URL is one of SNS in the region of the topic.
func (s *snsSettings) ours(m *snsMessage, text string) (string, error) {
	host, err := snsHost(m.TopicArn)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", errors.New("no URL")
	}
	if u.Scheme != "https" || u.Host != host || u.User != nil || u.Opaque != "" {
		return "", fmt.Errorf("https://%s expected, %.256q found", host, text)
	}
	return u.String(), nil
}

// get fetches something small from SNS.
func (s *snsSettings) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // the URL is one of SNS, see ours
	if err != nil {
		return nil, err
	}
	resp, err := s.client.Do(req) //nolint:gosec // the URL is one of SNS, see ours
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxCert+1))
	err = errors.Join(err, resp.Body.Close())
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s answers %s", req.URL.Host, resp.Status)
	case len(text) > maxCert:
		return nil, fmt.Errorf("%s answers more than %d bytes", req.URL.Host, maxCert)
	}
	return text, nil
}
