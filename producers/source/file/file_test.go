package file

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

func open(t testing.TB, yaml string, deps producers.SourceDeps) producers.Source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	deps.Name = "p"
	s, err := New(n, deps)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sink stands for Kafka: it remembers records by the identity that their uid is made of.
type sink struct {
	mu      sync.Mutex
	byUID   map[string]string
	count   int
	batches int
	attrs   map[string]string
	fail    error
}

func (k *sink) emit(_ context.Context, batch []producers.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	k.batches++
	if k.byUID == nil {
		k.byUID = map[string]string{}
	}
	for _, r := range batch {
		k.byUID[r.Origin+"|"+r.Position] = string(r.Data)
		k.attrs = r.Attrs
		k.count++
	}
	return nil
}

// lines returns how often each line is there, by identity.
func (k *sink) lines() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := map[string]int{}
	for _, l := range k.byUID {
		m[l]++
	}
	return m
}

// start runs a source in the background until stop is called or the test ends.
func start(t *testing.T, s producers.Source, k *sink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, k.emit) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func write(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func line(i int) string { return fmt.Sprintf("{\"n\":%d}\n", i) }

// wantOnce checks that lines 0 to n-1 are there, each under one identity.
func wantOnce(t *testing.T, k *sink, n int) {
	t.Helper()
	got := k.lines()
	for i := range n {
		if c := got[strings.TrimSpace(line(i))]; c != 1 {
			t.Errorf("line %d is there %d times", i, c)
		}
	}
	if len(got) != n {
		t.Errorf("%d lines, want %d", len(got), n)
	}
}

func TestGrowthAndPartialLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	k := &sink{}
	start(t, open(t, "paths: ["+dir+"/*.log]\npoll: 20ms", producers.SourceDeps{DataDir: dir}), k)
	write(t, path, line(0)+line(1)+`{"n":`)
	await.Until(t, "two lines", func() bool { return len(k.lines()) == 2 })
	write(t, path, "2}\n")
	await.Until(t, "the third", func() bool { return len(k.lines()) == 3 })
	for i := 3; i < 300; i++ { // past 1 KiB
		write(t, path, line(i))
	}
	await.Until(t, "all", func() bool { return len(k.lines()) == 300 })
	wantOnce(t, k, 300)
	if k.attrs[producers.AttrFile] != path {
		t.Error(k.attrs)
	}
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	for _, glob := range []string{"a.log", "a.log*"} { // the second also matches what was rotated away
		k := &sink{}
		stop := start(t, open(t, "paths: ["+dir+"/"+glob+"]\npoll: 20ms\ncheckpoint: "+dir+"/cp-"+fmt.Sprint(len(glob)), producers.SourceDeps{}), k)
		write(t, path, line(0)+line(1)+"{\"n\":2}") // the last line has no end yet
		await.Until(t, "some lines", func() bool { return len(k.lines()) >= 2 })
		if err := os.Rename(path, path+".1"); err != nil {
			t.Fatal(err)
		}
		write(t, path, line(3)+line(4))
		await.Until(t, glob, func() bool { return len(k.lines()) == 5 })
		wantOnce(t, k, 5)
		stop()
		_, _ = os.Remove(path), os.Remove(path+".1")
	}
}

func TestCopyTruncate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	k := &sink{}
	stop := start(t, open(t, "paths: ["+dir+"/a.log*]\npoll: 20ms\ncheckpoint: "+dir+"/cp", producers.SourceDeps{}), k)
	var b strings.Builder
	for i := range 200 {
		b.WriteString(line(i))
	}
	write(t, path, b.String())
	await.Until(t, "200 lines", func() bool { return len(k.lines()) == 200 })
	stop()
	write(t, path, line(200)) // not seen before the rotation: it is in the copy only
	text, _ := os.ReadFile(path)
	write(t, path+".1", string(text))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, line(201))
	start(t, open(t, "paths: ["+dir+"/a.log*]\npoll: 20ms\ncheckpoint: "+dir+"/cp", producers.SourceDeps{}), k)
	await.Until(t, "all", func() bool { return len(k.lines()) == 202 })
	wantOnce(t, k, 202)
}

