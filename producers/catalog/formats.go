// Package catalog lists what the producers can be made of: the one list to extend for a new format.
package catalog

import (
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/cloudtrail"
	"github.com/riposte-security/riposte/schemas"
)

// A Format is what the catalogue knows of a format.
type Format struct {
	Name     string                                          `json:"name"`
	Summary  string                                          `json:"summary"`
	Settings []schemas.Setting                               `json:"settings,omitempty"`
	New      func(cfg config.Node) (producers.Format, error) `json:"-"`
}

// Formats lists every format, one a line.
func Formats() []Format {
	return []Format{
		{"cloudtrail", "AWS CloudTrail records: management, data, Insights and network-activity events, sign-in", nil, cloudtrail.New},
	}
}
