// Package envelope is what the formats of AWS findings share: the events of EventBridge that findings come in, lists of findings, their ids
// and times.
package envelope

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// maxUID keeps uids well below what an event may have.
const maxUID = 1000

// UID is the metadata.uid of a finding: its id, and when it was changed last, as the record has it (a JSON value or empty), so that each
// change of a finding is an event of its own while the same one, read twice, is one.
func UID(id, updated string) string {
	uid := id
	if updated = strings.Trim(updated, `"`); updated != "" && updated != "null" {
		uid += "@" + updated
	}
	if len(uid) > maxUID || strings.ContainsFunc(uid, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return schemas.DerivedUID(id, updated, "")
	}
	return strings.Clone(uid)
}

// Time reads a time: RFC 3339, or seconds since 1970, which some tools print. ok is false where there is none.
func Time(d *ocsfjson.Doc, n ocsfjson.Node) (t time.Time, ok bool, err error) {
	switch d.Kind(n) {
	case ocsfjson.Missing, ocsfjson.Null:
		return t, false, nil
	case ocsfjson.String:
		if d.Str(n) == "" {
			return t, false, nil
		}
		t, err = time.Parse(time.RFC3339, d.Str(n))
		return t, err == nil, err
	case ocsfjson.Number:
		s, err := strconv.ParseFloat(d.Raw(n), 64)
		if err == nil && s > 253402300799 && s < 253402300799e3 {
			s /= 1000 // milliseconds
		}
		if err != nil || s < 0 || s > 253402300799 {
			return t, false, fmt.Errorf("%s is no time", d.Raw(n))
		}
		return time.UnixMilli(int64(math.Round(s * 1000))).UTC(), true, nil
	case ocsfjson.Bool, ocsfjson.Object, ocsfjson.Array:
	}
	return t, false, fmt.Errorf("a time expected, %s found", d.Kind(n))
}

// IP is an address in canonical form; empty if text is none.
func IP(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return ""
	}
	return a.Unmap().String()
}
