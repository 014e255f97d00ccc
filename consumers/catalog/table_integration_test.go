//go:build integration

package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/table"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A fixture is what the suite needs to know of a row.
type fixture struct {
	// wrong makes things that are not as the row wants them, by what is wrong with them, and returns how a rule would name them. Between them they make the row
	// call all that it can.
	wrong map[string]func(t *testing.T, w *world) string
	// gone removes the thing that wrong has made last; nil for what cannot be removed, as an account.
	gone func(t *testing.T, w *world, target string)
	with map[string]any
	// also are permissions of the row that no call of its own is named after (iam:PassRole), or whose call the API here does not know.
	also []string
	// reports is what a row that changes nothing says of what is wrong; "" for the others.
	reports string
	// mend does what a row that reports wants a person to do.
	mend func(t *testing.T, w *world, target string)
	// exchange answers the calls that moto does not know, after the API reference; nil where it knows them all.
	exchange func() exchange
}

// An exchange is answers by operation. Each is given the request, with its body, and asked for one at a time. One that begins with "error " is an error's code.
type exchange map[string]func(*http.Request) string

// nothing is an exchange of what does not exist, for things that no call removes at once.
func nothing(code string, operations ...string) exchange {
	e := exchange{}
	for _, o := range operations {
		e[o] = func(*http.Request) string { return "error " + code }
	}
	return e
}

// fixtures are by row. A row without one fails the test.
func fixtures() map[string]fixture {
	all := map[string]fixture{}
	for _, of := range []map[string]fixture{s3Fixtures(), ec2Fixtures(), iamFixtures(), rdsFixtures(),
		trailFixtures(), configFixtures(), keyFixtures(), dynamoFixtures(), ecrFixtures(), elbFixtures(), secretFixtures(), stageFixtures(), topicFixtures(), queueFixtures(),
		functionFixtures(), buildFixtures()} {
		maps.Copy(all, of)
	}
	return all
}

// A world is an account in which one thing is wrong, and who notes what is called in it.
type world struct {
	*cloud.Clients
	*recorder
	account string
}

// A recorder notes the calls to AWS of which the row is to answer for, and can let them fail.
type recorder struct {
	mu    sync.Mutex
	calls []recorded
	fail  func(c recorded) error // nil: none fails

	exchange exchange
	standIn  string // where the exchange is answered: host and port
}

type recorded struct{ service, operation string }

func (c recorded) writes() bool {
	return !slices.ContainsFunc([]string{"Get", "Head", "List", "Describe", "BatchGet"}, func(p string) bool { return strings.HasPrefix(c.operation, p) })
}

func (r *recorder) register(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("recorder",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			c := recorded{awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)}
			if c.service == "STS" { // who we are, and the way into the account
				return next.HandleInitialize(ctx, in)
			}
			if err := r.note(c); err != nil {
				return middleware.InitializeOutput{}, middleware.Metadata{}, err
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
}

// redirect sends calls that are answered by an exchange there.
func (r *recorder) redirect(stack *middleware.Stack) error {
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("redirect",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			operation := awsmiddleware.GetOperationName(ctx)
			if req, ok := in.Request.(*smithyhttp.Request); ok && r.exchange[operation] != nil {
				req.URL.Host = r.standIn
				req.Header.Set("Operation", operation)
			}
			return next.HandleFinalize(ctx, in)
		}), "Signing", middleware.Before)
}

// answer starts what answers an exchange.
func (r *recorder) answer(t *testing.T, e exchange) {
	t.Helper()
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answer := e[req.Header.Get("Operation")](req)
		if code, ok := strings.CutPrefix(answer, "error "); ok {
			w.Header().Set("X-Amzn-Errortype", code)
			w.WriteHeader(http.StatusBadRequest)
			answer = fmt.Sprintf(`{"__type":%q,"message":"no"}`, code)
		}
		fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	r.exchange, r.standIn = e, strings.TrimPrefix(server.URL, "http://")
}

func (r *recorder) note(c recorded) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(c); err != nil {
			return err
		}
	}
	r.calls = append(r.calls, c)
	return nil
}

// take returns the calls since it was last called.
func (r *recorder) take() []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

func (r *recorder) failing(f func(recorded) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = f
}

// refuse makes the error of a call that the suite lets fail.
func refuse(c recorded, code string, status int) error {
	return errors.Unwrap(cloudtest.Error(c.service, c.operation, code, status))
}

