package predicate_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

func language(t testing.TB) *predicate.Language {
	t.Helper()
	s, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	return predicate.NewLanguage(predicate.NewTypes(s))
}

func compile(t testing.TB, l *predicate.Language, source string) *predicate.Program {
	t.Helper()
	p, problems := l.Compile(source, nil, predicate.WantAny)
	for _, e := range problems {
		t.Fatalf("%s: at %d: %s", source, e.Offset, e.Message)
	}
	return p
}

// event is what the tables below ask about. Everything under unmapped is free-form; x is what does not exist.
const event = `{
	"status_id": 1, "time": 1767225600000, "severity_id": 4, "count": 3,
	"message": "hello", "is_mfa": true,
	"api": {"operation": "CreateBucket", "service": {"name": "s3.amazonaws.com"}, "request": {"data": {"bucketName": "b", "list": [1, 2, 3]}}},
	"src_endpoint": {"ip": "10.1.2.3", "port": 22},
	"resources": [{"uid": "arn:a", "type": "bucket"}, {"uid": "arn:b"}],
	"unmapped": {
		"s": "text", "n": 5, "f": 2.5, "t": true, "no": false, "nul": null, "big": 9007199254740993, "huge": 18446744073709551615,
		"list": ["a", "b"], "mixed": [1, "a", null, 2.5, {"k": "v"}], "empty": [], "o": {"k": "v", "n": 1},
		"deep": [{"a": [{"b": 1}, {"b": 2}]}, {"a": {"b": 3}}, 7, {"a": "no"}]
	}
}`

type row struct {
	source string
	want   string // as JSON
}

