package logs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// maxSeen bounds the ids that are remembered. Of more than so many within the overlap, the oldest are forgotten: their events are handed
// over again, with the same uids.
const maxSeen = 200_000

// An eventID is the hash of an event's id.
type eventID [16]byte

func hashID(id string) eventID {
	sum := sha256.Sum256([]byte(id))
	return eventID(sum[:16])
}

// seen holds the ids of events, with their times in milliseconds. It encodes as text: 24 bytes an event, in base64.
type seen map[eventID]int64

const seenBytes = 16 + 8

// MarshalText implements encoding.TextMarshaler.
func (s seen) MarshalText() ([]byte, error) {
	out := make([]byte, 0, len(s)*seenBytes)
	for id, ms := range s {
		out = append(out, id[:]...)
		out = binary.BigEndian.AppendUint64(out, uint64(ms)) //nolint:gosec // and back again
	}
	return base64.StdEncoding.AppendEncode(nil, out), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *seen) UnmarshalText(text []byte) error {
	in, err := base64.StdEncoding.AppendDecode(nil, bytes.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("ids of events: %w", err)
	}
	if len(in)%seenBytes != 0 {
		return fmt.Errorf("ids of events: %d bytes, a multiple of %d expected", len(in), seenBytes)
	}
	*s = make(seen, len(in)/seenBytes)
	for ; len(in) > 0; in = in[seenBytes:] {
		(*s)[eventID(in[:16])] = int64(binary.BigEndian.Uint64(in[16:seenBytes])) //nolint:gosec // as above
	}
	return nil
}

// prune forgets events from before a time, and the oldest of too many.
func (s seen) prune(before int64) {
	maps.DeleteFunc(s, func(_ eventID, ms int64) bool { return ms < before })
	if len(s) <= maxSeen {
		return
	}
	times := slices.Sorted(maps.Values(s))
	limit := times[len(times)-maxSeen]
	maps.DeleteFunc(s, func(_ eventID, ms int64) bool { return ms < limit })
}
