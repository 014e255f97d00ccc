package simaws

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// wafTarget is what the X-Amz-Target header of calls of WAFv2 begins with.
const wafTarget = "AWSWAF_20190729."

// An IPSet is a WAFv2 IP set.
type IPSet struct {
	Name, Scope string   // REGIONAL or CLOUDFRONT
	Version     string   // IPV4 or IPV6
	Addresses   []string // in CIDR form
	Description string
}

type ipSet struct {
	IPSet
	id   string
	lock int // counts changes: the lock token
}

func (s *ipSet) token() string { return fmt.Sprintf("00000000-0000-4000-8002-%012d", s.lock) }

// AddIPSet puts an IP set into the account and returns its id.
func (a *AWS) AddIPSet(s IPSet) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.Addresses = append([]string{}, s.Addresses...) // never nil: an empty set is a list as well
	id := fmt.Sprintf("00000000-0000-4000-8003-%012d", len(a.sets)+1)
	a.sets[id] = &ipSet{IPSet: s, id: id, lock: 1}
	return id
}

// IPSetAddresses returns the addresses that an IP set holds now.
func (a *AWS) IPSetAddresses(id string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sets[id]
	if !ok {
		return nil
	}
	return slices.Clone(s.Addresses)
}

// wafInput is the input of every call of WAFv2 that is answered here.
type wafInput struct {
	Name, Scope, ID string // ID: "Id", which encoding/json takes in any case
	Description     *string
	Addresses       []string
	LockToken       string
}

// serveWAF answers WAFv2, which speaks JSON 1.1.
func (a *AWS) serveWAF(w http.ResponseWriter, r *request) {
	name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), wafTarget)
	ops := map[string]func(wafInput, *request) (any, *fault){"ListIPSets": a.listIPSets, "GetIPSet": a.getIPSet, "UpdateIPSet": a.updateIPSet}
	var in wafInput
	var result any
	var f *fault
	op, known := ops[name]
	switch err := json.Unmarshal(r.body, &in); {
	case r.service == "":
		f = refuse(http.StatusBadRequest, "MissingAuthenticationTokenException", "Missing Authentication Token")
	case !known:
		f = refuse(http.StatusBadRequest, "UnknownOperationException", "The simulated AWS does not know %s of WAFv2", name)
	case err != nil:
		f = refuse(http.StatusBadRequest, "SerializationException", "%v", err)
	default:
		result, f = op(in, r)
		a.note("wafv2", name, name == "UpdateIPSet", f)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if f != nil {
		w.WriteHeader(f.status)
		result = map[string]string{"__type": f.code, "message": f.message}
	}
	_ = json.NewEncoder(w).Encode(result) // who is gone needs no answer
}

func (a *AWS) arn(s *ipSet) string {
	region, scope := a.region, "regional"
	if s.Scope == "CLOUDFRONT" {
		region, scope = "us-east-1", "global"
	}
	return fmt.Sprintf("arn:aws:wafv2:%s:%s:%s/ipset/%s/%s", region, a.account, scope, s.Name, s.id)
}

func checkScope(in wafInput, r *request) *fault {
	if in.Scope != "REGIONAL" && in.Scope != "CLOUDFRONT" || in.Scope == "CLOUDFRONT" && r.region != "us-east-1" {
		return refuse(http.StatusBadRequest, "WAFInvalidParameterException", "The scope is not valid., field: SCOPE_VALUE, parameter: %s", in.Scope)
	}
	return nil
}

func (a *AWS) listIPSets(in wafInput, r *request) (any, *fault) {
	if f := checkScope(in, r); f != nil {
		return nil, f
	}
	sets := []map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(a.sets)) {
		if s := a.sets[id]; s.Scope == in.Scope && (s.Scope == "CLOUDFRONT" || r.region == a.region) {
			sets = append(sets, map[string]any{"Name": s.Name, "Id": id, "Description": s.Description, "LockToken": s.token(), "ARN": a.arn(s)})
		}
	}
	return map[string]any{"IPSets": sets}, nil
}

// ipSet finds the set that a call names.
func (a *AWS) ipSet(in wafInput, r *request) (*ipSet, *fault) {
	if f := checkScope(in, r); f != nil {
		return nil, f
	}
	s, ok := a.sets[in.ID]
	if !ok || s.Name != in.Name || s.Scope != in.Scope || s.Scope == "REGIONAL" && r.region != a.region {
		return nil, refuse(http.StatusBadRequest, "WAFNonexistentItemException", "AWS WAF couldn't perform the operation because your resource doesn't exist.")
	}
	return s, nil
}

func (a *AWS) getIPSet(in wafInput, r *request) (any, *fault) {
	s, f := a.ipSet(in, r)
	if f != nil {
		return nil, f
	}
	return map[string]any{"LockToken": s.token(), "IPSet": map[string]any{
		"Name": s.Name, "Id": s.id, "ARN": a.arn(s), "Description": s.Description, "IPAddressVersion": s.Version, "Addresses": s.Addresses,
	}}, nil
}

// updateIPSet replaces the addresses of a set, if nobody has since the caller read it.
func (a *AWS) updateIPSet(in wafInput, r *request) (any, *fault) {
	s, f := a.ipSet(in, r)
	if f != nil {
		return nil, f
	}
	if in.LockToken != s.token() {
		return nil, refuse(http.StatusBadRequest, "WAFOptimisticLockException", "AWS WAF couldn't save your changes because someone changed the resource after you started to edit it.")
	}
	if in.Addresses == nil {
		return nil, refuse(http.StatusBadRequest, "WAFInvalidParameterException", "Error reason: missing, field: ADDRESSES")
	}
	for _, text := range in.Addresses {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Bits() == 0 || p.Addr().Is4() != (s.Version == "IPV4") {
			return nil, refuse(http.StatusBadRequest, "WAFInvalidParameterException", "Error reason: The parameter contains formatting that is not valid., field: IP_ADDRESS, parameter: %s", text)
		}
	}
	slices.Sort(in.Addresses)
	s.Addresses = slices.Compact(in.Addresses)
	if in.Description != nil {
		s.Description = *in.Description
	}
	s.lock++
	return map[string]any{"NextLockToken": s.token()}, nil
}