// rows holds every row of the table to the contract, side by side, each thing that is wrong in an account of its own.
func rows(t *testing.T, endpoint string) {
	clients(t, endpoint, cloud.Config{}) // sets the environment
	all := fixtures()
	for i, a := range table.Actions() {
		t.Run(a.Spec.Name, func(t *testing.T) {
			t.Parallel()
			f, ok := all[a.Spec.Name]
			if !ok {
				t.Fatal("the row has no fixture")
			}
			s := &suite{a: a, f: f, made: map[string]bool{}}
			for j, name := range slices.Sorted(maps.Keys(f.wrong)) {
				t.Run(name, func(t *testing.T) { s.run(t, fmt.Sprint(100000000000+100*i+j), f.wrong[name]) })
			}
			s.policy(t)
		})
	}
	for name := range all {
		if !slices.ContainsFunc(table.Actions(), func(a table.Action) bool { return a.Spec.Name == name }) {
			t.Errorf("a fixture of no row: %s", name)
		}
	}
}

// A suite holds one row to the contract. made are the permissions of the calls that the row has made.
type suite struct {
	a    table.Action
	f    fixture
	made map[string]bool
}

// trial is a suite with one thing that is wrong.
type trial struct {
	*suite
	*testing.T
	w      *world
	action consumers.Action
	cmd    schemas.Command
}

func (s *suite) run(t *testing.T, account string, wrong func(*testing.T, *world) string) {
	rec := &recorder{}
	if s.f.exchange != nil {
		rec.answer(t, s.f.exchange())
	}
	c, err := cloud.New(t.Context(), cloud.Config{AssumeRole: "arn:aws:iam::{account}:role/riposte", AllowAccounts: []string{"*"}}, zerolog.Nop(), rec.register, rec.redirect)
	if err != nil {
		t.Fatal(err)
	}
	x := trial{s, t, &world{c, rec, account}, s.a.OnAWS(c, time.Now), schemas.Command{}}
	raw := wrong(t, x.w)
	target, err := s.a.Spec.Canonical(raw, account, region)
	if err != nil {
		t.Fatal(err)
	}
	x.cmd = schemas.Command{ID: schemas.CommandID("r", "s", raw, target), Lane: s.a.Spec.Lane, Action: s.a.Spec.Name, Target: target, With: s.f.with,
		EventTime: time.Now().Add(-time.Hour), Created: time.Now()}
	rec.take()

	if s.f.reports != "" {
		x.reported(raw)
		return
	}
	p := x.dryRun()
	x.readsDenied()
	x.writesFail(p)
	x.verified(p)
	x.unchanged()
	x.undone(p)
	x.applied(p)
	if s.f.gone != nil {
		s.f.gone(t, x.w, raw)
		rec.take()
		x.gone(p)
	}
}

// reported: the row says what it has found until it is mended, calls nothing that writes, and has nothing to undo.
func (x *trial) reported(raw string) {
	x.Helper()
	x.readsDenied()
	if p := x.plan(); !p.Report || !p.Empty() || !strings.Contains(p.Summary, x.f.reports) || !strings.Contains(p.Summary, x.cmd.Target.ID) {
		x.Errorf("%+v; %q expected", p, x.f.reports)
	}
	if _, ok := x.action.(consumers.Undoer); ok {
		x.Error("there is nothing to undo")
	}
	x.f.mend(x.T, x.w, raw)
	x.w.take()
	if p := x.plan(); p.Report {
		x.Errorf("when it is mended: %+v", p)
	}
	if x.f.gone != nil {
		x.f.gone(x.T, x.w, raw)
		x.w.take()
		x.gone(schemas.Plan{})
	}
}

// took checks what was called since, and returns the names of the calls that write.
func (x *trial) took() (writes []string) {
	for _, c := range x.w.take() {
		for _, p := range cloud.Permissions(c.service, c.operation) {
			x.made[p] = true
		}
		if c.writes() {
			writes = append(writes, c.operation)
		}
	}
	return writes
}

func (x *trial) plan() schemas.Plan {
	x.Helper()
	p, err := x.action.Plan(x.Context(), x.cmd)
	if err != nil {
		x.Fatalf("plan: %v", err)
	}
	if w := x.took(); len(w) > 0 {
		x.Errorf("the plan writes: %v", w)
	}
	return p
}

func (x *trial) dryRun() schemas.Plan {
	x.Helper()
	p := x.plan()
	if p.Empty() {
		x.Fatalf("nothing to do: %s", p.Summary)
	}
	x.Logf("%s: %s; before %s", p.Summary, must(json.Marshal(p.Calls))(x.T), p.Before)
	return p
}

// readsDenied: whichever call of the plan is refused, the error names the permission.
func (x *trial) readsDenied() {
	x.Helper()
	x.plan()
	denied := map[recorded]bool{}
	for {
		var hit *recorded
		x.w.failing(func(c recorded) error {
			if hit != nil || denied[c] {
				return nil
			}
			hit, denied[c] = &c, true
			return refuse(c, "AccessDenied", 403)
		})
		_, err := x.action.Plan(x.Context(), x.cmd)
		x.w.failing(nil)
		x.took()
		if hit == nil {
			return
		}
		if p := cloud.Permissions(hit.service, hit.operation)[0]; !fault.IsPermanent(err) || !strings.Contains(err.Error(), p) {
			if hit.operation != "HeadBucket" { // after a refusal that says where the bucket is, the next call tells
				x.Errorf("%s refused: %v does not name %s", hit.operation, err, p)
			}
		}
	}
}

