package kafka

import (
	"testing"

	"github.com/segmentio/kafka-go"
)

// FuzzSticky: whatever members say that they have, each partition has one owner, and members of a topic have as many of it as any other, give or take one.
func FuzzSticky(f *testing.F) {
	f.Add([]byte(`{"generation":3,"partitions":{"t":[0,1,2]}}`), []byte(`{"generation":2,"partitions":{"t":[1,5,-1,99],"u":[0]}}`))
	f.Add([]byte(`{"generation":2147483647,"partitions":{"t":[0,0,0,1,2,3,4]}}`), []byte(`{"partitions":{"u":[0],"":null}}`))
	f.Add([]byte("{"), []byte("null"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		members := []kafka.GroupMember{
			{ID: "a", Topics: []string{"t"}, UserData: a}, {ID: "b", Topics: []string{"t", "u"}, UserData: b}, {ID: "c", Topics: []string{"t"}},
		}
		var partitions []kafka.Partition
		for i := range 5 {
			partitions = append(partitions, kafka.Partition{Topic: "t", ID: i})
		}
		partitions = append(partitions, kafka.Partition{Topic: "u", ID: 0})
		owner := map[topicPartition]string{}
		for id, topics := range (&sticky{}).AssignGroups(members, partitions) {
			if n := len(topics["t"]); n < 1 || n > 2 {
				t.Errorf("%s has %d of 5", id, n)
			}
			for topic, numbers := range topics {
				for _, n := range numbers {
					tp := topicPartition{topic, n}
					if owner[tp] != "" || topic == "u" && id != "b" {
						t.Errorf("%v is given to %s and %s", tp, owner[tp], id)
					}
					owner[tp] = id
				}
			}
		}
		for _, p := range partitions {
			if owner[topicPartition{p.Topic, p.ID}] == "" {
				t.Errorf("%s %d is nobody's", p.Topic, p.ID)
			}
		}
		if len(owner) != len(partitions) {
			t.Errorf("%d of %d partitions", len(owner), len(partitions))
		}
	})
}
