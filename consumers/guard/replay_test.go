package guard_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/schemas"
)

func TestReplayAsks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, replay, approved string
		lane                   schemas.Lane
		asks                   bool
	}{
		{name: "comes by itself", lane: schemas.LaneBlock},
		{name: "block", replay: "by ann at noon", lane: schemas.LaneBlock, asks: true},
		{name: "remediation", replay: "by ann at noon", lane: schemas.LaneRemediate, asks: true},
		{name: "an alert tells", replay: "by ann at noon", lane: schemas.LaneAlert},
		{name: "a person has approved", replay: "by ann at noon", approved: "hash", lane: schemas.LaneBlock},
	} {
		cmd := command(c.lane, target("ip", "198.51.100.7"))
		cmd.Replay = c.replay
		v, err := (guard.Replay{}).Check(t.Context(), guard.Case{Now: noon(), Command: cmd, ApprovedHash: c.approved})
		if err != nil || c.asks != (v.State == schemas.StateApproval) || c.asks && !strings.Contains(v.Reason, "replayed by ann at noon") {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
}
