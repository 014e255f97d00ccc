package webhook

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/schemas"
)

const (
	targetType    = "resource"
	longestTarget = 1024
	secretPrefix  = "RIPOSTE_WEBHOOK_" //nolint:gosec // the beginning of a name
	secretHosts   = "_HOSTS"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "webhook",
		Lane: schemas.LaneBlock,
		Summary: "Asks another system over HTTP to block the target, and to unblock it: a firewall, an EDR, a SOAR. The idempotency key is the command's id, with " +
			"-undo after it to unblock. URLs and bodies are templates of Go: {{.Target.ID}}, {{.Operation}} (block or unblock), {{.Seconds}}, {{.Rule}}, {{.Severity}}, " +
			"{{event \"src_endpoint.ip\"}}, each as {{json …}} in a body and {{path …}} or {{query …}} in a URL. Without status_url, what the other side answers is believed. " +
			"The target is an address or CIDR, or whatever the other system takes.",
		TargetType: targetType,
		Settings: []schemas.Setting{
			{Name: "url", Type: "string", Required: true, Help: "address to call to block; https, unless it is this machine or plain_http is set"},
			{Name: "method", Type: "string", Default: "POST", Help: "POST, PUT, PATCH or DELETE"},
			{Name: "body", Type: "string", Help: "what to send; by default JSON with id, operation, target, for_seconds, rule, rule_title and severity"},
			{Name: "unblock_url", Type: "string", Help: "address to call to unblock; default url"},
			{Name: "unblock_method", Type: "string", Default: "POST", Help: "as method; for DELETE, 404 and 410 are as good as yes"},
			{Name: "unblock_body", Type: "string", Help: "what to send to unblock; default body"},
			{Name: "content_type", Type: "string", Default: defaultType, Help: "of the bodies"},
			{Name: "headers", Type: "map", Help: "further request headers"},
			{Name: "secret_headers", Type: "map", Help: "request headers whose values are secrets: the name of the environment variable, which begins with " + secretPrefix +
				"; that variable with " + secretHosts + " behind its name has the hosts, with blanks between them, that it may be sent to"},
			{Name: "status_url", Type: "string", Help: "address to GET whether the target is blocked: 404 is no; 2xx is yes, if status_field has status_value"},
			{Name: "status_field", Type: "string", Help: "path in the JSON of the answer: data.blocked; without it, any 2xx is yes"},
			{Name: "status_value", Type: "string", Default: "true", Help: "what status_field has where the target is blocked"},
			{Name: "timeout", Type: "duration", Default: defaultTimeout.String(), Help: "limit of one request, 1s to 1m"},
			{Name: "plain_http", Type: "bool", Default: "false", Help: "allow http addresses of other machines"},
			{Name: "private", Type: "bool", Default: "false", Help: "block addresses that are not public as well, and ranges of any width"},
			address.Never(),
		},
		Undo:      true,
		Expires:   true,
		Canonical: canonical,
	}
}

// canonical gives addresses the form that all blocks have for them. Anything else stands for itself: its spelling is the other system's business.
func canonical(raw, account, _ string) (schemas.Target, error) {
	if t, err := address.Canonical(raw, "", ""); err == nil {
		return t, nil
	}
	id := strings.TrimSpace(raw)
	if id == "" || len(id) > longestTarget || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return schemas.Target{}, fmt.Errorf("target %q: 1 to %d bytes without control characters expected", raw[:min(len(raw), 80)], longestTarget)
	}
	if a, err := arn.Parse(id); err == nil && a.AccountID != "" {
		account = a.AccountID
	}
	return schemas.Target{Type: targetType, Account: account, ID: id}, nil
}
