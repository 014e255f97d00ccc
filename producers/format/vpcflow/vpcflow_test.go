package vpcflow_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/vpcflow"
)

const (
	defaults = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
	gateway  = "version resource-type account-id tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id srcaddr dstaddr srcport dstport protocol packets bytes start end log-status type packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired tcp-flags region flow-direction pkt-src-aws-service pkt-dst-aws-service"
	aLine    = "2 210987654321 eni-0a1b2c3d4e5f60718 203.0.113.9 10.20.1.15 51544 443 6 12 5230 1772000000 1772000058 ACCEPT OK"
)

// scalars are the words of the line that are not absent. Where they would stand under unmapped is said by the header line; a setting
// does not reach this function, so such cases name their fields here as well.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	header := r.Attrs[producers.AttrHeader]
	words := strings.Fields(string(r.Data))
	if header == "" {
		header = defaults
		switch len(words) {
		case 14:
		case 36:
			header = gateway
		default:
			header = "srcaddr dstaddr srcport dstport protocol instance-id interface-id flow-direction end start cloud_cover"
		}
	}
	names := strings.Fields(header)
	var out []formattest.Scalar
	for i, w := range words {
		if w != "-" {
			out = append(out, formattest.Scalar{Path: "/" + names[i], Value: strconv.Quote(w)})
		}
	}
	return out
}

func suite() formattest.Suite { return formattest.Suite{New: vpcflow.New, Scalars: scalars} }

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	for _, set := range []map[string]string{{"field": "version"}, {"fields": "version version"}, {"fields": "Version"}} {
		n, err := config.FromSettings(set)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vpcflow.New(n); err == nil {
			t.Errorf("%v is accepted", set)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(aLine), "")
	f.Add([]byte("2 10.0.0.1 -"), "version srcaddr dstaddr")
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, header string) {
		suite().Fuzz(t, check, data, map[string]string{producers.AttrHeader: header})
	})
}

func BenchmarkParse(b *testing.B) {
	formattest.Bench(b, vpcflow.New, []producers.Record{{Data: []byte(aLine), Origin: "bench", Position: "1"}}, formattest.CSV)
}

// BenchmarkHeader is BenchmarkParse with all fields of versions 2 to 5, in the order of a header line.
func BenchmarkHeader(b *testing.B) { suite().Bench(b, formattest.CSV) }
