package kafka

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/obs"
)

const (
	dialTimeout    = 5 * time.Second
	requestTimeout = 10 * time.Second
	// apiTimeout is longer than any request of ours, each of which has a time of its own.
	apiTimeout = 2 * requestTimeout
	// refreshEvery bounds how often known brokers and topics are thrown away because of an error.
	refreshEvery = 250 * time.Millisecond
)

// A Client is the way to one Kafka cluster. It is safe for concurrent use. Whoever made it closes it, after its writers and consumers have
// ended.
type Client struct {
	cfg    Config
	log    zerolog.Logger
	topics Topics
	health *health

	transport *kafka.Transport
	api       *kafka.Client
	dialer    kafka.Dialer
	pages     sync.Pool // of *memory
	presses   sync.Pool // of *press

	mu        sync.Mutex
	refreshed time.Time
}

// New makes a client and checks its configuration. It reads certificate files and touches no network.
func New(cfg Config, log zerolog.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	cfg.Prefix = cmp.Or(cfg.Prefix, DefaultPrefix)
	cfg.ClientID = cmp.Or(cfg.ClientID, cfg.Prefix)
	cfg.Partitions = cmp.Or(cfg.Partitions, 6)
	cfg.SessionTimeout = cmp.Or(cfg.SessionTimeout, 10*time.Second)
	conf, err := cfg.TLS.client()
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	mech, err := cfg.SASL.mechanism()
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	c := &Client{cfg: cfg, log: log, topics: topicNames(cfg.Prefix), health: newHealth(obs.NewCondition(log, "kafka"))}
	c.transport = &kafka.Transport{
		Dial:        (&net.Dialer{Timeout: dialTimeout}).DialContext,
		DialTimeout: dialTimeout,
		ClientID:    cfg.ClientID,
		TLS:         conf,
		SASL:        mech,
	}
	c.api = &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: c.transport, Timeout: apiTimeout}
	c.dialer = kafka.Dialer{ClientID: cfg.ClientID, Timeout: dialTimeout, TLS: conf, SASLMechanism: mech}
	return c, nil
}

// Topics returns the names of the topics, with the configured prefix.
func (c *Client) Topics() Topics { return c.topics }

// Well tells whether nothing that this client does is failing at the moment.
func (c *Client) Well() bool { return c.health.well() }

// Ping asks a broker for a sign of life.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	if _, err := c.api.ApiVersions(ctx, &kafka.ApiVersionsRequest{}); err != nil {
		c.refresh()
		return fmt.Errorf("kafka %s: %w", strings.Join(c.cfg.Brokers, ","), err)
	}
	return nil
}

// Close closes the connections that are not in use.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// refresh makes the next request ask for brokers, topics and leaders anew. kafka-go caches them, and also the failure to get them, for up
// to 6 s: too long after a topic was made, a leader moved or a broker came back.
func (c *Client) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.refreshed) < refreshEvery {
		return
	}
	c.refreshed = time.Now()
	c.transport.CloseIdleConnections()
}

// fresh returns the brokers and all topics as a broker knows them now.
func (c *Client) fresh(ctx context.Context) (*kafka.MetadataResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// Every topic is asked for, and through a transport of its own: to ask for one by name would make a broker that creates topics on
	// demand create it, with settings that are not ours.
	t := &kafka.Transport{
		Dial: c.transport.Dial, DialTimeout: dialTimeout, ClientID: c.cfg.ClientID, TLS: c.transport.TLS, SASL: c.transport.SASL,
	}
	defer t.CloseIdleConnections()
	m, err := (&kafka.Client{Addr: c.api.Addr, Transport: t}).Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return nil, fmt.Errorf("kafka metadata: %w", err)
	}
	return m, nil
}

// settled is how long after Kafka came back a failure may be one of before: a connection that broke and was not asked for anything since, or
// brokers and topics as kafka-go remembers them.
const settled = 2 * time.Second

// health turns the failures and successes of many loops into one condition: away as long as any of them fails. A failure just after Kafka
// came back counts only if it lasts.
type health struct {
	cond *obs.Condition
	now  func() time.Time

	mu      sync.Mutex
	failing map[string]struct{}
	away    bool
	back    time.Time // when it came back last
}

func newHealth(cond *obs.Condition) *health {
	return &health{cond: cond, now: time.Now, failing: map[string]struct{}{}}
}

func (h *health) failed(who string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing[who] = struct{}{}
	if !h.away && h.now().Sub(h.back) < settled {
		return
	}
	h.away = true
	h.cond.Failed(fmt.Errorf("%s: %w", who, err))
}

// ok notes a success of who.
func (h *health) ok(who string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failing, who)
	if h.away && len(h.failing) == 0 {
		h.away, h.back = false, h.now()
		h.cond.OK()
	}
}

// gone notes that who has ended. That is no success: what it failed at may be failing still.
func (h *health) gone(who string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.failing, who)
}

// settle notes how who has ended.
func (h *health) settle(who string, err error) {
	if err != nil {
		h.gone(who)
		return
	}
	h.ok(who)
}

func (h *health) well() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.away
}

// Config returns the configuration, defaults filled in.
func (c *Client) Config() Config { return c.cfg }
