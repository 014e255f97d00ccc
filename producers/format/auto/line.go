package auto

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// What follows looks at lines.

// isAudit recognises records of the Linux audit system.
func isAudit(line string) bool {
	if strings.HasPrefix(line, "node=") {
		_, line, _ = strings.Cut(line, " ")
	}
	return strings.HasPrefix(line, "type=") && strings.Contains(line, " msg=audit(") || strings.HasPrefix(line, "audit(")
}

// isSyslog recognises lines of syslog that begin with a priority or with the name of a month.
func isSyslog(line string) bool {
	if rest, ok := strings.CutPrefix(line, "<"); ok {
		pri, _, closed := strings.Cut(rest, ">")
		n, err := strconv.Atoi(pri)
		return closed && err == nil && n >= 0 && n <= 191
	}
	if len(line) < 16 {
		return false
	}
	_, err := time.Parse("Jan _2 15:04:05 ", line[:16])
	return err == nil
}

// isStamped recognises lines of syslog whose time is RFC 3339, or one that journalctl has: what follows is a host and a program.
func isStamped(f []string) bool {
	at := 1
	switch {
	case len(f) < 3:
		return false
	case isTime(f[0]):
	case isUnzoned(f[0]):
	case len(f) > 5 && len(f[0]) == 3 && strings.Contains("Mon Tue Wed Thu Fri Sat Sun", f[0]) && isUnzoned(f[1]+"T"+f[2]): // short-full
		at = 4
	case len(f[0]) > 9 && len(f[0]) < 20 && isDigits(strings.Replace(f[0], ".", "", 1)): // short-unix
	default:
		return false
	}
	return len(f) > at+1 && (strings.HasSuffix(f[at+1], ":") || strings.Contains(f[at+1], "["))
}

// isUnzoned tells whether a text is a time with an offset that has no colon, or without one.
func isUnzoned(s string) bool {
	if len(s) > 24 && (s[len(s)-5] == '+' || s[len(s)-5] == '-') || len(s) == 24 && s[19] != '.' {
		s = s[:len(s)-5]
	}
	_, err := time.Parse("2006-01-02T15:04:05", s)
	return err == nil
}

// isFlow recognises flow logs in their default order: those of version 2, and those of transit gateways.
func isFlow(f []string) bool {
	if len(f) < 14 {
		return false
	}
	if v, err := strconv.Atoi(f[0]); err != nil || v < 2 || v > 99 {
		return false
	}
	last := f[len(f)-1]
	status := last == "OK" || last == "NODATA" || last == "SKIPDATA" || f[13] == "OK" || f[13] == "NODATA" || f[13] == "SKIPDATA"
	return status && isDigits(f[1]) || strings.HasPrefix(f[1], "TransitGateway")
}

// isBalancer recognises logs of load balancers: of ALB and NLB by the type and the time in front, connection logs and Classic ones by the time
// and the addresses behind it.
func isBalancer(f []string) bool {
	if len(f) < 6 {
		return false
	}
	switch f[0] {
	case "http", "https", "h2", "grpcs", "ws", "wss":
		return isTime(f[1])
	case "tls":
		return isTime(f[2]) || isTime(f[2]+"Z")
	}
	if !isTime(f[0]) {
		return false
	}
	if _, err := netip.ParseAddr(f[1]); err == nil {
		return isDigits(f[2]) && isDigits(f[3])
	}
	_, err := netip.ParseAddrPort(f[2])
	return err == nil
}

// isBucketLog recognises server access logs of S3: the owner, the bucket, the time in brackets.
func isBucketLog(f []string) bool {
	return len(f) > 8 && (f[0] == "-" || len(f[0]) == 64 && strings.Trim(f[0], "0123456789abcdef") == "") &&
		strings.HasPrefix(f[2], "[") && strings.HasSuffix(f[3], "]")
}

// isZoneLog recognises query logs of public hosted zones.
func isZoneLog(f []string) bool {
	return len(f) >= 10 && f[0] == "1.0" && isTime(f[1]) && strings.HasPrefix(f[2], "Z")
}

// isEdgeLog recognises logs of CloudFront without their header line: a date and a time, or seconds with a fraction, and tabs.
func isEdgeLog(line string) bool {
	f := strings.SplitN(line, "\t", 4)
	if len(f) < 4 {
		return false
	}
	if _, err := time.Parse(time.DateOnly+" "+time.TimeOnly, f[0]+" "+f[1]); err == nil {
		return true
	}
	seconds, fraction, ok := strings.Cut(f[0], ".")
	if !ok || !isDigits(seconds) || !isDigits(fraction) {
		return false
	}
	_, err := netip.ParseAddr(f[1])
	return err == nil
}

func isTime(s string) bool {
	if len(s) < 20 || s[4] != '-' {
		return false
	}
	_, err := time.Parse(time.RFC3339, s)
	return err == nil
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
