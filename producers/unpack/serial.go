package unpack

import (
	"bytes"
	"strconv"
	"time"
)

// Limits of what Serials holds. An event of which more is expected is let go when one of them is reached.
const (
	heldItems   = 512     // records, of which at most heldEvents are audit events that are not complete
	heldEvents  = 64      //
	heldBytes   = 4 << 20 // of all of them
	heldLines   = 256     // audit lines since the last of the event
	heldSeconds = 2       // of the log's own time since the event: auditd's own bound
	recentDone  = 64      // events that were complete: what is said of their end is no event
)

// Serials joins the lines of the Linux audit system: those of one serial, which may lie among those of others, are one record, its lines in
// their order with a line feed between them. An event is complete with its EOE record, or with the PROCTITLE after its SYSCALL, and at once
// where its type always stands alone; else when enough lines or time have gone by. Any other record goes through as it is. Items come out in
// the order in which they began, with numbers from 1. What it holds is bounded. It is not safe for concurrent use.
type Serials struct {
	yield  func(Item) error
	max    int // bytes of a record
	number int

	queue []held
	open  int // events of the queue that are not complete
	bytes int
	lines int   // audit lines seen
	quiet int64 // where reading can go on while something is held
	last  int64 // and where once nothing is

	done [recentDone]serialKey
	next int
}

type serialKey struct{ node, stamp string }

type held struct {
	Item
	key      serialKey // zero for what is no audit line
	seconds  int64
	line     int  // number of its last line
	call     bool // it has its SYSCALL
	complete bool
	full     bool
}

// NewSerials joins into records of at most maxRecord bytes; an event that is larger becomes several. from is the offset at which reading
// begins, for Item.Resume.
func NewSerials(maxRecord int, from int64, yield func(Item) error) *Serials {
	return &Serials{yield: yield, max: maxRecord, quiet: from, last: from}
}

// Held tells whether something waits for more lines.
func (s *Serials) Held() bool { return len(s.queue) > 0 }

// Add takes the next item, whose number does not matter, and yields what is complete. The error is that of yield.
func (s *Serials) Add(it Item) error {
	var line auditHead
	if it.Err == nil {
		line = readAuditHead(it.Record.Data)
	}
	if !line.ok {
		if len(s.queue) == 0 {
			s.number++
			it.Number = s.number
			s.last = it.Resume
			return s.yield(it)
		}
		return s.push(held{Item: it, complete: true})
	}
	s.lines++
	s.expire(line.seconds)
	key := serialKey{string(line.node), string(line.stamp)}
	for i := len(s.queue) - 1; i >= 0; i-- {
		if h := &s.queue[i]; h.key == key && !h.full {
			return s.join(h, it, line)
		}
	}
	if line.eoe() {
		for _, d := range s.done {
			if d == key { // it says nothing but that an event is over which we have passed on
				s.last = it.Resume
				return s.drain()
			}
		}
	}
	return s.push(held{Item: it, key: key, seconds: line.seconds, line: s.lines, call: line.call(), complete: line.alone() || line.eoe()})
}

func (s *Serials) push(h held) error {
	s.number++
	h.Number = s.number
	if len(s.queue) == 0 {
		s.quiet = s.last
	}
	s.last = h.Resume
	s.bytes += len(h.Record.Data)
	if !h.complete {
		s.open++
	}
	s.queue = append(s.queue, h)
	return s.drain()
}

// join puts a line to the event that it belongs to.
func (s *Serials) join(h *held, it Item, line auditHead) error {
	if len(h.Record.Data)+1+len(it.Record.Data) > s.max {
		h.full = true
		s.complete(h)
		return s.push(held{Item: it, key: h.key, seconds: line.seconds, line: s.lines, call: h.call})
	}
	s.last = it.Resume
	s.bytes += 1 + len(it.Record.Data)
	h.Record.Data = append(append(h.Record.Data, '\n'), it.Record.Data...)
	h.line = s.lines
	if line.eoe() || h.call && line.title() {
		s.complete(h)
	}
	h.call = h.call || line.call()
	return s.drain()
}

func (s *Serials) complete(h *held) {
	if !h.complete {
		h.complete = true
		s.open--
	}
}

// expire lets events go that are too old, by lines or by time, to get more.
func (s *Serials) expire(now int64) {
	for i := range s.queue {
		h := &s.queue[i]
		if !h.complete && (s.lines-h.line > heldLines || now-h.seconds > heldSeconds) {
			s.complete(h)
		}
	}
}

