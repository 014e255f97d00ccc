package producers

import (
	"io"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
)

// SourceDeps is what a source gets from outside its settings. A source that does not need a part leaves it alone.
type SourceDeps struct {
	Name    string // of the producer in the configuration; required
	DataDir string // where checkpoints lie by default; empty: only where the settings say
	Log     zerolog.Logger
	Stdin   io.Reader      // for a source that reads standard input; nil: it cannot
	AWS     *cloud.Clients // nil: sources of AWS fail when they run
}
