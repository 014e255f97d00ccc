package correlate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// Limits of a contribution, in bytes.
const (
	MaxGroup = 1024
	MaxValue = 1024
	maxName  = 1024
	maxBytes = 16 << 10
)

// A Contribution is what a correlation needs of an event: the value of a message on riposte.correlate.
type Contribution struct {
	// Rule is the id of the correlation; Part, the place of the rule that held among its rules.
	Rule string `json:"rule"`
	Part int    `json:"part,omitempty"`
	// Form is the correlation's: see Spec.
	Form string `json:"form,omitempty"`
	// Group is the JSON array of the group's values, in the order of group_by and in one spelling.
	Group json.RawMessage `json:"group"`
	// UID and Time (in milliseconds) are the event's.
	UID  string `json:"uid"`
	Time int64  `json:"time"`
	// Until is the end of the window that the finding of a correlation is of, and Time its beginning: where in there it holds is not said, as it would
	// depend on which of its events came first. It counts at both ends, so that order within the window is not told apart. 0: an event.
	Until int64 `json:"until,omitempty"`
	// Seen is when the event came into its topic, in milliseconds: whether it was late.
	Seen int64 `json:"seen,omitempty"`
	// Value is that of value_count and new_value; Number, of value_sum; Place, of impossible_travel.
	Value  string  `json:"value,omitempty"`
	Number float64 `json:"number,omitempty"`
	Place  *Place  `json:"place,omitempty"`
	// Source is who vouches for the event: see SourceOf.
	Source string `json:"source,omitempty"`
}

// replayed begins the source of an event that somebody had come again.
const replayed = "replay:"

// SourceOf is the event's ce_source, and whether the event was replayed: then its finding is marked as such, and what that leads to does not act by itself.
func SourceOf(ev schemas.Event) string {
	if ev.Replay != "" {
		return replayed + ev.Source
	}
	return ev.Source
}

// A Place is a point on the globe, in degrees, and what people call it.
type Place struct {
	Latitude  float64 `json:"lat"`
	Longitude float64 `json:"lon"`
	Name      string  `json:"name,omitempty"`
}

// Valid tells whether there is such a point.
func (p Place) Valid() bool {
	return p.Latitude >= -90 && p.Latitude <= 90 && p.Longitude >= -180 && p.Longitude <= 180
}

// Group gives the one spelling of a group's values. They must be strings, numbers or booleans.
func Group(values []any) (json.RawMessage, error) {
	if values == nil {
		values = []any{}
	}
	for i, v := range values {
		switch v.(type) {
		case string, bool, int64, uint64, float64:
		default:
			return nil, fmt.Errorf("value %d of the group is neither text nor number", i+1)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(values); err != nil {
		return nil, fmt.Errorf("group: %w", err)
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(text) > MaxGroup {
		return nil, fmt.Errorf("the values of the group have %d bytes, %d are allowed", len(text), MaxGroup)
	}
	return text, nil
}

// Key is the Kafka key of a contribution: that of its correlation and group.
func (c *Contribution) Key() []byte {
	sum := hash("group", c.Rule, string(c.Group))
	return hex.AppendEncode(nil, sum[:16])
}

// Encode returns the contribution as JSON.
func (c *Contribution) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		return nil, fmt.Errorf("contribution to %s: %w", c.Rule, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads a contribution and refuses what Encode would not have written.
func Decode(data []byte) (Contribution, error) {
	var c Contribution
	if len(data) > maxBytes {
		return c, fmt.Errorf("contribution: %d bytes, at most %d are allowed", len(data), maxBytes)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("contribution: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return c, errors.New("contribution: more than one JSON value")
	}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("contribution: %w", err)
	}
	return c, nil
}

func (c *Contribution) check() error {
	for _, f := range []struct {
		name, text string
		least      int
	}{{"rule", c.Rule, 1}, {"uid", c.UID, 1}, {"form", c.Form, 0}, {"source", strings.TrimPrefix(c.Source, replayed), 0}, {"value", c.Value, 0}} {
		if len(f.text) < f.least || len(f.text) > maxName {
			return fmt.Errorf("%s has %d bytes; %d to %d are allowed", f.name, len(f.text), f.least, maxName)
		}
	}
	var values []any
	d := json.NewDecoder(bytes.NewReader(c.Group))
	d.UseNumber()
	if err := d.Decode(&values); err != nil || values == nil || len(c.Group) > MaxGroup {
		return fmt.Errorf("group is no array of at most %d bytes", MaxGroup)
	}
	for _, v := range values {
		switch v.(type) {
		case string, bool, json.Number:
		default:
			return errors.New("group holds what is neither text nor number")
		}
	}
	for _, t := range []int64{c.Time, c.Until} {
		if y := time.UnixMilli(t).UTC().Year(); y < 1 || y > 9999 {
			return errors.New("time is of no year from 1 to 9999")
		}
	}
	if c.Part < 0 || c.Part >= MaxRules {
		return fmt.Errorf("part is %d", c.Part)
	}
	if math.IsNaN(c.Number) || math.IsInf(c.Number, 0) || c.Place != nil && !c.Place.Valid() {
		return errors.New("the value is none")
	}
	return nil
}

// hash hashes parts with their lengths.
func hash(parts ...string) [sha256.Size]byte {
	text := make([]byte, 0, 256)
	for _, p := range parts {
		text = binary.BigEndian.AppendUint64(text, uint64(len(p)))
		text = append(text, p...)
	}
	return sha256.Sum256(text)
}
