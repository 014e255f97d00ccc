package ocsfjson

import (
	"strconv"

	"github.com/riposte-security/riposte/producers"
)

// MoveInt writes the integer n as a member and marks it as taken. It does nothing and tells false if n is no number written as an integer
// from low to high.
func (e *Event) MoveInt(name string, n Node, low, high int64) bool {
	i, ok := e.Doc.Int(n)
	if !ok || i < low || i > high {
		return false
	}
	e.Int(name, i)
	if e.Doc.Raw(n) != "-0" {
		e.Doc.Take(n)
	}
	return true
}

// CopyInt is MoveInt for a number that stands in the event more than once.
func (e *Event) CopyInt(name string, n Node, low, high int64) bool {
	i, ok := e.Doc.Int(n)
	if !ok || i < low || i > high {
		return false
	}
	e.Int(name, i)
	return true
}

// TextInt writes the integer that the string n says as a member. n is not taken, since it is changed.
func (e *Event) TextInt(name string, n Node, low, high int64) bool {
	i, err := strconv.ParseInt(e.Doc.Str(n), 10, 64)
	if err != nil || i < low || i > high {
		return false
	}
	e.Int(name, i)
	return true
}

// Port writes the port n, a number or a text, as the member port.
func (e *Event) Port(n Node) bool {
	const highest = 65535
	return e.MoveInt("port", n, 0, highest) || e.TextInt("port", n, 0, highest)
}

// MoveIP is IP for the string n, which is taken if it is in canonical form.
func (e *Event) MoveIP(name string, n Node, path string) (ip string, ok bool) {
	text := e.Doc.Str(n)
	if text == "" {
		return "", false
	}
	ip, canonical, ok := e.IP(name, text, path)
	if canonical {
		e.Doc.Take(n)
	}
	return ip, ok
}

// AttrCloud writes the AWS account and region that the container of a record told, for records of systems that know neither. It tells
// false, and writes nothing, if no container told any; if it tells true, the event has the profile cloud.
func (e *Event) AttrCloud(in producers.Record) bool {
	account, region := in.Attrs[producers.AttrAccount], in.Attrs[producers.AttrRegion]
	if account == "" && region == "" {
		return false
	}
	at := e.Open("cloud")
	e.Lit(`"provider":"AWS"`)
	if region != "" {
		e.Str("region", region)
	}
	if account != "" {
		in := e.Open("account")
		e.Str("uid", account)
		e.Close(in)
		e.ObserveText(AccountUID, "cloud.account.uid", account)
	}
	e.Close(at)
	return true
}
