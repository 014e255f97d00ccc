package producers

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/fault"
)

// TestOneFailsTheOthersGoOn has the queue of one producer vanish for some minutes, and another producer that runs all the while.
func TestOneFailsTheOthersGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m, err := NewMetrics(prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		k, begin, tries := &fakeKafka{}, time.Now(), 0
		bad := producer(k, sourceFunc(func(ctx context.Context, emit func(context.Context, []Record) error) error {
			if tries++; time.Since(begin) < 4*time.Minute {
				return fault.Permanent(errors.New("no such queue"))
			}
			Dropped(ctx, 3, "queue_full")
			return emit(ctx, []Record{rec(0, "late")})
		}))
		bad.Name, bad.Log, bad.Metrics = "bad", zerolog.New(&log), m
		good := producer(k, sourceFunc(func(ctx context.Context, emit func(context.Context, []Record) error) error {
			for range 10 {
				<-time.After(time.Minute)
				if err := emit(ctx, []Record{rec(0, "good")}); err != nil {
					return err
				}
			}
			return nil
		}))
		good.Name = "good"
		done := make(chan error, 1)
		go func() { done <- RunAll(t.Context(), []Producer{bad, good}) }()
		<-time.After(2 * time.Minute)
		synctest.Wait()
		if up := testutil.ToFloat64(m.up.WithLabelValues("bad")); up != 0 {
			t.Error("up while it is not")
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if tries < 3 || tries > 6 || len(k.calls) != 11 || strings.Count(log.String(), "no such queue") != tries-1 {
			t.Errorf("%d tries, %d batches\n%s", tries, len(k.calls), &log)
		}
		if f, d := testutil.ToFloat64(m.failures), testutil.ToFloat64(m.dropped); f != float64(tries-1) || d != 3 {
			t.Error(f, d)
		}
		if n := testutil.CollectAndCount(m.up); n != 0 {
			t.Errorf("%d sources, all of which are exhausted, are said to be up or down", n)
		}
	})
}

// TestNoneGoesOn ends when there is nothing that runs: with the errors of all that failed, also when another has come to its end.
func TestNoneGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := func(after time.Duration, err error) Producer {
			return producer(&fakeKafka{}, sourceFunc(func(context.Context, func(context.Context, []Record) error) error {
				<-time.After(after)
				return err
			}))
		}
		one, two := errors.New("one"), errors.New("two")
		err := RunAll(t.Context(), []Producer{
			fails(0, fault.Permanent(one)), fails(45*time.Second, fault.Permanent(two)), fails(10*time.Second, nil),
		})
		if !errors.Is(err, one) || !errors.Is(err, two) || !fault.IsPermanent(err) {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		waits := producer(&fakeKafka{}, sourceFunc(func(ctx context.Context, _ func(context.Context, []Record) error) error {
			<-ctx.Done()
			return nil
		}))
		if err := RunAll(ctx, []Producer{fails(0, fault.Permanent(one)), waits}); err != nil {
			t.Error(err)
		}
	})
}
