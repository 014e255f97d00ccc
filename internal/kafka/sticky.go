package kafka

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"

	"github.com/segmentio/kafka-go"
)

// sticky leaves partitions with the members that have them, as far as everybody gets as many as any other, give or take one: what a member
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
	kept := map[string][]kafka.Partition{}
	var free []kafka.Partition
	for _, p := range partitions {
		if h, ok := owner[topicPartition{p.Topic, p.ID}]; ok {
			kept[h.member] = append(kept[h.member], p)
		} else {
			free = append(free, p)
		}
	}
	// Everybody may keep their part; those who have most, one more, as long as there are such.
	byKept := slices.Clone(members)
	slices.SortStableFunc(byKept, func(a, b kafka.GroupMember) int { return cmp.Compare(len(kept[b.ID]), len(kept[a.ID])) })
	part, more := len(partitions)/len(members), len(partitions)%len(members)
	count := map[string]int{}
	for _, m := range byKept {
		may := part
		if more > 0 && len(kept[m.ID]) > part {
			may++
			more--
		}
		mine := kept[m.ID]
		slices.SortFunc(mine, byPlace)
		n := min(may, len(mine))
		for _, p := range mine[:n] {
			out[m.ID][p.Topic] = append(out[m.ID][p.Topic], p.ID)
		}
		count[m.ID] = n
		free = append(free, mine[n:]...)
	}
	deal(out, count, members, free)
	return out
}
