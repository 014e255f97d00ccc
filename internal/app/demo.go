package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/examples/attack"
	"github.com/riposte-security/riposte/examples/attack/scene"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/simaws"
)

type demoCmd struct {
	Keep    bool          `help:"Keep the folder with broker, ledger and log."`
	Timeout time.Duration `default:"30s" help:"How long the story may take."`
}

// Run plays the attack in examples/attack through the pipeline of `riposte up`, and fails unless every expected response came and no other.
func (c *demoCmd) Run(ctx context.Context, a *App) (err error) {
	dir, err := os.MkdirTemp("", "riposte-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer func() {
		if c.Keep {
			fmt.Fprintf(a.Out, "\nkept in %s; look at it with: riposte commands --data %s\n", dir, filepath.Join(dir, "data"))
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	logfile, err := os.Create(filepath.Join(dir, "riposte.log")) //nolint:gosec // in a folder of our own
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer logfile.Close() //nolint:errcheck // the log of a demonstration
	where, names, stop, err := demoAWS(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	fmt.Fprintf(a.Out, "riposte demo: a recorded attack through the real pipeline (embedded Kafka broker, SQLite ledger, %s)\n\n", where)
	err = a.play(ctx, dir, logfile, names, c.Timeout)
	if err != nil {
		tail(a.Err, logfile.Name())
	}
	return err
}

// play runs the pipeline, the records and the story, and ends them together.
func (a *App) play(ctx context.Context, dir string, log io.Writer, names *strings.Replacer, within time.Duration) error {
	files, err := attack.Files(time.Now().Add(-attack.Length))
	if err != nil {
		return err
	}
	for i := range files {
		files[i].Data = []byte(names.Replace(string(files[i].Data)))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	inner := &App{Streams: Streams{In: a.In, Out: io.Discard, Err: log}, configPath: os.DevNull, env: a.env}
	g.Go(func() error {
		return inner.up(ctx, upOptions{
			data:   filepath.Join(dir, "data"),
			change: func(cfg *config.Config) error { return demoConfig(cfg, dir, files) },
			more: []func(*stack) (stage, error){func(s *stack) (stage, error) {
				return func(ctx context.Context) error {
					defer cancel()
					t := &teller{out: a.Out, stack: s, records: dir, files: files, names: names, within: within}
					return t.tell(ctx)
				}, nil
			}},
		})
	})
	return g.Wait()
}

// demoConfig is the configuration of the demonstration: a producer a file, everything enforced.
func demoConfig(cfg *config.Config, dir string, files []attack.File) error {
	var text strings.Builder
	text.WriteString("log: { level: info, format: json }\nhttp: { listen: \"\" }\nconsumers: { mode: enforce }\nproducers:\n")
	for _, f := range files {
		name := strings.TrimSuffix(f.Name, filepath.Ext(f.Name))
		fmt.Fprintf(&text, "  - { name: %s, format: %s, source: { file: { paths: [%q], poll: 50ms } } }\n", name, f.Format, filepath.Join(dir, f.Name))
	}
	n, err := config.Parse("demo", []byte(text.String()))
	if err != nil {
		return err
	}
	cfg.Producers = nil
	return n.Decode(cfg)
}

// demoAWS says which AWS the demonstration acts on: the one that AWS_ENDPOINT_URL names, in which it first makes what the attack is about, or a
// simulation in this process, to which the environment of this process is turned. names turns the recorded names into those of what is there.
func demoAWS(ctx context.Context) (where string, names *strings.Replacer, stop func() error, err error) {
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
		clients, err := cloud.New(ctx, cloud.Config{}, zerolog.Nop())
		if err != nil {
			return "", nil, nil, err
		}
		names, err := scene.Set(ctx, clients, strconv.FormatInt(time.Now().Unix(), 36))
		return "AWS at " + url, names, func() error { return nil }, err
	}
	where, stop, err = simulatedAWS(ctx)
	return where, strings.NewReplacer(), stop, err
}

// simulatedAWS starts the simulation and turns the environment of this process to it.
func simulatedAWS(ctx context.Context) (where string, stop func() error, err error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("simulated AWS: %w", err)
	}
	for _, e := range os.Environ() { // nothing of a real account may play a part
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "AWS_") {
			if err := os.Unsetenv(name); err != nil {
				return "", nil, fmt.Errorf("simulated AWS: %w", err)
			}
		}
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "http://" + l.Addr().String(), "AWS_REGION": simaws.AttackRegion,
		"AWS_ACCESS_KEY_ID": "simulated", "AWS_SECRET_ACCESS_KEY": "simulated", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		if err := os.Setenv(name, value); err != nil {
			return "", nil, fmt.Errorf("simulated AWS: %w", err)
		}
	}
	server := &http.Server{Handler: simaws.Attack(time.Now), ReadHeaderTimeout: 5 * time.Second}
	var g errgroup.Group
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("simulated AWS: %w", err)
		}
		return nil
	})
	return "simulated AWS", func() error { return errors.Join(server.Close(), g.Wait()) }, nil
}

// tail prints the end of the log, for a demonstration that failed.
func tail(w io.Writer, file string) {
	text, err := os.ReadFile(file) //nolint:gosec // our own
	if err != nil {
		fmt.Fprintln(w, "riposte: the log of the demonstration:", err)
		return
	}
	lines := strings.SplitAfter(string(text), "\n")
	fmt.Fprintf(w, "\nthe last lines of the log:\n%s", strings.Join(lines[max(0, len(lines)-30):], ""))
}
