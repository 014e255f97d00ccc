package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

// Encode returns the command as JSON. The event stands in it byte by byte.
func (c *Command) Encode() ([]byte, error) {
	short := *c
	whole := len(c.Event) > 0 && jsontext.Skip(c.Event, 0, commandDepth) == len(c.Event)
	if whole { // encoding/json would read it twice more, and write it twice: half of what a command costs
		short.Event = json.RawMessage("0")
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&short); err != nil {
		return nil, fmt.Errorf("command %s: %w", c.ID, err)
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if !whole {
		return text, nil
	}
	const name, number = `"event":0,"event_uid":`, len(`"event":`)
	// The last: what stands in the settings may look the same, but is before it, and in what is behind it quotation marks are escaped.
	at := bytes.LastIndex(text, []byte(name)) + number
	out := make([]byte, 0, len(text)+len(c.Event))
	out = append(out, text[:at]...)
	out = append(out, c.Event...)
	return append(out, text[at+1:]...), nil
}
