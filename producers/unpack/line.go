package unpack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/riposte-security/riposte/producers"
)

// jsonLine takes the quick way for a line that is one JSON document and lies in the buffer whole; any other goes the usual way.
func (u *unpacker) jsonLine(line []byte) error {
	if len(line) > u.opts.MaxRecord || !json.Valid(line) || nesting(line) > u.opts.MaxDepth || container(line) {
		return u.document()
	}
	data := bytes.Clone(bytes.TrimRight(line, "\r\t "))
	at := u.in.off
	u.in.pos += len(line)
	u.in.off += int64(len(line))
	return u.record(at, u.in.off, data)
}

// container tells whether a document may be a container. It may say yes for one that is none.
func container(doc []byte) bool {
	return bytes.Contains(doc, []byte(`"Records"`)) || bytes.Contains(doc, []byte(`"records"`)) || bytes.Contains(doc, []byte(`"configurationItems"`)) || bytes.Contains(doc, []byte(`"logEvents"`))
}

// line reads a line of text.
func (u *unpacker) line() error {
	at := u.in.off
	if l := u.in.lineAhead(); l != nil && len(l) <= u.opts.MaxRecord {
		text := bytes.Clone(l)
		u.in.pos += len(l) + 1
		u.in.off += int64(len(l)) + 1
		return u.text(at, text)
	}
	var got capture
	got.reset(u.opts.MaxRecord)
	for {
		c, err := u.in.next()
		if bad, ok := errors.AsType[corrupt](err); ok {
			return u.last(at, at, &got, bad.err)
		}
		if errors.Is(err, io.EOF) || c == '\n' && err == nil {
			break
		}
		if err != nil {
			return err
		}
		got.add(c)
	}
	if got.truncated() {
		return u.problem(at, u.in.off, &got, fmt.Errorf("%d bytes: %w (%d)", got.length, ErrOversized, got.max))
	}
	return u.text(at, got.bytes())
}

// text hands over a line, or remembers it if it is a header.
func (u *unpacker) text(at int64, text []byte) error {
	text = bytes.TrimRight(text, "\r")
	header, ok := directive(text)
	if ok && !header {
		return nil
	}
	if header || isHeader(text) {
		u.attrs = with(u.attrs, producers.AttrHeader, string(text))
		return nil
	}
	if len(text) == 0 || aside(text) {
		return nil
	}
	if string(text) == "----" { // of ausearch, between events: what is held has all its lines
		if u.idle != nil {
			return u.idle()
		}
		return nil
	}
	if cursor := verboseHead(text); cursor != "" {
		return u.verbose(at, text, cursor)
	}
	if stamped(text) {
		return u.continued(at, text)
	}
	return u.record(at, u.in.off, text)
}

// directive recognises the lines in front of a log in the extended format of the W3C, as CloudFront writes it: the one that names the fields
// is a header, the others say nothing about the records.
func directive(line []byte) (header, ok bool) {
	if len(line) == 0 || line[0] != '#' {
		return false, false
	}
	name, _, _ := bytes.Cut(line[1:], []byte(":"))
	switch string(name) {
	case "Fields":
		return true, true
	case "Version", "Date", "Start-Date", "End-Date", "Software", "Remark":
		return false, true
	}
	return false, false
}

// flowFields are names of fields of VPC flow logs: those that a header cannot do without, more or less.
const flowFields = " version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id " +
	"subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service " +
	"pkt-dst-aws-service flow-direction traffic-path reject-reason resource-id resource-type encryption-status "

// flowGroups are what the names of later fields begin with.
const flowGroups = " ecs- tgw- packets-lost- next-hop- instance-tag interface-tag asg-tag "

// isHeader recognises the header line of a VPC flow log: names of fields alone, with hyphens or underscores, whatever their order, at least
// half of them known. A line of values never looks so, since it has numbers or addresses in it.
func isHeader(line []byte) bool {
	if len(line) == 0 || line[0] < 'a' || line[0] > 'z' || len(line) > 4096 {
		return false
	}
	names := strings.Fields(strings.ReplaceAll(string(line), "_", "-"))
	known := 0
	for _, n := range names {
		if strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || n[0] < 'a' || n[0] > 'z' {
			return false
		}
		if strings.Contains(flowFields, " "+n+" ") || isOfGroup(n) {
			known++
		}
	}
	return known >= 2 && 2*known >= len(names)
}

func isOfGroup(name string) bool {
	for group := range strings.FieldsSeq(flowGroups) {
		if strings.HasPrefix(name, group) {
			return true
		}
	}
	return false
}
