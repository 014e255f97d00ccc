package kafka

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/segmentio/kafka-go"
)

// spread gives every member as many partitions as any other, give or take one, over all topics together: kafka-go's own balancers deal out
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

// deal gives each partition to the member that has the fewest, count being what they have, and among these by chance. Members are sorted.
func deal(out kafka.GroupMemberAssignments, count map[string]int, members []kafka.GroupMember, partitions []kafka.Partition) {
	slices.SortFunc(partitions, byPlace)
	for _, p := range partitions {
		best := ""
		for _, m := range members {
			if !slices.Contains(m.Topics, p.Topic) {
				continue
			}
			if best == "" || count[m.ID] < count[best] ||
				count[m.ID] == count[best] && weight(m.ID, p) > weight(best, p) {
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
