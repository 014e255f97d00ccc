package vpcflow

import (
	"errors"
	"fmt"
	"strings"
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
		Help: "names of the fields in their order, for files without a header line",
	}}
}

type format struct {
	events *ocsfjson.Pool
	order  *layout
	set    bool                   // order is the setting, not the default
	last   atomic.Pointer[layout] // of the header line seen last: a file has one
}

// New makes the format.
func New(cfg config.Node) (producers.Format, error) {
	s := settings{}
	if err := cfg.Decode(&s); err != nil {
		return nil, err
	}
	f := &format{events: new(ocsfjson.Pool), set: s.Fields != ""}
	if !f.set {
		s.Fields = defaultOrder
	}
	var err error
	f.order, err = newLayout(s.Fields)
	return f, err
}

// Parse makes one event of one line.
func (f *format) Parse(r producers.Record) ([]schemas.Event, error) {
	e := f.events.Get()
	defer f.events.Put(e)
	event, err := f.parse(e, r)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, err))
	}
	return []schemas.Event{event}, nil
}

func (f *format) parse(e *ocsfjson.Event, in producers.Record) (schemas.Event, error) {
	if len(in.Data) > maxLine {
		return schemas.Event{}, fmt.Errorf("line of %d bytes, at most %d are read", len(in.Data), maxLine)
	}
	text := strings.TrimRight(string(in.Data), "\r\n \t")
	if text == "" {
		return schemas.Event{}, errors.New("an empty line")
	}
	if !utf8.ValidString(text) {
		return schemas.Event{}, errors.New("not UTF-8")
	}
	order, err := f.layout(in)
	if err != nil {
		return schemas.Event{}, err
	}
	l := line{Event: e, layout: order, account: in.Attrs[producers.AttrAccount], region: in.Attrs[producers.AttrRegion]}
	if err := l.split(text); err != nil {
		if order == f.order && !f.set && !errors.Is(err, errEmpty) {
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

// layout chooses the order of fields for a record.
func (f *format) layout(in producers.Record) (*layout, error) {
	header := in.Attrs[producers.AttrHeader]
	if header == "" {
		return f.order, nil
	}
	if l := f.last.Load(); l != nil && l.text == header {
		return l, nil
	}
	l, err := newLayout(header)
	if err != nil {
		return nil, fmt.Errorf("header line: %w", err)
	}
	f.last.Store(l)
	return l, nil
}
