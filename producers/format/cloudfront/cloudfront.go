package cloudfront

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "cloudfront"

type settings struct {
	Fields string `yaml:"fields"`
}

// Validate checks the order of the fields.
func (s *settings) Validate() error {
	if s.Fields == "" {
		return nil
	}
	_, err := newLayout(s.Fields)
	return err
}

// Settings describes the format's settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{{
		Name: "fields", Type: "string", Default: "that of standard logs, or of a real-time configuration with all fields",
		Help: "names of the fields in their order, for real-time logs and other lines without a #Fields line",
	}}
}

type format struct {
	rows     *accesslog.Pool
	set      *layout // the setting; nil without
	standard *layout
	realtime *layout
	last     atomic.Pointer[layout] // of the header line seen last: a file has one
}

// New makes the format.
func New(cfg config.Node) (producers.Format, error) {
	s := settings{}
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	f := &format{rows: new(accesslog.Pool)}
	var err error
	if s.Fields != "" {
		if f.set, err = newLayout(s.Fields); err != nil {
			return nil, err
		}
	}
	if f.standard, err = newLayout(standard); err != nil {
		return nil, err
	}
	f.realtime, err = newLayout(realtime)
	return f, err
}

// Parse makes one event of one line, or of one JSON object.
func (f *format) Parse(in producers.Record) ([]schemas.Event, error) {
	r := entry{f.rows.Get(in)}
	defer f.rows.Put(r.Row)
	event, err := f.parse(r, in)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return r.One(event), nil
}

func (f *format) parse(r entry, in producers.Record) (schemas.Event, error) {
	if err := f.read(r, in); err != nil {
		return schemas.Event{}, err
	}
	if err := r.check(); err != nil {
		return schemas.Event{}, err
	}
	return r.write(), nil
}

// read cuts the record into its columns and names them.
func (f *format) read(r entry, in producers.Record) error {
	if r.IsJSON() {
		return r.JSON(in.Data, fieldOf)
	}
	text, err := accesslog.Text(in.Data)
	if err != nil {
		return err
	}
	order, exact, err := f.layout(in, text)
	if err != nil {
		return err
	}
	if strings.IndexByte(text, '\t') >= 0 || len(order.Columns) == 1 {
		err = r.Tabs(text)
	} else { // another delimiter that standard logs (v2) may have
		err = r.Blanks(text)
	}
	if err != nil {
		return err
	}
	switch n, want := r.Columns(), len(order.Columns); {
	case exact && n != want:
		return fmt.Errorf("line of %d fields, %d expected", n, want)
	case !exact && (n < least || n > want):
		return fmt.Errorf("line of %d fields, %d to %d expected; another order needs a #Fields line or the setting fields", n, least, want)
	}
	r.Assign(order.Layout)
	return nil
}

// layout chooses the order of fields for a line. exact tells that a line has them all.
func (f *format) layout(in producers.Record, text string) (l *layout, exact bool, err error) {
	if header := in.Attrs[producers.AttrHeader]; header != "" {
		if l := f.last.Load(); l != nil && l.text == header {
			return l, true, nil
		}
		l, err := newLayout(header)
		if err != nil {
			return nil, false, fmt.Errorf("header line: %w", err)
		}
		f.last.Store(l)
		return l, true, nil
	}
	if f.set != nil {
		return f.set, true, nil
	}
	if i := strings.IndexByte(text, '\t'); i > 0 && strings.Trim(text[:i], "0123456789.") == "" {
		return f.realtime, true, nil
	}
	return f.standard, false, nil
}

// An entry is one request while it becomes an event.
type entry struct{ *accesslog.Row }

// check refuses values that cannot be, and finds the event's time.
func (r entry) check() error {
	err := r.Check([]accesslog.Limit{
		{Field: status, Most: 999, Want: "a status code"}, {Field: received, Most: math.MaxInt64, Want: "a count"},
		{Field: sent, Most: math.MaxInt64, Want: "a count"}, {Field: clientPort, Most: 65535, Want: "a port"},
		{Field: millis, Most: maxSeconds * 1000, Want: "milliseconds since 1970"},
		{Field: asn, Most: math.MaxUint32, Want: "a number of an autonomous system"},
	})
	if err != nil {
		return err
	}
	if err := r.CheckSeconds(timeTaken, firstByte); err != nil {
		return err
	}
	if r.Has(clientIP) {
		if _, _, ok := accesslog.Address(r.Value(clientIP)); !ok {
			return r.Bad(clientIP, "an IP address")
		}
	}
	if !r.Has(method) && !r.Has(stem) && !r.Has(status) && !r.Has(clientIP) {
		return fmt.Errorf("no request: none of cs-method, cs-uri-stem, sc-status and c-ip")
	}
	return r.when()
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// when finds the time: the most exact that there is.
func (r entry) when() error {
	r.Time = r.Received
	switch {
	case r.Has(millis):
		ms, _ := r.Int(millis)
		r.Time = time.UnixMilli(ms).UTC()
	case r.Has(timestamp):
		if t, ok := ocsfjson.ParseTime(r.Value(timestamp)); ok {
			r.Time = t
			return nil
		}
		s, err := strconv.ParseFloat(r.Value(timestamp), 64)
		if err != nil || !(s >= 0 && s <= maxSeconds) {
			return r.Bad(timestamp, "seconds since 1970")
		}
		r.Time = time.UnixMilli(int64(math.Round(s * 1000))).UTC()
	case r.Has(date):
		text := r.Value(clock)
		if text == "" {
			text = "00:00:00"
		}
		t, ok := ocsfjson.DateTime(r.Value(date), text)
		if !ok {
			if _, ok := ocsfjson.DateTime(r.Value(date), "00:00:00"); !ok {
				return r.Bad(date, "a date")
			}
			return r.Bad(clock, "a time of the day")
		}
		r.Time = t
	}
	return nil
}