func TestTruncateWhileReading(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	k := &sink{}
	start(t, open(t, "paths: ["+path+"]\npoll: 20ms", producers.SourceDeps{DataDir: dir}), k)
	write(t, path, line(0)+line(1)+line(2))
	await.Until(t, "three lines", func() bool { return len(k.lines()) == 3 })
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, line(3))
	await.Until(t, "the fourth", func() bool { return len(k.lines()) == 4 })
	wantOnce(t, k, 4)
}

// TestTruncateWhileKafkaIsAway: a file that is copied and cut off while its reader waits, and is longer again when it goes on, is read from its beginning.
func TestTruncateWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	many := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(line(from + i))
		}
		return b.String()
	}
	const before, after = 3 * batchRecords, 4 * batchRecords
	write(t, path, many(0, before))
	k := &sink{}
	away, back := make(chan struct{}), make(chan struct{})
	gone := sync.OnceFunc(func() { close(away) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- open(t, "paths: ["+path+"]\npoll: 20ms", producers.SourceDeps{DataDir: dir}).Run(ctx, func(ctx context.Context, batch []producers.Record) error {
			gone()
			<-back
			return k.emit(ctx, batch)
		})
	}()
	<-away
	<-time.After(300 * time.Millisecond) // it has read on, and waits
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	write(t, path, many(before, after))
	<-time.After(rested)
	close(back)
	await.Until(t, "the new lines", func() bool { return k.lines()[strings.TrimSuffix(line(before+after-1), "\n")] > 0 })
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	got := k.lines()
	for i := range before + after {
		if l := strings.TrimSuffix(line(i), "\n"); got[l] != 1 && (i < 2*batchRecords || i >= before) { // so much had been read before it was cut off
			t.Fatalf("%s is there %d times", l, got[l])
		}
	}
	for l, n := range got { // nothing was read from the middle of a line
		var of struct{ N *int }
		if err := json.Unmarshal([]byte(l), &of); err != nil || of.N == nil || n != 1 {
			t.Fatalf("%q is there %d times, %v", l, n, err)
		}
	}
}

// TestStalledDownload: a compressed file that nobody writes on for a while is read as far as it goes. When the rest comes, the record that was cut in two is whole, and
// so are those behind it.
func TestStalledDownload(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]struct{ before, between, after string }{"lines": {"", "\n", "\n"}, "a container": {`{"Records":[`, ",", "]}\n"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "a.log.gz")
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			rng := rand.New(rand.NewPCG(1, 2))
			const records = 3000
			between := form.before
			for i := range records { // so that it is cut between two nowhere
				fmt.Fprintf(w, "%s{\"n\":%d,\"x\":%d}", between, i, rng.Uint64())
				between = form.between
			}
			fmt.Fprint(w, form.after)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			half := packed.Len() / 2
			write(t, path, string(packed.Bytes()[:half]))
			k := &sink{}
			start(t, open(t, "paths: ["+path+"]\npoll: 20ms", producers.SourceDeps{DataDir: dir}), k)
			whole := func() (n int) {
				for l := range k.lines() {
					if json.Valid([]byte(l)) {
						n++
					}
				}
				return n
			}
			await.Until(t, "what there is, and half a record behind it", func() bool { return len(k.lines()) > whole() && whole() > records/4 })
			write(t, path, string(packed.Bytes()[half:]))
			await.Until(t, "all records", func() bool { return whole() == records })
			if n := len(k.lines()); n != records { // the half had the identity of the whole
				t.Errorf("%d lines, %d of them records", n, records)
			}
		})
	}
}

// A file that was read and then compressed is the same file; so the lines it had already are not read again under another name.
func TestCompressedAfterwards(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	var b strings.Builder
	for i := range 200 {
		b.WriteString(line(i))
	}
	write(t, path, b.String())
	k := &sink{}
	conf := "paths: [" + dir + "/a.log*]\npoll: 20ms\ncheckpoint: " + dir + "/cp"
	stop := start(t, open(t, conf, producers.SourceDeps{}), k)
	await.Until(t, "200 lines", func() bool { return len(k.lines()) == 200 })
	stop()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = io.WriteString(w, b.String()+line(200))
	_ = w.Close()
	write(t, path+".1.gz", z.String())
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	start(t, open(t, conf, producers.SourceDeps{}), k)
	await.Until(t, "all", func() bool { return len(k.lines()) == 201 })
	wantOnce(t, k, 201)
	if k.count != 201 {
		t.Errorf("%d records for 201 lines", k.count)
	}
}

