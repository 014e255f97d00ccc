package networkfirewallrulegroup

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/networkfirewall"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// group is a rule group in the words of the API, with fields that the action must hand back as they are.
const group = `{
	"RuleVariables": {"IPSets": {"RIPOSTE_BLOCKED": {"Definition": ["198.51.100.0/24"]}, "HOME_NET": {"Definition": ["10.0.0.0/8"]}}, "PortSets": {"WEB": {"Definition": ["80", "443"]}}},
	"RulesSource": {"RulesString": "drop ip $RIPOSTE_BLOCKED any -> any any (sid:1; rev:1;)\ndrop ip any any -> $RIPOSTE_BLOCKED any (sid:2; rev:1;)"},
	"ReferenceSets": {"IPSetReferences": {"LIST": {"ReferenceArn": "arn:aws:ec2:eu-central-1:123456789012:prefix-list/pl-1"}}},
	"StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"}
}`

// server answers as AWS Network Firewall does, by the API reference (JSON 1.0): the real client of the SDK talks to it, since the AWS API of the
// integration tests has no rule groups. It holds one group, called edge.
type server struct {
	mu      sync.Mutex
	group   map[string]any
	token   int
	reads   int
	updates int
	foreign int           // this many updates are overtaken by another writer
	delay   time.Duration // an update takes
	fail    string        // the error that an update ends in
	sent    map[string]any
}

func start(t *testing.T) (*server, func(context.Context, string, string) (API, error)) {
	t.Helper()
	s := &server{}
	if err := json.Unmarshal([]byte(group), &s.group); err != nil {
		t.Fatal(err)
	}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	client := networkfirewall.New(networkfirewall.Options{Region: "eu-central-1", BaseEndpoint: aws.String(h.URL), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "testing", SecretAccessKey: "testing"}, nil
		})})
	return s, func(context.Context, string, string) (API, error) { return client, nil }
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in map[string]any
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "NetworkFirewall_20201112.")
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Content-Type") != "application/x-amz-json-1.0" {
		refuse(w, "InvalidRequestException")
		return
	}
	if op == "UpdateRuleGroup" && s.delay > 0 {
		time.Sleep(s.delay) //nolint:forbidigo // a slow server
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case in["RuleGroupName"] != "edge":
		refuse(w, "ResourceNotFoundException")
	case in["Type"] != "STATEFUL":
		refuse(w, "InvalidRequestException")
	case op == "DescribeRuleGroup":
		s.reads++
		answer(w, map[string]any{"UpdateToken": fmt.Sprint(s.token), "RuleGroup": s.group, "RuleGroupResponse": map[string]any{
			"RuleGroupArn": "arn:aws:network-firewall:eu-central-1:123456789012:stateful-rulegroup/edge", "RuleGroupName": "edge", "RuleGroupId": "1", "Type": "STATEFUL",
			"Description": "kept", "EncryptionConfiguration": map[string]any{"Type": "CUSTOMER_KMS", "KeyId": "k"},
		}})
	case op == "UpdateRuleGroup":
		s.update(w, in)
	default:
		refuse(w, "UnsupportedOperationException")
	}
}

func (s *server) update(w http.ResponseWriter, in map[string]any) {
	s.updates++
	if s.fail != "" {
		refuse(w, s.fail)
		return
	}
	if s.foreign > 0 {
		s.foreign--
		s.token++
		s.set(append(s.held(), fmt.Sprintf("192.0.2.%d", s.token)))
	}
	if in["UpdateToken"] != fmt.Sprint(s.token) {
		refuse(w, "InvalidTokenException")
		return
	}
	s.token++
	s.sent, s.group = in, in["RuleGroup"].(map[string]any)
	answer(w, map[string]any{"UpdateToken": fmt.Sprint(s.token), "RuleGroupResponse": map[string]any{"RuleGroupName": "edge"}})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, code string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = fmt.Fprintf(w, `{"__type":"%s","Message":"says the server"}`, code)
}

func (s *server) sets() map[string]any {
	return s.group["RuleVariables"].(map[string]any)["IPSets"].(map[string]any)
}

func (s *server) held() []string {
	var out []string
	for _, a := range s.sets()["RIPOSTE_BLOCKED"].(map[string]any)["Definition"].([]any) {
		out = append(out, a.(string))
	}
	return out
}

func (s *server) set(addresses []string) {
	list := []any{}
	for _, a := range addresses {
		list = append(list, a)
	}
	s.sets()["RIPOSTE_BLOCKED"] = map[string]any{"Definition": list}
}

func (s *server) view() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group
}

func block(address string) schemas.Command {
	return schemas.Command{ID: address, Target: schemas.Target{Type: "ip", ID: address}, With: map[string]any{"rule_group": "edge"}, For: schemas.Duration(time.Hour)}
}

// The suite compares the whole group: what is not ours comes back as it was.
func TestContract(t *testing.T) {
	for _, address := range []string{"203.0.113.7", "203.0.113.0/24", "2001:db8::7"} {
		t.Run(address, func(t *testing.T) {
			actiontest.Run(t, func(t *testing.T) actiontest.Subject {
				s, in := start(t)
				return actiontest.Subject{Action: New(Deps{Firewall: in, Now: time.Now}), Command: block(address), State: s.view}
			})
		})
	}
}

func TestRestStays(t *testing.T) {
	s, in := start(t)
	actiontest.CarryOut(t, New(Deps{Firewall: in, Now: time.Now}), block("203.0.113.7"))
	if got := s.held(); !slices.Equal(got, []string{"198.51.100.0/24", "203.0.113.7/32"}) {
		t.Errorf("%v", got)
	}
	if fmt.Sprint(s.sent["Description"], " ", s.sent["EncryptionConfiguration"]) != "kept map[KeyId:k Type:CUSTOMER_KMS]" {
		t.Errorf("%v", s.sent)
	}
}

