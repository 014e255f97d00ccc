package simaws

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
)

// An Instance is a running EC2 instance with one network interface.
type Instance struct {
	VPC, Subnet, Interface string
	PrivateIP              string
	Groups                 []string // ids of its security groups
	Tags                   map[string]string
}

// A SecurityGroup is an EC2 security group.
type SecurityGroup struct{ Name, VPC string }

// AddInstance puts an instance into the account.
func (a *AWS) AddInstance(id string, i Instance) {
	i.Groups, i.Tags = slices.Clone(i.Groups), maps.Clone(i.Tags)
	if i.Tags == nil {
		i.Tags = map[string]string{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.instances[id] = &i
}

// Instance returns what an instance is like now, and whether it exists.
func (a *AWS) Instance(id string) (Instance, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, ok := a.instances[id]
	if !ok {
		return Instance{}, false
	}
	c := *i
	c.Groups, c.Tags = slices.Clone(i.Groups), maps.Clone(i.Tags)
	return c, true
}

// AddSecurityGroup puts a security group into the account.
func (a *AWS) AddSecurityGroup(id string, g SecurityGroup) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.groups[id] = g
}

func (a *AWS) ec2() map[string]operation {
	return map[string]operation{
		"DescribeInstances":               {run: a.describeInstances},
		"DescribeSecurityGroups":          {run: a.describeSecurityGroups},
		"DescribeAddresses":               {run: nothing("addressesSet")},
		"DescribeCustomerGateways":        {run: nothing("customerGatewaySet")},
		"DescribeNatGateways":             {run: nothing("natGatewaySet")},
		"DescribeNetworkInterfaces":       {run: nothing("networkInterfaceSet")},
		"DescribeVpcs":                    {run: nothing("vpcSet")},
		"CreateTags":                      {run: a.createTags, changes: true},
		"DeleteTags":                      {run: a.deleteTags, changes: true},
		"ModifyInstanceAttribute":         {run: a.modifyInstance, changes: true},
		"ModifyNetworkInterfaceAttribute": {run: a.modifyInterface, changes: true},
	}
}

// nothing is the answer of a call that lists what the simulated account has none of.
func nothing(set string) func(form) (any, *fault) {
	type empty struct{ XMLName xml.Name }
	return func(form) (any, *fault) { return empty{xml.Name{Local: set}}, nil }
}

type groupXML struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
	VPC  string `xml:"vpcId,omitempty"`
}

type tagXML struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

type interfaceXML struct {
	ID       string     `xml:"networkInterfaceId"`
	VPC      string     `xml:"vpcId"`
	Subnet   string     `xml:"subnetId"`
	Attached string     `xml:"attachment>status"`
	Index    int        `xml:"attachment>deviceIndex"`
	Groups   []groupXML `xml:"groupSet>item"`
}

type instanceXML struct {
	ID         string         `xml:"instanceId"`
	StateCode  int            `xml:"instanceState>code"`
	State      string         `xml:"instanceState>name"`
	VPC        string         `xml:"vpcId"`
	Subnet     string         `xml:"subnetId"`
	PrivateIP  string         `xml:"privateIpAddress"`
	Groups     []groupXML     `xml:"groupSet>item"`
	Interfaces []interfaceXML `xml:"networkInterfaceSet>item"`
	Tags       []tagXML       `xml:"tagSet>item"`
}

type reservationSet struct {
	XMLName   xml.Name      `xml:"reservationSet"`
	Owner     string        `xml:"item>ownerId"`
	Instances []instanceXML `xml:"item>instancesSet>item"`
}

func (a *AWS) describeInstances(f form) (any, *fault) {
	if f.Has("Filter.1.Name") {
		return nil, refuse(http.StatusBadRequest, "InvalidParameterValue", "The simulated AWS describes instances by id only")
	}
	ids := f.list("InstanceId", "")
	if len(ids) == 0 {
		ids = slices.Sorted(maps.Keys(a.instances))
	}
	out := reservationSet{Owner: a.account}
	for _, id := range ids {
		i, ok := a.instances[id]
		if !ok {
			return nil, noInstance(id)
		}
		out.Instances = append(out.Instances, a.instanceXML(id, i))
	}
	return out, nil
}

