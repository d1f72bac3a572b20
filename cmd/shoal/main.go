// Command shoal runs a node and talks to one from the shell.
//
// This package holds what a person types and reads: flags, environment, tables, bars, exit codes.
// What a node does is in shoal/internal/node; every other command is a client of a node's HTTP API.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default comes back, so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], systemApp())
	stop()
	os.Exit(code)
}