// drain yields from the front what is complete, or too much.
func (s *Serials) drain() error {
	for len(s.queue) > 0 && (s.queue[0].complete || s.open > heldEvents || len(s.queue) > heldItems || s.bytes > heldBytes) {
		if err := s.pop(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Serials) pop() error {
	h := s.queue[0]
	s.complete(&h)
	s.queue[0] = held{}
	s.queue = s.queue[1:]
	s.bytes -= len(h.Record.Data)
	if h.key != (serialKey{}) {
		s.done[s.next] = h.key
		s.next = (s.next + 1) % recentDone
	}
	h.Resume = s.quiet
	if len(s.queue) == 0 {
		h.Resume = s.last
		s.queue = nil
	}
	return s.yield(h.Item)
}

// Flush yields everything that is held: nothing more comes, or not for long.
func (s *Serials) Flush() error {
	for len(s.queue) > 0 {
		if err := s.pop(); err != nil {
			return err
		}
	}
	return nil
}

// auditHead is the beginning of an audit line.
type auditHead struct {
	node, kind, stamp []byte
	seconds           int64
	ok                bool
}

// readAuditHead reads [node=NAME] type=TYPE [msg=]audit(SECONDS.MILLIS:SERIAL), which may stand behind a header of syslog.
func readAuditHead(line []byte) (h auditHead) {
	if len(line) == 0 || line[0] == '{' {
		return h
	}
	head := line[:min(len(line), 512)]
	before, rest, ok := bytes.Cut(head, []byte("audit("))
	if !ok {
		return h
	}
	t := bytes.LastIndex(before, []byte("type="))
	if t < 0 || t > 0 && before[t-1] != ' ' {
		return h
	}
	kind, between, ok := bytes.Cut(before[t+len("type="):], []byte(" "))
	if !ok || len(between) > 0 && string(between) != "msg=" {
		return h
	}
	stamp, _, ok := bytes.Cut(rest, []byte(")"))
	if !ok || len(stamp) > 64 || bytes.IndexByte(stamp, ':') < 0 {
		return h
	}
	n, ok := auditSeconds(stamp)
	if !ok {
		return h
	}
	if j := bytes.Index(before[:t], []byte("node=")); j >= 0 {
		h.node = bytes.TrimRight(before[j+len("node="):t], " ")
	}
	h.kind, h.stamp, h.seconds, h.ok = kind, stamp, n, true
	return h
}

// auditSeconds is the time of a stamp. As ausearch -i writes it, in a zone and an order that are not told, only its distance from others counts.
func auditSeconds(stamp []byte) (n int64, ok bool) {
	text, _, _ := bytes.Cut(stamp, []byte("."))
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, n >= 0
	}
	day, clock, ok := bytes.Cut(text, []byte(" "))
	if !ok || len(bytes.Trim(day, "0123456789/.-")) > 0 || len(day) < 6 || len(day) > 10 {
		return 0, false
	}
	t, err := time.Parse(time.TimeOnly, string(clock))
	if err != nil {
		return 0, false
	}
	for _, c := range day { // another day is another number
		n = n*16 + int64(c&15)
	}
	return n<<17 + int64(t.Hour())*3600 + int64(t.Minute())*60 + int64(t.Second()), true
}

func (h auditHead) is(name, number string) bool {
	return string(h.kind) == name || string(h.kind) == number
}
func (h auditHead) eoe() bool   { return h.is("EOE", "1320") }
func (h auditHead) call() bool  { return h.is("SYSCALL", "1300") }
func (h auditHead) title() bool { return h.is("PROCTITLE", "1327") }

// alone tells whether records of this type have no others beside them: programs and the daemon write them, not the kernel.
func (h auditHead) alone() bool {
	if n, err := strconv.Atoi(string(h.kind)); err == nil {
		return n >= 1100 && n < 1300 || n >= 2000
	}
	for _, p := range [...]string{
		"USER_", "CRED_", "ADD_", "DEL_", "GRP_", "ACCT_", "SERVICE_", "SYSTEM_", "DAEMON_", "CRYPTO_", "VIRT_", "ROLE_", "RESP_", "SOFTWARE_",
		"CHGRP_ID", "CHUSER_ID", "ANOM_LOGIN", "LABEL_", "DEV_", "USYS_", "TRUSTED_APP", "DAC_CHECK",
	} {
		if bytes.HasPrefix(h.kind, []byte(p)) {
			return true
		}
	}
	return false
}
