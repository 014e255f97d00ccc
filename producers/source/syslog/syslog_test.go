package syslog

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

const (
	one = "<13>Nov 21 10:20:23 host user: one"
	two = "<13>1 2026-11-21T10:20:23Z host user - - - two"
)

func TestStreams(t *testing.T) {
	counted := func(s string) string { return fmt.Sprintf("%d %s", len(s), s) }
	for name, c := range map[string]struct {
		yaml  string
		parts []string
		want  []string
	}{
		"lines":             {"", []string{one + "\n" + two + "\r\n\n" + one + "\n"}, []string{one, two, one}},
		"lines in pieces":   {"", []string{one[:1], one[1:9], one[9:] + "\n" + two[:5], two[5:]}, []string{one, two}},
		"last without end":  {"", []string{one}, []string{one}},
		"octets":            {"", []string{counted(one) + counted(two) + counted(one)}, []string{one, two, one}},
		"octets, line feed": {"", []string{counted(one+"\n") + "\n" + counted(two)}, []string{one, two}},
		"octets in pieces":  {"", []string{counted(one)[:1], counted(one)[1:4], counted(one)[4:] + counted(two)[:2], counted(two)[2:]}, []string{one, two}},
		"with line feed in": {"", []string{counted("a\nb") + counted(two)}, []string{"a\nb", two}},
		"a line of digits":  {"", []string{"2026-11-21T10:20:23Z host p: m\n1700000000.5 host p: m\n"}, []string{"2026-11-21T10:20:23Z host p: m", "1700000000.5 host p: m"}},
		"set to lines":      {"framing: lines\n", []string{"12 monkeys\n"}, []string{"12 monkeys"}},
		"set to octets":     {"framing: octets\n", []string{"3 abc"}, []string{"abc"}},
		"not UTF-8":         {"", []string{"<13>p: \xff\x00\xfe\n"}, []string{"<13>p: \xff\x00\xfe"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pipeline{}
			r := run(t, c.yaml, p)
			conn := dial(t, r.at)
			send(t, conn, c.parts...)
			_ = conn.Close()
			records := p.eventually(t, c.want...)
			seen := map[string]bool{}
			for _, rec := range records {
				if seen[rec.Origin+rec.Position] || !strings.HasPrefix(rec.Origin, "syslog:sys:") || rec.Attrs[producers.AttrPeer] != conn.LocalAddr().String() ||
					time.Since(rec.Received) > time.Minute || rec.Attrs[producers.AttrProblem] != "" {
					t.Errorf("%+v", rec)
				}
				seen[rec.Origin+rec.Position] = true
			}
			if err := r.stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConnectionsDiffer(t *testing.T) {
	t.Parallel()
	p := &pipeline{}
	r := run(t, "", p)
	for range 2 {
		c := dial(t, r.at)
		send(t, c, one+"\n")
		_ = c.Close()
	}
	records := p.eventually(t, one, one)
	if records[0].Origin == records[1].Origin {
		t.Error(records[0].Origin)
	}
}

func TestBadFrames(t *testing.T) {
	big := strings.Repeat("x", 200_000)
	for name, c := range map[string]struct {
		sent    string
		data    []string // their beginnings
		problem []string
	}{
		"oversized line":     {big + "\n" + one + "\n", []string{"xxx", one}, []string{"200000 bytes: larger", ""}},
		"oversized octets":   {"200000 " + big + fmt.Sprintf("%d %s", len(one), one), []string{"xxx", one}, []string{"200000 bytes: larger", ""}},
		"cut octets":         {"100 " + one, []string{one}, []string{"the connection ended in the middle"}},
		"no length":          {"3 abc<13>x: y\nmore", []string{"abc", "<13>x: y\nmore"}, []string{"", "no length"}},
		"a length too large": {"3 abc9999999999 x", []string{"abc", "9999999999 x"}, []string{"", "no length"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &pipeline{}
			r := run(t, "max_record: 2048\n", p)
			conn := dial(t, r.at)
			send(t, conn, c.sent)
			_ = conn.(*net.TCPConn).CloseWrite()
			await.Until(t, "all records are there", func() bool { return len(p.data()) >= len(c.data) })
			_ = r.stop()
			if len(p.records) != len(c.data) {
				t.Fatalf("%d records", len(p.records))
			}
			for i, rec := range p.records {
				why := rec.Attrs[producers.AttrProblem]
				if !strings.HasPrefix(string(rec.Data), c.data[i]) || !strings.HasPrefix(why, c.problem[i]) || (why == "") != (c.problem[i] == "") {
					t.Errorf("%.40q: %q", rec.Data, why)
				}
				if strings.Contains(why, "larger") && (len(rec.Data) != producers.DeadLetterBytes || rec.Attrs[producers.AttrLength] != "200000" || len(rec.Attrs[producers.AttrSHA256]) != 64) {
					t.Errorf("%d bytes, %v", len(rec.Data), rec.Attrs)
				}
			}
		})
	}
}

func TestUDP(t *testing.T) {
	t.Parallel()
	p := &pipeline{}
	r := run(t, "protocol: udp\nmax_record: 2048\n", p)
	c := dial(t, r.at)
	send(t, c, one, one+"\n", "\n", two+"\x00", strings.Repeat("y", 3000))
	records := p.eventually(t, one, one, two, strings.Repeat("y", 3000))
	if a := records[3].Attrs; a[producers.AttrProblem] == "" || a[producers.AttrLength] != "3000" {
		t.Error(a)
	}
	if records[0].Position == records[1].Position || records[0].Attrs[producers.AttrPeer] != c.LocalAddr().String() {
		t.Error(records[0], records[1])
	}
	if err := r.stop(); err != nil {
		t.Error(err)
	}
}

// TestUDPDropsAreCounted: while Kafka takes nothing, what does not fit is dropped, and every datagram is accounted for.
func TestUDPDropsAreCounted(t *testing.T) {
	t.Parallel()
	p := &pipeline{hold: make(chan struct{})}
	s, logs := newSource(t, "listen: 127.0.0.1:0\nprotocol: udp\n")
	s.queue = make(chan producers.Record, 10)
	r := start(t, s, logs, p)
	c := dial(t, r.at)
	const sent = 200
	for i := range sent {
		send(t, c, fmt.Sprintf("<13>p: %d", i))
	}
	await.Until(t, "records are dropped", func() bool { return s.dropped.Load() >= sent-40 })
	close(p.hold)
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	dropped := 0 // as the log says, in one line or several
	for _, m := range regexp.MustCompile(`"datagrams":(\d+)`).FindAllStringSubmatch(logs.String(), -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		dropped += n
	}
	if got := len(p.data()); got+dropped != sent || dropped == 0 {
		t.Errorf("%d published, %d dropped of %d; %s", got, dropped, sent, logs)
	}
}

// TestTCPWaits: while Kafka takes nothing a sender comes to a stop, and nothing of what it sent is lost.
func TestTCPWaits(t *testing.T) {
	t.Parallel()
	p := &pipeline{hold: make(chan struct{})}
	s, logs := newSource(t, "listen: 127.0.0.1:0\n")
	s.queue = make(chan producers.Record, 10)
	r := start(t, s, logs, p)
	c := dial(t, r.at)
	line := strings.Repeat("z", 60_000)
	sent := 0
	for sent < 2000 {
		_ = c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := fmt.Fprintf(c, "%06d%s\n", sent, line)
		if err != nil {
			if n > 0 { // the rest of a line that was begun
				close(p.hold)
				_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
				if _, err := fmt.Fprint(c, fmt.Sprintf("%06d%s\n", sent, line)[n:]); err != nil {
					t.Fatal(err)
				}
				sent++
			}
			break
		}
		sent++
	}
	if sent == 2000 {
		t.Fatal("the sender was never made to wait")
	}
	select {
	case <-p.hold:
	default:
		close(p.hold)
	}
	_ = c.Close()
	await.Until(t, "all records are there", func() bool { return len(p.data()) >= sent })
	got := p.data()
	if len(got) != sent {
		t.Fatalf("%d of %d", len(got), sent)
	}
	for i, d := range got {
		if !strings.HasPrefix(d, fmt.Sprintf("%06d", i)) {
			t.Fatalf("%d: %.10s", i, d)
		}
	}
	_ = r.stop()
}

// TestStop: what has arrived when ctx ends is published, and what is half there is told.
func TestStop(t *testing.T) {
	t.Parallel()
	p := &pipeline{}
	r := run(t, "", p)
	c := dial(t, r.at)
	send(t, c, one+"\n"+two[:10])
	p.eventually(t, one)
	send(t, c, two[10:]+"\nhalf")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff([]string{one, two, "half"}, p.data()); d != "" {
		t.Error(d)
	}
	if p.records[2].Attrs[producers.AttrProblem] == "" {
		t.Error(p.records[2])
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.at.String()); err == nil {
		t.Error("it still listens")
	}
}

// TestFailure: when emit fails Run says so, and what was queued is published by the next run.
func TestFailure(t *testing.T) {
	t.Parallel()
	broken := errors.New("kafka is on fire")
	p := &pipeline{err: broken}
	s, logs := newSource(t, "listen: 127.0.0.1:0\n")
	at := make(chan net.Addr, 1)
	s.bound = func(a net.Addr) { at <- a }
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context(), p.emit) }()
	c := dial(t, <-at)
	send(t, c, one+"\n")
	select {
	case err := <-ended:
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	case <-time.After(await.Long):
		t.Fatal("Run goes on")
	}
	p.mu.Lock()
	p.err = nil
	p.mu.Unlock()
	r := start(t, s, logs, p)
	p.eventually(t, one)
	_ = r.stop()
}

// TestAudit: lines of one audit event are one record, also if the last one never comes.
func TestAudit(t *testing.T) {
	t.Parallel()
	a, b := "type=SYSCALL msg=audit(1772366400.123:881): syscall=59", "type=CWD msg=audit(1772366400.123:881): cwd=\"/\""
	for _, protocol := range []string{"tcp", "udp"} {
		p := &pipeline{}
		r := run(t, "protocol: "+protocol+"\n", p)
		c := dial(t, r.at)
		send(t, c, "<13>host "+a+"\n", "<13>host "+b+"\n")
		p.eventually(t, "<13>host "+a+"\n<13>host "+b)
		_ = r.stop()
	}
}

func TestAllow(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"tcp", "udp"} {
		p := &pipeline{}
		r := run(t, "allow: [192.0.2.0/24]\nprotocol: "+protocol+"\n", p)
		c := dial(t, r.at)
		_, _ = c.Write([]byte(one + "\n"))
		await.Until(t, "the sender is refused", func() bool { return r.refused.Load() > 0 })
		_ = r.stop()
		if len(p.data()) != 0 || !strings.Contains(r.logs.String(), `"senders":1`) {
			t.Error(p.data(), r.logs)
		}
	}
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	p := &pipeline{}
	r := run(t, "max_connections: 1\n", p)
	first := dial(t, r.at)
	send(t, first, one+"\n")
	p.eventually(t, one)
	second := dial(t, r.at)
	_ = second.SetReadDeadline(time.Now().Add(await.Long))
	if _, err := second.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	send(t, first, two+"\n")
	p.eventually(t, one, two)
}

func TestIdle(t *testing.T) {
	t.Parallel()
	p := &pipeline{}
	r := run(t, "idle_timeout: 1s\n", p)
	c := dial(t, r.at)
	send(t, c, one+"\n")
	_ = c.SetReadDeadline(time.Now().Add(await.Long))
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	for _, yaml := range []string{
		"listen: nowhere", "listen: 0.0.0.0:514", "listen: ':514'", "protocol: http", "framing: none", "protocol: tls", "tls_cert: a\ntls_key: b",
		"protocol: tls\ntls_cert: a", "tls_client_ca: a", "allow: [a]", "allow: [10.0.0.0/33]", "max_record: 1", "max_connections: 0", "idle_timeout: 1ms", "no: such",
	} {
		n, err := config.Parse("test", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{}); err == nil {
			t.Errorf("%q is accepted", yaml)
		}
	}
	for _, yaml := range []string{"", "listen: 0.0.0.0:514\nopen: true", "listen: 0.0.0.0:514\nallow: [10.0.0.0/8, 192.0.2.1]", "listen: localhost:514", "listen: '[::1]:514'"} {
		n, err := config.Parse("test", []byte(yaml))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{}); err != nil {
			t.Error(err)
		}
	}
}

// FuzzFramer: however a stream is cut into pieces, the same messages come out.
func FuzzFramer(f *testing.F) {
	f.Add([]byte("3 abc4 defg\n5 x"), uint8(2))
	f.Add([]byte("<13>a\nb\r\n\n2026-1 c"), uint8(3))
	f.Add([]byte("99999 x"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		all := func(step int) (out []string) {
			fr := &framer{max: 16, emit: func(m frame) error {
				out = append(out, fmt.Sprintf("%q %d %s %s", m.data, m.length, m.sum, m.reason))
				return nil
			}}
			for p := in; len(p) > 0; p = p[min(step, len(p)):] {
				if err := fr.feed(p[:min(step, len(p))]); err != nil {
					return out[:len(out)-1] // how much of the rest is told depends on the pieces
				}
			}
			if err := fr.end(false); err != nil {
				t.Fatal(err)
			}
			return out
		}
		if d := cmp.Diff(all(len(in)+1), all(int(step)+1)); d != "" {
			t.Error(d)
		}
	})
}
