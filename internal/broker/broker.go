// Package broker is the embedded Kafka broker: one process, one node, its data in a folder. It speaks Kafka's protocol over TCP, so that
// everything that runs on it runs on a cluster as well.
//
// It is kfake with its data directory and with every write synced before it is acknowledged: messages and committed offsets survive the end
// of the process at any moment. It listens on loopback only, without authentication.
package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
)

// retentionEvery is how often what is over its topic's retention is removed. kfake does that by itself only while topics are being made or
// altered in the same process, not after a restart.
const retentionEvery = 5 * time.Minute

const (
	lockWait  = 5 * time.Second // for a data directory in use
	lockEvery = 50 * time.Millisecond
)

// Options say how the broker runs.
type Options struct {
	// DataDir is the folder of its data, made if missing; empty keeps everything in memory, for tests.
	DataDir string
	// Port on 127.0.0.1; 0 takes the one of the last run with the same data if it is free, else any. Clients find the broker at its address
	// only, so a process that lives longer than the broker needs the same port again.
	Port int
	Log  zerolog.Logger
}

// A Broker is a running broker. Whoever started it closes it, after its clients.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	unlock  func() error
	stop    context.CancelFunc
	wg      sync.WaitGroup
	once    sync.Once
}

// ErrInUse says that another process runs a broker on the same data.
const ErrInUse = brokerError("the data directory is in use by another process")

type brokerError string

func (e brokerError) Error() string { return string(e) }

// Start starts a broker. A data directory that is in use is waited for a few seconds: a process that was killed may not have ended yet. The
// broker has loaded its data and accepts connections when Start returns. It runs until Close; ctx matters while starting only.
func Start(ctx context.Context, o Options) (*Broker, error) { //nolint:contextcheck // the broker outlives ctx, until Close
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	b := &Broker{unlock: func() error { return nil }}
	if o.DataDir != "" {
		if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("embedded broker: data directory: %w", err)
		}
		unlock, err := lockSoon(ctx, o.DataDir)
		if err != nil {
			return nil, fmt.Errorf("embedded broker: %s: %w", o.DataDir, err)
		}
		b.unlock = unlock
	}
	if err := b.open(ctx, o); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", errors.Join(err, b.unlock()))
	}
	background, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.wg.Go(func() { b.retain(background) })
	o.Log.Info().Str("address", b.addr).Str("data", o.DataDir).Msg("embedded broker is up")
	return b, nil
}

// lockSoon locks the data directory. The lock of a process that was killed goes when the kernel has taken it apart, which takes a moment.
func lockSoon(ctx context.Context, dir string) (func() error, error) {
	tick := time.NewTicker(lockEvery)
	defer tick.Stop()
	enough := time.NewTimer(lockWait)
	defer enough.Stop()
	for {
		unlock, err := lock(dir)
		if !errors.Is(err, ErrInUse) {
			return unlock, err
		}
		select {
		case <-tick.C:
		case <-enough.C:
			return nil, err
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

func (b *Broker) open(ctx context.Context, o Options) error {
	l, err := listen(ctx, o)
	if err != nil {
		return err
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("riposte-embedded"),
		kfake.WithLogger(logger{o.Log}),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return l, nil }),
		kfake.GroupMinSessionTimeout(time.Second),
		// A topic without retention of its own keeps its messages for a week.
		kfake.BrokerConfigs(map[string]string{"log.retention.ms": strconv.FormatInt((7 * 24 * time.Hour).Milliseconds(), 10)}),
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return errors.Join(err, closeListener(l))
	}
	b.cluster, b.addr = cluster, l.Addr().String()
	if o.DataDir != "" {
		if err := rememberPort(o.DataDir, l.Addr()); err != nil {
			cluster.Close()
			return err
		}
	}
	return nil
}

// closeListener closes a listener that kfake may have closed before.
func closeListener(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Addr is the host:port to give to clients.
func (b *Broker) Addr() string { return b.addr }

// Close ends the broker, saves its state and lets go of the data directory.
func (b *Broker) Close() error {
	var err error
	b.once.Do(func() {
		b.stop()
		b.wg.Wait()
		b.cluster.Close()
		err = b.unlock()
	})
	return err
}

// retain applies the topics' retention, by time and by size, now and then until ctx ends.
func (b *Broker) retain(ctx context.Context) {
	tick := time.NewTicker(retentionEvery)
	defer tick.Stop()
	for {
		b.cluster.ApplyRetention()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// logger hands kfake's log over, a step lower: what it calls information is a line a request.
type logger struct{ log zerolog.Logger }

// Logf logs one line.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	to := zerolog.TraceLevel
	switch level {
	case kfake.LogLevelError:
		to = zerolog.ErrorLevel
	case kfake.LogLevelWarn:
		to = zerolog.DebugLevel
	case kfake.LogLevelInfo, kfake.LogLevelDebug, kfake.LogLevelNone:
	}
	l.log.WithLevel(to).Str("component", "embedded broker").Msgf(format, args...)
}
