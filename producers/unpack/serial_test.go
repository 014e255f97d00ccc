package unpack

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/producers"
)

func audit(kind string, serial int, more string) string {
	return fmt.Sprintf("type=%s msg=audit(17723664%02d.123:%d): %s\n", kind, serial/10%100, serial, more)
}

func TestSerials(t *testing.T) {
	in := audit("SYSCALL", 10, "a=1") + audit("SYSCALL", 11, "b=1") + audit("USER_AUTH", 12, "c=1") + audit("CWD", 10, "a=2") + "plain\n" +
		audit("PROCTITLE", 11, "b=2") + audit("PATH", 10, "a=3") + audit("PROCTITLE", 10, "a=4") + audit("EOE", 10, "") + audit("EOE", 99, "") +
		"node=h " + audit("AVC", 13, "d=1") + "node=i " + audit("AVC", 13, "e=1") + "node=h " + audit("SYSCALL", 13, "d=2")
	want := []string{"a=1 a=2 a=3 a=4", "b=1 b=2", "c=1", "plain", "", "d=1 d=2", "e=1"}
	got := items(t, strings.NewReader(in), Options{})
	if len(got) != len(want) {
		t.Fatalf("%d items:\n%s", len(got), show(got))
	}
	for i, it := range got {
		var words []string
		for line := range strings.Lines(string(it.Record.Data)) {
			if _, rest, ok := strings.Cut(line, "): "); ok {
				line = rest
			}
			words = append(words, strings.TrimSpace(line))
		}
		if text := strings.Join(words, " "); text != want[i] || it.Number != i+1 {
			t.Errorf("item %d: %q, want %q", it.Number, text, want[i])
		}
		if at, err := strconv.Atoi(it.Record.Position); err != nil || !strings.HasPrefix(in[at:], string(it.Record.Data[:5])) {
			t.Errorf("item %d at %s", i, it.Record.Position)
		}
	}
}

// TestSerialsResume: from every item's Resume, all later items are found whole.
func TestSerialsResume(t *testing.T) {
	in := audit("USER_AUTH", 9, "z=1") + audit("SYSCALL", 10, "a=1") + audit("SYSCALL", 11, "b=1") + audit("PROCTITLE", 10, "a=2") +
		audit("PROCTITLE", 11, "b=2") + audit("SYSCALL", 12, "c=1") + audit("PROCTITLE", 12, "c=2")
	all := items(t, strings.NewReader(in), Options{})
	if len(all) != 4 {
		t.Fatal(show(all))
	}
	for i, it := range all {
		again := items(t, strings.NewReader(in[it.Resume:]), Options{})
		if len(again) < len(all)-i-1 {
			t.Fatalf("after item %d: %s", i+1, show(again))
		}
		tail := again[len(again)-(len(all)-i-1):]
		for j := range tail {
			if string(tail[j].Record.Data) != string(all[i+1+j].Record.Data) {
				t.Errorf("after item %d: %q", i+1, tail[j].Record.Data)
			}
		}
	}
	if all[0].Resume >= all[1].Resume && all[1].Resume == all[2].Resume {
		t.Error(show(all))
	}
}

// TestSerialsBounded: events that never end are let go, by number, by lines, by time and by size.
func TestSerialsBounded(t *testing.T) {
	var most, n int
	var s *Serials
	s = NewSerials(1<<20, 0, func(Item) error {
		n++
		most = max(most, s.open, len(s.queue)-heldItems)
		return nil
	})
	for i := range 5000 {
		line := strings.TrimSpace(fmt.Sprintf("type=SYSCALL msg=audit(1772366400.123:%d): a=1", i))
		if err := s.Add(Item{Record: producers.Record{Data: []byte(line)}}); err != nil {
			t.Fatal(err)
		}
	}
	if most > heldEvents+1 || n < 5000-heldEvents-1 {
		t.Errorf("%d held, %d came out", most, n)
	}
	if err := s.Flush(); err != nil || n != 5000 || s.Held() {
		t.Errorf("%d, %v", n, err)
	}
	long := audit("SYSCALL", 10, "a=1")
	for range 100 {
		long += audit("PATH", 10, strings.Repeat("x", 90))
	}
	got := items(t, strings.NewReader(long), Options{MaxRecord: 1000})
	total := 0
	for _, it := range got {
		total += len(it.Record.Data) + 1
		if len(it.Record.Data) > 1000 || it.Err != nil {
			t.Errorf("%d bytes, %v", len(it.Record.Data), it.Err)
		}
	}
	if total != len(long) || len(got) < 2 {
		t.Errorf("%d bytes of %d in %d records", total, len(long), len(got))
	}
	if got = items(t, strings.NewReader(audit("SYSCALL", 10, "a")+audit("SYSCALL", 60, "b")+audit("PATH", 10, "c")), Options{}); len(got) != 3 {
		t.Error("time does not part events\n" + show(got))
	}
}
