// Command riposte is event-driven security response on Kafka: producers turn logs into OCSF events, a router decides by rules, consumers
// alert, block and remediate.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/riposte-security/riposte/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := app.Main(ctx, os.Args[1:], app.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
