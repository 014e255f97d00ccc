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
	return e.One(event), nil
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

// head is what every event begins with: what Event.Begin and Event.Severity write for Traffic of DNS Activity.
const head = `{"activity_id":6,"activity_name":"Traffic","category_name":"Network Activity","category_uid":4,"class_name":"DNS Activity",` +
	`"class_uid":4003,"type_name":"DNS Activity: Traffic","type_uid":400306,"severity":"Informational","severity_id":1`

// begin writes what the events of both kinds of log begin with.
func begin(e *ocsfjson.Event, t time.Time, rcode string, blocked bool) {
	e.B = append(e.B, head...)
	e.Int("time", t.UnixMilli())
	if rcode == "NOERROR" && !blocked {
		e.Lit(`"rcode":"NoError","rcode_id":0,"status":"Success","status_id":1`)
		return
	}
	failed := rcode != "" && e.RCode(rcode)
	e.Status(failed || blocked)
}

// connection writes connection_info for the protocol that carried the query.
func connection(e *ocsfjson.Event, transport string) {
	switch strings.ToUpper(transport) {
	case "UDP":
		e.Lit(`"connection_info":{"direction_id":0,"protocol_name":"udp","protocol_num":17}`)
	case "TCP":
		e.Lit(overTCP)
	case "DOH":
		e.Lit(overTCP + `,"app_protocol_name":"doh"`)
	case "DOH-FIPS":
		e.Lit(overTCP + `,"app_protocol_name":"doh-fips"`)
	case "DOT":
		e.Lit(overTCP + `,"app_protocol_name":"dot"`)
	default:
		e.Lit(`"connection_info":{"direction_id":0}`)
	}
}

const overTCP = `"connection_info":{"direction_id":0,"protocol_name":"tcp","protocol_num":6}`
