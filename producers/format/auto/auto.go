// Package auto finds out by content which format a record is of, and has that format read it. Every record is looked at by itself, so that a
// stream may hold several kinds. What is an object of JSON but of no format known is read as json; a line of no format known is an error.
//
// The formats read with no settings: what only a setting tells (the order of fields of a flow log without header line) is not recognised.
package auto

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// Name is the format's name. Events have the name of the format that was found in metadata.log_name.
const Name = "auto"

// settings: the format has none, so that any key is refused.
type settings struct{}

// A Make makes a format by its name.
type Make func(name string, cfg config.Node) (producers.Format, error)

type format struct {
	all   []recogniser
	make  Make
	mu    sync.RWMutex
	known map[string]producers.Format
}

// New gives the constructor of the format. The formats that records turn out to be of are made by newFormat when they are first needed.
func New(newFormat Make) func(cfg config.Node) (producers.Format, error) {
	return func(cfg config.Node) (producers.Format, error) {
		var s settings
		if err := cfg.Decode(&s); err != nil {
			return nil, err
		}
		return &format{all: recognisers(), make: newFormat, known: map[string]producers.Format{}}, nil
	}
}

// Parse has the record read by the format that it is of.
func (f *format) Parse(r producers.Record) ([]schemas.Event, error) {
	name := detect(f.all, r)
	if name == "" {
		return nil, fault.Permanent(fmt.Errorf("%s: %w", Name, unknown(r.Data)))
	}
	inner, err := f.format(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Name, err)
	}
	return inner.Parse(r)
}

// unknown says that a record is of no format, with its beginning.
func unknown(data []byte) error {
	const most = 40
	if len(data) == 0 {
		return errors.New("an empty record is of no format")
	}
	head, dots := data, ""
	if len(head) > most {
		head, dots = head[:most], " ..."
	}
	return fmt.Errorf("of no format that is known: a record that begins with %s%s", strconv.QuoteToASCII(string(head)), dots)
}

func (f *format) format(name string) (producers.Format, error) {
	f.mu.RLock()
	have, ok := f.known[name]
	f.mu.RUnlock()
	if ok {
		return have, nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if have, ok := f.known[name]; ok {
		return have, nil
	}
	made, err := f.make(name, config.Node{})
	if err != nil {
		return nil, err
	}
	f.known[name] = made
	return made, nil
}
