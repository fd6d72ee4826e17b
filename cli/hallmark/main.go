// Command hallmark is the whole of Hallmark in one binary: the server, the CI gate, and the tools of submitters,
// operators and auditors. Exit codes are documented interface, see exit.go; data goes to stdout, progress to stderr.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// buildVersion is set by the linker.
var buildVersion = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
