//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// patience is how long an approval is waited for in what follows.
const patience = time.Minute

// peopleSettings ends the section consumers.
const peopleSettings = `
  actions: { s3-encrypt-bucket: { mode: enforce, approval: required } }
  approval: { within: %s, four_eyes: true, url: "https://riposte.example.org", secret: "0123456789abcdef0123456789abcdef" }
  exemptions: exemptions.yaml
  stop_file: stop
`

const peopleRules = `
---
id: it-waits
title: Something waits
severity: high
on: outcomes
class: remediation_activity
when: unmapped.riposte.state == "approval"
then: [ { alert: { to: hook, group_by: [unmapped.riposte.command] } } ]
`

// people is what only people decide: approvals by links, exemptions, the stop file.
func people(t *testing.T, w *world) {
	d := deploy(t, w, "people", "enforce", roomy+fmt.Sprintf(peopleSettings, patience))
	write(t, d.dir, "rules.yaml", rules+peopleRules)
	d.exempt(t, time.Now().Add(3*24*time.Hour))
	d.start("produce", "produce", "trail")
	d.start("route", "route")
	d.start("consume", "consume", "alert", "remediate")
	_, record, event := seed(t, d.api, "forgotten") // nobody will decide about it
	d.post(t, "trail", record)
	for _, s := range []struct {
		name string
		run  func(*testing.T, *deployment)
	}{
		{"approval by links", approvalByLinks},
		{"rejection by a link", rejectionByLink},
		{"exemption", exemption},
		{"stop file", stopFile},
		{"stop by the API", stopByAPI},
	} {
		t.Run(s.name, func(t *testing.T) { s.run(t, d) })
	}
	t.Run("nobody decides", func(t *testing.T) {
		waits := d.await(t, bucketRule, event, schemas.StateRefused)
		if !strings.Contains(waits.Outcome.Message, "nobody decided within "+patience.String()) || waits.Applied {
			t.Errorf("outcome %+v, applied %v", waits.Outcome, waits.Applied)
		}
		link := d.links(t, waits, 0)[0]
		if code, page := d.open(t, http.MethodPost, link, "decision", "approve", "by", "ann"); code != http.StatusNotFound || !strings.Contains(page, "too old") {
			t.Errorf("a link that is too old: %d: %s", code, page)
		}
		if code, out := d.riposte(t, "approve", waits.Command.ID); code != 1 || !strings.Contains(out, "refused") {
			t.Errorf("approving what was refused: exit %d: %s", code, out)
		}
	})
	interrupted(t, d)
}

// links are those of the nth alert about a command that waits, as the receiver got them; what is before the path is left out.
func (d *deployment) links(t *testing.T, e ledger.Entry, nth int) (links []string) {
	t.Helper()
	type alert struct {
		Links []struct{ Name, URL string } `json:"links"`
	}
	await.Until(t, fmt.Sprintf("alert %d about command %s", nth+1, e.Command.ID), func() bool {
		var about []alert
		for _, c := range d.hook.of("") {
			var a alert
			if bytes.Contains(c.body, []byte(`"command":"`+e.Command.ID)) && json.Unmarshal(c.body, &a) == nil && len(a.Links) > 0 {
				about = append(about, a)
			}
		}
		if len(about) <= nth {
			return false
		}
		links = nil
		for _, l := range about[nth].Links {
			if path, ok := strings.CutPrefix(l.URL, "https://riposte.example.org"); ok {
				links = append(links, path)
			}
		}
		return true
	})
	if len(links) != 2 {
		t.Fatalf("%d links; one for each of two people expected", len(links))
	}
	return links
}

// pages is where the consumers serve pages, which a proxy is in front of.
func (d *deployment) pages(t *testing.T) string {
	t.Helper()
	var line struct{ Listen string }
	lines := d.procs["consume"].Log.Lines(0, "health and metrics")
	if len(lines) != 1 || json.Unmarshal([]byte(lines[0]), &line) != nil {
		t.Fatalf("where the process listens: %v", lines)
	}
	return "http://" + line.Listen
}

