// Bench-engine compares the engine with llama.cpp in one interleaved run, on models that it makes itself. It installs
// llama.cpp from its npm package into a cache. `make bench-engine` runs it; -help lists the flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
)

const usage = `bench-engine [flags]            the table of figures
bench-engine board [flags]      the engine alone, on any machine that Go runs on; installs nothing
bench-engine kl [flags]         how far logits are from llama.cpp's, for random models of every type and architecture
bench-engine install [flags]    only install llama.cpp and build the programs that use it
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench-engine:", err)
		os.Exit(1) //nolint:gocritic // stop has nothing left to do
	}
}

// options are the flags of all commands.
type options struct {
	cache  string
	rows   *regexp.Regexp
	rounds int
	quick  bool
	clock  string // wall or cpu
	docs   string
	verify bool // exit 1 if a floor is missed
}

func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == "worker" {
		return work(ctx, args[1:], os.Stdin, os.Stdout)
	}
	fs := flag.NewFlagSet("bench-engine", flag.ContinueOnError)
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), usage)
		fs.PrintDefaults()
	}
	command := ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	base, err := os.UserCacheDir()
	if err != nil {
		base = ".bench"
	}
	var o options
	fs.StringVar(&o.cache, "cache", filepath.Join(base, "hallmark-bench"), "directory of llama.cpp and of models, about 15 GB for the full table")
	fs.BoolVar(&o.quick, "quick", false, "models of 110M parameters and few rounds, to see that everything runs; no result counts")
	fs.IntVar(&o.rounds, "rounds", 0, "rounds of each row; 5, or 2 if quick")
	fs.StringVar(&o.clock, "clock", "wall", "what is divided by: wall or cpu; cpu is for rows of one thread on a machine that is not idle")
	fs.StringVar(&o.docs, "docs", "", "file to write the table into, between its markers")
	fs.BoolVar(&o.verify, "verify", false, "exit 1 if a floor is missed")
	only := fs.String("rows", "", "regular expression of the rows, or of arch/type for kl")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 || o.clock != "wall" && o.clock != "cpu" {
		return errors.New("wrong arguments; -help tells")
	}
	if o.rows, err = regexp.Compile(*only); err != nil {
		return err
	}
	if o.rounds == 0 {
		o.rounds = 5
		if o.quick {
			o.rounds = 2
		}
	}
	if command == "board" {
		return board(ctx, o)
	}
	p, err := install(ctx, o.cache)
	if err != nil {
		return err
	}
	switch command {
	case "install":
		fmt.Println(p.bin)
		return nil
	case "kl":
		return divergence(ctx, o, p)
	case "":
		return compare(ctx, o, p)
	default:
		return fmt.Errorf("no command %q; -help tells", command)
	}
}
