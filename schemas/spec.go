package schemas

// A Setting is one key that a component understands in its configuration or in a step's `with`.
type Setting struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // string, int, bool, duration, list, map
	Required bool   `json:"required,omitempty"`
	Default  string `json:"default,omitempty"`
	Help     string `json:"help"`
	// OneOf lists the values that a string may have; any, where it is empty.
	OneOf []string `json:"one_of,omitempty"`
}

// An ActionSpec describes an action to whoever has to know it without carrying it out: the rule check, `riposte list actions`, the docs.
type ActionSpec struct {
	Name    string `json:"name"`
	Lane    Lane   `json:"lane"`
	Summary string `json:"summary"`
	// Controls lists the controls of AWS Security Hub (S3.14) whose findings the action brings into order.
	Controls   []string  `json:"controls,omitempty"`
	TargetType string    `json:"target_type"` // Target.Type of its targets
	Settings   []Setting `json:"settings,omitempty"`
	Undo       bool      `json:"undo"`
	// Irreversible says what of the effect cannot be taken back; empty for nothing.
	Irreversible string `json:"irreversible,omitempty"`
	// Expires tells whether the action's effect can be given a time (`for:`).
	Expires bool `json:"expires,omitempty"`
	// Policy lists the least AWS IAM actions that the action needs, undo included.
	Policy []string `json:"policy,omitempty"`
	// Code says how infrastructure code declares what the action sets; nil where nobody knows.
	Code *Code `json:"-"`
	// Canonical turns what a rule names as a target (a name, an ARN, an address) into the one Target it stands for. Account and region
	// are the event's, used where the raw form does not say. An error means that raw is no such thing.
	Canonical func(raw, account, region string) (Target, error) `json:"-"`
}
