package elb

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "elb"

// settings: the format has none, so that any key is refused.
type settings struct{}

type format struct {
	rows    *accesslog.Pool
	layouts *layouts
}

// New makes the format. It has no settings.
func New(cfg config.Node) (producers.Format, error) {
	var s settings
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	return format{rows: new(accesslog.Pool), layouts: newLayouts()}, nil
}

// Parse makes one event of one line.
func (f format) Parse(in producers.Record) ([]schemas.Event, error) {
	r := entry{Row: f.rows.Get(in)}
	defer f.rows.Put(r.Row)
	event, err := r.parse(in.Data, f.layouts)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return r.One(event), nil
}

// A kind is what wrote the line.
type kind uint8

const (
	application kind = iota
	network
	classic
	connection
	healthCheck // of the health of a target
)

// An entry is one line while it becomes an event.
type entry struct {
	*accesslog.Row
	kind kind
	// The client's address and port.
	ip, port string
}

func (r *entry) parse(data []byte, l *layouts) (schemas.Event, error) {
	if err := r.read(data, l); err != nil {
		return schemas.Event{}, err
	}
	if err := r.check(); err != nil {
		return schemas.Event{}, err
	}
	if r.kind == network || r.kind == connection || r.kind == healthCheck || r.kind == classic && !r.isHTTP() {
		return r.writeNetwork()
	}
	return r.writeHTTP()
}

// read finds out which of the logs the record is from, and names its columns.
func (r *entry) read(data []byte, l *layouts) error {
	if r.IsJSON() {
		if err := r.JSON(data, fieldOf); err != nil {
			return err
		}
		return r.recognise()
	}
	text, err := accesslog.Text(data)
	if err != nil {
		return err
	}
	if strings.HasPrefix(text, "tls ") { // nothing in it has blanks, and its list of protocols comes in quotes
		if err := r.Blanks(text); err != nil {
			return err
		}
		return r.assign(network, l.network, 16, "a Network Load Balancer")
	}
	if err := r.Words(text, closer(text)); err != nil {
		return err
	}
	first := r.Column(0)
	switch {
	case r.Columns() < 12 && isHealth(r.Column(5)):
		return r.assign(healthCheck, l.health, 8, "a health check")
	case isType(first), strings.HasPrefix(r.Column(2), "app/"):
		return r.assign(application, l.application, 16, "an Application Load Balancer")
	case first == "" || first[0] < '0' || first[0] > '9' || !strings.Contains(first, "T"):
		return fmt.Errorf("field 1: a type (http, https, h2, grpcs, ws, wss, tls) or a time expected, %s found", strconv.QuoteToASCII(accesslog.Clip(first)))
	}
	if _, err := netip.ParseAddr(r.Column(1)); err == nil {
		return r.assign(connection, l.connection, 11, "a connection log")
	}
	return r.assign(classic, l.classic, 12, "a Classic Load Balancer")
}

// closer finds the end of a quoted column. What clients send may have quotes with blanks behind them in it, so that the end is told by what
// follows: another quote behind the request, two fields in no quotes, cipher and protocol, behind the user agent.
func closer(text string) accesslog.Closer {
	if first, _, _ := strings.Cut(text, " "); isType(first) {
		return closeApplication
	}
	return closeClassic
}

func closeApplication(column int, rest string) int { return closeQuote(column-12, rest) }

func closeClassic(column int, rest string) int { return closeQuote(column-11, rest) }

// closeQuote is where the quoted column ends that rest begins with; column counts from the request.
func closeQuote(column int, rest string) int {
	first := -1
	for at := 0; ; at++ {
		i := accesslog.Quote(rest[at:])
		if i < 0 {
			return first
		}
		at += i
		behind := strings.TrimPrefix(rest[at+1:], " ")
		switch column {
		case 0:
			if strings.HasPrefix(behind, `"`) {
				return at
			}
		case 1:
			if cipher, more, _ := strings.Cut(behind, " "); strings.IndexByte(cipher, '"') < 0 {
				if protocol, _, _ := strings.Cut(more, " "); strings.IndexByte(protocol, '"') < 0 {
					return at
				}
			}
		default:
			return at
		}
		if first < 0 {
			first = at
		}
	}
}

func isType(s string) bool {
	switch s {
	case "http", "https", "h2", "grpcs", "ws", "wss":
		return true
	}
	return false
}

// isHealth tells whether a text is what a health check found.
func isHealth(s string) bool { return s == "PASS" || s == "FAIL" }

func (r *entry) assign(k kind, layout *accesslog.Layout, least int, of string) error {
	if r.Columns() < least {
		return fmt.Errorf("line of %d fields, at least %d expected of %s", r.Columns(), least, of)
	}
	r.kind = k
	r.Assign(layout)
	return nil
}

// recognise tells what wrote a JSON record.
func (r *entry) recognise() error {
	switch {
	case isHealth(r.Value(health)):
		r.kind = healthCheck
	case r.Has(verifyStatus) || r.Has(clientIP) && r.Has(listenerPort):
		r.kind = connection
	case r.Value(kindField) == "tls" || r.Has(destination) && r.Has(listener):
		r.kind = network
	case r.Has(request) || r.Has(elbStatus):
		r.kind = application
	default:
		return errors.New("no log of a load balancer: neither a request nor a connection")
	}
	return nil
}

// isHTTP tells whether there is a request: TCP listeners write `- - -` for it.
func (r *entry) isHTTP() bool { return strings.Trim(r.Value(request), "- ") != "" || r.Has(elbStatus) }

// check refuses values that cannot be, and finds the event's time.
func (r *entry) check() error {
	err := r.Check([]accesslog.Limit{
		{Field: elbStatus, Most: 999, Want: "a status code"}, {Field: received, Most: 1<<63 - 1, Want: "a count"},
		{Field: sent, Most: 1<<63 - 1, Want: "a count"}, {Field: listenerPort, Most: 65535, Want: "a port"},
		{Field: alert, Most: 255, Want: "a TLS alert"},
	})
	if err != nil {
		return err
	}
	if err := r.CheckSeconds(requestTime, targetTime, responseTime, connectionTime, handshakeTime); err != nil {
		return err
	}
	t, ok := ocsfjson.ParseTime(r.Value(timeField))
	if !ok {
		return r.Bad(timeField, "a time")
	}
	r.Time = t
	return r.checkClient()
}

// checkClient finds the client's address and port.
func (r *entry) checkClient() error {
	f := client
	if !r.Has(client) {
		f = clientIP
	}
	if f == clientIP && !r.Has(clientIP) && strings.ContainsAny(r.Value(clientPort), ".:") {
		f = clientPort // JSON may have the address with its port under this name
	}
	if !r.Has(f) {
		return nil
	}
	ok := false
	if r.ip, r.port, ok = accesslog.Address(r.Value(f)); !ok {
		return r.Bad(f, "an IP address")
	}
	if r.port == "" {
		r.port = r.Value(clientPort)
	}
	return nil
}
