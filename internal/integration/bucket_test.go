//go:build integration

package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

const bucketRule = "aws-s3-bucket-unencrypted"

// bucketLosesEncryption: the bucket is encrypted again, undo restores, and after that the rule has to ask for this bucket.
func bucketLosesEncryption(t *testing.T, d *deployment) {
	bucket, record, event := seed(t, d.api, "payroll")
	was, _ := d.api.encryption(t, bucket)
	d.post(t, "trail", record)
	e := d.await(t, bucketRule, event, schemas.StateVerified)
	if got, _ := d.api.encryption(t, bucket); got != "aws:kms" {
		t.Fatalf("the bucket is encrypted by %q", got)
	}
	await.Until(t, "the alert", func() bool {
		return len(d.list(t, ledger.Filter{Rule: bucketRule, Lanes: []schemas.Lane{schemas.LaneAlert}, States: []schemas.State{schemas.StateVerified}})) == 1
	})
	shown := d.must(t, "commands", e.Command.ID[:12])
	for _, part := range []string{"verified", "s3:PutBucketEncryption", bucket, event} {
		if !strings.Contains(shown, part) {
			t.Errorf("riposte commands does not show %q:\n%s", part, shown)
		}
	}

	d.must(t, "undo", e.Command.ID, "--reason", "an experiment")
	if got, _ := d.api.encryption(t, bucket); got != was {
		t.Errorf("after undo the bucket is encrypted by %q, before it was %q", got, was)
	}
	d.await(t, bucketRule, event, schemas.StateUndone)

	// The undo itself comes back as an event: the rule must not do it again by itself.
	record, event = stripped(bucket)
	d.post(t, "trail", record)
	e = d.await(t, bucketRule, event, schemas.StateApproval)
	if got, _ := d.api.encryption(t, bucket); got != was {
		t.Errorf("under hold the bucket is encrypted by %q", got)
	}
	if out := d.must(t, "approve", e.Command.ID[:12], "--reason", "now it may"); !strings.Contains(out, "approved by tester") {
		t.Errorf("riposte approve says %q", out)
	}
	if e = d.await(t, bucketRule, event, schemas.StateVerified); e.ApprovedBy != "tester" {
		t.Errorf("approved by %q", e.ApprovedBy)
	}
	if got, _ := d.api.encryption(t, bucket); got != "aws:kms" {
		t.Errorf("after approval the bucket is encrypted by %q", got)
	}
}

// undoAfterChange: what somebody set since is not undone by accident.
func undoAfterChange(t *testing.T, d *deployment) {
	bucket, record, event := seed(t, d.api, "archive")
	was, _ := d.api.encryption(t, bucket)
	d.post(t, "trail", record)
	e := d.await(t, bucketRule, event, schemas.StateVerified)
	key := "arn:aws:kms:" + region + ":" + account + ":key/0b7d9a4e-1111-4222-8333-444455556666"
	d.api.encrypt(t, bucket, key)

	code, out := d.riposte(t, "undo", e.Command.ID)
	if code != 1 || !strings.Contains(out, "refused") || !strings.Contains(out, "changed") || !strings.Contains(out, "--force") {
		t.Errorf("riposte undo: exit %d: %s", code, out)
	}
	if _, got := d.api.encryption(t, bucket); got != key {
		t.Fatalf("the bucket has key %q all the same", got)
	}
	d.must(t, "undo", e.Command.ID, "--force")
	if got, _ := d.api.encryption(t, bucket); got != was {
		t.Errorf("after --force the bucket is encrypted by %q, before it was %q", got, was)
	}
}

// configCompliance: what AWS Config finds, as EventBridge delivers it.
func configCompliance(t *testing.T, d *deployment) {
	bucket := unique("exports")
	d.api.bucket(t, bucket)
	record, event := nonCompliant(bucket)
	d.post(t, "config", record)
	d.await(t, "aws-config-s3-unencrypted", event, schemas.StateVerified)
	if got, _ := d.api.encryption(t, bucket); got != "aws:kms" {
		t.Errorf("the bucket is encrypted by %q", got)
	}
}

// remediationFails: a dead letter says why, and the rule on outcomes that ships calls a person.
func remediationFails(t *testing.T, d *deployment) {
	bucket := unique("nobody")
	record, event := stripped(bucket)
	record["eventTime"] = time.Now().Add(-10 * time.Minute).UTC().Format(time.RFC3339) // so old that what is missing is not merely not visible yet
	d.post(t, "trail", record)
	e := d.await(t, bucketRule, event, schemas.StateFailed)
	if !strings.Contains(e.Outcome.Error, "NoSuchBucket") && !strings.Contains(e.Outcome.Error, "NotFound") {
		t.Errorf("it failed for %q", e.Outcome.Error)
	}
	m := d.deadLetter(t, "the command", func(m *message) bool { return strings.Contains(string(m.Value), e.Command.ID) })
	if r := m.Header("reason"); !strings.Contains(r, "failed for good") || m.Header("stage") != "consumer" {
		t.Errorf("reason %q, stage %q", r, m.Header("stage"))
	}
	var alert ledger.Entry
	await.Until(t, "the alert about the outcome", func() bool {
		for _, a := range d.list(t, ledger.Filter{Rule: "riposte-response-failed", States: []schemas.State{schemas.StateVerified}}) {
			if a.Command.Cause == e.Command.ID {
				alert = a
			}
		}
		return alert.Command.ID != ""
	})
	if !strings.Contains(alert.Command.Target.ID, bucket) {
		t.Errorf("the alert is about %s", alert.Command.Target.ID)
	}
}

// sharedWork: two processes serve the lane, and each command is carried out by one of them.
func sharedWork(t *testing.T, d *deployment) {
	const n = 24
	var records []map[string]any
	var events, buckets []string
	for range n {
		bucket, record, event := seed(t, d.api, "shared")
		records, events, buckets = append(records, record), append(events, event), append(buckets, bucket)
	}
	began := time.Now()
	d.post(t, "trail", records...)
	by := map[string]int{}
	for i, event := range events {
		e := d.await(t, bucketRule, event, schemas.StateVerified)
		if got, _ := d.api.encryption(t, buckets[i]); got != "aws:kms" {
			t.Errorf("bucket %s is encrypted by %q", buckets[i], got)
		}
		done := 0
		told := func(name string) int { return len(d.procs[name].Log.Lines(0, e.Command.ID, `"state":"verified"`)) }
		await.Until(t, "somebody says that it did it", func() bool { return told("remediate-1")+told("remediate-2") > 0 }) // after it is in the ledger
		for _, name := range []string{"remediate-1", "remediate-2"} {
			by[name] += told(name)
			done += told(name)
		}
		if done != 1 {
			t.Errorf("command %s was carried out %d times", e.Command.ID, done)
		}
	}
	t.Logf("%d remediations in %s: %v", n, time.Since(began).Round(time.Millisecond), by)
	if by["remediate-1"] == 0 || by["remediate-2"] == 0 {
		t.Errorf("one process did everything: %v", by)
	}
}
