package kafka

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/segmentio/kafka-go"
)

// spread gives every member as many partitions of each topic as any other, give or take one, and so, as far as can be, over all topics together: kafka-go's own balancers deal out
// every topic from the same first member on, so that with more members than partitions the same ones go empty on all topics.
type spread struct{}

// ProtocolName is what members must have in common to be in one group.
func (spread) ProtocolName() string { return "riposte-spread" }

// UserData is not needed.
func (spread) UserData() ([]byte, error) { return nil, nil }

// AssignGroups deals the partitions out.
func (spread) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	out := kafka.GroupMemberAssignments{}
	for _, m := range members {
		out[m.ID] = map[string][]int{}
	}
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b kafka.GroupMember) int { return cmp.Compare(a.ID, b.ID) })
	deal(out, map[string]int{}, members, slices.Clone(partitions))
	return out
}

// deal gives each partition to the member that has the fewest of its topic, among these to one that has the fewest of all, count being what they have, and among
// these by chance: what a topic brings is shared, whatever others bring. Members are sorted.
func deal(out kafka.GroupMemberAssignments, count map[string]int, members []kafka.GroupMember, partitions []kafka.Partition) {
	slices.SortFunc(partitions, byPlace)
	for _, p := range partitions {
		best := ""
		for _, m := range members {
			if !slices.Contains(m.Topics, p.Topic) {
				continue
			}
			if best == "" || cmp.Or(cmp.Compare(len(out[m.ID][p.Topic]), len(out[best][p.Topic])), cmp.Compare(count[m.ID], count[best]),
				cmp.Compare(weight(best, p), weight(m.ID, p))) < 0 {
				best = m.ID
			}
		}
		if best != "" {
			out[best][p.Topic] = append(out[best][p.Topic], p.ID)
			count[best]++
		}
	}
}

func byPlace(a, b kafka.Partition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
}

// weight ranks members for a partition by chance, the same for the same pair: two members are not always first in the same order.
func weight(member string, p kafka.Partition) uint64 {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s/%s/%d", member, p.Topic, p.ID) // a hash takes everything
	return h.Sum64()
}
