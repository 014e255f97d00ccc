package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/alert/issue"
	"github.com/riposte-security/riposte/consumers/alert/log"
	"github.com/riposte-security/riposte/consumers/alert/sns"
	"github.com/riposte-security/riposte/consumers/alert/webhook"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/schemas"
)

// A Receiver is one kind of receiver of alerts: what describes it, and what makes one of a configuration. A configuration names its
// receivers and may have several of a kind; of kind log there is always one, under the name log.
type Receiver struct {
	Name     string // of the kind
	Summary  string
	Settings []schemas.Setting
	Policy   []string // least AWS IAM actions
	// New reads the settings, strictly, and makes the receiver. It does no I/O.
	New func(cfg config.Node, d Deps) (consumers.Action, error)
}

// Receivers lists every kind of receiver, by name.
func Receivers() []Receiver {
	return []Receiver{
		{Name: "github", Summary: "Opens an issue in a repository on GitHub.", Settings: issue.Settings(issue.GitHub()), New: newIssue(issue.GitHub())},
		{Name: "gitlab", Summary: "Opens an issue in a project on GitLab.", Settings: issue.Settings(issue.GitLab()), New: newIssue(issue.GitLab())},
		{Name: "log", Summary: "Writes a line to the log.", New: newLog},
		{Name: "sns", Summary: "Publishes to an Amazon SNS topic, and so to e-mail addresses, queues and functions.", Settings: sns.Settings(), Policy: []string{"sns:Publish"}, New: newSNS},
		{Name: "webhook", Summary: "POSTs JSON, signed as Standard Webhooks asks.", Settings: webhook.Settings(), New: newWebhook},
	}
}

// NewReceiver makes a receiver of a kind. An unknown kind is an error that says which ones there are, and where in the configuration.
func NewReceiver(kind string, cfg config.Node, d Deps) (consumers.Action, error) {
	var known []string
	for _, r := range Receivers() {
		if r.Name == kind {
			return r.New(cfg, d)
		}
		known = append(known, r.Name)
	}
	return nil, fmt.Errorf("%s: unknown receiver %q; there are %s", cfg.Pos(), kind, strings.Join(known, ", "))
}

func newIssue(f issue.Forge) func(config.Node, Deps) (consumers.Action, error) {
	return func(cfg config.Node, d Deps) (consumers.Action, error) {
		conf := issue.Defaults()
		if err := cfg.Decode(&conf); err != nil {
			return nil, err
		}
		r, err := issue.New(f, conf, d.Callouts, d.now())
		if err != nil {
			return nil, err
		}
		r.Links = d.Links
		return r, nil
	}
}

func newLog(cfg config.Node, d Deps) (consumers.Action, error) {
	if err := cfg.Decode(&struct{}{}); err != nil {
		return nil, err
	}
	return log.New(d.Log), nil
}

func newSNS(cfg config.Node, d Deps) (consumers.Action, error) {
	conf := sns.Defaults()
	if err := cfg.Decode(&conf); err != nil {
		return nil, err
	}
	if d.Clients == nil {
		return nil, errors.New("no AWS clients")
	}
	r, err := sns.New(conf, func(ctx context.Context, region string) (sns.Publisher, error) {
		client, err := d.Clients.SNS(ctx, "", region) // with our own credentials: whose topic it is, its ARN says
		if err != nil {
			return nil, err
		}
		return client, nil
	})
	if err != nil {
		return nil, err
	}
	r.Links = d.Links
	return r, nil
}

func newWebhook(cfg config.Node, d Deps) (consumers.Action, error) {
	conf := webhook.Defaults()
	if err := cfg.Decode(&conf); err != nil {
		return nil, err
	}
	r, err := webhook.New(conf, d.Callouts, d.now())
	if err != nil {
		return nil, err
	}
	r.Links = d.Links
	return r, nil
}
