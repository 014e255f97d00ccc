package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// A User is who a process is to Kafka: each stage its own, so that none can do another's work.
type User string

// The users.
const (
	UserProducer  User = "producer"
	UserRouter    User = "router"
	UserAlert     User = "alert"
	UserBlock     User = "block"
	UserRemediate User = "remediate"
	UserArchive   User = "archive"
	UserOperator  User = "operator" // of the command line
	UserAdmin     User = "admin"    // makes topics
)

// Users lists all of them.
func Users() []User {
	return []User{UserProducer, UserRouter, UserAlert, UserBlock, UserRemediate, UserArchive, UserOperator, UserAdmin}
}

// A Grant is what a user may do with a topic or a group. Read and Write include Describe.
type Grant struct {
	User       User     `json:"user"`
	Resource   string   `json:"resource"` // topic or group
	Name       string   `json:"name"`
	Prefixed   bool     `json:"prefixed,omitempty"` // Name is what names begin with
	Operations []string `json:"operations"`
}

// What a Grant is of, and what it allows, in the words of kafka-acls.sh.
const (
	ResourceTopic     = "topic"
	ResourceGroup     = "group"
	opRead            = "Read"
	opWrite           = "Write"
	opCreate          = "Create"
	opDescribe        = "Describe"
	opDescribeConfigs = "DescribeConfigs"
)

// Grants are the least that each user needs. routerGroups are the consumer groups of the router and its correlator. Topics that a configuration names
// beside riposte's own (sources, lists, `publish`) come on top.
func (t Topics) Grants(routerGroups ...string) []Grant {
	var all []Grant
	allow := func(u User, op string, topics ...string) {
		for _, name := range topics {
			all = append(all, Grant{User: u, Resource: ResourceTopic, Name: name, Operations: []string{op}})
		}
	}
	groups := func(u User, names ...string) {
		for _, name := range names {
			all = append(all, Grant{User: u, Resource: ResourceGroup, Name: name, Operations: []string{opRead}})
		}
	}
	lanes := []string{t.Alert, t.Block, t.Remediate}
	allow(UserProducer, opWrite, t.Events, t.DeadLetter)

	allow(UserRouter, opRead, t.Events, t.Outcomes, t.Correlate)
	allow(UserRouter, opWrite, append([]string{t.Events, t.Correlate, t.DeadLetter}, lanes...)...)
	allow(UserRouter, opDescribeConfigs, t.Correlate)
	groups(UserRouter, routerGroups...)

	for i, u := range []User{UserAlert, UserBlock, UserRemediate} {
		allow(u, opRead, lanes[i], t.Control)
		allow(u, opWrite, t.Outcomes, t.DeadLetter)
		allow(u, opDescribeConfigs, lanes[i])
		groups(u, ConsumerGroup(lanes[i]))
	}

	allow(UserArchive, opRead, append([]string{t.Events, t.Outcomes}, lanes...)...)
	groups(UserArchive, t.Prefix()+".archive")

	allow(UserOperator, opRead, append([]string{t.Events, t.Outcomes, t.DeadLetter, t.Control}, lanes...)...)
	allow(UserOperator, opWrite, append([]string{t.Events, t.Outcomes, t.DeadLetter, t.Control}, lanes...)...) // what is replayed goes back to where it came from

	all = append(all, Grant{User: UserAdmin, Resource: ResourceTopic, Name: t.Prefix() + ".", Prefixed: true, Operations: []string{opCreate, opDescribe}})
	return merged(all)
}

// ConsumerGroup is the group that reads the topic of a lane.
func ConsumerGroup(laneTopic string) string { return laneTopic + "-consumer" }

// merged puts what one user may do with one thing into one Grant.
func merged(all []Grant) []Grant {
	var out []Grant
	at := map[string]int{}
	for _, g := range all {
		key := string(g.User) + " " + g.Resource + " " + g.Name
		if i, there := at[key]; there {
			out[i].Operations = append(out[i].Operations, g.Operations...)
			continue
		}
		at[key] = len(out)
		out = append(out, g)
	}
	return out
}

// Allow makes the ACLs of grants, for the principals of their users ("User:riposte-router"), from any host. What is allowed already stays. The client's
// own user must be one who may: cluster Alter.
func (c *Client) Allow(ctx context.Context, grants []Grant, principal func(User) string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req := &kafka.CreateACLsRequest{}
	for _, g := range grants {
		e := kafka.ACLEntry{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: g.Name, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: principal(g.User), Host: "*", PermissionType: kafka.ACLPermissionTypeAllow,
		}
		if g.Resource == ResourceGroup {
			e.ResourceType = kafka.ResourceTypeGroup
		}
		if g.Prefixed {
			e.ResourcePatternType = kafka.PatternTypePrefixed
		}
		for _, op := range g.Operations {
			if err := e.Operation.UnmarshalText([]byte(op)); err != nil {
				return fmt.Errorf("acls: %w", err)
			}
			req.ACLs = append(req.ACLs, e)
		}
	}
	res, err := c.api.CreateACLs(ctx, req)
	if err != nil {
		return fmt.Errorf("acls: %w", err)
	}
	for i, err := range res.Errors {
		if err != nil {
			return fmt.Errorf("acls: %s on %s: %w", req.ACLs[i].Principal, req.ACLs[i].ResourceName, err)
		}
	}
	return nil
}
