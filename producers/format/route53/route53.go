package route53

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "route53"

// settings: the format has none, so that any key is refused.
type settings struct{}

type format struct{ events *ocsfjson.Pool }

// New makes the format. It has no settings.
func New(cfg config.Node) (producers.Format, error) {
	var s settings
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	return format{events: new(ocsfjson.Pool)}, nil
}

// Parse makes one event of one record.
func (f format) Parse(r producers.Record) ([]schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	event, err := parse(e, r)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return []schemas.Event{event}, nil
}

func parse(e *ocsfjson.Event, in producers.Record) (schemas.Event, error) {
	if text := bytes.TrimLeft(in.Data, " \t\r\n"); len(text) > 0 && text[0] != '{' && text[0] != '[' {
		return parseLine(e, in)
	}
	if err := e.Doc.Parse(in.Data); err != nil {
		return schemas.Event{}, err
	}
	r := &record{Event: e, in: in}
	if err := r.read(); err != nil {
		return schemas.Event{}, err
	}
	r.write()
	return r.Finish(schemas.ClassDNSActivity, strings.Clone(r.uid), r.time), nil
}

// begin writes what the events of both kinds of log begin with.
func begin(e *ocsfjson.Event, t time.Time, rcode string, blocked bool) {
	e.Begin(schemas.ClassDNSActivity, 6, "Traffic", t)
	e.Severity(1)
	failed := false
	if rcode != "" {
		failed = e.RCode(rcode)
	}
	e.Status(failed || blocked)
}

// connection writes connection_info for the protocol that carried the query.
func connection(e *ocsfjson.Event, transport string) {
	e.Lit(`"connection_info":{"direction":"Unknown","direction_id":0`)
	app := "dns"
	switch transport = strings.ToLower(transport); transport {
	case "udp":
		e.Lit(`"protocol_name":"udp","protocol_num":17`)
	case "tcp":
		e.Lit(`"protocol_name":"tcp","protocol_num":6`)
	case "doh", "doh-fips", "dot":
		e.Lit(`"protocol_name":"tcp","protocol_num":6`)
		app = transport
	}
	e.B = append(e.B, '}')
	e.Str("app_protocol_name", app)
}
