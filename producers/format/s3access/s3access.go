package s3access

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/accesslog"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "s3access"

// settings: the format has none, so that any key is refused.
type settings struct{}

type format struct {
	rows   *accesslog.Pool
	layout *accesslog.Layout
}

// New makes the format. It has no settings.
func New(cfg config.Node) (producers.Format, error) {
	var s settings
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	return format{rows: new(accesslog.Pool), layout: newLayout()}, nil
}

// Parse makes one event of one line, or of one JSON object.
func (f format) Parse(in producers.Record) ([]schemas.Event, error) {
	r := entry{Row: f.rows.Get(in)}
	defer f.rows.Put(r.Row)
	event, err := f.parse(&r, in.Data)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return r.One(event), nil
}

// An entry is one request while it becomes an event.
type entry struct {
	*accesslog.Row
	method, version string
	url             accesslog.URL
}

func (f format) parse(r *entry, data []byte) (schemas.Event, error) {
	if err := f.read(r, data); err != nil {
		return schemas.Event{}, err
	}
	if err := r.check(); err != nil {
		return schemas.Event{}, err
	}
	r.cutRequest()
	if r.Has(key) || strings.HasSuffix(r.Value(operation), ".OBJECT") {
		return r.writeObject(), nil
	}
	return r.writeHTTP(), nil
}

func (f format) read(r *entry, data []byte) error {
	if r.IsJSON() {
		return r.JSON(data, fieldOf)
	}
	text, err := accesslog.Text(data)
	if err != nil {
		return err
	}
	if err := r.Words(text, closeQuote); err != nil {
		return err
	}
	if n := r.Columns(); n < least {
		return fmt.Errorf("line of %d fields, at least %d expected", n, least)
	}
	r.Assign(f.layout)
	return nil
}

// check refuses values that cannot be, and finds the event's time.
func (r *entry) check() error {
	err := r.Check([]accesslog.Limit{
		{Field: httpStatus, Most: 999, Want: "a status code"}, {Field: bytesSent, Most: math.MaxInt64, Want: "a count"},
		{Field: objectSize, Most: math.MaxInt64, Want: "a size"}, {Field: totalTime, Most: math.MaxInt64, Want: "milliseconds"},
		{Field: turnAround, Most: math.MaxInt64, Want: "milliseconds"},
	})
	if err != nil {
		return err
	}
	t, ok := commonTime(r.Value(timeField))
	if !ok {
		if t, ok = ocsfjson.ParseTime(r.Value(timeField)); !ok {
			return r.Bad(timeField, "a time")
		}
	}
	r.Time = t
	if !r.Has(operation) {
		return r.Bad(operation, "an operation")
	}
	if !r.Has(bucket) {
		return r.Bad(bucket, "a bucket")
	}
	if r.Has(remoteIP) {
		if _, port, ok := accesslog.Address(r.Value(remoteIP)); !ok || port != "" {
			return r.Bad(remoteIP, "an IP address")
		}
	}
	return nil
}

// commonTime reads a time as the Common Log Format has it: 06/Feb/2019:00:00:38 +0000.
func commonTime(text string) (t time.Time, ok bool) {
	if len(text) == 26 && text[20:] == " +0000" && text[2] == '/' && text[6] == '/' && text[11] == ':' {
		day, _ := strconv.ParseUint(text[:2], 10, 8)
		year, _ := strconv.ParseUint(text[7:11], 10, 16)
		return ocsfjson.MakeTime(int(year), ocsfjson.Month(text[3:6]), int(day), text[12:20])
	}
	t, err := time.Parse("02/Jan/2006:15:04:05 -0700", text)
	t = t.UTC()
	return t, err == nil && t.Year() >= 1970
}

// cutRequest cuts the request into method, URL and version; what S3 does by itself has none.
func (r *entry) cutRequest() {
	method, rest, ok := strings.Cut(r.Value(requestURI), " ")
	if !ok {
		return
	}
	path := rest
	if i := strings.LastIndex(rest, " HTTP/"); i >= 0 {
		path, r.version = rest[:i], rest[i+1:]
	}
	r.method = method
	r.url = accesslog.ParseURL(path)
	r.url.Plain = r.Plain()
	if r.url.Host != "" || !r.Has(hostHeader) {
		return
	}
	scheme := "http"
	if r.Has(tlsVersion) {
		scheme = "https"
	}
	r.url.Scheme, r.url.Host = scheme, r.Value(hostHeader)
	r.url.Text = scheme + "://" + r.url.Host + path
}
