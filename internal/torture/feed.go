package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	feedEvery  = 20 * time.Millisecond
	feedAtOnce = 2000  // events at most, when the pace has to be caught up with
	perFile    = 20000 // lines, then a new file begins
	perPost    = 500   // records
	perPoison  = 2000  // events, then something comes onto a topic that is no message
	postAgain  = 100 * time.Millisecond
	postWithin = 30 * time.Second
)

// A feeder sends the events of a load: half of them as lines of files, half by HTTP, again until they are acknowledged.
type feeder struct {
	load   *load
	dir    string                                                // of the files
	poison func(ctx context.Context, nth int, text string) error // puts a message onto one of the topics
	url    string                                                // of the source that listens

	sent, posts, again atomic.Int64
	queue              chan []byte
}

// run sends so many events, evenly over a time, and returns when all of them are acknowledged or ctx ends.
func (f *feeder) run(ctx context.Context, events int, within time.Duration) error {
	f.queue = make(chan []byte, 200_000)
	var posting sync.WaitGroup
	var posted error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	posting.Go(func() {
		if posted = f.post(ctx); posted != nil {
			cancel()
		}
	})
	err := f.pace(ctx, events, within)
	close(f.queue)
	posting.Wait()
	if posted != nil {
		return posted
	}
	return err
}

func (f *feeder) pace(ctx context.Context, events int, within time.Duration) error {
	began, tick := time.Now(), time.NewTicker(feedEvery)
	defer tick.Stop()
	for n := 0; n < events; {
		due := min(events, int(float64(events)*float64(time.Since(began))/float64(within)), n+feedAtOnce)
		files := map[string][]byte{}
		for ; n < due; n++ {
			if n%perPoison == 0 {
				if err := f.poison(ctx, n/perPoison, f.load.poisoned()); err != nil {
					return err
				}
			}
			e := f.load.next(time.Now())
			if e.http {
				f.queue <- e.line
				continue
			}
			name := cmp.Or(e.file, fmt.Sprintf("%04d", n/perFile))
			files[name] = append(files[name], e.line...)
		}
		for name, lines := range files {
			if err := f.write(name, lines); err != nil {
				return err
			}
		}
		f.sent.Store(int64(n))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// write appends lines to a file. They are sent when they are written: from then on the source has to find them.
func (f *feeder) write(name string, lines []byte) error {
	file, err := os.OpenFile(filepath.Join(f.dir, name+".ndjson"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("feed: %w", err)
	}
	if _, err := file.Write(lines); err != nil {
		_ = file.Close() // the first error says more
		return fmt.Errorf("feed: %w", err)
	}
	return file.Close()
}

// post sends what is queued, in its order.
func (f *feeder) post(ctx context.Context) error {
	client := &http.Client{Timeout: postWithin}
	defer client.CloseIdleConnections()
	for line := range f.queue {
		body := bytes.NewBuffer(bytes.Clone(line))
		for n := 1; n < perPost && len(f.queue) > 0; n++ {
			body.Write(<-f.queue)
		}
		for f.posts.Add(1); !f.accepted(ctx, client, body.Bytes()); f.again.Add(1) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(postAgain):
			}
		}
	}
	return nil
}

// accepted posts records once. Anything but an acknowledgement may have been taken, or not.
func (f *feeder) accepted(ctx context.Context, client *http.Client, body []byte) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(body)) //nolint:gosec // our own process
	if err != nil {
		return false
	}
	res, err := client.Do(req) //nolint:gosec // our own process
	if err != nil {
		return false
	}
	defer res.Body.Close() //nolint:errcheck // only its status is wanted
	return res.StatusCode == http.StatusAccepted
}
