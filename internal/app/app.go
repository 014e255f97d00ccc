// Package app is the command line of riposte, a file a command. It alone imports the stages and joins them.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/remediate/invoke/runbook"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/obs"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// cli is every command of the binary.
type cli struct {
	Config string `short:"c" type:"path" env:"RIPOSTE_CONFIG" placeholder:"FILE" help:"Configuration file; riposte.yaml in this folder, if there is one."`

	Demo      demoCmd       `cmd:"" help:"Play a recorded attack through the whole pipeline on the embedded broker, and tell what was done."`
	Up        upCmd         `cmd:"" help:"Run all stages in one process, on an embedded broker and SQLite."`
	Produce   produceCmd    `cmd:"" help:"Run producers: records in, events out."`
	Route     routeCmd      `cmd:"" help:"Run the router: events in, commands out."`
	Consume   consumeCmd    `cmd:"" help:"Run the consumers of lanes: commands in, outcomes out."`
	Archive   archiveCmd    `cmd:"" help:"Run the archive: events, commands and outcomes into files or S3, chained and signed."`
	Audit     auditCmd      `cmd:"" help:"Check an archive, or tell from it how a command came about."`
	Normalize normalizeCmd  `cmd:"" help:"Turn records into OCSF events on stdout, one a line."`
	Rules     rulesCmd      `cmd:"" help:"Check, test and try rules."`
	Commands  commandsCmd   `cmd:"" help:"List what was done, waits, failed or is in force; one command in full with an id."`
	Approve   approveCmd    `cmd:"" help:"Approve a command that waits for it."`
	Reject    rejectCmd     `cmd:"" help:"Reject a command that waits for approval."`
	Undo      undoCmd       `cmd:"" help:"Take the effect of a command back."`
	Blocks    blocksCmd     `cmd:"" help:"List, extend or lift what is in force now."`
	Exempt    exemptionsCmd `cmd:"" name:"exemptions" help:"List exemptions, or say which cover an event."`
	Stop      stopCmd       `cmd:"" help:"Stop all effects, in every process, within a second; queued work waits."`
	Resume    resumeCmd     `cmd:"" help:"Let effects happen again after a stop."`
	Sweep     sweepCmd      `cmd:"" help:"Look at what exists now in AWS accounts, and print it as events."`
	Simulate  simulateCmd   `cmd:"" help:"Say what rules would have done over past events, before anyone enables them."`
	Letters   deadletterCmd `cmd:"" name:"deadletter" help:"List, show, replay or drop what could not be understood or carried out."`
	Replay    replayCmd     `cmd:"" help:"Have a range of a topic come again, onto the same topic or another; responses to it wait for an approval."`
	Ledger    ledgerCmd     `cmd:"" help:"The ledger's tables and who may do what with them."`
	Keys      keysCmd       `cmd:"" help:"Keys that sign commands and decisions."`
	Kafka     kafkaCmd      `cmd:"" help:"What a broker needs."`
	List      listCmd       `cmd:"" help:"List formats, sources, actions or receivers, with their settings."`
	Cfg       configCmd     `cmd:"" name:"config" help:"Check the configuration."`
	Health    healthCmd     `cmd:"" help:"Ask a running riposte whether it is well; exit 1 if not (for container health checks)."`
	Version   versionCmd    `cmd:"" help:"Print the version."`
}

// An App is what every command gets.
type App struct {
	Streams
	configPath string
	env        func(string) (string, bool)
	stores     config.Stores
}

// errReported ends a command with exit code 1 when everything that is to be said was said.
const errReported = sentinel("reported")

type sentinel string

func (s sentinel) Error() string { return string(s) }

// misuse is an error in how a command was called: exit code 2.
type misuse struct{ error }

// Main runs one command line and returns its exit code: 0 done, 1 failed, 2 misused.
func Main(ctx context.Context, args []string, s Streams) int {
	if len(args) > 0 && args[0] == runbook.Hidden { // one of our own processes, around a runbook
		return runbook.Child(args[1:])
	}
	a := &App{Streams: s, env: os.LookupEnv, stores: cloud.Stores(ctx)}
	var c cli
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("riposte"),
		kong.Description("Event-driven security response on Kafka. https://github.com/riposte-security/riposte"),
		kong.Writers(s.Out, s.Err),
		kong.Exit(func(code int) { exit = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(s.Err, "riposte:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if exit >= 0 { // --help has been printed
		return exit
	}
	if err != nil {
		fmt.Fprintln(s.Err, "riposte:", err)
		return 2
	}
	a.configPath = c.Config
	return a.report(k.Run(a))
}

// report prints how a command ended and returns its exit code.
func (a *App) report(err error) int {
	var m misuse
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errReported):
		return 1
	case errors.As(err, &m):
		fmt.Fprintln(a.Err, "riposte:", err)
		return 2
	default:
		fmt.Fprintln(a.Err, "riposte:", err)
		return 1
	}
}

// defaultConfig is read when no --config is given and the file is there.
const defaultConfig = "riposte.yaml"

// find reads the configuration: the named file, else riposte.yaml if there is one. found tells whether there was a file.
func (a *App) find() (cfg config.Config, found bool, err error) {
	path := a.configPath
	if path == "" {
		if _, err := os.Stat(defaultConfig); errors.Is(err, os.ErrNotExist) {
			return config.Defaults(), false, nil
		}
		path = defaultConfig
	}
	cfg, err = config.Load(path, a.env, a.stores)
	return cfg, err == nil, err
}

// logger returns the logger that the configuration asks for; it writes to stderr.
func (a *App) logger(cfg config.Config) (zerolog.Logger, error) {
	log, err := obs.NewLogger(a.Err, cfg.Log.Level, cfg.Log.Format)
	if err != nil {
		return log, fmt.Errorf("%s: %w", cfg.Pos("log"), err)
	}
	return log, nil
}
