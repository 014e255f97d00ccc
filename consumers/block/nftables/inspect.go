package nftables

import (
	"context"
	"errors"
	"slices"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Inspect implements consumers.Inspector. It reads the table once. A table that does not exist holds nothing.
func (b *blocker) Inspect(ctx context.Context, cmds []schemas.Command) (missing, others []string, err error) {
	if len(cmds) == 0 {
		return nil, nil, fault.Permanent(errors.New("no command to inspect a table for"))
	}
	s, err := settingsOf(cmds[0])
	if err != nil {
		return nil, nil, err
	}
	t, err := read(ctx, b.Run, s.Table)
	if err != nil {
		return nil, nil, err
	}
	var dropped []string
	for _, elements := range t.sets {
		for _, h := range elements {
			switch {
			case !h.prefix.IsValid():
				others = append(others, h.text)
			default:
				if _, ok := t.find(h.prefix); ok {
					dropped = append(dropped, h.prefix.String())
				}
			}
		}
	}
	missing, theirs, err := address.Compare(cmds, dropped)
	others = append(others, theirs...)
	slices.Sort(others)
	return missing, others, err
}
