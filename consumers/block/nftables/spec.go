package nftables

import (
	"fmt"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const defaultTable = "riposte"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "nftables",
		Lane: schemas.LaneBlock,
		Summary: "Drops what comes from an address, or a range up to /16 (IPv6: /32), to or through the host that the consumer runs on, by nftables: a table of " +
			"its own with a set for each length of prefix, whose elements the kernel itself removes when their time is over. It needs nft and the capability " +
			"CAP_NET_ADMIN. Addresses that are not public are refused. The target is an address or CIDR.",
		TargetType: address.TargetType,
		Settings: []schemas.Setting{
			{Name: "table", Type: "string", Default: defaultTable, Help: "name of the table (family inet), made if it does not exist"},
			address.Never(),
		},
		Undo:      true,
		Expires:   true,
		Canonical: address.Canonical,
	}
}

type settings struct {
	Table string            `json:"table"`
	Never attribute.Strings `json:"never"`
}

func settingsOf(cmd schemas.Command) (settings, error) {
	s := settings{Table: defaultTable}
	if err := attribute.Settings(cmd, &s); err != nil {
		return s, err
	}
	if !isName(s.Table) {
		return s, fault.Permanent(fmt.Errorf("with.table %q: letters, digits and underscores expected", s.Table))
	}
	return s, nil
}

func isName(s string) bool {
	if s == "" || len(s) > 31 || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '_' {
			return false
		}
	}
	return true
}
