package kafka

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/segmentio/kafka-go"
)

// sticky leaves partitions with the members that have them, as far as everybody gets as many of each topic as any other, give or take one: what a member
// knows of a partition stays of use. What has no owner is dealt out as spread does. A member remembers what it was given last, and tells so when
// it joins again.
type sticky struct {
	mu   sync.Mutex
	last claim
}

// A claim is what a member was given, and in which generation: of two that claim the same partition, the later one had it last.
type claim struct {
	Generation int32            `json:"generation"`
	Partitions map[string][]int `json:"partitions"`
}

// note remembers an assignment.
func (s *sticky) note(gen *kafka.Generation) {
	c := claim{Generation: gen.ID, Partitions: map[string][]int{}}
	for topic, assigned := range gen.Assignments {
		for _, a := range assigned {
			c.Partitions[topic] = append(c.Partitions[topic], a.ID)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = c
}

// ProtocolName is what members must have in common to be in one group.
func (*sticky) ProtocolName() string { return "riposte-sticky" }

// UserData is what the member has.
func (s *sticky) UserData() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.last)
}

// AssignGroups deals the partitions out.
func (*sticky) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	type held struct {
		member     string
		generation int32
	}
	owner := map[topicPartition]held{}
	out := kafka.GroupMemberAssignments{}
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b kafka.GroupMember) int { return cmp.Compare(a.ID, b.ID) })
	for _, m := range members {
		out[m.ID] = map[string][]int{}
		var c claim
		if json.Unmarshal(m.UserData, &c) != nil {
			continue // of another version: it claims nothing
		}
		for topic, numbers := range c.Partitions {
			for _, n := range numbers {
				tp := topicPartition{topic, n}
				if h, taken := owner[tp]; slices.Contains(m.Topics, topic) && (!taken || c.Generation > h.generation) {
					owner[tp] = held{m.ID, c.Generation}
				}
			}
		}
	}
	if len(members) == 0 {
		return out
	}
	kept := map[string]map[string][]kafka.Partition{} // by topic and member
	var free []kafka.Partition
	sizes := map[string]int{}
	for _, p := range partitions {
		sizes[p.Topic]++
		h, ok := owner[topicPartition{p.Topic, p.ID}]
		if !ok {
			free = append(free, p)
			continue
		}
		if kept[p.Topic] == nil {
			kept[p.Topic] = map[string][]kafka.Partition{}
		}
		kept[p.Topic][h.member] = append(kept[p.Topic][h.member], p)
	}
	count := map[string]int{}
	for _, topic := range slices.Sorted(maps.Keys(kept)) {
		free = append(free, keep(out, count, members, topic, sizes[topic], kept[topic])...)
	}
	deal(out, count, members, free)
	return out
}

// keep leaves members what they have of a topic, up to their part of it: to those who have most one more, as long as there are such. It returns what they give away.
func keep(
	out kafka.GroupMemberAssignments, count map[string]int, members []kafka.GroupMember, topic string, size int, kept map[string][]kafka.Partition,
) (free []kafka.Partition) {
	members = slices.DeleteFunc(slices.Clone(members), func(m kafka.GroupMember) bool { return !slices.Contains(m.Topics, topic) })
	slices.SortStableFunc(members, func(a, b kafka.GroupMember) int {
		return cmp.Or(cmp.Compare(len(kept[b.ID]), len(kept[a.ID])), cmp.Compare(count[a.ID], count[b.ID]))
	})
	part, more := size/len(members), size%len(members)
	for _, m := range members {
		may, mine := part, kept[m.ID]
		if more > 0 && len(mine) > part {
			may++
			more--
		}
		slices.SortFunc(mine, byPlace)
		n := min(may, len(mine))
		for _, p := range mine[:n] {
			out[m.ID][topic] = append(out[m.ID][topic], p.ID)
		}
		count[m.ID] += n
		free = append(free, mine[n:]...)
	}
	return free
}
