package http

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/producers"
)

// mode is how a request carries CloudEvents, after their HTTP binding.
type mode int

const (
	modeNone       mode = iota
	modeBinary          // attributes in headers, data in the body
	modeStructured      // attributes and data in JSON; one, or a batch in an array
)

// attrPrefix stands before what a CloudEvent says beyond id, source and time: ce_type, ce_subject …
const attrPrefix = "ce_"

func cloudEventMode(h http.Header) mode {
	switch {
	case strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "application/cloudevents"):
		return modeStructured
	case h.Get("Ce-Specversion") != "":
		return modeBinary
	}
	return modeNone
}

// binaryAttrs takes the attributes from the headers, whose values are percent-encoded.
func binaryAttrs(h http.Header, attrs map[string]string) error {
	for key := range h {
		name, ok := strings.CutPrefix(strings.ToLower(key), "ce-")
		if !ok || len(h.Get(key)) > 4096 {
			continue
		}
		value, err := url.PathUnescape(h.Get(key))
		if err != nil {
			value = h.Get(key)
		}
		setAttr(attrs, name, value)
	}
	return required(attrs)
}

func setAttr(attrs map[string]string, name, value string) {
	switch name {
	case "id":
		attrs[producers.AttrID] = value
	case "source":
		attrs[producers.AttrSource] = value
	case "time":
		attrs[producers.AttrTime] = value
	default:
		attrs[attrPrefix+name] = value
	}
}

func required(attrs map[string]string) error {
	for name, value := range map[string]string{
		"id": attrs[producers.AttrID], "source": attrs[producers.AttrSource], "type": attrs[attrPrefix+"type"],
	} {
		if value == "" {
			return fmt.Errorf("CloudEvent without %s", name)
		}
	}
	if v := attrs[attrPrefix+"specversion"]; v != "1.0" {
		return fmt.Errorf("CloudEvents version %.16q: 1.0 expected", v)
	}
	return nil
}

// openStructured takes the data out of a CloudEvent in JSON. On error the record comes back as it was, with attributes of its own.
func openStructured(rec producers.Record) (producers.Record, error) {
	attrs := copyAttrs(rec.Attrs)
	rec.Attrs = copyAttrs(rec.Attrs)
	doc := gjson.ParseBytes(rec.Data)
	if !doc.IsObject() {
		return rec, errors.New("a CloudEvent is a JSON object")
	}
	var data []byte
	var err error
	doc.ForEach(func(key, value gjson.Result) bool {
		switch key.String() {
		case "data":
			data = []byte(value.Raw)
			if value.Type == gjson.String {
				data = []byte(value.String())
			}
		case "data_base64":
			data, err = base64.StdEncoding.DecodeString(value.String())
		default:
			setAttr(attrs, key.String(), value.String())
		}
		return err == nil
	})
	if err != nil {
		return rec, fmt.Errorf("data_base64: %w", err)
	}
	if err := required(attrs); err != nil {
		return rec, err
	}
	if len(data) == 0 {
		return rec, errors.New("CloudEvent without data")
	}
	rec.Data, rec.Attrs = data, attrs
	return rec, nil
}