// writesFail: a call that is refused names its permission; one that is throttled is tried again; what was done until then is gone on with.
func (x *trial) writesFail(p schemas.Plan) {
	x.Helper()
	for n := range p.Calls {
		for _, c := range []struct {
			code      string
			status    int
			permanent bool
		}{{"AccessDenied", 403, true}, {"ThrottlingException", 400, false}} {
			seen, hit := 0, recorded{}
			x.w.failing(func(c2 recorded) error {
				if !c2.writes() {
					return nil
				}
				if seen++; seen <= n {
					return nil
				}
				hit = c2
				return refuse(c2, c.code, c.status)
			})
			err := x.action.Apply(x.Context(), x.cmd, p)
			x.w.failing(nil)
			x.took()
			if hit.operation == "" { // earlier tries have come that far already
				continue
			}
			if err == nil || fault.IsPermanent(err) != c.permanent || !strings.Contains(err.Error(), hit.operation) {
				x.Errorf("%s %s: %v", hit.operation, c.code, err)
			} else if want := cloud.Permissions(hit.service, hit.operation)[0]; c.permanent && !strings.Contains(err.Error(), want) {
				x.Errorf("%s refused: %v does not name %s", hit.operation, err, want)
			}
		}
	}
	if err := x.action.Apply(x.Context(), x.cmd, p); err != nil {
		x.Fatalf("apply: %v", err)
	}
	x.took()
}

func (x *trial) verified(p schemas.Plan) {
	x.Helper()
	if err := x.action.Apply(x.Context(), x.cmd, p); err != nil {
		x.Fatalf("apply once more: %v", err)
	}
	out, err := x.action.Verify(x.Context(), x.cmd, p)
	if err != nil || out.State != schemas.StateVerified {
		x.Fatalf("verify: %+v, %v", out, err)
	}
	if w := x.took(); len(w) > 0 {
		x.Errorf("what is done is done again, or verifying writes: %v", w)
	}
}

func (x *trial) unchanged() {
	x.Helper()
	if p := x.plan(); !p.Empty() || p.Summary == "" {
		x.Errorf("what is as it should be has a plan: %+v", p)
	}
}

// undone: as before, byte for byte of what is read; and a second time nothing is written.
func (x *trial) undone(p schemas.Plan) {
	x.Helper()
	undo := func() {
		x.Helper()
		if err := x.action.(consumers.Undoer).Undo(x.Context(), x.cmd, p, false); err != nil {
			x.Fatalf("undo: %v", err)
		}
	}
	undo()
	x.took()
	undo()
	if w := x.took(); len(w) > 0 {
		x.Errorf("what is undone is undone again: %v", w)
	}
	if again := x.plan(); string(again.Before) != string(p.Before) {
		x.Errorf("after undo there is\n%s\nand before there was\n%s", again.Before, p.Before)
	}
}

// applied: the calls that a dry run names are the ones that are made.
func (x *trial) applied(p schemas.Plan) {
	x.Helper()
	p = x.plan()
	var named []string
	for _, c := range p.Calls {
		named = append(named, c.Operation)
	}
	if err := x.action.Apply(x.Context(), x.cmd, p); err != nil {
		x.Fatalf("apply: %v", err)
	}
	if w := x.took(); !slices.Equal(w, named) {
		x.Errorf("a dry run names the calls %v, and made were %v", named, w)
	}
}

// gone: what does not exist any more is a clear state, whenever it went.
func (x *trial) gone(p schemas.Plan) {
	x.Helper()
	_, err := x.action.Plan(x.Context(), x.cmd)
	if !fault.IsPermanent(err) || !strings.Contains(err.Error(), x.cmd.Target.ID) {
		x.Errorf("plan for what is gone: %v", err)
	}
	x.took()
	if x.f.reports != "" {
		return
	}
	for name, err := range map[string]error{
		"apply": x.action.Apply(x.Context(), x.cmd, p),
		"undo":  x.action.(consumers.Undoer).Undo(x.Context(), x.cmd, p, false),
	} {
		if !fault.IsPermanent(err) || !strings.Contains(err.Error(), x.cmd.Target.ID) {
			x.Errorf("%s for what is gone: %v", name, err)
		}
	}
	x.took()
}

// policy: the permissions of the spec are those of the calls that were made, no fewer and no more.
func (s *suite) policy(t *testing.T) {
	t.Helper()
	for _, p := range s.f.also {
		s.made[p] = true
	}
	for _, p := range s.a.Spec.Policy {
		if !s.made[p] {
			t.Errorf("no call needs the permission %s", p)
		}
		delete(s.made, p)
	}
	for p := range s.made {
		t.Errorf("a call needs the permission %s, which the policy lacks", p)
	}
}
