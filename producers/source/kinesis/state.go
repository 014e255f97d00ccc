package kinesis

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

// state is what the checkpoint holds.
type state struct {
	Stream  string            `json:"stream"` // ARN
	Created time.Time         `json:"created"`
	Begin   time.Time         `json:"begin"` // where shards without a position are begun; zero: at their oldest record
	Shards  map[string]*shard `json:"shards"`
}

type shard struct {
	Sequence string `json:"sequence,omitempty"` // all up to this record is in Kafka
	Finished bool   `json:"finished,omitempty"` // it was split or merged, and read to its end
}

// begin makes the state one of this stream: that of another one, or of one of the same name before it, is of no use.
func (s *state) begin(arn string, created, from time.Time) (anew bool) {
	if s.Stream == arn && s.Created.Equal(created) && s.Shards != nil {
		return false
	}
	anew = s.Stream == arn
	*s = state{Stream: arn, Created: created, Begin: from, Shards: map[string]*shard{}}
	return anew
}

// next returns the shards that may be read now: those that are not finished and whose parents are, or are no longer there. It
// forgets those that the stream no longer has.
func (s *state) next(listed []types.Shard) (ready []string) {
	there := make(map[string]bool, len(listed))
	for _, l := range listed {
		there[aws.ToString(l.ShardId)] = true
	}
	for id := range s.Shards {
		if !there[id] {
			delete(s.Shards, id)
		}
	}
	open := func(parent *string) bool {
		id := aws.ToString(parent)
		return there[id] && (s.Shards[id] == nil || !s.Shards[id].Finished)
	}
	for _, l := range listed {
		id := aws.ToString(l.ShardId)
		if s.Shards[id] == nil {
			s.Shards[id] = &shard{}
		}
		if !s.Shards[id].Finished && !open(l.ParentShardId) && !open(l.AdjacentParentShardId) {
			ready = append(ready, id)
		}
	}
	return ready
}
