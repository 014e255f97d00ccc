package ocsf_test

import (
	"strconv"
	"testing"

	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

func load(t testing.TB) *ocsf.Schema {
	t.Helper()
	s, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEveryClassOfEventIsKnown(t *testing.T) {
	s := load(t)
	if s.Version != schemas.Version {
		t.Errorf("facts of %s, events claim %s", s.Version, schemas.Version)
	}
	for _, uid := range []int{
		schemas.ClassBase, schemas.ClassFileSystemActivity, schemas.ClassProcessActivity, schemas.ClassVulnerabilityFinding,
		schemas.ClassComplianceFinding, schemas.ClassDetectionFinding, schemas.ClassAccountChange, schemas.ClassAuthentication,
		schemas.ClassEntityManagement, schemas.ClassUserAccess, schemas.ClassGroupManagement, schemas.ClassNetworkActivity,
		schemas.ClassHTTPActivity, schemas.ClassDNSActivity, schemas.ClassCloudResources, schemas.ClassAPIActivity,
		schemas.ClassDatastoreActivity, schemas.ClassRemediationActivity,
	} {
		c, ok := s.ClassByUID(uid)
		if !ok {
			t.Errorf("class %d is missing", uid)
			continue
		}
		if byName, ok := s.Class(c.Name); !ok || byName != c {
			t.Errorf("class %d: not found by its name %s", uid, c.Name)
		}
		if uid != 0 && c.Category != uid/1000 {
			t.Errorf("class %d: category %d", uid, c.Category)
		}
	}
}

func TestEveryObjectIsReached(t *testing.T) {
	s := load(t)
	check := func(c *ocsf.Class) {
		for _, a := range c.Attrs {
			if a.Object == "" {
				continue
			}
			if _, ok := s.Object(a.Object); !ok {
				t.Errorf("%s.%s: no object %s", c.Name, a.Name, a.Object)
			}
		}
	}
	for _, n := range s.ClassNames() {
		c, _ := s.Class(n)
		check(c)
	}
	for _, n := range s.ObjectNames() {
		c, _ := s.Object(n)
		check(c)
	}
}

func TestFacts(t *testing.T) {
	s := load(t)
	api, _ := s.Class("api_activity")
	resources := api.Attrs["resources"]
	if !resources.Array || resources.Kind != ocsf.Object || resources.Object != "resource_details" {
		t.Errorf("resources: %+v", resources)
	}
	if a := api.Attrs["time"]; a.Kind != ocsf.Int || a.Type != "timestamp_t" || !a.Required {
		t.Errorf("time: %+v", a)
	}
	if a := api.Attrs["unmapped"]; a.Kind != ocsf.JSON || a.Object != "object" {
		t.Errorf("unmapped: %+v", a)
	}
	if a := api.Attrs["activity_id"]; a.Enum[1] != "Create" {
		t.Errorf("activity_id: %+v", a)
	}
	if a := api.Attrs["firewall_rule"]; a.Profile != "security_control" {
		t.Errorf("firewall_rule: %+v", a)
	}
	net, _ := s.Class("network_activity")
	if len(net.AtLeastOne) != 2 {
		t.Errorf("network_activity: at least one of %v", net.AtLeastOne)
	}
	request, _ := s.Object("http_request")
	if m := request.Attrs["http_method"]; len(m.Values) < 8 || m.Enum != nil {
		t.Errorf("http_method: %+v", m)
	}
	endpoint, _ := s.Object("network_endpoint")
	if p := s.Types[endpoint.Attrs["port"].Type]; len(p.Range) != 2 || p.Range[1] != 65535 {
		t.Errorf("port: %+v", p)
	}
}

func TestUnion(t *testing.T) {
	s := load(t)
	u := s.Union()
	if a := u.Attrs["class_uid"]; !a.Required || len(a.Enum) != len(s.ClassNames()) {
		t.Errorf("class_uid: %+v", a)
	}
	if a := u.Attrs["dst_endpoint"]; a.Required || a.Object != "network_endpoint" {
		t.Errorf("dst_endpoint: %+v", a)
	}
	if a := u.Attrs["activity_id"]; a.Enum[99] != "Other" || a.Enum[1] != "" {
		t.Errorf("activity_id: %+v", a.Enum)
	}
	if a := u.Attrs["finding_info"]; a.Required {
		t.Errorf("finding_info, which is required where it is: %+v", a)
	}
	for _, name := range s.ClassNames() {
		c, _ := s.Class(name)
		if enum := c.Attrs["class_uid"].Enum; len(enum) != 1 || enum[c.UID] != c.Caption {
			t.Errorf("the union changed class %s: %v", name, enum)
		}
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
