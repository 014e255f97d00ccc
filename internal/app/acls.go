package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/internal/kafka"
)

type aclsCmd struct {
	Principal map[string]string `placeholder:"USER=PRINCIPAL" help:"Who a user is to Kafka: router=CN=router,O=acme, as in its certificate, or its SASL name. By default riposte-USER."`
	User      []string          `enum:"producer,router,alert,block,remediate,archive,operator,admin" help:"Only these users."`
	Apply     bool              `help:"Make them, with the user of the configuration, who must be allowed to (cluster Alter)."`
	JSON      bool              `name:"json" help:"Print JSON."`
}

// Run prints or makes ACLs.
func (c *aclsCmd) Run(ctx context.Context, a *App) error {
	for u := range c.Principal {
		if !slices.Contains(kafka.Users(), kafka.User(u)) {
			return misuse{fmt.Errorf("acls: no user %q; there are %s", u, oneOf(kafka.Users()))}
		}
	}
	s, err := a.newStack(ctx, "", orEmbedded)
	if err != nil {
		return err
	}
	defer s.close()
	var conf routerConfig
	if err := s.cfg.Router.Decode(&conf); err != nil {
		return fmt.Errorf("router: %w", err)
	}
	topics := s.kafka.Topics()
	var grants []kafka.Grant
	for _, g := range topics.Grants(conf.Groups(topics)) {
		if len(c.User) == 0 || slices.Contains(c.User, string(g.User)) {
			grants = append(grants, g)
		}
	}
	if c.Apply {
		if err := s.kafka.Allow(ctx, grants, c.principal); err != nil {
			return err
		}
	}
	if c.JSON {
		return a.printJSON(grants)
	}
	for _, g := range grants {
		fmt.Fprintln(a.Out, c.command(s.kafka.Config().Brokers, g))
	}
	return nil
}

// principal is who a user is to Kafka.
func (c *aclsCmd) principal(u kafka.User) string {
	return "User:" + strings.TrimPrefix(cmp.Or(c.Principal[string(u)], "riposte-"+string(u)), "User:")
}

// command is a grant as a line for a shell.
func (c *aclsCmd) command(brokers []string, g kafka.Grant) string {
	words := []string{"kafka-acls.sh --bootstrap-server", strings.Join(brokers, ","), "--add --allow-principal", quoted(c.principal(g.User))}
	for _, op := range g.Operations {
		words = append(words, "--operation", op)
	}
	words = append(words, "--"+g.Resource, g.Name)
	if g.Prefixed {
		words = append(words, "--resource-pattern-type prefixed")
	}
	return strings.Join(words, " ")
}

// quoted makes a word of a shell, whatever it holds.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
