package waf

import "strings"

func topMember(name string) member {
	switch name {
	case "timestamp":
		return timestamp
	case "formatVersion":
		return formatVersion
	case "webaclId":
		return acl
	case "action":
		return action
	case "terminatingRuleId":
		return ruleID
	case "terminatingRuleType":
		return ruleType
	case "terminatingRuleMatchDetails":
		return details
	case "httpSourceName":
		return sourceName
	case "httpSourceId":
		return sourceID
	case "rateBasedRuleList":
		return rateRules
	case "ruleGroupList":
		return groups
	case "httpRequest":
		return request
	case "labels":
		return labels
	case "responseCodeSent":
		return code
	case "captchaResponse":
		return captcha
	case "challengeResponse":
		return challenge
	case "ja3Fingerprint":
		return ja3
	case "ja4Fingerprint":
		return ja4
	case "clientAsn":
		return asn
	case "requestBodySize":
		return bodySize
	}
	return unknown
}

func requestMember(name string) member {
	switch name {
	case "clientIp":
		return clientIP
	case "country":
		return country
	case "headers":
		return headers
	case "uri":
		return uri
	case "args":
		return args
	case "httpVersion":
		return version
	case "httpMethod":
		return method
	case "requestId":
		return requestID
	case "scheme":
		return scheme
	case "host":
		return host
	}
	return unknown
}

// headerMember knows the headers that have places of their own.
func headerMember(name string) member {
	switch len(name) {
	case 4:
		if strings.EqualFold(name, "host") {
			return hostHeader
		}
	case 7:
		if strings.EqualFold(name, "referer") {
			return referer
		}
	case 10:
		if strings.EqualFold(name, "user-agent") {
			return userAgent
		}
	case 15:
		if strings.EqualFold(name, "x-forwarded-for") {
			return forwarded
		}
	}
	return unknown
}