// open calls a page. form is names and values.
func (d *deployment) open(t *testing.T, method, path string, form ...string) (code int, page string) {
	t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	req, err := http.NewRequestWithContext(t.Context(), method, d.pages(t)+path, strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Purpose", "prefetch") // as programs that look at mail do
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// approvalByLinks: opening a link decides nothing, two people have to, each link is good once, and another plan asks again.
func approvalByLinks(t *testing.T, d *deployment) {
	bucket, record, event := seed(t, d.api, "linked")
	was, _ := d.api.encryption(t, bucket)
	d.post(t, "trail", record)
	e := d.await(t, bucketRule, event, schemas.StateApproval)
	links := d.links(t, e, 0)
	for _, method := range []string{http.MethodHead, http.MethodGet, http.MethodGet} {
		for _, l := range links {
			code, page := d.open(t, method, l)
			if code != http.StatusOK || method == http.MethodGet && !contains(page, "s3:PutBucketEncryption", bucket, "asks because") {
				t.Errorf("%s: %d: %s", method, code, page)
			}
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if code, _ := d.open(t, method, links[0]); code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, code)
		}
	}
	if code, _ := d.open(t, http.MethodPost, links[0][:len(links[0])-2]+"xx", "decision", "approve", "by", "eve"); code != http.StatusNotFound {
		t.Errorf("a link that somebody made up: %d", code)
	}
	if code, _ := d.open(t, http.MethodPost, links[0], "decision", "approve"); code != http.StatusBadRequest {
		t.Errorf("nobody decides: %d", code)
	}
	if now, err := d.entry(t, e.Command.ID); err != nil || now.State != schemas.StateApproval || len(now.Approvals) != 0 {
		t.Fatalf("after looking at it alone: %s, %+v, %v", now.State, now.Approvals, err)
	}

	decide := func(link, by string, want int, says string) {
		t.Helper()
		if code, page := d.open(t, http.MethodPost, link, "decision", "approve", "by", by, "reason", "it is meant so"); code != want || !strings.Contains(page, says) {
			t.Errorf("%s approves: %d, %d (%s) expected: %s", by, code, want, says, page)
		}
	}
	decide(links[0], "ann", http.StatusOK, "another person has to approve as well")
	decide(links[0], "bob", http.StatusConflict, "given already") // the link was used
	decide(links[1], "ann", http.StatusConflict, "given already") // the person was asked
	if _, page := d.open(t, http.MethodGet, links[0]); !strings.Contains(page, "this link was used by ann") {
		t.Errorf("a link that was used: %s", page)
	}
	d.change(t, bucket, was) // the plan was about something else
	decide(links[1], "bob", http.StatusOK, "if the plan is still the same then")
	again := d.links(t, e, 1)
	if now, err := d.entry(t, e.Command.ID); err != nil || now.State != schemas.StateApproval || now.Applied {
		t.Fatalf("with another plan it is %s, applied %v, %v", now.State, now.Applied, err)
	}
	decide(links[1], "cid", http.StatusConflict, "another one by now")
	if _, page := d.open(t, http.MethodGet, links[1]); !strings.Contains(page, "another one by now") {
		t.Errorf("a link about another plan: %s", page)
	}
	decide(again[0], "ann", http.StatusOK, "another person")
	decide(again[1], "bob", http.StatusOK, "it runs now")
	e = d.await(t, bucketRule, event, schemas.StateVerified)
	if got, _ := d.api.encryption(t, bucket); got != "aws:kms" || e.ApprovedBy != "ann and bob" {
		t.Errorf("the bucket is encrypted by %q, approved by %q", got, e.ApprovedBy)
	}
	for _, a := range e.Approvals {
		if a.Via != "link" || a.Reason != "it is meant so" || a.At.IsZero() || a.Plan == "" {
			t.Errorf("the approval is kept as %+v", a)
		}
	}
	decide(again[0], "dan", http.StatusConflict, "not in a state")
}

// change changes how a bucket is encrypted from what it was to something that is wrong as well.
func (d *deployment) change(t *testing.T, bucket, was string) {
	t.Helper()
	if was != "" {
		ask(t, d.api.s3.DeleteBucketEncryption, &s3.DeleteBucketEncryptionInput{Bucket: &bucket})
		return
	}
	ask(t, d.api.s3.PutBucketEncryption, &s3.PutBucketEncryptionInput{Bucket: &bucket, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAes256}}},
	}})
}

// rejectionByLink: one person is enough to say no, and who and why is kept.
func rejectionByLink(t *testing.T, d *deployment) {
	bucket, record, event := seed(t, d.api, "rejected")
	was, _ := d.api.encryption(t, bucket)
	d.post(t, "trail", record)
	e := d.await(t, bucketRule, event, schemas.StateApproval)
	links := d.links(t, e, 0)
	if code, page := d.open(t, http.MethodPost, links[1], "decision", "reject", "by", "ann", "reason", "a test bucket"); code != http.StatusOK {
		t.Errorf("%d: %s", code, page)
	}
	e = d.await(t, bucketRule, event, schemas.StateRejected)
	if got, _ := d.api.encryption(t, bucket); got != was || !contains(e.Outcome.Message, "ann", "a test bucket") {
		t.Errorf("the bucket is encrypted by %q; %s", got, e.Outcome.Message)
	}
	if code, _ := d.open(t, http.MethodPost, links[0], "decision", "approve", "by", "bob"); code != http.StatusConflict {
		t.Errorf("approving what was rejected: %d", code)
	}
}

