package parse

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/riposte-security/riposte/router/lists/set"
)

// An indicator is what a STIX 2.1 indicator has that matters here (STIX 2.1, 4.7).
type indicator struct {
	Type        string    `json:"type"`
	ID          string    `json:"id"`
	Modified    time.Time `json:"modified"`
	Pattern     string    `json:"pattern"`
	PatternType string    `json:"pattern_type"`
	ValidFrom   time.Time `json:"valid_from"`
	ValidUntil  time.Time `json:"valid_until"`
	Revoked     bool      `json:"revoked"`
}

// maxObject bounds one object of a bundle, in bytes.
const maxObject = 1 << 20

// readSTIX reads the indicators of a bundle or a TAXII envelope ({"objects": […]}), of an array, or of objects a line each. Of several
// versions of one indicator the latest counts.
func readSTIX(r *bufio.Reader, emit func(set.Entry) error) (Skipped, error) {
	s := stix{latest: map[string]indicator{}, skipped: Skipped{}}
	d := json.NewDecoder(r)
	documents := 0
	for {
		err := s.document(d, 0)
		if errors.Is(err, errEnd) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("byte %d: %w", d.InputOffset(), err)
		}
		documents++
	}
	if documents == 0 {
		return nil, errors.New("no JSON at all")
	}
	if s.objects == 0 {
		return nil, errors.New("no STIX objects: a bundle expected")
	}
	for _, id := range s.order {
		if err := s.emit(s.latest[id], emit); err != nil {
			return nil, err
		}
	}
	return s.skipped, nil
}

type stix struct {
	latest  map[string]indicator
	order   []string
	objects int
	skipped Skipped
}

// document reads a container or an object.
func (s *stix) document(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		if depth == 0 && errors.Is(err, io.EOF) {
			return errEnd
		}
		return cut(err)
	}
	switch t {
	case json.Delim('['):
		return s.array(d)
	case json.Delim('{'):
	default:
		return fmt.Errorf("a STIX object expected, found %.40v", t)
	}
	fields := map[string]json.RawMessage{}
	size := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return cut(err)
		}
		if key == "objects" {
			if t, err := d.Token(); err != nil || t != json.Delim('[') {
				return errors.Join(errors.New("objects is no list"), cut(err))
			}
			s.objects++ // also where there is none in it
			if err := s.array(d); err != nil {
				return err
			}
			continue
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return cut(err)
		}
		if size += len(raw); size > maxObject {
			return fmt.Errorf("an object of more than %d bytes", maxObject)
		}
		name, _ := key.(string)
		fields[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return cut(err)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return s.object(text)
}

func (s *stix) array(d *json.Decoder) error {
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return cut(err)
		}
		if len(raw) > maxObject {
			return fmt.Errorf("an object of more than %d bytes", maxObject)
		}
		if err := s.object(raw); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return cut(err)
}

func (s *stix) object(text []byte) error {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("a STIX object expected: %w", err)
	}
	if head.Type != "" {
		s.objects++
	}
	if head.Type != "indicator" {
		return nil
	}
	var i indicator
	if err := json.Unmarshal(text, &i); err != nil {
		s.skipped["malformed indicator"]++
		return nil //nolint:nilerr // counted: one that is malformed does not spoil the others
	}
	old, known := s.latest[i.ID]
	switch {
	case !known:
		s.order = append(s.order, i.ID)
	case i.Modified.Before(old.Modified):
		return nil
	}
	s.latest[i.ID] = i
	return nil
}

func (s *stix) emit(i indicator, emit func(set.Entry) error) error {
	switch {
	case i.Revoked:
		s.skipped["revoked"]++
		return nil
	case i.PatternType != "" && i.PatternType != "stix":
		s.skipped["pattern_type is not stix"]++
		return nil
	}
	found, err := observables(i.Pattern)
	if err != nil {
		s.skipped[err.Error()]++
		return nil //nolint:nilerr // counted by its reason
	}
	for _, o := range found {
		if err := emit(set.Entry{Value: o.value, Kind: o.kind, From: i.ValidFrom, Until: i.ValidUntil}); err != nil {
			return fmt.Errorf("%s: %w", i.ID, err)
		}
	}
	return nil
}
