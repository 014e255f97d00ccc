package nftables

import (
	"context"
	"net/netip"
	"testing"
	"time"
)

// FuzzRead: whatever nft prints, a table is made of it or an error; what is found in it is what was asked for, and what is put in or taken out names no other table.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"nftables":[{"table":{"family":"inet","name":"riposte"}},{"chain":{"name":"input","hook":"input"}},{"set":{"name":"ip4_32","elem":[{"elem":{"val":"192.0.2.1","timeout":9,"expires":3}},"192.0.2.2",7,{"prefix":{}}]}},{"rule":{"chain":"input","expr":[{"match":{"right":"@ip4_32"}},{"drop":null}]}}]}`))
	f.Add([]byte(`{"nftables":[{"table":null},{"set":{"name":"ip6_-1","elem":null}},{"rule":{"expr":[{"match":{"right":[1]}}]}}]}`))
	f.Add([]byte("error"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := read(t.Context(), func(context.Context, []byte) ([]byte, error) { return text, nil }, "riposte")
		if err != nil {
			return
		}
		for _, p := range []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/64")} {
			if h, drops := got.find(p); drops && h.prefix != p {
				t.Errorf("%s is asked for, %s found", p, h.prefix)
			}
			for _, c := range append(got.put("riposte", p, time.Minute), got.take("riposte", p)...) {
				_, kind, object := c.parts()
				about, _ := object.(map[string]any)
				if name := about["table"]; kind == "table" && about["name"] != "riposte" || kind != "table" && name != "riposte" {
					t.Errorf("%s of %v", kind, name)
				}
			}
		}
	})
}