// exempt writes the file of exemptions.
func (d *deployment) exempt(t *testing.T, until time.Time) {
	t.Helper()
	write(t, d.dir, "exemptions.yaml", fmt.Sprintf(
		"exemptions:\n  - { id: the-move, when: 'glob(api.request.data.bucketName, \"spared-*\")', owner: ann, reason: the great move, expires: %q }\n",
		until.UTC().Format(time.RFC3339)))
}

// exemption: its use is an outcome, its end is announced a week before and when it comes, and then the rule acts again.
func exemption(t *testing.T, d *deployment) {
	bucket, record, event := seed(t, d.api, "spared")
	d.post(t, "trail", record)
	e := d.await(t, bucketRule, event, schemas.StateExempted)
	if !contains(e.Outcome.Message, "the-move", "ann", "the great move") {
		t.Errorf("the outcome says %q", e.Outcome.Message)
	}
	if out := d.must(t, "exemptions", "list"); !contains(out, "the-move", "ends within a week", "ann") {
		t.Errorf("riposte exemptions list says\n%s", out)
	}
	covered, other := filepath.Join(d.dir, "event.json"), filepath.Join(d.dir, "other.json")
	write(t, d.dir, "event.json", string(e.Command.Event))
	write(t, d.dir, "other.json", strings.ReplaceAll(string(e.Command.Event), bucket, "payroll"))
	if out := d.must(t, "exemptions", "check", covered); !strings.Contains(out, "the-move covers it until") {
		t.Errorf("riposte exemptions check says %s", out)
	}
	if code, out := d.riposte(t, "exemptions", "check", other); code != 1 || !strings.Contains(out, "no exemption covers it") {
		t.Errorf("riposte exemptions check of another event: exit %d: %s", code, out)
	}
	told := func(what string) func() bool {
		return func() bool {
			for _, a := range d.list(t, ledger.Filter{Rule: "riposte-notice", States: []schemas.State{schemas.StateVerified}}) {
				if contains(fmt.Sprint(a.Command.With["message"]), "exemption the-move of ann", what) {
					return true
				}
			}
			return false
		}
	}
	await.Until(t, "the end is announced", told("ends on"))
	d.exempt(t, time.Now().Add(time.Second))
	await.Until(t, "the end is told", told("has ended on"))
	_, record, event = seed(t, d.api, "spared")
	d.post(t, "trail", record)
	d.await(t, bucketRule, event, schemas.StateApproval)
}

// stopFile: while the file is there nothing is begun, alerts are sent, and what waited goes on when it is gone.
func stopFile(t *testing.T, d *deployment) {
	from := len(d.procs["consume"].Log.String())
	stop := write(t, d.dir, "stop", "")
	await.Until(t, "the process sees the file", func() bool {
		return len(d.procs["consume"].Log.Lines(from, "lane remediate: effects are stopped", `"by":"file"`)) > 0
	})
	event := d.heldBack(t)
	if err := os.Remove(stop); err != nil {
		t.Fatal(err)
	}
	d.await(t, bucketRule, event, schemas.StateApproval)
}

// stopByAPI: one call stops, and `resume` says what will run.
func stopByAPI(t *testing.T, d *deployment) {
	res, err := http.Post(d.pages(t)+"/api/stop", "application/json", strings.NewReader(`{"by":"ann","reason":"a drill"}`)) //nolint:noctx // a call of a person's
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close() // it was not read
	if res.StatusCode != http.StatusOK {
		t.Fatalf("POST /api/stop: %s", res.Status)
	}
	await.Until(t, "the process knows", func() bool { return len(d.procs["consume"].Log.Lines(0, "effects are stopped", "ann")) > 0 })
	event := d.heldBack(t)
	if out := d.must(t, "resume"); !contains(out, "by ann: a drill", "these will run now", "held") {
		t.Errorf("riposte resume says %s", out)
	}
	d.await(t, bucketRule, event, schemas.StateApproval)
}

// heldBack makes an event whose remediation has to wait, and returns its uid when its alert is sent.
func (d *deployment) heldBack(t *testing.T) (event string) {
	t.Helper()
	_, record, event := seed(t, d.api, "held")
	d.post(t, "trail", record)
	d.awaitAll(t, bucketRule, event, 1, schemas.StateVerified, schemas.LaneAlert)
	d.await(t, bucketRule, event, schemas.StatePending)
	return event
}
