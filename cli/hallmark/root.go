package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/cli/hallmark/guestbin"
)

// app is what the commands share: the streams, and the flags that every command has.
type app struct {
	in     io.Reader
	out    io.Writer // data only
	errw   io.Writer // progress, log and errors
	getenv func(string) string
	guest  func() ([]byte, error) // the program of jailed processes

	format string // table or json
	quiet  bool
}

// run is main without the process around it, so that tests can call it.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	a := &app{in: in, out: out, errw: errw, getenv: os.Getenv, guest: guestbin.Guest}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	a.out = dataWriter{a.out}
	root := a.rootCmd() //nolint:contextcheck // commands get their context when they run
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		printError(a.errw, err)
	}
	return exitCode(err)
}

func (a *app) rootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "hallmark",
		Short: "Provenance and safety sandbox for machine-learning models",
		Long: `Hallmark proves where a model came from, tests it in an isolated sandbox, and serves only versions that passed.

Exit codes: 0 allow · 1 block · 2 usage or configuration · 3 undecided · 4 this host cannot run the test · 5 challenge
verify and --expect: 10 digest · 11 signature · 12 key · 13 predicate · 14 lineage · 15 anchor missing · 16 anchor below
the wanted head · 17 revoked · 18 log proof · 19 evidence missing`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q: %w", args[0], errUsage)
			}
			return cmd.Help()
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateRequiredFlags(); err != nil { // cobra's own look at them comes later and has no kind
				return usage(cmd, err)
			}
			if a.format != "table" && a.format != "json" {
				return fmt.Errorf("output format %q: want table or json: %w", a.format, errUsage)
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(usage)
	root.PersistentFlags().StringVarP(&a.format, "output", "o", "table", "output format: table or json")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress on stderr")
	root.AddCommand(a.commands()...)
	root.SetIn(a.in)
	root.SetOut(a.out) // before the completion command, which remembers it
	root.SetErr(a.errw)
	root.InitDefaultCompletionCmd()
	return root
}

// args wraps a check of positional arguments, so that its failure is a usage error.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, list []string) error {
		if err := check(cmd, list); err != nil {
			return usage(cmd, err)
		}
		return nil
	}
}

// usage is the error of a command that was not called as it has to be.
func usage(cmd *cobra.Command, err error) error {
	return hallmark.WithHint(fmt.Errorf("%s: %w: %w", cmd.CommandPath(), err, errUsage), "see `"+cmd.CommandPath()+" --help`")
}

// print writes v as JSON, or calls table with a writer that aligns columns at tabs.
func (a *app) print(v any, table func(w io.Writer)) error {
	if a.format == "json" {
		enc := json.NewEncoder(jsonWriter{a.out})
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	table(cleanWriter{w})
	return w.Flush()
}

// A cleanWriter keeps a terminal safe of what is written, whoever it is from: each write is a whole text.
type cleanWriter struct{ w io.Writer }

func (c cleanWriter) Write(text []byte) (int, error) {
	if _, err := io.WriteString(c.w, sanitize(string(text))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// A jsonWriter keeps a terminal safe of JSON: characters that could steer it stand in strings only, where an escape says
// the same. Each write is a whole text.
type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(text []byte) (int, error) {
	var b strings.Builder
	for _, r := range string(text) {
		if r == '\n' || !steers(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	if _, err := io.WriteString(j.w, b.String()); err != nil {
		return 0, err
	}
	return len(text), nil
}

// A dataWriter says of an error that the output could not be written.
type dataWriter struct{ w io.Writer }

func (d dataWriter) Write(text []byte) (int, error) {
	n, err := d.w.Write(text)
	if err != nil {
		return n, fmt.Errorf("%w: %w", errOutput, err)
	}
	return n, nil
}

// logger writes structured lines to stderr from level up.
func (a *app) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(a.errw, &slog.HandlerOptions{Level: level}))
}
