package app

import (
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// asEvents reads records as the router reads messages: they are events, or any JSON object. Unlike the formats ocsf and json it does not demand
// that an event is valid: a test names the fields that matter, and an archive holds what was decided upon.
type asEvents struct{}

// Parse implements producers.Format.
func (asEvents) Parse(r producers.Record) ([]schemas.Event, error) {
	ev, err := schemas.ReadEvent(r.Data, schemas.Envelope{Origin: r.Origin, Position: r.Position, Appended: r.Received})
	if err != nil {
		return nil, err
	}
	return []schemas.Event{ev}, nil
}

// eventsOr is the format of that name, or asEvents if none is named.
func eventsOr(format string, settings map[string]string) (producers.Format, error) {
	if format == "" {
		return asEvents{}, nil
	}
	return formatFlags{Format: format, Set: settings}.build()
}