func noInstance(id string) *fault {
	return refuse(http.StatusBadRequest, "InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
}

func (a *AWS) instanceXML(id string, i *Instance) instanceXML {
	var groups []groupXML
	for _, g := range i.Groups {
		groups = append(groups, groupXML{ID: g, Name: a.groups[g].Name})
	}
	x := instanceXML{
		ID: id, StateCode: 16, State: "running", VPC: i.VPC, Subnet: i.Subnet, PrivateIP: i.PrivateIP, Groups: groups,
		Interfaces: []interfaceXML{{ID: i.Interface, VPC: i.VPC, Subnet: i.Subnet, Attached: "attached", Groups: groups}},
	}
	for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
		x.Tags = append(x.Tags, tagXML{Key: k, Value: i.Tags[k]})
	}
	return x
}

func (a *AWS) describeSecurityGroups(f form) (any, *fault) {
	ids, filters := f.list("GroupId", ""), map[string][]string{}
	for n, name := range f.list("Filter", "Name") {
		if !slices.Contains([]string{"group-id", "group-name", "vpc-id"}, name) {
			return nil, refuse(http.StatusBadRequest, "InvalidParameterValue", "The filter '%s' is invalid", name)
		}
		filters[name] = f.list("Filter."+itoa(n+1)+".Value", "")
	}
	out := struct {
		XMLName xml.Name   `xml:"securityGroupInfo"`
		Groups  []groupXML `xml:"item"`
	}{}
	for _, id := range slices.Sorted(maps.Keys(a.groups)) {
		g := a.groups[id]
		if among(ids, id) && among(filters["group-id"], id) && among(filters["group-name"], g.Name) && among(filters["vpc-id"], g.VPC) {
			out.Groups = append(out.Groups, groupXML{ID: id, Name: g.Name, VPC: g.VPC})
		}
	}
	for _, id := range ids {
		if _, ok := a.groups[id]; !ok {
			return nil, noGroup(id)
		}
	}
	return out, nil
}

// among tells whether s is in the list; no list excludes nothing.
func among(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }

func noGroup(id string) *fault {
	return refuse(http.StatusBadRequest, "InvalidGroup.NotFound", "The security group '%s' does not exist", id)
}

// done is the answer of calls that have nothing to say.
type done struct {
	XMLName xml.Name `xml:"return"`
	Value   bool     `xml:",chardata"`
}

// tagged finds the instances whose tags a call is about.
func (a *AWS) tagged(f form) ([]*Instance, *fault) {
	var all []*Instance
	for _, id := range f.list("ResourceId", "") {
		i, ok := a.instances[id]
		if !ok {
			return nil, noInstance(id)
		}
		all = append(all, i)
	}
	return all, nil
}

func (a *AWS) createTags(f form) (any, *fault) {
	instances, fault := a.tagged(f)
	if fault != nil {
		return nil, fault
	}
	for n, key := range f.list("Tag", "Key") {
		for _, i := range instances {
			i.Tags[key] = f.Get("Tag." + itoa(n+1) + ".Value")
		}
	}
	return done{Value: true}, nil
}

func (a *AWS) deleteTags(f form) (any, *fault) {
	instances, fault := a.tagged(f)
	if fault != nil {
		return nil, fault
	}
	for n, key := range f.list("Tag", "Key") {
		value := "Tag." + itoa(n+1) + ".Value"
		for _, i := range instances {
			if !f.Has(value) || i.Tags[key] == f.Get(value) { // with a value, only a tag of that value
				delete(i.Tags, key)
			}
		}
	}
	return done{Value: true}, nil
}

func (a *AWS) modifyInstance(f form) (any, *fault) {
	i, ok := a.instances[f.Get("InstanceId")]
	if !ok {
		return nil, noInstance(f.Get("InstanceId"))
	}
	return a.setGroups(i, f.list("GroupId", ""))
}

func (a *AWS) modifyInterface(f form) (any, *fault) {
	id := f.Get("NetworkInterfaceId")
	for _, i := range a.instances {
		if i.Interface == id {
			return a.setGroups(i, f.list("SecurityGroupId", ""))
		}
	}
	return nil, refuse(http.StatusBadRequest, "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
}

func (a *AWS) setGroups(i *Instance, groups []string) (any, *fault) {
	if len(groups) == 0 {
		return nil, refuse(http.StatusBadRequest, "InvalidParameterCombination", "The simulated AWS changes the security groups of an instance only")
	}
	for _, id := range groups {
		if g, ok := a.groups[id]; !ok || g.VPC != i.VPC {
			return nil, noGroup(id)
		}
	}
	i.Groups = slices.Clone(groups)
	return done{Value: true}, nil
}
