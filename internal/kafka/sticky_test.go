package kafka

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/segmentio/kafka-go"
)

// TestSticky lets members come and go: everybody has as many partitions as any other, give or take one, each partition one owner, and no partition
// moves that need not.
func TestSticky(t *testing.T) {
	t.Parallel()
	var partitions []kafka.Partition
	for i := range 12 {
		partitions = append(partitions, kafka.Partition{Topic: "t", ID: i})
	}
	claims := map[string]claim{}
	owner := map[int]string{}
	for step, c := range []struct {
		members []string
		moves   int // at most
	}{
		{[]string{"a"}, 12}, {[]string{"a", "b"}, 6}, {[]string{"a", "b"}, 0}, {[]string{"a", "b", "c"}, 4}, {[]string{"b", "c"}, 4},
		{[]string{"b", "c", "d", "e", "f"}, 8}, {[]string{"b", "c", "d", "e", "f"}, 0}, {[]string{"f"}, 10}, {[]string{"f", "a"}, 6},
	} {
		var members []kafka.GroupMember
		for _, id := range c.members {
			data, err := json.Marshal(claims[id]) // a that comes back claims what it had long ago
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, kafka.GroupMember{ID: id, Topics: []string{"t"}, UserData: data})
		}
		got := (&sticky{}).AssignGroups(members, partitions)
		now, moves, least, most := map[int]string{}, 0, len(partitions), 0
		for id, topics := range got {
			least, most = min(least, len(topics["t"])), max(most, len(topics["t"]))
			claims[id] = claim{Generation: int32(step + 1), Partitions: topics}
			for _, p := range topics["t"] {
				if now[p] != "" {
					t.Errorf("step %d: partition %d is given to %s and %s", step, p, now[p], id)
				}
				if now[p] = id; owner[p] != id {
					moves++
				}
			}
		}
		if len(now) != len(partitions) || len(got) != len(c.members) || most-least > 1 || moves > c.moves {
			t.Errorf("step %d: %s: %d moves, %d at most; %d to %d each", step, fmt.Sprint(got), moves, c.moves, least, most)
		}
		owner = now
	}
}

// TestEachTopicIsShared: one topic may bring all there is to do. Members that come and go share each of them evenly, and keep what they may.
func TestEachTopicIsShared(t *testing.T) {
	t.Parallel()
	topics := map[string]int{"events": 12, "outcomes": 12, "few": 3}
	var partitions []kafka.Partition
	for topic, n := range topics {
		for i := range n {
			partitions = append(partitions, kafka.Partition{Topic: topic, ID: i})
		}
	}
	known := map[string]*sticky{}
	for generation, ids := range [][]string{{"a"}, {"a", "b"}, {"a", "b", "c", "d"}, {"b", "d"}, {"b", "c", "d"}, {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"}} {
		var members []kafka.GroupMember
		for _, id := range ids {
			if known[id] == nil {
				known[id] = &sticky{}
			}
			data, err := known[id].UserData()
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, kafka.GroupMember{ID: id, Topics: []string{"events", "outcomes", "few"}, UserData: data})
		}
		out := (&sticky{}).AssignGroups(members, partitions)
		for topic, n := range topics {
			all := 0
			for _, id := range ids {
				has := len(out[id][topic])
				if all += has; has < n/len(ids) || has > (n+len(ids)-1)/len(ids) {
					t.Errorf("%d members: %s has %d of %d of %s", len(ids), id, has, n, topic)
				}
			}
			if all != n {
				t.Errorf("%d members: %d of %d of %s", len(ids), all, n, topic)
			}
		}
		for _, id := range ids {
			g := &kafka.Generation{ID: int32(generation), Assignments: map[string][]kafka.PartitionAssignment{}}
			for topic, numbers := range out[id] {
				for _, n := range numbers {
					g.Assignments[topic] = append(g.Assignments[topic], kafka.PartitionAssignment{ID: n})
				}
			}
			known[id].note(g)
		}
	}
}
