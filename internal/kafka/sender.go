package kafka

import "context"

const (
	// bundleBytes is where a request has enough.
	bundleBytes = 1 << 20
	// worthwhile is what has to wait for another request to leave while one is on its way. What is less waits for its answer, with what comes meanwhile: a request
	// costs a broker more than some messages do.
	worthwhile = 64 << 10
	// mostFlights bounds the requests to one broker at a time.
	mostFlights = 6
)

// A sender writes to one broker, and takes what waits for all its partitions in one request. Its writer's lock guards it.
type sender struct {
	lanes   []*lane // that wait, the longest first
	flights int
}

// worth tells whether what waits is worth a request of its own.
func (s *sender) worth() bool {
	bytes := 0
	for _, l := range s.lanes {
		bytes += l.bytes
	}
	return bytes >= worthwhile
}

// A load is what one request has on board.
type load []cargo

type cargo struct {
	*lane

	batch []item
}

// put has items wait in a lane. w.mu is held.
func (w *Writer) put(l *lane, items []item) {
	l.queue = append(l.queue, items...)
	for _, it := range items {
		l.bytes += it.size
	}
	if l.state == idle {
		l.state = waiting
		l.sender.lanes = append(l.sender.lanes, l)
	}
}

// dispatch has requests leave, as many as are worth it. w.mu is held.
func (w *Writer) dispatch(s *sender) {
	for !w.closed && s.flights < mostFlights && (s.flights == 0 || s.worth()) {
		b := s.load()
		if len(b) == 0 {
			return
		}
		s.flights++
		w.start(func(ctx context.Context) { w.fly(ctx, s, b) })
	}
}

// load takes the next batch of each lane that waits, until there is enough for a request.
func (s *sender) load() (b load) {
	n, bytes := 0, 0
	for _, l := range s.lanes {
		if bytes >= bundleBytes {
			break
		}
		n++
		batch, size := l.take()
		if len(batch) == 0 {
			l.state = idle // nobody waits for them any more
			continue
		}
		bytes += size
		l.state = busy
		b = append(b, cargo{l, batch})
	}
	if s.lanes = s.lanes[n:]; len(s.lanes) == 0 {
		s.lanes = nil
	}
	return b
}

// fly writes a load. A batch that is not taken goes its own way from there on, while the others go on.
func (w *Writer) fly(ctx context.Context, s *sender, b load) {
	parcels := make([]parcel, len(b))
	for i, c := range b {
		parcels[i] = parcel{c.tp, c.batch}
	}
	errs := w.c.produce(ctx, parcels...)
	for i, c := range b {
		if errs[i] == nil {
			w.c.health.ok(c.who)
			for _, it := range c.batch {
				it.settle(nil)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s.flights--
	for i, c := range b {
		if errs[i] == nil {
			w.landed(c.lane)
			continue
		}
		if !rejects(errs[i]) {
			w.c.refresh()
		}
		w.start(func(ctx context.Context) {
			c.write(ctx, c.batch)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.landed(c.lane)
			w.dispatch(c.sender)
		})
	}
	w.dispatch(s)
	for _, c := range b {
		w.dispatch(c.sender) // which is another, where its leader is another by now
	}
}

// landed has a lane go on with what has come to wait in it. w.mu is held.
func (w *Writer) landed(l *lane) {
	if l.state = idle; len(l.queue) == 0 {
		return
	}
	l.state = waiting
	l.sender.lanes = append(l.sender.lanes, l)
}