// Files that begin with the same kilobyte and go on otherwise are two.
func TestTwins(t *testing.T) {
	dir := t.TempDir()
	banner := strings.Repeat("x", 1500) + "\n"
	k := &sink{}
	start(t, open(t, "paths: ["+dir+"/*.log]\npoll: 20ms", producers.SourceDeps{DataDir: dir}), k)
	write(t, dir+"/a.log", banner+line(0))
	await.Until(t, "the first file", func() bool { return len(k.lines()) == 2 })
	write(t, dir+"/b.log", banner+line(1)+line(2))
	await.Until(t, "the second file", func() bool { return len(k.lines()) == 4 })
}

func TestOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/a.log", line(0)+`{"n":1}`)
	write(t, dir+"/b.log", "version account-id srcaddr\n2 3 4\n")
	for range 2 { // without a checkpoint it reads everything again, with the same identities
		k := &sink{}
		if err := open(t, "paths: ["+dir+"/*.log]\nfollow: false", producers.SourceDeps{}).Run(context.Background(), k.emit); err != nil {
			t.Fatal(err)
		}
		if len(k.byUID) != 3 || k.attrs[producers.AttrHeader] != "version account-id srcaddr" {
			t.Errorf("%v %v", k.byUID, k.attrs)
		}
	}
	conf := "paths: [" + dir + "/*.log]\nfollow: false\ncheckpoint: " + dir + "/cp/x.json"
	k := &sink{}
	for range 2 { // with one it goes on
		if err := open(t, conf, producers.SourceDeps{}).Run(context.Background(), k.emit); err != nil {
			t.Fatal(err)
		}
		write(t, dir+"/b.log", "5 6 7\n")
	}
	if k.count != 4 || k.attrs[producers.AttrHeader] == "" {
		t.Errorf("%d records, %v", k.count, k.attrs)
	}
	if err := open(t, "paths: [/nowhere/*]\nfollow: false", producers.SourceDeps{}).Run(context.Background(), k.emit); err == nil {
		t.Error("no file is no error")
	}
}

// What Kafka did not take is read again, whatever its error looks like.
func TestEmitFails(t *testing.T) {
	for name, fail := range map[string]error{"away": errors.New("away"), "the end": fmt.Errorf("handshake: %w", io.EOF)} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/a.log", line(0)+line(1))
			k := &sink{fail: fail}
			conf := "paths: [" + dir + "/a.log]\npoll: 20ms"
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := open(t, conf, producers.SourceDeps{DataDir: dir}).Run(ctx, k.emit); !errors.Is(err, fail) {
				t.Fatal(err)
			}
			k.fail = nil
			start(t, open(t, conf, producers.SourceDeps{DataDir: dir}), k)
			await.Until(t, "both", func() bool { return len(k.lines()) == 2 })
			wantOnce(t, k, 2)
		})
	}
}

// TestReadsAhead: while a batch is on its way, the next is read and waits for it; what did not come through is read again, from where the last did.
func TestReadsAhead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var text strings.Builder
	for i := range 2*batchRecords + 1 {
		text.WriteString(line(i))
	}
	write(t, filepath.Join(dir, "a.log"), text.String())
	yaml := fmt.Sprintf("paths: [ %q ]\nfollow: false\ncheckpoint: %q", filepath.Join(dir, "*.log"), filepath.Join(dir, "cp.json"))
	var k sink
	flying, calls := false, 0
	err := open(t, yaml, producers.SourceDeps{}).Run(t.Context(), func(ctx context.Context, batch []producers.Record) error {
		k.mu.Lock()
		if flying {
			t.Error("a batch does not wait for the one before it")
		}
		flying = true
		calls++
		n := calls
		k.mu.Unlock()
		<-time.After(20 * time.Millisecond)
		k.mu.Lock()
		flying = false
		k.mu.Unlock()
		if n == 2 {
			return errors.New("away")
		}
		return k.emit(ctx, batch)
	})
	if err == nil || !strings.Contains(err.Error(), "away") || calls != 2 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	if err := open(t, yaml, producers.SourceDeps{}).Run(t.Context(), k.emit); err != nil {
		t.Fatal(err)
	}
	wantOnce(t, &k, 2*batchRecords+1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.count != 2*batchRecords+1 {
		t.Errorf("%d records were handed over: what came through is not read again", k.count)
	}
}