func TestThereBefore(t *testing.T) {
	s, in := start(t)
	a := New(Deps{Firewall: in, Now: time.Now})
	p := actiontest.CarryOut(t, a, block("198.51.100.0/24"))
	if err := a.(consumers.Undoer).Undo(t.Context(), block("198.51.100.0/24"), p, false); err != nil || !p.Empty() || s.updates != 0 {
		t.Errorf("%v, %+v, %d updates", err, p, s.updates)
	}
}

// Against writers elsewhere: the token is fetched anew, and what they wrote stays. It does not go on for ever.
func TestToken(t *testing.T) {
	s, in := start(t)
	a := New(Deps{Firewall: in, Now: time.Now})
	s.foreign = 3
	actiontest.CarryOut(t, a, block("203.0.113.7"))
	if got := s.held(); len(got) != 5 || s.updates != 4 {
		t.Errorf("%v, %d updates", got, s.updates)
	}
	p, err := a.Plan(t.Context(), block("203.0.113.8"))
	if err != nil {
		t.Fatal(err)
	}
	s.foreign, s.updates = 100, 0
	if err := a.Apply(t.Context(), block("203.0.113.8"), p); err == nil || fault.IsPermanent(err) || s.updates != batch.Tries {
		t.Errorf("%v, %d updates", err, s.updates)
	}
}

// Many at once become few calls, and none is lost.
func TestStorm(t *testing.T) {
	s, in := start(t)
	a := New(Deps{Firewall: in, Now: time.Now})
	const n = 60
	plans := make([]schemas.Plan, n)
	for i := range n {
		var err error
		if plans[i], err = a.Plan(t.Context(), block(fmt.Sprintf("203.0.113.%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	s.delay = 100 * time.Millisecond
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := a.Apply(t.Context(), block(fmt.Sprintf("203.0.113.%d", i)), plans[i]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := s.held(); len(got) != n+1 || s.updates > n/4 {
		t.Errorf("%d addresses, %d updates", len(got), s.updates)
	}
}

func TestInspect(t *testing.T) {
	s, in := start(t)
	s.set([]string{"198.51.100.0/24", "203.0.113.7/32", "2001:db8::7"})
	a := New(Deps{Firewall: in, Now: time.Now}).(consumers.Inspector)
	missing, others, err := a.Inspect(t.Context(), []schemas.Command{block("203.0.113.7"), block("203.0.113.8"), block("2001:db8::7")})
	if err != nil || !slices.Equal(missing, []string{"203.0.113.8"}) || !slices.Equal(others, []string{"198.51.100.0/24"}) || s.reads != 1 {
		t.Errorf("%v, %v, %v, %d reads", missing, others, err, s.reads)
	}
	if _, _, err := a.Inspect(t.Context(), nil); !fault.IsPermanent(err) {
		t.Error(err)
	}
}

func TestEnforcer(t *testing.T) {
	_, in := start(t)
	a := New(Deps{Firewall: in, Now: time.Now, Region: "eu-central-1"}).(consumers.Sharer)
	with := func(with map[string]any) string {
		cmd := block("203.0.113.7")
		cmd.With = with
		return a.Enforcer(cmd)
	}
	one := with(map[string]any{"rule_group": "edge", "account": "123456789012"})
	if one == "" || one != with(map[string]any{"rule_group": "arn:aws:network-firewall:eu-central-1:123456789012:stateful-rulegroup/edge", "ip_set": "$RIPOSTE_BLOCKED", "never": "192.0.2.1"}) {
		t.Errorf("%q", one)
	}
	if one == with(map[string]any{"rule_group": "edge", "account": "123456789012", "ip_set": "OTHER"}) || one == with(map[string]any{"rule_group": "edge"}) {
		t.Errorf("%q", one)
	}
}

func TestErrors(t *testing.T) {
	for want, with := range map[string]map[string]any{
		"ResourceNotFoundException":   {"rule_group": "inner"},
		"no such IP-set variable":     {"rule_group": "edge", "ip_set": "OTHER"},
		"rule_group and ip_set":       {},
		"not the ARN of a stateful":   {"rule_group": "arn:aws:network-firewall:eu-central-1:123456789012:stateless-rulegroup/edge"},
		"are others than those given": {"rule_group": "arn:aws:network-firewall:eu-central-1:123456789012:stateful-rulegroup/edge", "region": "eu-west-1"},
		"unknown field":               {"rule_group": "edge", "name": "x"},
		"refused":                     {"rule_group": "edge", "never": "203.0.113.0/24"},
	} {
		_, in := start(t)
		cmd := block("203.0.113.7")
		cmd.With = with
		if _, err := New(Deps{Firewall: in, Now: time.Now}).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for code, permanent := range map[string]bool{"InvalidRequestException": true, "AccessDeniedException": true, "LimitExceededException": true, "ThrottlingException": false, "InternalServerError": false, "ExpiredTokenException": false} {
		s, in := start(t)
		a := New(Deps{Firewall: in, Now: time.Now})
		p, err := a.Plan(t.Context(), block("203.0.113.7"))
		if err != nil {
			t.Fatal(err)
		}
		s.fail = code
		if err := a.Apply(t.Context(), block("203.0.113.7"), p); err == nil || fault.IsPermanent(err) != permanent {
			t.Errorf("%s: %v", code, err)
		}
	}
}
