package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/batch"
	"github.com/riposte-security/riposte/producers/source/s3/object"
	"github.com/riposte-security/riposte/producers/unpack"
)

const (
	saveEvery = time.Second
	// last is behind every key that begins with what it is put after.
	last = "\U0010FFFF"
)

// A job is one object to read.
type job struct {
	object.Object
	modified time.Time
	done     func()
}

// read lists the objects and has the workers read them, until the listing is at its end and everything is in Kafka.
func (s *source) read(ctx context.Context, client API, t *tracker, emit batch.Emit) error {
	g, ctx := errgroup.WithContext(ctx)
	jobs := make(chan job) // unbuffered: the listing is never far ahead
	g.Go(func() error {
		defer close(jobs)
		return s.list(ctx, client, t, jobs)
	})
	some := new(atomic.Bool)
	for range s.Workers {
		w := &worker{source: s, client: client, tracker: t, batch: batch.New(emit), some: some}
		g.Go(func() error { return w.run(ctx, jobs) })
	}
	return g.Wait()
}

// list hands over every object that is to be read, in the order of their keys.
func (s *source) list(ctx context.Context, client API, t *tracker, jobs chan<- job) error {
	d := newDates()
	in := &s3.ListObjectsV2Input{Bucket: &s.Bucket, Prefix: &s.Prefix}
	if after := t.after; after != "" {
		in.StartAfter = &after
	}
	for {
		var page *s3.ListObjectsV2Output
		err := fault.Retry(ctx, s.health.Failed, func() (err error) {
			page, err = client.ListObjectsV2(ctx, in)
			return cloud.Classify(err)
		})
		if err != nil {
			return fmt.Errorf("bucket %s: list: %w", s.Bucket, err)
		}
		s.health.OK()
		skip := ""
		for _, o := range page.Contents {
			key := aws.ToString(o.Key)
			if skip = s.skipped(d, o); skip != "" {
				t.skip(key)
				continue
			}
			done, err := t.list(ctx, key)
			if err != nil {
				return err
			}
			if t.done[key] {
				done()
				continue
			}
			select {
			case jobs <- job{Object: object.Object{Bucket: s.Bucket, Key: key, Region: s.Region}, modified: aws.ToTime(o.LastModified), done: done}:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		in.ContinuationToken = page.NextContinuationToken
		if s.By == "key" && skip == outside { // so is the rest of that day
			if folder := d.folder(aws.ToString(page.Contents[len(page.Contents)-1].Key)); folder != "" {
				in.ContinuationToken, in.StartAfter = nil, aws.String(folder+last)
			}
		}
	}
}

const outside = "it is from outside the dates"

// skipped says why an object is not read, or "".
func (s *source) skipped(d dates, o types.Object) string {
	key := aws.ToString(o.Key)
	if !s.within(d, key, aws.ToTime(o.LastModified)) {
		return outside
	}
	if aws.ToInt64(o.Size) == 0 {
		return "it is empty"
	}
	for _, part := range s.Ignore {
		if strings.Contains(key, part) {
			s.log.Debug().Str("key", key).Msg("not read: it holds no records")
			return "it holds no records"
		}
	}
	return ""
}

// A worker reads objects, one after the other. Small ones share a batch.
type worker struct {
	*source
	client  API
	tracker *tracker
	batch   *batch.Batch
	some    *atomic.Bool // whether any object could be read
}

func (w *worker) run(ctx context.Context, jobs <-chan job) error {
	for {
		var j job
		var ok bool
		select {
		case j, ok = <-jobs:
		default: // nothing is ready: what was read need not wait for it
			if err := w.flush(ctx); err != nil {
				return err
			}
			select {
			case j, ok = <-jobs:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if !ok {
			return w.flush(ctx)
		}
		if err := w.object(ctx, j); err != nil {
			return err
		}
		w.batch.Then(j.done)
	}
}

func (w *worker) flush(ctx context.Context) error {
	if err := w.batch.Flush(ctx); err != nil {
		return err
	}
	w.tracker.note(false)
	return w.tracker.file.SaveAfter(saveEvery)
}

// object reads one object, and again where S3 fails in the middle of it: its records have the same uids. One that will never be read becomes
// a dead letter, unless none could be read so far: then it is the source that may not.
func (w *worker) object(ctx context.Context, j job) error {
	var adding error
	err := fault.Retry(ctx, w.health.Failed, func() error {
		err := object.Read(ctx, w.client, j.Object, unpack.Options{MaxRecord: w.MaxRecord}, func(r producers.Record) error {
			adding = w.batch.Add(ctx, r)
			return adding
		})
		if adding != nil || ctx.Err() != nil {
			return fault.Permanent(err)
		}
		return cloud.Classify(err)
	})
	switch {
	case adding != nil:
		return adding
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		w.some.Store(true)
		w.health.OK()
		return nil
	case !fault.IsPermanent(err), !cloud.Missing(err) && !w.some.Load() && denied(err):
		return fmt.Errorf("%s: %w", j.Object, err)
	}
	w.health.OK() // a refusal is an answer
	return w.batch.Add(ctx, producers.Record{
		Data: []byte(j.String()), Origin: "s3:" + j.Bucket, Position: j.Key, Received: j.modified.UTC(),
		Attrs: map[string]string{producers.AttrProblem: fmt.Sprintf("%s: could not be read: %v", j.Object, err), producers.AttrFile: j.String()},
	})
}

// denied tells whether we may not read, as opposed to an object that nobody can: one in an archive, or under a key that is gone.
func denied(err error) bool {
	switch cloud.Code(err) {
	case "InvalidObjectState", "KMS.DisabledException", "KMS.NotFoundException", "KMS.KMSInvalidStateException":
		return false
	}
	return !errors.Is(err, context.Canceled)
}
