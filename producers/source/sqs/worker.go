package sqs

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

const (
	batchRecords = 1000
	batchBytes   = 4 << 20
	atOnce       = 10               // messages a call; SQS takes no more
	waitSeconds  = 20               // long polling
	farewell     = 5 * time.Second  // for deleting what Kafka has when ctx ends
	maxDelay     = 15 * time.Minute // before a message that failed is received again
)

// A worker receives messages, a few at a time, and sees them through.
type worker struct {
	*source
	queue Queue
	emit  func(context.Context, []producers.Record) error

	mu   sync.Mutex
	held map[string]types.Message // by id: received, and not yet deleted or given up

	batch []producers.Record
	bytes int
	read  []types.Message // whose records are in the batch, or in Kafka already, all of them
}

func (w *worker) run(ctx context.Context) error {
	for ctx.Err() == nil {
		var got *sqs.ReceiveMessageOutput
		wait := int32(waitSeconds)
		err := fault.Retry(ctx, w.health.Failed, func() (err error) {
			got, err = w.queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
				QueueUrl: &w.QueueURL, MaxNumberOfMessages: atOnce, WaitTimeSeconds: wait, VisibilityTimeout: seconds(w.Visibility),
				MessageSystemAttributeNames: []types.MessageSystemAttributeName{
					types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp,
				},
			})
			wait = 0 // after a failure the first answer is wanted at once: it tells that the queue is back
			return err
		})
		if err != nil {
			return fmt.Errorf("queue %s: %w", w.name, err)
		}
		w.health.OK()
		if err := w.handle(ctx, got.Messages); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func seconds(d time.Duration) int32 { return int32(d / time.Second) } //nolint:gosec // at most 12 h

// handle sees messages through. It fails only if nothing can be published; then what is not deleted comes again.
func (w *worker) handle(ctx context.Context, messages []types.Message) error {
	if len(messages) == 0 {
		return nil
	}
	w.mu.Lock()
	w.held = make(map[string]types.Message, len(messages))
	for _, m := range messages {
		w.held[aws.ToString(m.MessageId)] = m
	}
	w.mu.Unlock()
	w.batch, w.bytes, w.read = nil, 0, nil

	beating, stop := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { w.heartbeat(beating) })
	defer done.Wait()
	defer stop()

	for _, m := range messages {
		var publishing error
		err := w.message(ctx, m, func(r producers.Record) error {
			w.batch = append(w.batch, r)
			w.bytes += len(r.Data)
			if len(w.batch) >= batchRecords || w.bytes >= batchBytes {
				publishing = w.flush(ctx)
			}
			return publishing
		})
		switch {
		case publishing != nil:
			return publishing
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			w.objects.Failed(err)
			w.giveUp(ctx, m)
		default:
			w.read = append(w.read, m)
		}
	}
	return w.flush(ctx)
}

// flush moves the batch into Kafka, and deletes the messages of which Kafka then has everything.
func (w *worker) flush(ctx context.Context) error {
	if len(w.batch) > 0 {
		if err := w.emit(ctx, w.batch); err != nil {
			return err
		}
	}
	w.batch, w.bytes = nil, 0
	if len(w.read) == 0 {
		return nil
	}
	entries := make([]types.DeleteMessageBatchRequestEntry, 0, len(w.read))
	for i, m := range w.read {
		w.release(m)
		entries = append(entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	w.read = nil
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	out, err := w.queue.DeleteMessageBatch(within, &sqs.DeleteMessageBatchInput{QueueUrl: &w.QueueURL, Entries: entries})
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("%d messages could not be deleted: %s", len(out.Failed), aws.ToString(out.Failed[0].Message))
	}
	if err != nil { // they come again, and their records have the same uids
		w.health.Failed(fmt.Errorf("queue %s: %w", w.name, err))
	}
	return nil
}

// release ends the heartbeat of a message.
func (w *worker) release(m types.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, aws.ToString(m.MessageId))
}

// giveUp lets a message come again, later each time.
func (w *worker) giveUp(ctx context.Context, m types.Message) {
	w.release(m)
	delay := min(5*time.Second<<min(received(m)-1, 10), maxDelay)
	w.extend(ctx, []types.Message{m}, delay)
}

// heartbeat keeps the messages hidden until ctx ends.
func (w *worker) heartbeat(ctx context.Context) {
	tick := time.NewTicker(w.Visibility / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		held := make([]types.Message, 0, len(w.held))
		for _, m := range w.held {
			held = append(held, m)
		}
		w.mu.Unlock()
		if len(held) > 0 {
			w.extend(ctx, held, w.Visibility)
		}
	}
}

// extend sets how long messages stay hidden from now. If that fails they come again sooner, which does no harm but work.
func (w *worker) extend(ctx context.Context, messages []types.Message, d time.Duration) {
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, 0, len(messages))
	for i, m := range messages {
		entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds(d),
		})
	}
	_, err := w.queue.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &w.QueueURL, Entries: entries})
	if err != nil && ctx.Err() == nil {
		w.health.Failed(fmt.Errorf("queue %s: visibility: %w", w.name, err))
	}
}

// received tells how often a message was received, this time included.
func received(m types.Message) int {
	n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// sent tells when a message entered the queue.
func sent(m types.Message) time.Time {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Now().UTC()
	}
	return time.UnixMilli(ms).UTC()
}