func TestStdin(t *testing.T) {
	k := &sink{}
	r, w := io.Pipe()
	s := open(t, `paths: ["-"]`, producers.SourceDeps{Stdin: r})
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background(), k.emit) }()
	_, _ = io.WriteString(w, line(0))
	await.Until(t, "a record before the end", func() bool { return len(k.lines()) == 1 })
	var b strings.Builder
	for i := 1; i < 2500; i++ {
		b.WriteString(line(i))
	}
	_, _ = io.WriteString(w, b.String())
	_ = w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantOnce(t, k, 2500)
	if k.batches > 10 {
		t.Errorf("%d batches", k.batches)
	}
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"{}": "paths", "paths: [a]\nfolow: true": "folow", "paths: [\"[\"]": "path", "paths: [a, \"-\"]": "alone",
		"paths: [a]\npoll: 1ms": "poll", "paths: [a]": "checkpoint is required", "paths: [\"-\"]": "standard input", "paths: [a]\nmax_record: 1": "max_record",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n, producers.SourceDeps{Name: "p"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", conf, err)
		}
	}
}

// TestKill reads a growing, rotating file in a process that is killed again and again, and then counts: every line is there, under one identity.
func TestKill(t *testing.T) {
	if os.Getenv("RIPOSTE_FILE_CHILD") != "" {
		child(t)
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	const lines, kills = 6000, 8
	stopWriting := make(chan struct{})
	written := make(chan struct{})
	go func() {
		defer close(written)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for i := 0; i < lines; i += 5 {
			var b strings.Builder
			for j := i; j < i+5; j++ {
				b.WriteString(line(j))
			}
			write(t, path, b.String())
			if i%2000 == 1000 {
				_ = os.Rename(path, fmt.Sprintf("%s.%d", path, i))
			}
			select {
			case <-tick.C:
			case <-stopWriting:
				return
			}
		}
	}()
	defer func() { close(stopWriting); <-written }()
	pause := time.NewTimer(0)
	<-pause.C
	for n := 0; ; n++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$") //nolint:noctx // the test itself
		cmd.Env = append(os.Environ(), "RIPOSTE_FILE_CHILD="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if n < kills {
			pause.Reset(time.Duration(60+37*n) * time.Millisecond)
			<-pause.C
		} else {
			<-written
			await.Until(t, "all lines", func() bool { return len(delivered(t, dir)) >= lines })
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if n == kills {
			break
		}
	}
	got := delivered(t, dir)
	for i := range lines {
		if ids := got[strings.TrimSpace(line(i))]; len(ids) != 1 {
			t.Fatalf("line %d has %d identities: %v", i, len(ids), ids)
		}
	}
}

// child is the process that is killed. Its Kafka is a file.
func child(t *testing.T) {
	dir := os.Getenv("RIPOSTE_FILE_CHILD")
	out, err := os.OpenFile(filepath.Join(dir, "out"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, "paths: ["+dir+"/a.log*]\npoll: 20ms\ncheckpoint: "+dir+"/cp", producers.SourceDeps{})
	err = s.Run(context.Background(), func(_ context.Context, batch []producers.Record) error {
		var b strings.Builder
		for _, r := range batch {
			fmt.Fprintf(&b, "%s|%s\t%s\n", r.Origin, r.Position, r.Data)
		}
		_, err := out.WriteString(b.String())
		return err
	})
	t.Fatal("ended by itself", err)
}

// delivered returns the identities of every line.
func delivered(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "out"))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	got := map[string]map[string]bool{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		id, data, _ := strings.Cut(sc.Text(), "\t")
		if got[data] == nil {
			got[data] = map[string]bool{}
		}
		got[data][id] = true
	}
	return got
}
