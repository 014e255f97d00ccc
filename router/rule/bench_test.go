//go:build unix

package rule_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/riposte-security/riposte/router/rule"
)

// A generated rule is what a large set is made of: most ask for a service and some operations, some look into texts, lists and what the
// source has of its own.
func generated(i int) string {
	service := fmt.Sprintf("svc%d.amazonaws.com", i%300)
	when := []string{
		`api.service.name == "%s" and api.operation in ["Create%d", "Put%d", "Update%d"] and status_id == 1`,
		`api.service.name == "%s" and api.operation == "Delete%d" and actor.user.type != "AWSService" and not (src_endpoint.ip startsWith "10.%d.")`,
		`api.service.name == "%s" and (api.operation startsWith "Get%d" or api.operation endsWith "Policy%d") and cidr(src_endpoint.ip, "203.0.113.0/24")`,
		`api.service.name == "%s" and any(resources, .uid contains "prod-%d" and .type == "t%d") and lower(unmapped.userAgent) matches "(curl|python)/%d"`,
		`api.service.name == "%s" and api.request.data.acl == "public-%d" and len(api.request.data.grants) > %d and severity_id >= 2`,
	}[i%5]
	args := []any{service, i, i, i}[:1+strings.Count(when, "%d")]
	return fmt.Sprintf(`id: generated-%d
title: Generated rule number %d
description: >
  What this rule looks for, in a sentence or two, as every rule should say, so that whoever is woken up by it
  knows what to do.
severity: medium
class: api_activity
when: >
  %s
then:
  - alert: { to: log, group_by: [cloud.account.uid] }
  - remediate: { action: encrypt, target: api.request.data.bucketName, with: { algorithm: "${ api.request.data.algorithm }" } }
tests:
  - name: fires
    event: { class_uid: 6003, status_id: 1, api: { operation: Create%d, service: { name: %s } } }
    match: false
  - name: does not
    event: { class_uid: 6003, status_id: 2, api: { operation: List, service: { name: %s } } }
    match: false
tags: [attack.t1530, generated]
`, i, i, fmt.Sprintf(when, args...), i, service, service)
}

// BenchmarkLoad10k loads ten thousand rules from files of their own, and says how many seconds that takes, how many of all
// processors together, and what stays on the heap. The bars are 3 s and 250 MB.
func BenchmarkLoad10k(b *testing.B) {
	const n = 10_000
	dir := b.TempDir()
	for i := range n {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("generated-%05d.yaml", i)), []byte(generated(i)), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var rules []*rule.Rule
	began := processor(b)
	for b.Loop() {
		var err error
		if rules, err = rule.Load(options(), dir); err != nil {
			b.Fatal(err)
		}
	}
	used := processor(b) - began
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/load")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/load")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB/heap")
	if runtime.KeepAlive(rules); len(rules) != n {
		b.Fatalf("%d rules", len(rules))
	}
}

// processor is the time that this process has had on processors.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
