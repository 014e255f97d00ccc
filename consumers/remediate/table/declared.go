package table

import (
	"strings"

	"github.com/riposte-security/riposte/schemas"
)

// declared says how an attribute is written in infrastructure code: what stands in a resource of Terraform, and under Properties in CloudFormation. Both may have
// several lines.
func declared(resource, attribute, hcl, yaml string) *schemas.Code {
	return &schemas.Code{
		Attribute: attribute, Resources: []string{resource},
		HCL:  "\nresource \"" + resource + "\" \"{{ .Name }}\" {\n  # what stands here stays\n" + indented(hcl, "  ") + "\n}",
		YAML: "\n{{ .Name }}:\n  Properties:\n" + indented(yaml, "    "),
	}
}

func indented(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}
