package vpcflow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// A field is a column that the mapping knows.
type field uint8

const (
	unknown field = iota // goes to unmapped by its own name
	version
	accountID
	interfaceID
	srcAddr
	dstAddr
	srcPort
	dstPort
	protocol
	packets
	bytesSent
	start
	end
	action
	logStatus
	vpcID
	subnetID
	instanceID
	tcpFlags
	ipType
	pktSrcAddr
	pktDstAddr
	region
	azID
	pktSrcService
	pktDstService
	flowDirection
	trafficPath
	rejectReason
	resourceID
	tgwID
	tgwSrcVPC
	tgwDstVPC
	tgwSrcSubnet
	tgwDstSubnet
	tgwSrcENI
	tgwDstENI
	fields // how many there are
)

// maxColumns bounds the fields of a line: version 11 has about 80.
const maxColumns = 128

// fieldOf gives the field of a name, written with hyphens.
func fieldOf(name string) field {
	switch name {
	case "version":
		return version
	case "account-id":
		return accountID
	case "interface-id":
		return interfaceID
	case "srcaddr":
		return srcAddr
	case "dstaddr":
		return dstAddr
	case "srcport":
		return srcPort
	case "dstport":
		return dstPort
	case "protocol":
		return protocol
	case "packets":
		return packets
	case "bytes":
		return bytesSent
	case "start":
		return start
	case "end":
		return end
	case "action":
		return action
	case "log-status":
		return logStatus
	case "vpc-id":
		return vpcID
	case "subnet-id":
		return subnetID
	case "instance-id":
		return instanceID
	case "tcp-flags":
		return tcpFlags
	case "type":
		return ipType
	}
	return laterFieldOf(name)
}

// laterFieldOf knows the fields of version 4 and above.
func laterFieldOf(name string) field {
	switch name {
	case "pkt-srcaddr":
		return pktSrcAddr
	case "pkt-dstaddr":
		return pktDstAddr
	case "region":
		return region
	case "az-id":
		return azID
	case "pkt-src-aws-service":
		return pktSrcService
	case "pkt-dst-aws-service":
		return pktDstService
	case "flow-direction":
		return flowDirection
	case "traffic-path":
		return trafficPath
	case "reject-reason":
		return rejectReason
	case "resource-id":
		return resourceID
	case "tgw-id":
		return tgwID
	case "tgw-src-vpc-id":
		return tgwSrcVPC
	case "tgw-dst-vpc-id":
		return tgwDstVPC
	case "tgw-src-subnet-id":
		return tgwSrcSubnet
	case "tgw-dst-subnet-id":
		return tgwDstSubnet
	case "tgw-src-eni":
		return tgwSrcENI
	case "tgw-dst-eni":
		return tgwDstENI
	}
	return unknown
}

type column struct {
	name   string // as the header spells it
	field  field
	member string // under unmapped, from the comma up to the value
	seen   string // of an ARN there: the observable, up to the value
}

// A layout is an order of fields.
type layout struct {
	text    string
	columns []column
}

// newLayout reads an order of fields: names between blanks or commas.
func newLayout(text string) (*layout, error) {
	l := &layout{text: text}
	seen := map[string]bool{}
	for i, name := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "${"), "}")
		plain := strings.ReplaceAll(name, "_", "-")
		if !wellFormed(plain) {
			return nil, fmt.Errorf("field %d: %s is no name of a field", i+1, strconv.QuoteToASCII(clip(name)))
		}
		if seen[plain] {
			return nil, fmt.Errorf("field %d: %s stands there twice", i+1, name)
		}
		if i == maxColumns {
			return nil, fmt.Errorf("more than %d fields", maxColumns)
		}
		seen[plain] = true
		l.columns = append(l.columns, column{
			name: name, field: fieldOf(plain), member: `,"` + name + `":"`,
			seen: ocsfjson.ObservablePrefix(ocsfjson.ResourceUID, "unmapped."+name),
		})
	}
	if len(l.columns) == 0 {
		return nil, errors.New("no fields")
	}
	return l, nil
}

// wellFormed tells whether a name could be one of AWS: small letters, digits and hyphens, a letter first.
func wellFormed(s string) bool {
	if s == "" || len(s) > 64 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
