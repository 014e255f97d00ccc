package router

import "time"

// steadySlack is how far the clock on the wall may run ahead of the time that passes.
const steadySlack = time.Minute

// steady is the clock of what waits for its lateness. A clock on the wall that is put forward, by mistake or because the machine was asleep, would
// decide at once what waits, and refuse what comes as too late: it is followed only when Kafka's clock has gone on as well.
type steady struct {
	last time.Time // what the wall said last
	at   time.Time // what this clock said last
}

// next is the time now. elapsed is how much has passed since the last call, by a clock that nobody sets; appended, the time of the latest message
// that Kafka has taken, as far as is known.
func (s *steady) next(wall time.Time, elapsed time.Duration, appended time.Time) time.Time {
	at := s.at.Add(max(0, elapsed))
	if s.at.IsZero() || !wall.After(at.Add(steadySlack)) || !appended.Before(wall.Add(-steadySlack)) {
		at = wall
	}
	s.last, s.at = wall, at
	return at
}

// now is next by the clock on the wall; where it is one of Go's, its differences are those of a clock that nobody sets.
func (s *steady) now(wall, appended time.Time) time.Time {
	return s.next(wall, wall.Sub(s.last), appended)
}
