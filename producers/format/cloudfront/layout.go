package cloudfront

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
)

// The fields that the mapping knows.
const (
	_ accesslog.Field = iota
	date
	clock
	timestamp
	millis
	clientIP
	clientPort
	country
	asn
	forwarded
	edgeHost
	hostHeader
	distribution
	method
	scheme
	protocolVersion
	stem
	query
	userAgent
	referer
	received
	sent
	status
	contentType
	contentLength
	timeTaken
	firstByte
	requestID
	detail
	sslProtocol
	sslCipher
)

const (
	// standard is the order of standard logs without a header line; older ones are shorter.
	standard = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query " +
		"cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol " +
		"ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte " +
		"x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end"
	// realtime is the order of a real-time configuration that has all fields.
	realtime = "timestamp c-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes x-edge-location " +
		"x-edge-request-id x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent cs-referer cs-cookie cs-uri-query " +
		"x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher x-edge-result-type fle-encrypted-fields fle-status " +
		"sc-content-type sc-content-len sc-range-start sc-range-end c-port x-edge-detailed-result-type c-country cs-accept-encoding " +
		"cs-accept cache-behavior-path-pattern cs-headers cs-header-names cs-headers-count primary-distribution-id " +
		"primary-distribution-dns-name origin-fbl origin-lbl asn"
	// least is how many fields a line in the standard order has at the least: as many as the first logs had.
	least = 12
)

// fieldOf gives the field of a name, in any of its spellings.
func fieldOf(name string) accesslog.Field {
	switch strings.ToLower(name) {
	case "date":
		return date
	case "time":
		return clock
	case "timestamp":
		return timestamp
	case "timestamp(ms)":
		return millis
	case "c-ip":
		return clientIP
	case "c-port":
		return clientPort
	case "c-country":
		return country
	case "asn":
		return asn
	case "x-forwarded-for":
		return forwarded
	case "cs(host)", "cs-host":
		return edgeHost
	case "x-host-header":
		return hostHeader
	case "distributionid", "primary-distribution-id":
		return distribution
	case "cs-method":
		return method
	case "cs-protocol":
		return scheme
	case "cs-protocol-version":
		return protocolVersion
	}
	return laterFieldOf(strings.ToLower(name))
}

// laterFieldOf knows what was asked for, and the answer.
func laterFieldOf(name string) accesslog.Field {
	switch name {
	case "cs-uri-stem":
		return stem
	case "cs-uri-query":
		return query
	case "cs(user-agent)", "cs-user-agent":
		return userAgent
	case "cs(referer)", "cs-referer":
		return referer
	case "cs-bytes":
		return received
	case "sc-bytes":
		return sent
	case "sc-status":
		return status
	case "sc-content-type":
		return contentType
	case "sc-content-len":
		return contentLength
	case "time-taken":
		return timeTaken
	case "time-to-first-byte":
		return firstByte
	case "x-edge-request-id":
		return requestID
	case "x-edge-detailed-result-type":
		return detail
	case "ssl-protocol":
		return sslProtocol
	case "ssl-cipher":
		return sslCipher
	}
	return accesslog.Unknown
}

// A layout is an order of fields.
type layout struct {
	*accesslog.Layout
	text string // of the header line
}

// newLayout reads an order of fields: names between blanks or commas, after `#Fields:` where it is a header line.
func newLayout(text string) (*layout, error) {
	var columns []accesslog.Column
	seen := map[string]bool{}
	list := strings.FieldsFunc(strings.TrimPrefix(text, "#Fields:"), func(r rune) bool { return r == ' ' || r == '\t' || r == ',' })
	for i, name := range list {
		if !wellFormed(name) {
			return nil, fmt.Errorf("field %d: %s is no name of a field", i+1, strconv.QuoteToASCII(accesslog.Clip(name)))
		}
		if seen[name] {
			return nil, fmt.Errorf("field %d: %s stands there twice", i+1, name)
		}
		if i == accesslog.MaxColumns {
			return nil, fmt.Errorf("more than %d fields", accesslog.MaxColumns)
		}
		seen[name] = true
		columns = append(columns, accesslog.Column{Name: name, Field: fieldOf(name)})
	}
	if len(columns) == 0 {
		return nil, errors.New("no fields")
	}
	return &layout{accesslog.NewLayout(columns), text}, nil
}

// wellFormed tells whether a name could be one of CloudFront: letters, digits, hyphens, underscores and brackets, a letter first.
func wellFormed(s string) bool {
	if s == "" || len(s) > 64 || (s[0]|0x20 < 'a' || s[0]|0x20 > 'z') {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '(', c == ')':
		default:
			return false
		}
	}
	return true
}
