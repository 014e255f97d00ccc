package kinesis

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/batch"
	"github.com/riposte-security/riposte/producers/unpack"
)

// between is the least time between two reads of a shard: AWS allows five a second, to all readers together.
const between = 200 * time.Millisecond

// shard reads one shard until it ends, or ctx does. A shard that has gone meanwhile is no reason to give up: the list will say so.
func (r *run) shard(ctx context.Context, id string) error {
	now := time.Now()
	return cloud.Settle(r.readShard(ctx, id), now, now)
}

func (r *run) readShard(ctx context.Context, id string) error {
	b := batch.New(r.emit)
	iterator, err := r.iterator(ctx, id)
	if err != nil {
		return err
	}
	for iterator != nil {
		var out *kinesis.GetRecordsOutput
		err := r.try(ctx, func() (err error) {
			out, err = r.client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator})
			if cloud.Code(err) == "ExpiredIteratorException" { // Kafka was away for longer than the five minutes that it lasts
				if iterator, err = r.iterator(ctx, id); err == nil {
					out, err = r.client.GetRecords(ctx, &kinesis.GetRecordsInput{ShardIterator: iterator})
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, rec := range out.Records {
			if err := r.record(ctx, id, rec, b.Add); err != nil {
				return err
			}
		}
		if err := b.Flush(ctx); err != nil {
			return err
		}
		if err := r.advance(id, out); err != nil {
			return err
		}
		wait := between
		if len(out.Records) == 0 && aws.ToInt64(out.MillisBehindLatest) == 0 {
			wait = r.Poll
		}
		if iterator = out.NextShardIterator; iterator != nil {
			if err := pause(ctx, wait, nil); err != nil {
				return err
			}
		}
	}
	select {
	case r.ended <- struct{}{}:
	default:
	}
	return nil
}

// advance notes what is in Kafka now.
func (r *run) advance(id string, out *kinesis.GetRecordsOutput) error {
	finished := out.NextShardIterator == nil
	if n := len(out.Records); n > 0 || finished {
		r.file.Update(func(s *state) {
			at := s.Shards[id]
			if at == nil { // the stream has forgotten the shard meanwhile: nobody will ask where it was
				return
			}
			if n > 0 {
				at.Sequence = aws.ToString(out.Records[n-1].SequenceNumber)
			}
			at.Finished = finished
		})
	}
	return r.file.SaveAfter(saveEvery)
}

// iterator begins behind what is in Kafka already, or where the first reading is to begin.
func (r *run) iterator(ctx context.Context, id string) (iterator *string, err error) {
	in := &kinesis.GetShardIteratorInput{ShardId: &id, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}
	in.StreamARN, in.StreamName = r.names()
	r.file.Read(func(s *state) {
		if at := s.Shards[id]; at != nil && at.Sequence != "" {
			in.ShardIteratorType, in.StartingSequenceNumber = types.ShardIteratorTypeAfterSequenceNumber, aws.String(at.Sequence)
		} else if !s.Begin.IsZero() {
			in.ShardIteratorType, in.Timestamp = types.ShardIteratorTypeAtTimestamp, aws.Time(s.Begin)
		}
	})
	err = r.try(ctx, func() error {
		out, err := r.client.GetShardIterator(ctx, in)
		if err == nil {
			iterator = out.ShardIterator
		}
		return err
	})
	return iterator, err
}

// record opens one record of the stream.
func (r *run) record(ctx context.Context, id string, rec types.Record, add func(context.Context, producers.Record) error) error {
	sequence := aws.ToString(rec.SequenceNumber)
	base := producers.Record{
		Origin: "kinesis:" + r.arn + ":" + id, Received: aws.ToTime(rec.ApproximateArrivalTimestamp).UTC(),
		Attrs: map[string]string{producers.AttrFile: "kinesis:" + r.Stream + "/" + id + "/" + sequence},
	}
	if p := strings.SplitN(r.arn, ":", 6); len(p) == 6 {
		base.Attrs[producers.AttrRegion], base.Attrs[producers.AttrAccount] = p[3], p[4]
	}
	parts, aggregate, err := deaggregate(rec.Data)
	if err != nil {
		base.Attrs[producers.AttrProblem] = err.Error()
		base.Data, base.Position = rec.Data, sequence
		return add(ctx, base)
	}
	for i, part := range parts {
		at := sequence + "/"
		if aggregate {
			at += strconv.Itoa(i) + "/"
		}
		err := unpack.Unpack(ctx, bytes.NewReader(part), base, unpack.Options{MaxRecord: r.MaxRecord}, func(it unpack.Item) error {
			it.Record.Position = at + it.Record.Position
			return add(ctx, it.Record)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
