package schemas

// A Code says how what an action sets is written in infrastructure code, so that whoever owns the code hears how to keep it. Both texts are
// text/template over CodeValues.
type Code struct {
	// Attribute names what is to be changed, for people: "encryption".
	Attribute string
	// Resources are the types of Terraform's resources that declare it, best first; what they declare it for comes after them. For what an account as a whole is
	// declared to be, they are all that count, and those of CloudFormation stand there too.
	Resources []string
	// HCL is what Terraform, and YAML what a CloudFormation template should say.
	HCL, YAML string
}

// CodeValues are what the templates of a Code may use.
type CodeValues struct {
	Name    string // of the resource in the code
	Address string // of the resource in the code; in CloudFormation its logical id
	Type    string // of the resource, in the tool's words
	Target  Target
	With    map[string]any // the step's settings over the action's defaults
}
