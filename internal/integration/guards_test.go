//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// setEditedByHand: an address in force that somebody took out is put back, and what somebody put in stays.
func setEditedByHand(t *testing.T, d *deployment) {
	const blocked, stranger = "203.0.113.131", "192.0.2.200/32"
	d.appendTo(t, "flows/a.log", rejected(blocked, 22))
	holds := func(a string) bool { return slices.Contains(d.four(t), a) }
	inForce := func() []ledger.Entry {
		return d.list(t, ledger.Filter{Target: schemas.Target{Type: "ip", ID: blocked}.Key(), States: []schemas.State{schemas.StateInForce}})
	}
	await.Until(t, "the block is in force", func() bool { return len(inForce()) == 1 }) // before that, its own verification would put it back
	d.api.editSet(t, "riposte-blocked", func(all []string) []string {
		return append(slices.DeleteFunc(all, func(a string) bool { return a == blocked+"/32" }), stranger)
	})
	if holds(blocked+"/32") && !holds(stranger) {
		t.Fatal("the set was not edited")
	}
	await.Until(t, "the address is put back", func() bool { return holds(blocked + "/32") })
	if !holds(stranger) {
		t.Error("what somebody else put into the set is gone")
	}
	entries := inForce()
	if len(entries) != 1 {
		t.Fatalf("%d blocks in force", len(entries))
	}
	await.Until(t, "the ledger says so", func() bool {
		e, err := d.entry(t, entries[0].Command.ID)
		return err == nil && strings.Contains(e.Outcome.Message, "put back")
	})
	d.must(t, "blocks", "extend", entries[0].Command.ID, "--for", "9h")
	if e, err := d.entry(t, entries[0].Command.ID); err != nil || time.Until(e.Ends) < 8*time.Hour {
		t.Errorf("extended until %s, %v", e.Ends, err)
	}
	d.must(t, "blocks", "lift", entries[0].Command.ID, "--hold", "0s")
	if holds(blocked + "/32") {
		t.Error("a lifted block stands")
	}
}

// editSet changes an IP set as an administrator would.
func (a *awsAPI) editSet(t *testing.T, name string, edit func([]string) []string) {
	t.Helper()
	sets := ask(t, a.waf.ListIPSets, &wafv2.ListIPSetsInput{Scope: waftypes.ScopeRegional})
	for _, s := range sets.IPSets {
		if aws.ToString(s.Name) != name {
			continue
		}
		set := ask(t, a.waf.GetIPSet, &wafv2.GetIPSetInput{Scope: waftypes.ScopeRegional, Id: s.Id, Name: s.Name})
		ask(t, a.waf.UpdateIPSet, &wafv2.UpdateIPSetInput{
			Scope: waftypes.ScopeRegional, Id: s.Id, Name: s.Name, LockToken: set.LockToken, Addresses: edit(slices.Clone(set.IPSet.Addresses)),
		})
		return
	}
	t.Fatalf("no IP set %s", name)
}

// killSwitch: after `riposte stop` nothing changes in any process, alerts are sent, and `resume` says what will run.
func killSwitch(t *testing.T, d *deployment) {
	if out := d.must(t, "stop", "--reason", "it blocks customers"); !strings.Contains(out, "lane remediate stopped by tester") {
		t.Errorf("riposte stop says %q", out)
	}
	time.Sleep(time.Second) //nolint:forbidigo // that is how long it may take
	bucket, record, event := seed(t, d.api, "stopped")
	was, _ := d.api.encryption(t, bucket)
	d.post(t, "trail", record)
	alert := func() bool {
		return slices.ContainsFunc(d.list(t, ledger.Filter{Rule: bucketRule, Lanes: []schemas.Lane{schemas.LaneAlert}, States: []schemas.State{schemas.StateVerified}}),
			func(e ledger.Entry) bool { return e.Command.EventUID == event })
	}
	await.Until(t, "the alert is sent", alert)
	d.await(t, bucketRule, event, schemas.StatePending)
	if got, _ := d.api.encryption(t, bucket); got != was {
		t.Errorf("while stopped the bucket was encrypted by %q", got)
	}
	if out := d.must(t, "resume"); !strings.Contains(out, "was stopped at") || !strings.Contains(out, bucket) {
		t.Errorf("riposte resume does not say what will run: %q", out)
	}
	d.await(t, bucketRule, event, schemas.StateVerified)
}

