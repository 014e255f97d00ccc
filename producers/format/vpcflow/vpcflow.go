package vpcflow

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name, and the events' metadata.log_name.
const Name = "vpcflow"

// defaultOrder is that of version 2.
const defaultOrder = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

// gatewayOrder is that of transit gateways.
const gatewayOrder = "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id " +
	"tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr " +
	"srcport dstport protocol packets bytes start end log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded " +
	"packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service"

// maxLine is the longest line that is read, in bytes. Real ones have some hundred.
const maxLine = 64 << 10

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
		Name: "fields", Type: "string", Default: defaultOrder,
		Help: "names of the fields in their order, between blanks or commas, for files without a header line",
	}}
}

type format struct {
	lines    sync.Pool
	order    *layout
	gateway  *layout                   // the default of transit gateways
	set      bool                      // order is the setting, not the default
	known    atomic.Pointer[[]*layout] // of the header lines seen last: a file has one, and several files may be read at once
	heads    [outcomes]head
	prefixes [arn]string
}

// New makes the format.
func New(cfg config.Node) (producers.Format, error) {
	s := settings{}
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	f := &format{set: s.Fields != "", heads: heads(), prefixes: prefixes()}
	if !f.set {
		s.Fields = defaultOrder
	}
	events := new(ocsfjson.Pool)
	f.lines.New = func() any { return &line{Event: events.Get(), format: f} }
	var err error
	if f.gateway, err = newLayout(gatewayOrder); err != nil {
		return nil, err
	}
	f.order, err = newLayout(s.Fields)
	return f, err
}

// Parse makes one event of one line.
func (f *format) Parse(r producers.Record) ([]schemas.Event, error) {
	l, ok := f.lines.Get().(*line)
	if !ok {
		return nil, errors.New("no line") // cannot be: the pool makes them
	}
	defer f.lines.Put(l)
	event, err := l.parse(r)
	if l.data = nil; err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return l.One(event), nil
}

func (l *line) parse(in producers.Record) (schemas.Event, error) {
	if len(in.Data) > maxLine {
		return schemas.Event{}, fmt.Errorf("line of %d bytes, at most %d are read", len(in.Data), maxLine)
	}
	l.data = in.Data
	for n := len(l.data); n > 0 && (l.data[n-1] <= ' ') && bytes.IndexByte([]byte("\r\n \t"), l.data[n-1]) >= 0; n-- {
		l.data = l.data[:n-1]
	}
	if len(l.data) == 0 {
		return schemas.Event{}, errors.New("an empty line")
	}
	if err := l.escape(); err != nil {
		return schemas.Event{}, err
	}
	var err error
	if l.layout, err = l.format.layout(in, l.data); err != nil {
		return schemas.Event{}, err
	}
	l.Reset()
	l.reset()
	l.account, l.region = in.Attrs[producers.AttrAccount], in.Attrs[producers.AttrRegion]
	if err := l.split(); err != nil {
		if l.layout == l.format.order && !l.format.set && !errors.Is(err, errEmpty) {
			err = fmt.Errorf("%w; another order needs a header line or the setting fields", err)
		}
		return schemas.Event{}, err
	}
	if err := l.read(ocsfjson.Received(in)); err != nil {
		return schemas.Event{}, err
	}
	l.uid = ocsfjson.UID(in)
	return l.write()
}

// escape makes the line one whose words can stand between quotes as they are.
func (l *line) escape() error {
	if ocsfjson.Plain(l.data) {
		return nil
	}
	if !utf8.Valid(l.data) {
		return errors.New("not UTF-8")
	}
	var w ocsfjson.Writer
	w.Quote(string(l.data))
	l.data = w.B[1 : len(w.B)-1]
	return nil
}

// layout chooses the order of fields for a record.
func (f *format) layout(in producers.Record, data []byte) (*layout, error) {
	header := in.Attrs[producers.AttrHeader]
	if header == "" {
		if !f.set && ofGateway(data) {
			return f.gateway, nil
		}
		return f.order, nil
	}
	var known []*layout
	if p := f.known.Load(); p != nil {
		known = *p
	}
	for _, l := range known {
		if l.text == header {
			return l, nil
		}
	}
	l, err := newLayout(header)
	if err != nil {
		return nil, fmt.Errorf("header line: %w", err)
	}
	known = append([]*layout{l}, known[:min(len(known), maxLayouts-1)]...)
	f.known.Store(&known)
	return l, nil
}

// maxLayouts is how many orders of fields are kept.
const maxLayouts = 32

// ofGateway tells whether a line is one of a transit gateway in its default order: the second word says so.
func ofGateway(data []byte) bool {
	_, rest, _ := bytes.Cut(data[:min(len(data), 64)], []byte(" "))
	return bytes.HasPrefix(rest, []byte("TransitGateway"))
}
