package catalog

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// NewFormat makes the format of that name with its settings; what the container of a record said of it stands in its events as well. An unknown name is an error that says which ones there are.
func NewFormat(name string, cfg config.Node) (producers.Format, error) {
	var known []string
	for _, f := range Formats() {
		if f.Name == name {
			format, err := f.New(cfg)
			if err != nil {
				return nil, fmt.Errorf("format %s: %w", name, err)
			}
			return ocsfjson.WithContainer(format), nil
		}
		known = append(known, f.Name)
	}
	return nil, fmt.Errorf("unknown format %q; there are %s", name, strings.Join(known, ", "))
}

// NewSource makes a source of that kind with its settings. An unknown kind is an error that says which ones there are, and where in the
// configuration. It does no I/O.
func NewSource(kind string, cfg config.Node, d producers.SourceDeps) (producers.Source, error) {
	var known []string
	for _, s := range Sources() {
		if s.Name == kind {
			return s.New(cfg, d)
		}
		known = append(known, s.Name)
	}
	return nil, fmt.Errorf("%s: unknown source %q; there are %s", cfg.Pos(), kind, strings.Join(known, ", "))
}
