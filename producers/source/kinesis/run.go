package kinesis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers/batch"
)

const (
	lookEvery = time.Minute // for new shards; that one has ended says so at once
	saveEvery = time.Second
)

// Run implements producers.Source.
func (s *source) Run(ctx context.Context, emit batch.Emit) error {
	client, err := s.client(ctx)
	if err != nil {
		return fmt.Errorf("source kinesis: %w", err)
	}
	file, err := checkpoint.Open(s.Checkpoint, "kinesis", state{})
	if err != nil {
		return err
	}
	r := &run{source: s, client: client, file: file, emit: emit, ended: make(chan struct{}, 1)}
	err = errors.Join(r.run(ctx), file.Save())
	if ctx.Err() != nil {
		return nil //nolint:nilerr // ctx has ended: what is not in the checkpoint is read again
	}
	return err
}

// A run is one Run.
type run struct {
	*source
	client API
	file   *checkpoint.File[state]
	emit   batch.Emit
	arn    string
	ended  chan struct{} // has an element when a shard has ended
}

// run begins a reader for every shard as soon as it may be read.
func (r *run) run(ctx context.Context) error {
	if err := r.describe(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		reading := map[string]bool{}
		for {
			listed, err := r.list(ctx)
			if err != nil {
				return err
			}
			var ready []string
			r.file.Update(func(s *state) { ready = s.next(listed) })
			for _, id := range ready {
				if !reading[id] {
					reading[id] = true
					g.Go(func() error { return r.shard(ctx, id) })
				}
			}
			if err := r.file.SaveAfter(saveEvery); err != nil {
				return err
			}
			if err := pause(ctx, lookEvery, r.ended); err != nil {
				return err
			}
		}
	})
	return g.Wait()
}

// pause waits for d, or for early, or for ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration, early <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// try calls AWS until it answers.
func (r *run) try(ctx context.Context, call func() error) error {
	err := fault.Retry(ctx, r.health.Failed, func() error { return cloud.Classify(call()) })
	if err != nil {
		return fmt.Errorf("stream %s: %w", r.Stream, err)
	}
	r.health.OK()
	return nil
}

// describe finds out which stream this is, and takes up its state.
func (r *run) describe(ctx context.Context) error {
	in := &kinesis.DescribeStreamSummaryInput{}
	in.StreamARN, in.StreamName = r.names()
	var out *kinesis.DescribeStreamSummaryOutput
	err := r.try(ctx, func() (err error) {
		out, err = r.client.DescribeStreamSummary(ctx, in)
		return err
	})
	if err != nil {
		return err
	}
	d := out.StreamDescriptionSummary
	r.arn = aws.ToString(d.StreamARN)
	var from time.Time
	switch r.From {
	case fromOldest:
	case fromNow:
		from = time.Now().UTC()
	default:
		if from, err = time.Parse(time.RFC3339, r.From); err != nil {
			return fault.Permanent(err)
		}
	}
	r.file.Update(func(s *state) {
		if s.begin(r.arn, aws.ToTime(d.StreamCreationTimestamp).UTC(), from) {
			r.log.Warn().Str("stream", r.Stream).Msg("the stream is another one than that of the checkpoint, of the same name; it is read from its beginning")
		}
	})
	return r.file.Save() // where it began must be known, should there be no record for long
}

// names returns ARN or name of the stream, whichever was given.
func (r *run) names() (arn, name *string) {
	if strings.HasPrefix(r.Stream, "arn:") {
		return &r.Stream, nil
	}
	return nil, &r.Stream
}

// list returns all shards that the stream has, those that have ended included.
func (r *run) list(ctx context.Context) (all []types.Shard, err error) {
	in := &kinesis.ListShardsInput{}
	in.StreamARN, in.StreamName = r.names()
	for {
		var page *kinesis.ListShardsOutput
		err := r.try(ctx, func() (err error) {
			page, err = r.client.ListShards(ctx, in)
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Shards...)
		if page.NextToken == nil {
			return all, nil
		}
		in = &kinesis.ListShardsInput{NextToken: page.NextToken}
	}
}
