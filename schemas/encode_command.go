package schemas

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode returns the command as JSON. The event stands in it as it is: nothing of it is escaped for HTML, which would make it longer than
// it came.
func (c *Command) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("command %s: %w", c.ID, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
