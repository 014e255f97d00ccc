package s3access

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/accesslog"
)

// The fields that the mapping knows.
const (
	_ accesslog.Field = iota
	bucket
	timeField
	remoteIP
	requester
	requestID
	operation
	key
	requestURI
	httpStatus
	errorCode
	bytesSent
	objectSize
	totalTime
	turnAround
	referer
	userAgent
	versionID
	cipher
	hostHeader
	tlsVersion
	accessPoint
	bucketARN
)

// Columns of a line that come in quotes.
const (
	uriColumn     = 8
	refererColumn = 15
	agentColumn   = 16
)

// least is how many fields a line has at the least: as many as the first logs had.
const least = 17

func newLayout() *accesslog.Layout {
	return accesslog.NewLayout([]accesslog.Column{
		{Name: "bucket_owner"}, {Name: "bucket", Field: bucket}, {Name: "time", Field: timeField}, {Name: "remote_ip", Field: remoteIP},
		{Name: "requester", Field: requester}, {Name: "request_id", Field: requestID}, {Name: "operation", Field: operation},
		{Name: "key", Field: key}, {Name: "request_uri", Field: requestURI}, {Name: "http_status", Field: httpStatus},
		{Name: "error_code", Field: errorCode}, {Name: "bytes_sent", Field: bytesSent}, {Name: "object_size", Field: objectSize},
		{Name: "total_time", Field: totalTime}, {Name: "turn_around_time", Field: turnAround}, {Name: "referer", Field: referer},
		{Name: "user_agent", Field: userAgent}, {Name: "version_id", Field: versionID}, {Name: "host_id"}, {Name: "signature_version"},
		{Name: "cipher_suite", Field: cipher}, {Name: "authentication_type"}, {Name: "host_header", Field: hostHeader},
		{Name: "tls_version", Field: tlsVersion}, {Name: "access_point_arn", Field: accessPoint}, {Name: "acl_required"},
		{Name: "source_region"},
	})
}

// fieldOf gives the field of a member of the JSON that CloudWatch Logs has.
func fieldOf(name string) accesslog.Field {
	switch name {
	case "bucket", "bucket_name":
		return bucket
	case "bucket_arn":
		return bucketARN
	case "request_time", "time":
		return timeField
	case "remote_ip":
		return remoteIP
	case "requester":
		return requester
	case "request_id":
		return requestID
	case "operation":
		return operation
	case "key", "key_name":
		return key
	case "request_uri":
		return requestURI
	case "http_status":
		return httpStatus
	case "error_code":
		return errorCode
	case "bytes_sent", "bytes_sent_size":
		return bytesSent
	case "object_size":
		return objectSize
	case "total_time", "total_time_ms":
		return totalTime
	case "turn_around_time", "turn_around_time_ms", "turnaround_time":
		return turnAround
	}
	return laterFieldOf(name)
}

func laterFieldOf(name string) accesslog.Field {
	switch name {
	case "referer", "referrer":
		return referer
	case "user_agent":
		return userAgent
	case "version_id":
		return versionID
	case "cipher_suite":
		return cipher
	case "host_header":
		return hostHeader
	case "tls_version":
		return tlsVersion
	case "access_point_arn":
		return accessPoint
	}
	return accesslog.Unknown
}

// closeQuote finds the end of a quoted column. What clients send may have quotes and blanks in it, so that the end is told by what follows:
// a status behind the request, another quote behind the referer, and behind the user agent fields that are in no quotes.
func closeQuote(column int, rest string) int {
	first := -1
	for at := 0; ; at++ {
		i := accesslog.Quote(rest[at:])
		if i < 0 {
			break
		}
		at += i
		behind := strings.TrimPrefix(rest[at+1:], " ")
		if column == uriColumn && startsWithStatus(behind) || column == refererColumn && strings.HasPrefix(behind, `"`) ||
			column == agentColumn && plain(behind) || column != uriColumn && column != refererColumn && column != agentColumn {
			return at
		}
		if first < 0 {
			first = at
		}
	}
	return first
}

func startsWithStatus(s string) bool {
	if strings.HasPrefix(s, "- ") {
		return true
	}
	return len(s) > 3 && s[3] == ' ' && strings.Trim(s[:3], "0123456789") == ""
}

// plain tells whether a line goes on with a version, a host id and a signature version, or has no quote any more.
func plain(s string) bool {
	if strings.IndexByte(s, '"') < 0 {
		return true
	}
	words := strings.SplitN(s, " ", 4)
	return len(words) == 4 && (words[2] == "-" || strings.HasPrefix(words[2], "SigV"))
}
