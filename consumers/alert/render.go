package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Subject is the notification in at most limit ASCII characters without line breaks, as subjects of mails have to be.
func (n Notification) Subject(limit int) string {
	s := "[" + strings.ToUpper(n.Severity) + "] " + n.Title
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(ascii) > limit {
		ascii = ascii[:max(0, limit-3)] + "..."
	}
	return ascii[:min(len(ascii), limit)]
}

// Text is the notification for people to read, some lines of plain text.
func (n Notification) Text() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n%s\n\n", n.Title, n.Summary)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, value)
		}
	}
	row("severity", n.Severity)
	row("target", strings.TrimSpace(n.Target.Type+" "+n.Target.ID))
	row("account", n.Account)
	row("region", n.Region)
	if !n.Time.IsZero() {
		row("time", n.Time.Format(time.RFC3339))
	}
	row("rule", n.Rule)
	row("event", n.EventUID)
	row("source", n.Source)
	row("caused by", n.Cause)
	row("command", n.CommandID)
	for _, l := range n.Links {
		row(l.Name, l.URL)
	}
	_ = w.Flush() // into memory: it cannot fail
	return b.String()
}

// JSON is the notification for programs, one object. It fails where n.Event is not JSON.
func (n Notification) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("notification: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
