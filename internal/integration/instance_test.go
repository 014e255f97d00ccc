//go:build integration

package integration

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// threeInstances: one call starts three instances, and each gets a command for its tags and one for its group.
func threeInstances(t *testing.T, d *deployment) {
	started := d.api.instances(t, 3, ec2types.Tag{Key: aws.String("owner"), Value: aws.String("ada")})
	var items []any
	var ids []string
	for _, i := range started {
		ids = append(ids, *i.InstanceId)
		items = append(items, map[string]any{
			"instanceId": *i.InstanceId, "instanceType": "t3.micro", "groupSet": map[string]any{"items": []any{map[string]any{"groupId": "sg-1", "groupName": "default"}}},
			"tagSet": map[string]any{"items": []any{map[string]any{"key": "owner", "value": "ada"}}},
		})
	}
	record, event := trail("ec2", "RunInstances", map[string]any{"instanceType": "t3.micro"}, map[string]any{"instancesSet": map[string]any{"items": items}})
	d.post(t, "trail", record)
	tagged := d.awaitAll(t, "aws-ec2-instance-untagged", event, 3, schemas.StateVerified, schemas.LaneRemediate)
	grouped := d.awaitAll(t, "aws-ec2-instance-without-group", event, 3, schemas.StateVerified, schemas.LaneRemediate)
	for _, entries := range [][]ledger.Entry{tagged, grouped} {
		for _, e := range entries {
			if !slices.Contains(ids, e.Command.Target.ID) {
				t.Errorf("a command for %s", e.Command.Target.ID)
			}
		}
	}
	for _, id := range ids {
		tags, groups := d.api.instance(t, id)
		if tags["owner"] != "ada" || tags["environment"] != "unassigned" {
			t.Errorf("instance %s has tags %v", id, tags)
		}
		if !slices.Equal(groups, []string{"administrator", "default"}) {
			t.Errorf("instance %s is in groups %v", id, groups)
		}
	}
	d.must(t, "undo", tagged[0].Command.ID)
	if tags, _ := d.api.instance(t, tagged[0].Command.Target.ID); len(tags) != 1 {
		t.Errorf("after undo the instance has tags %v", tags)
	}
}