// undoOfAHundred: a hundred mixed commands are taken back at once, and the AWS API describes every resource as it did before.
func undoOfAHundred(t *testing.T, d *deployment) {
	const buckets, instances, addresses = 30, 15, 40 // an instance gets a command for its tags and one for its group
	began := time.Now()
	var names, ids []string
	var records []map[string]any
	for i := range buckets {
		bucket, record, _ := seed(t, d.api, fmt.Sprint("hundred-", i))
		names, records = append(names, bucket), append(records, record)
	}
	var items []any
	for _, i := range d.api.instances(t, instances, ec2types.Tag{Key: aws.String("owner"), Value: aws.String("ada")}) {
		ids = append(ids, *i.InstanceId)
		items = append(items, map[string]any{
			"instanceId": *i.InstanceId, "instanceType": "t3.micro", "groupSet": map[string]any{"items": []any{map[string]any{"groupId": "sg-1", "groupName": "default"}}},
			"tagSet": map[string]any{"items": []any{map[string]any{"key": "owner", "value": "ada"}}},
		})
	}
	record, _ := trail("ec2", "RunInstances", map[string]any{"instanceType": "t3.micro"}, map[string]any{"instancesSet": map[string]any{"items": items}})
	before := d.described(t, names, ids)
	d.post(t, "trail", append(records, record)...)
	var flows strings.Builder
	for i := range addresses {
		flows.WriteString(rejected(fmt.Sprintf("198.18.7.%d", i+1), 22))
	}
	d.appendTo(t, "flows/a.log", flows.String())
	standing := func() (n int) {
		for _, e := range d.list(t, ledger.Filter{
			Since: began, Limit: 1000, Lanes: []schemas.Lane{schemas.LaneBlock, schemas.LaneRemediate}, States: []schemas.State{schemas.StateVerified, schemas.StateInForce},
		}) {
			if e.Standing() {
				n++
			}
		}
		return n
	}
	const commands = buckets + 2*instances + addresses
	await.Until(t, "a hundred commands are done", func() bool { return standing() >= commands })
	if after := d.described(t, names, ids); maps.Equal(before, after) {
		t.Fatal("nothing was changed")
	}
	since := time.Since(began) + time.Second
	preview := d.must(t, "undo", "--all", "--since", since.String(), "--dry-run")
	if n := strings.Count(preview, "takes back:"); n < commands || standing() < commands {
		t.Errorf("the preview has %d lines, %d stand after it", n, standing())
	}
	d.must(t, "undo", "--all", "--since", since.String(), "--yes", "--hold", "0s", "--wait", "2m")
	after := d.described(t, names, ids)
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if before[what] != after[what] {
			t.Errorf("%s was\n%s\nand after the undo is\n%s", what, before[what], after[what])
		}
	}
	t.Logf("%d commands taken back; %d resources are described as before", commands, len(before))
}

// interfaces are the groups of an instance's network interfaces: until they are changed, moto shows them there alone.
func (a *awsAPI) interfaces(t *testing.T, id string) (all [][]string) {
	t.Helper()
	i := ask(t, a.ec2.DescribeInstances, &ec2.DescribeInstancesInput{InstanceIds: []string{id}}).Reservations[0].Instances[0]
	for _, n := range i.NetworkInterfaces {
		var groups []string
		for _, g := range n.Groups {
			groups = append(groups, *g.GroupName)
		}
		slices.Sort(groups)
		all = append(all, groups)
	}
	return all
}

// described is how the AWS API describes buckets, instances and the IP set.
func (d *deployment) described(t *testing.T, buckets, instances []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, b := range buckets {
		algorithm, key := d.api.encryption(t, b)
		all["bucket "+b] = algorithm + " " + key
	}
	for _, id := range instances {
		tags, _ := d.api.instance(t, id)
		text, err := json.Marshal([]any{tags, d.api.interfaces(t, id)})
		if err != nil {
			t.Fatal(err)
		}
		all["instance "+id] = string(text)
	}
	set := slices.DeleteFunc(d.four(t), func(a string) bool { return !strings.HasPrefix(a, "198.18.7.") })
	all["IP set"] = strings.Join(set, " ")
	return all
}