func evaluate(t *testing.T, rows []row) {
	t.Helper()
	l := language(t)
	env, err := predicate.Decode([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		got, err := compile(t, l, r.source).Eval(env)
		if err != nil {
			t.Errorf("%s: %v", r.source, err)
			continue
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Errorf("%s: %v", r.source, err)
		}
		if string(b) != r.want {
			t.Errorf("%s\n  gives %s\n  want  %s", r.source, b, r.want)
		}
	}
}

func TestAbsentIsNil(t *testing.T) {
	t.Parallel()
	evaluate(t, []row{
		// members and indexes
		{`unmapped.x`, `null`}, {`unmapped.x.y.z`, `null`}, {`unmapped.s.y`, `null`}, {`unmapped.list.y`, `null`}, {`unmapped.n.y`, `null`},
		{`unmapped["x"]`, `null`}, {`unmapped[unmapped.x]`, `null`}, {`unmapped.o[1]`, `null`}, {`unmapped.list["a"]`, `null`},
		{`unmapped.list[0]`, `"a"`}, {`unmapped.list[-1]`, `"b"`}, {`unmapped.list[2]`, `null`}, {`unmapped.list[-3]`, `null`},
		{`unmapped.list[unmapped.x]`, `null`}, {`unmapped.x[0]`, `null`}, {`unmapped.s[0]`, `null`}, {`unmapped.list[0.5]`, `null`},
		{`unmapped?.x?.y`, `null`}, {`device.os.name`, `null`}, {`actor.user.groups[0].name`, `null`}, {`resources[5].uid`, `null`},
		{`unmapped.x ?? "d"`, `"d"`}, {`unmapped.s ?? "d"`, `"text"`}, {`unmapped.no ?? true`, `false`},
		// slices
		{`unmapped.list[1:]`, `["b"]`}, {`unmapped.list[:9]`, `["a","b"]`}, {`unmapped.x[1:]`, `null`}, {`unmapped.n[1:]`, `null`},
		{`unmapped.s[1:3]`, `"ex"`}, {`unmapped.s[-2:]`, `"xt"`}, {`unmapped.list[unmapped.x:]`, `null`}, {`unmapped.list[:unmapped.x]`, `null`},
		// equality: nil equals only nil
		{`unmapped.x == nil`, `true`}, {`unmapped.nul == nil`, `true`}, {`unmapped.x == unmapped.y`, `true`}, {`unmapped.x == ""`, `false`},
		{`unmapped.x == 0`, `false`}, {`unmapped.x == false`, `false`}, {`unmapped.empty == nil`, `false`}, {`unmapped.x != 1`, `true`},
		{`unmapped.s != nil`, `true`}, {`device.hostname == nil`, `true`}, {`unmapped.s == 5`, `false`}, {`unmapped.s != 5`, `true`},
		// ordering
		{`unmapped.x > 3`, `false`}, {`unmapped.x < 3`, `false`}, {`unmapped.x >= unmapped.nul`, `false`}, {`unmapped.x <= unmapped.y`, `false`},
		{`not (unmapped.x > 3)`, `true`}, {`unmapped.s > 3`, `false`}, {`unmapped.s < 3`, `false`}, {`unmapped.s > "a"`, `true`},
		{`unmapped.list > 1`, `false`}, {`unmapped.t > unmapped.no`, `false`}, {`1 < unmapped.n < 6`, `true`}, {`1 < unmapped.x < 6`, `false`},
		// strings
		{`unmapped.x contains "a"`, `false`}, {`unmapped.n contains "5"`, `false`}, {`unmapped.list contains "a"`, `false`},
		{`unmapped.x startsWith ""`, `false`}, {`unmapped.x endsWith ""`, `false`}, {`unmapped.s startsWith unmapped.x`, `false`},
		{`unmapped.x matches ".*"`, `false`}, {`unmapped.n matches "5"`, `false`}, {`unmapped.s matches "^te.t$"`, `true`},
		{`unmapped.s matches unmapped.s`, `true`}, {`unmapped.s matches ("(" + "")`, `false`}, {`unmapped.x not contains "a"`, `true`},
		// in
		{`unmapped.x in [1, nil]`, `false`}, {`unmapped.x in ["a"]`, `false`}, {`nil in unmapped.mixed`, `false`}, {`"a" in unmapped.x`, `false`},
		{`"a" in unmapped.list`, `true`}, {`"k" in unmapped.o`, `true`}, {`"z" in unmapped.o`, `false`}, {`1 in unmapped.o`, `false`},
		{`"a" in unmapped.s`, `false`}, {`unmapped.x not in ["a"]`, `true`}, {`unmapped.n in [1, 5.0]`, `true`}, {`unmapped.n in ["5"]`, `false`},
		// booleans
		{`unmapped.x and true`, `false`}, {`unmapped.x or true`, `true`}, {`unmapped.x or false`, `false`}, {`not unmapped.x`, `true`},
		{`unmapped.s and true`, `false`}, {`!unmapped.t`, `false`}, {`unmapped.x ? 1 : 2`, `2`}, {`unmapped.n ? 1 : 2`, `2`},
		{`not (unmapped.x and unmapped.y)`, `true`}, {`is_mfa && !is_new_logon`, `true`},
		// lists: a nil one is empty
		{`any(unmapped.x, true)`, `false`}, {`one(unmapped.x, true)`, `false`}, {`none(unmapped.x, true)`, `true`}, {`all(unmapped.x, false)`, `true`},
		{`len(unmapped.x)`, `0`}, {`count(unmapped.x, true)`, `0`}, {`count(unmapped.x)`, `0`}, {`filter(unmapped.x, true)`, `[]`},
		{`map(unmapped.x, #)`, `[]`}, {`sum(unmapped.x)`, `0`}, {`find(unmapped.x, true)`, `null`}, {`findIndex(unmapped.x, true)`, `null`},
		{`any(unmapped.s, true)`, `false`}, {`any(unmapped.n, true)`, `false`}, {`all(unmapped.o, false)`, `true`}, {`any(unmapped.mixed, #)`, `false`},
		{`any(unmapped.mixed, .k == "v")`, `true`}, {`any(unmapped.mixed, # > 2)`, `true`}, {`all(unmapped.mixed, .k == nil)`, `false`},
		{`first(unmapped.x)`, `null`}, {`last(unmapped.empty)`, `null`}, {`keys(unmapped.x)`, `[]`}, {`concat(unmapped.x, ["a"])`, `["a"]`},
		{`any(resources, .uid startsWith "arn:" and .type == nil)`, `true`}, {`none(resources, .owner.name == "x")`, `true`},
		// functions and arithmetic pass nil on
		{`lower(unmapped.x)`, `null`}, {`upper(unmapped.n)`, `null`}, {`unmapped.x + 1`, `null`}, {`1 - unmapped.x`, `null`}, {`unmapped.s + 1`, `null`},
		{`-unmapped.x`, `null`}, {`unmapped.x * 2 > 1`, `false`}, {`unmapped.n / 0`, `null`}, {`unmapped.n % 0`, `null`}, {`cidr(unmapped.x, "10.0.0.0/8")`, `null`},
		{`not cidr(unmapped.x, "10.0.0.0/8")`, `true`}, {`private(unmapped.x)`, `null`}, {`glob(unmapped.x, "*")`, `null`}, {`hour(unmapped.x)`, `null`},
		{`weekday(unmapped.s, "UTC")`, `null`}, {`int(unmapped.x)`, `null`}, {`float(unmapped.s)`, `null`}, {`string(unmapped.x)`, `null`},
		{`toJSON(unmapped.x)`, `null`}, {`fromJSON(unmapped.s)`, `null`}, {`fromBase64(unmapped.x)`, `null`}, {`split(unmapped.x, ",")`, `null`},
		{`replace(unmapped.x, "a", "b")`, `null`}, {`trim(unmapped.x)`, `null`}, {`bitand(unmapped.x, 2)`, `null`}, {`max(unmapped.x)`, `null`},
		{`values(unmapped.x, "a.b")`, `[]`}, {`abs(unmapped.s)`, `null`}, {`mean(unmapped.x)`, `null`}, {`median(unmapped.x)`, `null`},
		{`sortBy(unmapped.x, #)`, `[]`}, {`groupBy(unmapped.x, #)`, `{}`}, {`reduce(unmapped.x, #acc + #, 5)`, `5`}, {`reduce(unmapped.x, #)`, `null`},
		{`reduce(unmapped.mixed, #acc + #, 0)`, `null`}, {`duration(unmapped.x)`, `null`}, {`date(unmapped.x)`, `null`}, {`date("x" + "y")`, `null`}, {`date(unmapped.s, unmapped.x)`, `null`},
		{`date("2026-03-01 10:00", "2006-01-02 15:04", unmapped.s)`, `null`}, {`toPairs(unmapped.x)`, `[]`}, {`fromPairs(unmapped.x)`, `{}`}, {`repeat(unmapped.x, 2)`, `null`},
		{`repeat("a", unmapped.x)`, `null`}, {`splitAfter(unmapped.x, ",")`, `null`}, {`split("a,b", ",", unmapped.x)`, `null`}, {`bitnot(unmapped.x)`, `null`}, {`bitshl(1, unmapped.x)`, `null`},
		{`trimPrefix(unmapped.x)`, `null`}, {`mean([])`, `0`}, {`mean(unmapped.list)`, `null`}, {`median([], [])`, `0`}, {`sort(unmapped.list, unmapped.s)`, `null`},
		{`groupBy(resources, .type)`, `{"bucket":[{"type":"bucket","uid":"arn:a"}]}`}, {`sortBy(unmapped.mixed, #)`, `[1,2.5,"a",null,{"k":"v"}]`}, {`sortBy(unmapped.list, #, unmapped.s)`, `null`},
		{`unmapped.x..3`, `null`}, {`urlDecode("%zz")`, `null`},
	})
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	evaluate(t, []row{
		{`unmapped.n == 5.0`, `true`}, {`unmapped.f > 2`, `true`}, {`unmapped.f < 3`, `true`}, {`status_id == 1.0`, `true`},
		// 2^53+1 is no float64: integers keep 64 bits
		{`unmapped.big == 9007199254740993`, `true`}, {`unmapped.big == 9007199254740992`, `false`}, {`unmapped.big > 9007199254740992.0`, `true`},
		{`unmapped.big + 1`, `9007199254740994`}, {`unmapped.huge`, `18446744073709551615`}, {`unmapped.huge > 9223372036854775807`, `true`},
		{`unmapped.huge == 18446744073709551615.0`, `false`}, {`unmapped.huge == unmapped.huge`, `true`},
		{`9223372036854775807 + 1 > 0`, `true`}, {`-9223372036854775807 - 2 < 0`, `true`}, {`4611686018427387904 * 4 > 0`, `true`},
		{`6 / 4`, `1.5`}, {`7 % 4`, `3`}, {`-7 % 4`, `-3`}, {`2 ** 3`, `8`}, {`1 + 0.5`, `1.5`}, {`"a" + "b"`, `"ab"`}, {`10 ** 400`, `null`},
		{`sum(unmapped.mixed)`, `3.5`}, {`sum(resources, 1)`, `2`}, {`max(1, 2.5, unmapped.x)`, `2.5`}, {`min([4, 3])`, `3`}, {`mean([1, 2])`, `1.5`},
		{`median([3, 1, 2])`, `2`}, {`round(2.5)`, `3`}, {`abs(-3)`, `3`}, {`int("42")`, `42`}, {`int(2.9)`, `2`}, {`float("1.5")`, `1.5`},
		{`bitand(6, 2)`, `2`}, {`[1, 2] == [1.0, 2]`, `true`}, {`{"a": 1} == {"a": 1.0}`, `true`}, {`{"a": 1} == {"b": 1}`, `false`},
		{`3 in 1..5`, `true`}, {`len(1..3)`, `3`},
	})
}

func TestFunctions(t *testing.T) {
	t.Parallel()
	evaluate(t, []row{
		{`cidr(src_endpoint.ip, "10.0.0.0/8")`, `true`}, {`cidr(src_endpoint.ip, "192.168.0.0/16", "10.1.0.0/16")`, `true`}, {`cidr("::ffff:10.0.0.1", "10.0.0.0/8")`, `true`},
		{`cidr("10.0.0", "10.0.0.0/8")`, `false`}, {`cidr("2001:db8::1", "2001:db8::/32")`, `true`}, {`cidr("fe80::1%eth0", "fe80::/10")`, `true`},
		{`private(src_endpoint.ip)`, `true`}, {`private("8.8.8.8")`, `false`}, {`private("::1")`, `true`}, {`private("100.64.1.1")`, `true`}, {`private("x")`, `false`},
		{`glob("arn:aws:s3:::bucket", "arn:*:s3:*bucket")`, `true`}, {`glob("abc", "a?c")`, `true`}, {`glob("abc", "a?")`, `false`}, {`glob("", "*")`, `true`}, {`glob("ab", "a*b*c")`, `false`},
		{`values(unmapped.deep, "a.b")`, `[1,2,3]`}, {`values(unmapped, "deep.a.b")`, `[1,2,3]`}, {`values(unmapped.o)`, `["v",1]`}, {`values(unmapped.list, "")`, `[]`},
		{`values(resources, "uid")`, `["arn:a","arn:b"]`}, {`values(unmapped, "list")`, `["a","b"]`}, {`values(unmapped, "s")`, `["text"]`},
		{`texts(unmapped.deep, "a.b")`, `["1","2","3"]`}, {`texts(unmapped.o)`, `["v","1"]`}, {`texts({"a.b": {"c": [true, nil, 1.5, {"d": "x"}]}}, "a.b.c")`, `["true","1.5","x"]`},
		{`texts(unmapped, "nowhere.s")`, `[]`}, {`texts([{"a": 1}, {"a": "b"}], "a")`, `["1","b"]`}, {`texts(nil)`, `[]`}, {`exists({"a": {"b": nil}}, "a.b")`, `true`},
		{`exists({"a.b": 1}, "a.b")`, `true`}, {`exists(unmapped, "deep.c")`, `false`}, {`exists(unmapped.s)`, `true`}, {`exists(unmapped.nothing)`, `false`},
		{`timePart("2026-03-01T23:59:00+05:00", "hour")`, `23`}, {`timePart(time, "year")`, `2026`}, {`timePart("2026-01-01", "week")`, `1`}, {`timePart("x", "day")`, `null`},
		// 2026-01-01T00:00:00Z is a Thursday
		{`hour(time)`, `0`}, {`hour(time, "Europe/Zurich")`, `1`}, {`weekday(time, "America/New_York")`, `"Wednesday"`}, {`weekday("2026-01-01T23:30:00Z", "Asia/Tokyo")`, `"Friday"`},
		{`hour(time, unmapped.s)`, `null`},
		{`lower("AbC")`, `"abc"`}, {`trim("  a ")`, `"a"`}, {`trim("xax", "x")`, `"a"`}, {`split("a,b", ",")`, `["a","b"]`}, {`join(["a", 1, "b"], "-")`, `"a-b"`},
		{`replace("aXbX", "X", "yy")`, `"ayybyy"`}, {`indexOf("hello", "l")`, `2`}, {`lastIndexOf("abc", "z")`, `-1`}, {`len("h\u00e9llo")`, `5`},
		{`uniq([1, 1.0, "1", "a", "a"])`, `[1,"1","a"]`}, {`sort([3, "b", 1, "a"])`, `[1,3,"a","b"]`}, {`reverse([1, 2])`, `[2,1]`}, {`flatten([1, [2, [3]]])`, `[1,2,3]`},
		{`keys(unmapped.o)`, `["k","n"]`}, {`take([1, 2, 3], 2)`, `[1,2]`}, {`get(unmapped, "s")`, `"text"`}, {`type(unmapped.n)`, `"int"`}, {`type(unmapped.x)`, `"nil"`},
		{`fromJSON("{\"a\": 9007199254740993}").a`, `9007199254740993`}, {`toJSON(unmapped.o)`, `"{\"k\":\"v\",\"n\":1}"`}, {`urlDecode("a%20b+c")`, `"a b+c"`},
		{`fromBase64(toBase64("hi"))`, `"hi"`}, {`map(resources, .uid)`, `["arn:a","arn:b"]`}, {`map(unmapped.list, #index)`, `[0,1]`}, {`findLast(unmapped.list, true)`, `"b"`},
		{`findLastIndex([1, 2, 1], # == 1)`, `2`}, {`filter(unmapped.mixed, type(#) == "int")`, `[1]`}, {`one([1, 2], # == 1)`, `true`}, {`count([1, 2, 3], # > 1)`, `2`},
		{`sortBy(resources, .uid, "desc")[0].uid`, `"arn:b"`}, {`groupBy([1, 2, 3, 4], # % 2 == 0)[true]`, `[2,4]`}, {`groupBy(unmapped.list, #).a`, `["a"]`}, {`1 in groupBy([1], #)`, `true`},
		{`len(groupBy(resources, .uid)) > 1`, `true`}, {`reduce(resources, #acc + .uid, "")`, `"arn:aarn:b"`}, {`reduce([5, 2, 3], #acc - # * #index)`, `-3`}, {`reduce([1, 2], any([3], # == 3) ? #acc + # : 0)`, `3`},
		{`map([1, 2], reduce([10, 20], #acc + #, #))`, `[31,32]`}, {`duration("1h30m")`, `5400000`}, {`duration("1.5ms")`, `1.5`}, {`time - date("2025-12-31") == duration("24h")`, `true`},
		{`hour(date("2026-07-01T10:00:00Z"), "Europe/Zurich")`, `12`}, {`date("2026-01-01T00:00:00+01:00")`, `1767222000000`}, {`date("01.01.2026 01:00", "02.01.2006 15:04", "Europe/Zurich") == time`, `true`},
		{`date("Thu, 01 Jan 2026 00:00:00 CET") == time`, `true`}, {`toPairs(unmapped.o)`, `[["k","v"],["n",1]]`}, {`fromPairs([["a", 1], [2, "b"], [nil, 3]])`, `{"2":"b","a":1}`}, {`repeat("ab", 2)`, `"abab"`},
		{`split("a,b,c", ",", 2)`, `["a","b,c"]`}, {`splitAfter("a,b", ",")`, `["a,","b"]`}, {`replace("aaa", "a", "b", 2)`, `"bba"`}, {`trimPrefix(" a ")`, `"a "`}, {`trimSuffix(" a ")`, `" a"`},
		{`join(["", "a", ""], "-")`, `"-a-"`}, {`sort([1, 3, 2], "desc")`, `[3,2,1]`}, {`bitshl(1, 4)`, `16`}, {`bitushr(-1, 60)`, `15`}, {`bitnand(7, 2)`, `5`}, {`max(unmapped.empty, [2, [7]], 3)`, `7`},
		{`1 < len(unmapped.list) < 3`, `true`}, {`bitand(abs(-6), 3)`, `2`}, {`uniq([[1], [1.0], {"a": 2}, {"a": 2.0}])`, `[[1],{"a":2}]`}, {`uniq([18446744073709551615.0, 1e300, 1e300])`, `[18446744073709552000,1e+300]`},
		{`any(resources, any(unmapped.list, # == "a"))`, `true`}, {`let u = unmapped.o; u.k + "!"`, `"v!"`}, {`unmapped.s | upper()`, `"TEXT"`},
		{`let n = 1; map([1, 2], let m = # + n; m * 2)`, `[4,6]`}, {`count`, `3`}, {`string(5)`, `"5"`},
	})
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	l := language(t)
	for _, r := range []struct {
		source string
		want   string // offset: message; several separated by |
	}{
		{`api.servce.name == "x" and stat_id == 1`, `4: unknown field api.servce, did you mean "service"?|27: unknown name stat_id, did you mean "status_id"?`},
		{`api.service.name == 1`, `17: invalid operation: == (mismatched types string and int)`},
		{`status_id`, `0: a condition must be a boolean, this is an integer`},
		{`"x"`, `0: a condition must be a boolean, this is a string`},
		{`nil`, `0: a condition must be a boolean, this is nil`},
		{`any(resources, .uidd == "x")`, `16: unknown field uidd, did you mean "uid"?`},
		{`message matches "("`, "16: error parsing regexp: missing closing ): `(`"},
		{`message matches "(?<=a)b"`, "16: error parsing regexp: invalid named capture: `(?<=a)b`"},
		{`status_id > "1"`, `10: invalid operation: > (mismatched types int and string)`},
		{`"x" in status_id`, `4: invalid operation: in (mismatched types string and int)`},
		{`status_id in ["1"]`, `10: cannot use int as type string in array`},
		{`lowr(message) == "x"`, `0: unknown function lowr, did you mean "lower"?`},
		{`now() > 3 and messge == "x"`, "0: now is not part of the rule language: what a rule says of an event must not depend on when it is asked; the event's own time is in the field time|" +
			`14: unknown name messge, did you mean "message"?`},
		{`cidr(src_endpoint.ip, "10.0.0.0/33")`, `22: cidr: "10.0.0.0/33" is no network such as 10.0.0.0/8`},
		{`cidr(src_endpoint.ip)`, `0: cidr: at least 2 arguments expected, 1 given`},
		{`lower(status_id) == "x"`, `0: lower: argument 1 must be a string, not an integer`},
		{`hour(time, "Mars/Olympus") > 1`, `11: hour: "Mars/Olympus" is no time zone such as Europe/Zurich`},
		{`$env["a"] == 1`, `0: $env is not part of the rule language; name the field`},
		{`timezone("UTC") == 1`, `0: timezone is not part of the rule language: name the zone in hour(time, zone), weekday(time, zone) or date(text, layout, zone)`},
		{`any([1], #acc == 1)`, `9: unknown pointer #acc`},
		{`any([1], #foo == 1)`, `9: #foo is not part of the rule language`},
		{`sortBy(resources, .uidd) == nil`, `19: unknown field uidd, did you mean "uid"?`},
		{`sortBy(resources, .uid, "up") == nil`, `24: sortBy: the order is "asc" or "desc", not "up"`},
		{`sort([1], "up") == nil`, `10: sort: the order is "asc" or "desc", not "up"`},
		{`duration("1 hour") > 1`, `9: duration: "1 hour" is no duration such as 90s or 1h30m`},
		{`time > date("yesterday")`, `12: date: "yesterday" is no date such as 2026-03-01 or 2026-03-01T12:00:00Z`},
		{`time > date("01.02.2026", "02.01.2006", "Mars")`, `40: date: "Mars" is no time zone such as Europe/Zurich`},
		{`max(message) == 1`, `0: max: argument 1 must be a number or list, not a string`},
		{`true; false`, `0: one expression is expected, not several`},
		{`message == `, `10: unexpected token EOF`},
		{`lower == "x"`, `0: lower is a function; it must be called`},
		{`message.foo() == 1`, `8: only functions can be called`},
		{strings.Repeat(" ", 257<<10), `0: the expression is longer than 262144 bytes`},
		{``, `0: unexpected token EOF`},
	} {
		p, problems := l.Compile(r.source, nil, predicate.WantBool)
		var got []string
		for _, e := range problems {
			got = append(got, strings.TrimSpace(strings.Join([]string{itoa(e.Offset), e.Message}, ": ")))
		}
		if p != nil || strings.Join(got, "|") != r.want {
			t.Errorf("%.60s\n  gives %s\n  want  %s", r.source, strings.Join(got, "|"), r.want)
		}
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

func TestClassNarrowsWhatCanBeNamed(t *testing.T) {
	t.Parallel()
	l := language(t)
	const source = `query.hostname == "x"`
	if _, problems := l.Compile(source, []string{"dns_activity"}, predicate.WantBool); len(problems) > 0 {
		t.Errorf("dns_activity: %v", problems[0])
	}
	_, problems := l.Compile(source, []string{"api_activity"}, predicate.WantBool)
	if len(problems) != 1 || problems[0].Message != "unknown name query in this class; it belongs to dns_activity" {
		t.Errorf("api_activity has no query: %v", problems)
	}
	if _, problems := l.Compile(source, []string{"authentication", "dns_activity"}, predicate.WantBool); len(problems) > 0 {
		t.Errorf("one of two classes has it: %v", problems[0])
	}
	if _, problems := l.Compile(source, []string{"nonsense"}, predicate.WantBool); len(problems) != 1 {
		t.Errorf("unknown class: %v", problems)
	}
}

func TestRecursiveObjectsAreTyped(t *testing.T) {
	t.Parallel()
	l := language(t)
	_, problems := l.Compile(`process.parent_process.parent_process.parent_process.nme == "x"`, nil, predicate.WantBool)
	if len(problems) != 1 || !strings.Contains(problems[0].Message, `did you mean "name"?`) {
		t.Errorf("got %v", problems)
	}
}

func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	l := language(t)
	many := `["x"` + strings.Repeat(`,"x"`, 99_999) + `]`
	env, err := predicate.Decode([]byte(`{"time": 1, "unmapped": {"a": ` + many + `, "b": "` + strings.Repeat("y", 500_000) + `"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{
		`any(unmapped.a, any(unmapped.a, # == "z"))`,
		`any(unmapped.a, "z" in unmapped.a)`,
		`any(unmapped.a, unmapped.b contains "z" + #)`,
		`any(unmapped.a, unmapped.b matches "z$")`,
		`len(map(unmapped.a, unmapped.b + #)) > 1`,
		`any(unmapped.a, unmapped.a != concat(unmapped.a, []))`,
		`any(unmapped.a, lower(unmapped.b) == #)`,
		`any(unmapped.a, unmapped.b[1:] == #)`,
		`all(unmapped.a, len(map(unmapped.a, [#, #, #])) > 0)`,
		// values that are small to make and large to look at
		`len(string(reduce(1..40, [#acc, #acc], 1))) > 1`,
		`reduce(1..40, [#acc, #acc], 1) == reduce(1..40, [#acc, #acc], 1)`,
		`len(flatten(reduce(1..40, [#acc, #acc], 1))) > 1`,
		`reduce(unmapped.a, [#acc], 1) == reduce(unmapped.a, [#acc], 1)`,
		`len(toJSON(reduce(unmapped.a, [#acc], 1))) > 1`,
		`len(uniq(map(unmapped.a, unmapped.b))) > 1`,
		`len(sortBy(unmapped.a, unmapped.b)) > 1`,
		`any(unmapped.a, groupBy(unmapped.a, #) == nil)`,
		`any(unmapped.a, unmapped.b < unmapped.b)`,
		`any(unmapped.a, unmapped.b matches "y{900}y{900}y{900}z")`,
		`any(unmapped.a, "y" matches "x{900}x{900}x{900}x{900}" + #)`,
		`any(unmapped.a, glob(unmapped.b, unmapped.b))`,
		`any(unmapped.a, hour(time, #) == 1)`,
		`any(unmapped.a, trim(unmapped.b, unmapped.b) == #)`,
	} {
		if _, err := compile(t, l, source).Test(env); !errors.Is(err, predicate.ErrBudget) {
			t.Errorf("%s: %v, want the budget to end it", source, err)
		}
	}
	if _, err := compile(t, l, `any(unmapped.a, # == "z")`).Test(env); err != nil {
		t.Errorf("one pass over the largest list must be possible: %v", err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	env, err := predicate.Decode([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := compile(t, language(t), `status_id == 2 and message == "x" or api.operation in ["CreateBucket"]`).Explain(env)
	if err != nil {
		t.Fatal(err)
	}
	want := []predicate.Part{
		{Offset: 0, Text: "status_id", Value: int64(1)},
		{Offset: 0, Text: "status_id == 2", Value: false},
		{Offset: 19, Text: "message", Value: "hello"},
		{Offset: 19, Text: `message == "x"`, Value: false},
		{Offset: 37, Text: "api.operation", Value: "CreateBucket"},
		{Offset: 37, Text: `api.operation in ["CreateBucket"]`, Value: true},
	}
	if diff := cmp.Diff(want, parts); diff != "" {
		t.Error(diff)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{``, `[]`, `null`, `{`, `{} {}`, `{"a": 1} x`, `"x"`} {
		if _, err := predicate.Decode([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	got, err := predicate.Decode([]byte(`{"i": -9223372036854775808, "u": 9223372036854775808, "f": 1.0, "e": 1e3, "x": 1e999, "l": [{"n": 1}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"i": int64(-9223372036854775808), "u": uint64(9223372036854775808), "f": 1.0, "e": 1000.0, "x": "1e999",
		"l": []any{map[string]any{"n": int64(1)}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
