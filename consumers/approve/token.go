// Package approve lets people decide over HTTP about commands that wait: links in alerts lead to a page that shows the plan, and only its form
// decides, since programs that check mail follow links.
package approve

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/alert"
	"github.com/riposte-security/riposte/schemas"
)

// Path is where the pages are, under the address of the process.
const Path = "/approval/"

// A Signer makes links that nobody else can make, each good for one decision about one plan, and for a time. It is safe for concurrent use.
type Signer struct {
	URL    string // where people reach the process
	Secret string
	Within time.Duration // how long a link is good; zero: for ever
}

// A ticket is what a link stands for.
type ticket struct {
	Command string    `json:"c"`
	Plan    string    `json:"p"` // hash
	Seat    int       `json:"s"` // which of the people who have to approve
	Until   time.Time `json:"u,omitzero"`
}

// Links are those of a notification about a command that waits: one for each of the people who have to approve. For anything else there are none.
func (s *Signer) Links(cmd schemas.Command) []alert.Link {
	facts := gjson.GetBytes(cmd.Event, "unmapped.riposte")
	if facts.Get("state").Str != string(schemas.StateApproval) || cmd.Source != schemas.OutcomeSource(schemas.LaneBlock) && cmd.Source != schemas.OutcomeSource(schemas.LaneRemediate) {
		return nil
	}
	t := ticket{Command: facts.Get("command").Str, Plan: facts.Get("plan.hash").Str}
	if t.Command == "" || t.Plan == "" {
		return nil
	}
	if s.Within > 0 {
		t.Until = cmd.EventTime.Add(s.Within).UTC().Truncate(time.Second)
	}
	seats := max(1, int(facts.Get("approvers").Int()))
	var links []alert.Link
	for t.Seat = range min(seats, mostSeats) {
		name := "approve or reject"
		if seats > 1 {
			name = fmt.Sprintf("approve or reject (person %d of %d)", t.Seat+1, seats)
		}
		links = append(links, alert.Link{Name: name, URL: strings.TrimSuffix(s.URL, "/") + Path + s.seal(t)})
	}
	return links
}

const mostSeats = 5

// seal writes a ticket so that it can be told from one that somebody made up.
func (s *Signer) seal(t ticket) string {
	body, err := json.Marshal(t)
	if err != nil {
		return "" // strings, a number and a time: it cannot be
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.sign(text))
}

func (s *Signer) sign(text string) []byte {
	h := hmac.New(sha256.New, []byte(s.Secret))
	h.Write([]byte("riposte approval " + text))
	return h.Sum(nil)
}

// open reads a ticket that was sealed here.
func (s *Signer) open(token string, now time.Time) (ticket, error) {
	var t ticket
	text, mac, _ := strings.Cut(token, ".")
	sum, err := base64.RawURLEncoding.DecodeString(mac)
	if err != nil || !hmac.Equal(sum, s.sign(text)) {
		return t, errForged
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return t, errForged
	}
	if err := json.Unmarshal(body, &t); err != nil {
		return t, errForged
	}
	if !t.Until.IsZero() && now.After(t.Until) {
		return t, errLate
	}
	return t, nil
}

// nonce names a ticket among the decisions about its command.
func (t ticket) nonce() string { return fmt.Sprintf("%s/%d", t.Plan, t.Seat) }

// What is wrong with a link.
const (
	errForged = linkError("this link is none of riposte's, or is not whole")
	errLate   = linkError("this link is too old")
)

type linkError string

func (e linkError) Error() string { return string(e) }
