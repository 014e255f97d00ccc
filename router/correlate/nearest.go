package correlate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// A Nearness says how near a group came to what a correlation looks for.
type Nearness struct {
	Group  json.RawMessage
	Events int // different ones
	// Text says what there was at best, and what is needed.
	Text string
}

// Nearest says of the groups of some contributions, which are few, how near each came, in the order in which they begin.
func (s *Spec) Nearest(contributions []Contribution) []Nearness {
	var out []Nearness
	byGroup := map[string][]Contribution{}
	seen := map[string]bool{}
	for _, c := range contributions {
		key := fmt.Sprintf("%q %s %d", c.UID, c.Group, c.Part)
		if seen[key] || !s.takes(&c) {
			continue
		}
		seen[key] = true
		if byGroup[string(c.Group)] == nil {
			out = append(out, Nearness{Group: c.Group})
		}
		byGroup[string(c.Group)] = append(byGroup[string(c.Group)], c)
	}
	for i := range out {
		cs := byGroup[string(out[i].Group)]
		out[i].Events, out[i].Text = len(cs), s.best(cs)
	}
	return out
}

// best says what there is at best in a window of a group.
func (s *Spec) best(cs []Contribution) string {
	slices.SortStableFunc(cs, func(a, b Contribution) int { return int(a.Time - b.Time) })
	within := schemas.Duration(s.Within).String()
	switch s.Type {
	case EventCount, ValueCount, ValueSum:
		if s.Max != Unbounded {
			return s.bestBounded(cs)
		}
		most := int64(0)
		for i := range cs {
			most = max(most, s.measureOf(s.window(cs, i)))
		}
		return fmt.Sprintf("%s within %s at best, %s needed", s.amount(most), within, s.number(s.Min))
	case Temporal, TemporalOrdered:
		return s.bestOf(cs)
	case NewValue:
		return fmt.Sprintf("no value that is new for %s to a group that has been known for %s", within, schemas.Duration(s.Learn))
	case Absence:
		return fmt.Sprintf("after none of them nothing came for %s before the input ended", within)
	case Travel:
		return s.bestTravel(cs)
	}
	return ""
}

// window gives those that lie in the window that ends at the last.
func (s *Spec) window(cs []Contribution, last int) []Contribution {
	first := last
	for first > 0 && cs[last].Time-cs[first-1].Time < s.Within.Milliseconds() {
		first--
	}
	return cs[first : last+1]
}

func (s *Spec) measureOf(cs []Contribution) (sum int64) {
	values := map[string]bool{}
	for _, c := range cs {
		values[c.Value] = true
		sum = add(sum, Thousandths(c.Number))
	}
	switch s.Type {
	case ValueCount:
		return int64(len(values)) * milli
	case ValueSum:
		return sum
	default:
		return int64(len(cs)) * milli
	}
}

func (s *Spec) number(m int64) string { return fmt.Sprint(float64(m) / milli) }

// amount is a measure in words.
func (s *Spec) amount(m int64) string {
	what, n := "", s.number(m)
	switch s.Type {
	case EventCount:
		what = " event"
	case ValueCount:
		what = " different value"
	default:
		return n
	}
	if n != "1" {
		what += "s"
	}
	return n + what
}

// bestBounded says what is in each window of a correlation with an upper bound.
func (s *Spec) bestBounded(cs []Contribution) string {
	const most = 5
	var texts []string
	for i := 0; i < len(cs); {
		j, b := i, s.Bucket(cs[i].Time)
		for j < len(cs) && s.Bucket(cs[j].Time) == b {
			j++
		}
		texts = append(texts, fmt.Sprintf("%s from %s on", s.amount(s.measureOf(cs[i:j])), s.Start(b).Format(time.RFC3339)))
		i = j
	}
	if len(texts) > most {
		texts = append(texts[:most], "…")
	}
	return fmt.Sprintf("%s; %s to %s needed within %s", strings.Join(texts, ", "), s.number(s.Min), s.number(s.Max), schemas.Duration(s.Within))
}

// bestOf says which of the rules a correlation lacks where most of them are.
func (s *Spec) bestOf(cs []Contribution) string {
	var missing []string
	for i := range cs {
		var lack []string
		at := int64(0) // when the rules so far have all been there, in order
		for part, id := range s.Rules {
			k := slices.IndexFunc(s.window(cs, i), func(c Contribution) bool {
				return c.Part == part && (s.Type == Temporal || max(c.Time, c.Until) >= at)
			})
			switch {
			case k < 0 && s.Type == TemporalOrdered:
				lack = s.Rules[part:]
			case k < 0:
				lack = append(lack, id)
			case s.Type == TemporalOrdered:
				at = max(at, s.window(cs, i)[k].Time)
			}
			if k < 0 && s.Type == TemporalOrdered {
				break // what would come after it does not matter
			}
		}
		if i == 0 || len(lack) < len(missing) {
			missing = lack
		}
	}
	text := "no event of " + strings.Join(missing, ", ")
	if s.Type == TemporalOrdered && len(missing) < len(s.Rules) {
		text += " after the others"
	}
	return text + " within " + schemas.Duration(s.Within).String()
}

// bestTravel says how fast the fastest was.
func (s *Spec) bestTravel(cs []Contribution) string {
	fastest, far := 0.0, 0.0
	for i := range cs {
		for _, c := range s.window(cs, i) {
			km := c.Place.distance(*cs[i].Place)
			if far = max(far, km); km < s.MinDistance {
				continue
			}
			fastest = max(fastest, km/(max(float64(cs[i].Time-c.Time), 1)/3_600_000))
		}
	}
	if fastest == 0 {
		return fmt.Sprintf("%.0f km apart at most within %s; %.0f km needed", far, schemas.Duration(s.Within), s.MinDistance)
	}
	return fmt.Sprintf("%.0f km/h at most, more than %.0f needed", fastest, s.Speed)
}
