package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/schemas"
)

// A workload is a set of rules and the events that they look at, of which one in a hundred matches.
type workload struct {
	whens  []string
	events [][]byte
}

// samples are OCSF events as `riposte normalize --format cloudtrail` makes them of this project's own examples.
func samples(b *testing.B) [][]byte {
	b.Helper()
	text, err := os.ReadFile("testdata/cloudtrail.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

// varied are events as the samples, with values of their own: event n of a hundred has operation n, and so on.
func varied(b *testing.B, order func(map[string]json.RawMessage) []string) [][]byte {
	b.Helper()
	base := samples(b)
	var out [][]byte
	for n := range 100 {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(base[n%len(base)], &members); err != nil {
			b.Fatal(err)
		}
		members["api"] = json.RawMessage(fmt.Sprintf(`{"operation":"Describe%d","service":{"name":"service-%d.amazonaws.com"},"request":{"uid":"5f0e7a52-0d5a-4b0e-9d7a-0a1b2c3d4e5f","data":{"bucketName":"bucket-%d-logs","count":%d}}}`,
			n*101, n%10, n, n))
		members["http_request"] = json.RawMessage(fmt.Sprintf(`{"user_agent":"aws-cli/2.%d.0 Python/3.11.6 Linux/6.1 exe/x86_64 md/prompt#off command/s3api.%d"}`, n%40, n))
		members["actor"] = json.RawMessage(fmt.Sprintf(`{"user":{"uid":"arn:aws:sts::210987654321:assumed-role/team-%d/session-%d","name":"User-%d","type":"AssumedRole"}}`, n%20, n, n))
		names := order(members)
		var doc bytes.Buffer
		for i, name := range names {
			fmt.Fprintf(&doc, "%s%q:%s", []string{",", "{"}[btoi(i == 0)], name, members[name])
		}
		doc.WriteByte('}')
		out = append(out, doc.Bytes())
	}
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// matched are the members that the rules look at.
func matched() []string {
	return []string{"class_uid", "status_id", "api", "cloud", "actor", "http_request"}
}

func first(members map[string]json.RawMessage) []string { return ordered(members, false) }
func last(members map[string]json.RawMessage) []string  { return ordered(members, true) }

func ordered(members map[string]json.RawMessage, atEnd bool) []string {
	var rest []string
	for name := range members {
		if !slices.Contains(matched(), name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	if atEnd {
		return append(rest, matched()...)
	}
	return append(matched(), rest...)
}

// selective are rules of which one matches one event: they look for operations of which the events have one in 101.
func selective(n int) []string {
	out := make([]string, n)
	for i := range out {
		op := 101*i + 1 // of no event
		if i == 0 {
			op = 404 // that of an event that succeeded
		}
		out[i] = fmt.Sprintf(`api.operation in ["Describe%d", "Create%d"] and api.service.name == "service-%d.amazonaws.com" and status_id == 1 and cloud.region != "us-gov-%d"`, op, op, (i+4)%10, i%7)
	}
	return out
}

// hard are rules with a prefix, a suffix, a part and a number, of pools that events have values of: each part alone matches many events.
func hard(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`http_request.user_agent startsWith "aws-cli/2.%d." and api.request.data.bucketName endsWith "-%d-logs" and actor.user.uid contains "/team-%d/" and api.request.data.count > %d`,
			i%40, 100+(i*7)%900, i%20, i%90)
	}
	out[0] = `http_request.user_agent startsWith "aws-cli/2.7." and api.request.data.bucketName endsWith "-7-logs" and actor.user.uid contains "/team-7/" and api.request.data.count > 5`
	return out
}

// sigma are rules of the forms that Sigma rules take: any case, wildcards, lists, negation.
func sigma() []string {
	out := make([]string, 57)
	for i := range out {
		switch i % 6 {
		case 0:
			out[i] = fmt.Sprintf(`lower(api.service.name) == "service-%d.example" and lower(api.operation) in ["put%d", "delete%d", "update%d"]`, i, i, i, i)
		case 1:
			out[i] = fmt.Sprintf(`lower(http_request.user_agent) contains "kali-%d" or lower(http_request.user_agent) contains "pacu-%d" or lower(http_request.user_agent) startsWith "scanner-%d/"`, i, i, i)
		case 2:
			out[i] = fmt.Sprintf(`lower(api.operation) startsWith "attach%d" and not (lower(actor.user.name) contains "admin" or lower(actor.user.name) endsWith "-ci")`, i)
		case 3:
			out[i] = fmt.Sprintf(`glob(lower(actor.user.uid), "*:assumed-role/break-glass-%d/*") and lower(api.service.name) in ["iam.amazonaws.com", "sts.amazonaws.com"]`, i)
		case 4:
			out[i] = fmt.Sprintf(`lower(api.operation) in ["consolelogin%d", "assumerole%d"] and (status_id == 2 or lower(cloud.region) == "eu-%d") and not (lower(actor.user.type) == "awsservice")`, i, i, i)
		default:
			out[i] = fmt.Sprintf(`api.request.data.bucketName != nil and lower(api.request.data.bucketName) endsWith "-backup-%d" and lower(api.operation) contains "lifecycle"`, i)
		}
	}
	out[0] = `lower(api.operation) == "describe101" and lower(api.service.name) startsWith "service-"`
	return out
}

func (w workload) engine(b testing.TB) *engine.Engine {
	b.Helper()
	var text strings.Builder
	for i, when := range w.whens {
		text.WriteString(one(fmt.Sprintf("r%d", i), "class: api_activity\n", when))
	}
	return engine.New(rules(b, text.String()), zerolog.Nop())
}

// BenchmarkRules is the cost of an event, from JSON to the rules that match, beside that of only checking the JSON (gjson) and that of running
// every rule in expr's own machine on what encoding/json decodes. Every figure of a workload is of the same run, turn by turn.
func BenchmarkRules(b *testing.B) {
	for _, c := range []struct {
		name  string
		whens []string
		order func(map[string]json.RawMessage) []string
	}{
		{"selective=10", selective(10), first},
		{"selective=10000", selective(10_000), first},
		{"selective=10000,fields=last", selective(10_000), last},
		{"hard=1000", hard(1000), first},
		{"sigma=57", sigma(), first},
	} {
		w := workload{c.whens, varied(b, c.order)}
		e := w.engine(b)
		b.Run(c.name, func(b *testing.B) { w.bench(b, e) })
	}
}

// bench takes turns of some hundred events each, so that what else the machine does is shared fairly.
func (w workload) bench(b *testing.B, e *engine.Engine) {
	plain := w.expr(b)
	var places []int
	var spent, check, run []float64
	b.ReportAllocs()
	for b.Loop() {
		spent = append(spent, w.turn(func(doc []byte) {
			var err error
			if places, err = e.Match(schemas.Event{Data: doc, Class: engine.ClassInData}, false, places[:0]); err != nil {
				b.Fatal(err)
			}
		}))
		check = append(check, w.turn(func(doc []byte) {
			if !gjson.ValidBytes(doc) {
				b.Fatal("not valid")
			}
		}))
		b.StopTimer()
		if len(run) < 3 {
			run = append(run, w.some(len(w.events), plain))
		}
		b.StartTimer()
	}
	matches := 0
	for _, doc := range w.events {
		places, _ = e.Match(schemas.Event{Data: doc, Class: engine.ClassInData}, false, places[:0])
		matches += len(places)
	}
	b.ReportMetric(0, "ns/op") // a turn of everything says nothing
	b.ReportMetric(median(spent), "ns/event")
	b.ReportMetric(median(spent)/median(check), "xValidBytes")
	b.ReportMetric(median(run)/median(spent), "xfaster-than-expr")
	b.ReportMetric(float64(matches), "matches/100")
}

func (w workload) turn(f func([]byte)) float64 { return w.some(len(w.events), f) }

func (w workload) some(n int, f func([]byte)) float64 {
	began := time.Now()
	for _, doc := range w.events[:n] {
		f(doc)
	}
	return float64(time.Since(began).Nanoseconds()) / float64(n)
}

func median(l []float64) float64 {
	l = slices.Sorted(slices.Values(l))
	return l[len(l)/2]
}

// expr evaluates an event as it is done without an engine.
func (w workload) expr(b *testing.B) func([]byte) {
	b.Helper()
	programs := make([]*vm.Program, len(w.whens))
	for i, when := range w.whens {
		source := strings.NewReplacer("glob(", "(", `, "*:assumed-role`, ` contains ":assumed-role`, `/*")`, `/")`).Replace(when)
		var err error
		if programs[i], err = expr.Compile(source, expr.AllowUndefinedVariables()); err != nil {
			b.Fatal(source, err)
		}
	}
	var machine vm.VM
	return func(doc []byte) {
		var env map[string]any
		if err := json.Unmarshal(doc, &env); err != nil {
			b.Fatal(err)
		}
		for _, p := range programs {
			if _, err := machine.Run(p, env); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkLoad is the time and the memory that an index over ten thousand rules takes.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	for i, when := range selective(10_000) {
		text.WriteString(one(fmt.Sprintf("r%d", i), "class: api_activity\n", when))
	}
	set := rules(b, text.String())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var e *engine.Engine
	for b.Loop() {
		e = engine.New(set, zerolog.Nop())
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MB")
	runtime.KeepAlive(e)
}
