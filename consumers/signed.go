package consumers

import (
	"errors"
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

// Rings are the keys that may sign commands, and those that may decide.
func (c Config) Rings() (routers, operators *sign.Ring, err error) {
	routers, err1 := sign.NewRing(c.TrustedKeys, "")
	if err1 != nil {
		err1 = fmt.Errorf("trusted_keys: %w", err1)
	}
	operators, err2 := sign.NewRing(c.OperatorKeys, sign.Secret(c.Approval.Secret))
	if err2 != nil {
		err2 = fmt.Errorf("operator_keys: %w", err2)
	}
	return routers, operators, errors.Join(err1, err2)
}

// What somebody may have forged, for the metric.
const (
	forgedCommand  = "command"
	forgedControl  = "control"
	forgedApproval = "approval"
	forgedUndo     = "undo"
)

// signed checks who has written a message: where keys are trusted, one of them has to have signed it, for this topic, key and id.
func (s *Service) signed(ring *sign.Ring, what string, m kafka.Message) error {
	if ring.Empty() {
		return nil
	}
	_, err := ring.Verify(sign.Message(m.Topic, m.Key, m.Header(schemas.HeaderID), m.Value), m.Header(schemas.HeaderSignature))
	if err != nil {
		s.m.forged.WithLabelValues(what).Inc()
		return fmt.Errorf("the %s is not authentic: %w", what, err)
	}
	return nil
}

// approved returns what of the ledger's approvals of a command counts: all, or, where operators have keys, that of a plan which as many people have signed as
// are wanted. why says what does not count.
func (s *Service) approved(e ledger.Entry) (hash, by, why string) {
	if e.ApprovedHash == "" || s.operators.Empty() {
		return e.ApprovedHash, e.ApprovedBy, ""
	}
	var who []string
	seen := map[string]bool{}
	err := error(sign.ErrMissing)
	for _, a := range e.Approvals {
		if a.Plan != e.ApprovedHash {
			continue
		}
		key, no := s.operators.Verify(a.Text(e.Command.ID), a.Signature)
		if no != nil {
			err = no
			continue
		}
		if a.Via == ledger.ViaLink {
			key += " " + a.Nonce // the key is the process's; people differ by their links
		}
		if name := strings.ToLower(a.By); !seen["key "+key] && !seen["name "+name] {
			seen["key "+key], seen["name "+name] = true, true
			who = append(who, a.By)
		}
	}
	switch wanted := max(1, s.cfg.approvers(e.Command)); {
	case len(who) >= wanted:
		return e.ApprovedHash, strings.Join(who, " and "), ""
	case len(who) > 0:
		why = fmt.Sprintf("%d of %d approvals are authentic", len(who), wanted)
	default:
		why = "the approval by " + e.ApprovedBy + " is not authentic: " + err.Error()
	}
	s.m.forged.WithLabelValues(forgedApproval).Inc()
	s.d.Log.Warn().Str("command", e.Command.ID).Str("by", e.ApprovedBy).Msg(why)
	return "", "", why
}

// authentic checks who has asked for an undo.
func (s *Service) authentic(e ledger.Entry) error {
	if s.operators.Empty() {
		return nil
	}
	if _, err := s.operators.Verify(e.Undo.Text(e.Command.ID), e.Undo.Signature); err != nil {
		s.m.forged.WithLabelValues(forgedUndo).Inc()
		return fault.Permanent(fmt.Errorf("the request is not authentic: %w", err))
	}
	return nil
}
