// Package catalog lists the actions and receivers of the consumers: what is not in here does not exist.
package catalog

import (
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/alert"
	ec2isolate "github.com/riposte-security/riposte/consumers/block/ec2-isolate"
	iamdenyrole "github.com/riposte-security/riposte/consumers/block/iam-deny-role"
	iamdenyuser "github.com/riposte-security/riposte/consumers/block/iam-deny-user"
	iamdisableaccesskey "github.com/riposte-security/riposte/consumers/block/iam-disable-access-key"
	iamdisableconsole "github.com/riposte-security/riposte/consumers/block/iam-disable-console"
	lambdathrottle "github.com/riposte-security/riposte/consumers/block/lambda-throttle"
	nacldeny "github.com/riposte-security/riposte/consumers/block/nacl-deny"
	networkfirewallrulegroup "github.com/riposte-security/riposte/consumers/block/network-firewall-rule-group"
	nftables "github.com/riposte-security/riposte/consumers/block/nftables"
	s3denyprincipal "github.com/riposte-security/riposte/consumers/block/s3-deny-principal"
	securitygrouprevoke "github.com/riposte-security/riposte/consumers/block/security-group-revoke"
	wafv2ipset "github.com/riposte-security/riposte/consumers/block/wafv2-ipset"
	blockwebhook "github.com/riposte-security/riposte/consumers/block/webhook"
	deploymentrollback "github.com/riposte-security/riposte/consumers/remediate/deployment-rollback"
	ec2requiresecuritygroup "github.com/riposte-security/riposte/consumers/remediate/ec2-require-security-group"
	ec2requiretags "github.com/riposte-security/riposte/consumers/remediate/ec2-require-tags"
	iamrevertpolicy "github.com/riposte-security/riposte/consumers/remediate/iam-revert-policy"
	"github.com/riposte-security/riposte/consumers/remediate/invoke"
	s3encryptbucket "github.com/riposte-security/riposte/consumers/remediate/s3-encrypt-bucket"
	securitygrouprevert "github.com/riposte-security/riposte/consumers/remediate/security-group-revert"
	"github.com/riposte-security/riposte/consumers/remediate/table"
	trailrestore "github.com/riposte-security/riposte/consumers/remediate/trail-restore"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/schemas"
)

// Deps is what actions are made of. Clients must be set; Log and Now may be left out.
type Deps struct {
	Clients  *cloud.Clients
	Writer   consumers.Publisher // for invoke-publish
	Prefix   string              // of riposte's own topics
	Invoke   config.Node         // section invoke of the configuration
	Callouts callout.Policy      // which addresses may be called
	Log      zerolog.Logger
	Now      func() time.Time // default time.Now
	Links    alert.Links      // further links of notifications; may be nil
}

func (d Deps) now() func() time.Time {
	if d.Now == nil {
		return time.Now
	}
	return d.Now
}

// An Action is one line of the list: what describes it, and what makes it.
type Action struct {
	Spec schemas.ActionSpec
	New  func(Deps) (consumers.Action, error)
}

// Actions lists every action: those that have a folder, block before remediate, by name, then the rows of the table, by service, and then what can be invoked.
func Actions() []Action {
	all := []Action{
		{ec2isolate.Spec(), onAWS(ec2isolate.OnAWS)},
		{iamdenyrole.Spec(), onAWS(iamdenyrole.OnAWS)},
		{iamdenyuser.Spec(), onAWS(iamdenyuser.OnAWS)},
		{iamdisableaccesskey.Spec(), onAWS(iamdisableaccesskey.OnAWS)},
		{iamdisableconsole.Spec(), onAWS(iamdisableconsole.OnAWS)},
		{lambdathrottle.Spec(), onAWS(lambdathrottle.OnAWS)},
		{nacldeny.Spec(), onAWS(nacldeny.OnAWS)},
		{networkfirewallrulegroup.Spec(), onAWS(networkfirewallrulegroup.OnAWS)},
		{nftables.Spec(), onHost(nftables.OnHost)},
		{s3denyprincipal.Spec(), onAWS(s3denyprincipal.OnAWS)},
		{securitygrouprevoke.Spec(), onAWS(securitygrouprevoke.OnAWS)},
		{wafv2ipset.Spec(), onAWS(wafv2ipset.OnAWS)},
		{blockwebhook.Spec(), func(d Deps) (consumers.Action, error) { return blockwebhook.OnHTTP(d.Callouts, d.now()), nil }},
		{deploymentrollback.Spec(), onAWS(deploymentrollback.OnAWS)},
		{ec2requiresecuritygroup.Spec(), onAWS(ec2requiresecuritygroup.OnAWS)},
		{ec2requiretags.Spec(), onAWS(ec2requiretags.OnAWS)},
		{iamrevertpolicy.Spec(), onAWS(iamrevertpolicy.OnAWS)},
		{s3encryptbucket.Spec(), onAWS(s3encryptbucket.OnAWS)},
		{securitygrouprevert.Spec(), onAWS(securitygrouprevert.OnAWS)},
		{trailrestore.Spec(), onAWS(trailrestore.OnAWS)},
	}
	for _, row := range table.Actions() {
		all = append(all, Action{row.Spec, onAWS(row.OnAWS)})
	}
	for _, t := range invoke.Targets() {
		all = append(all, Action{t.Spec, func(d Deps) (consumers.Action, error) {
			return t.New(invoke.Deps{Clients: d.Clients, Writer: d.Writer, Prefix: d.Prefix, Config: d.Invoke, Callouts: d.Callouts, Now: d.now()})
		}})
	}
	return all
}

// onHost is for an action that needs nobody but the machine and network it runs on.
func onHost(build func(func() time.Time) consumers.Action) func(Deps) (consumers.Action, error) {
	return func(d Deps) (consumers.Action, error) {
		return build(d.now()), nil
	}
}

// onAWS checks what an action on AWS needs before it is made.
func onAWS(build func(*cloud.Clients, func() time.Time) consumers.Action) func(Deps) (consumers.Action, error) {
	return func(d Deps) (consumers.Action, error) {
		if d.Clients == nil {
			return nil, errors.New("no AWS clients")
		}
		return build(d.Clients, d.now()), nil
	}
}
