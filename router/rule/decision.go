package rule

import (
	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/schemas"
)

// A Decision is what a set of rules says of one event.
type Decision struct {
	// Commands are to be published on the topics of their lanes.
	Commands []schemas.Command
	// Publications are the results of `publish` steps.
	Publications []Publication
	// Misses are steps of rules that fired and could not become a command. Each is a dead letter.
	Misses []Miss
	// Contributions are what correlations need of the event. Seen is left to whoever knows when the event came into its topic.
	Contributions []correlate.Contribution
	// Fired lists the ids of the rules that hold for the event; of correlations only those that the event is the finding of.
	Fired []string
	// Failed lists the ids of the rules whose predicates could not be evaluated on the event; that counts as no match.
	Failed []string
}

// A Publication is a copy of the event for a topic that a rule names.
type Publication struct {
	ID    string // ce_id: derived like a command's id
	Rule  string
	Topic string
}

// A Miss is a step that could not become a command.
type Miss struct {
	Rule, Step string
	Reason     string // "no target", or why the target is none
}
