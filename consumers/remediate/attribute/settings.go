package attribute

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Settings fills the struct that v points to with a command's `with`, by json tags. Keys that the struct does not have and wrong types are
// permanent errors; what `with` does not mention keeps what it was.
func Settings(cmd schemas.Command, v any) error {
	if len(cmd.With) == 0 {
		return nil
	}
	b, err := json.Marshal(cmd.With)
	if err != nil {
		return fault.Permanent(fmt.Errorf("with: %w", err))
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fault.Permanent(fmt.Errorf("with: %w", err))
	}
	return nil
}

// Lasting says in a summary for how long: " for 4h", or nothing.
func Lasting(cmd schemas.Command) string {
	if cmd.For <= 0 {
		return ""
	}
	return " for " + cmd.For.String()
}

// Strings is a setting of type list for which a single value may stand alone, as it does where a rule takes it from an event.
type Strings []string

// UnmarshalJSON reads a string, or a list of strings. null is empty.
func (s *Strings) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(s))
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*s = nil
	if one != "" {
		*s = Strings{one}
	}
	return nil
}
