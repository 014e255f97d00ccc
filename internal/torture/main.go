package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	tclog "github.com/testcontainers/testcontainers-go/log"
)

// options are the flags.
type options struct {
	seed     uint64
	duration time.Duration
	events   int
	faults   int
	brokers  int
	report   string
	riposte  string
}

func read(args []string, errs io.Writer) (o options, err error) {
	set := flag.NewFlagSet("torture", flag.ContinueOnError)
	set.SetOutput(errs)
	set.Uint64Var(&o.seed, "seed", 0, "what the events and the faults are drawn from; 0: the time")
	set.DurationVar(&o.duration, "duration", 10*time.Minute, "how long all of it takes, the end not counted in which what was sent is waited for")
	set.IntVar(&o.events, "events", 200_000, "events to send")
	set.IntVar(&o.faults, "faults", 60, "faults")
	set.IntVar(&o.brokers, "brokers", 3, "Kafka brokers")
	set.StringVar(&o.report, "report", "", "file for the report as JSON")
	set.StringVar(&o.riposte, "riposte", "", "the binary; built if not given")
	if err = set.Parse(args); err != nil {
		return o, err
	}
	if set.NArg() > 0 || o.events < 1 || o.faults < 0 || o.duration < time.Second || o.brokers < 1 {
		return o, errors.New("torture: bad arguments; see -h")
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().Unix()) //nolint:gosec // no time before 1970
	}
	return o, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	o, err := read(os.Args[1:], os.Stderr)
	code := 2
	if err == nil {
		code, err = torture(ctx, o, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	stop()
	os.Exit(code)
}

// torture is one run. The code is 0 when nothing was lost, 1 when something was wrong, 2 when there was no run.
func torture(ctx context.Context, o options, out, errs io.Writer) (code int, err error) {
	tclog.SetDefault(quiet{})
	said := func(format string, args ...any) { fmt.Fprintf(errs, format+"\n", args...) }
	w, err := newWorld(ctx, o, said)
	if err != nil {
		return 2, err
	}
	said("seed %d; folder %s", o.seed, w.dir)
	r, err := w.run(ctx, o)
	if err := w.close(ctx); err != nil {
		said("%v", err)
	}
	if err != nil {
		return 2, err
	}
	r.text(out)
	if o.report != "" {
		if err := r.write(o.report); err != nil {
			return 2, err
		}
	}
	if !r.OK {
		said("logs are in %s", w.dir)
		return 1, nil
	}
	return 0, os.RemoveAll(w.dir)
}

// quiet keeps the library that starts containers from telling about each of them.
type quiet struct{}

// Printf is a logger's.
func (quiet) Printf(string, ...any) {}
