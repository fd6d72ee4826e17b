package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

func (a *app) scanCmd() *cobra.Command {
	var sarif string
	var personal piiFlags
	cmd := &cobra.Command{
		Use:   "scan PATH...",
		Short: "Say what is unsafe about files, without loading or running anything",
		Long: `Scan looks into files and directories in the jail: each file is read by a process of its own that sees nothing else.
A file is safe, unsafe with reasons, or cannot be parsed, which is no better. With -o json there is one object a line:
{"path", "format", "verdict", "reasons": [{"rule", "detail"}]}. The rules are explained in docs/scanner.md.

With --pii it looks for personal data and secrets in data sets and scripts instead: text, CSV, JSON and JSON lines, also under
gzip or on stdin (as the only PATH, -), and Parquet. It writes one object a line: {"path", "entity", "start", "end", "confidence", "masked", "hash"}, offsets in
code points (and byteStart, byteEnd in bytes) of the text; -o table is for people. The values themselves are never shown:
the hash is keyed with a salt of the run. What is looked for stands in docs/pii.md.

Exit codes: 0 every file is safe · 1 some are not · 2 usage · 3 interrupted · 4 this host cannot run the jail
With --pii: 0 nothing of the wanted confidence beside documented test values · 1 something · 2 usage, or a file that could not
be read · 3 interrupted`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, paths []string) error {
			if personal.on && sarif != "" {
				return fmt.Errorf("--sarif does not go with --pii: %w", errUsage)
			}
			if personal.on {
				personal.table = cmd.Flags().Changed("output") && a.format == "table"
				return a.scanPII(cmd.Context(), paths, personal)
			}
			return a.scan(cmd.Context(), paths, sarif)
		},
	}
	cmd.Flags().StringVar(&sarif, "sarif", "", "write SARIF 2.1.0 to this file")
	personal.register(cmd)
	return cmd
}

// scanMemory is what a scanning process may use beside the file's own size, in bytes.
const scanMemory = 256 << 20

func (a *app) scan(ctx context.Context, paths []string, sarif string) error {
	j, err := openJail(ctx, serverConfig{Threads: 1, RunMemory: scanMemory}, a.guest)
	if err != nil {
		return err
	}
	out := scanOutput{json: a.format == "json", w: a.out}
	bar := a.progress("scan")
	err = j.judgeFiles(ctx, paths, func(v scan.FileVerdict, done, total int64) error {
		bar.set(done, total)
		return out.add(v)
	})
	bar.done()
	out.cut = err != nil
	if err := errors.Join(err, out.close()); err != nil {
		return err
	}
	if sarif != "" {
		if err := writeOutput(sarif, os.O_TRUNC, out.writeSARIF); err != nil {
			return err
		}
	}
	if bad := out.unsafe + out.unreadable; bad > 0 {
		return hallmark.WithHint(fmt.Errorf("%d of %d files are not safe: %w", bad, len(out.verdicts), hallmark.ErrRefused), "read the reasons above; what the rules mean stands in docs/scanner.md")
	}
	return nil
}

// around judges what the jailed process cannot see of a file: its permissions, and the sizes of files beside it.
func (f scannedFile) around(report sandbox.ScanReport) []hallmark.Finding {
	found := scan.External(report.Metadata, f.sibling)
	program := report.Format == scan.FormatShell || report.Format == scan.FormatPython
	if program && f.mode&0o111 != 0 && !scan.IsScriptName(f.name) {
		found = append(found, hallmark.Finding{
			Detector: scan.Detector, Rule: scan.RuleExecutable, Severity: hallmark.SeverityHigh,
			Message: "the file may be started, and is a script, which its name does not say",
		})
	}
	return found
}

// A scanOutput prints verdicts as they come, and counts them.
type scanOutput struct {
	json               bool
	w                  io.Writer
	verdicts           []scan.FileVerdict
	unsafe, unreadable int
	cut                bool // there are files that were not scanned
}

func (o *scanOutput) add(v scan.FileVerdict) error {
	o.verdicts = append(o.verdicts, v)
	switch v.Verdict {
	case scan.Unsafe:
		o.unsafe++
	case scan.CannotParse:
		o.unreadable++
	case scan.Safe:
	}
	if !o.json {
		return nil
	}
	enc := json.NewEncoder(o.w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// close prints the table, for people.
func (o *scanOutput) close() error {
	if o.json || len(o.verdicts) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(o.w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "verdict\tformat\tpath")
	for _, v := range o.verdicts {
		fmt.Fprintf(w, "%s\t%s\t%s\n", v.Verdict, v.Format, oneLine(v.Path, maxShownPath))
		for _, r := range v.Reasons {
			fmt.Fprintf(w, "\t%s\t%s\n", r.Rule, oneLine(r.Detail, maxShownPath))
		}
	}
	rest := ""
	if o.cut {
		rest = "; the scan was ended before the last one"
	}
	fmt.Fprintf(w, "%d files\t\t%d safe, %d unsafe, %d cannot be parsed%s\n", len(o.verdicts), len(o.verdicts)-o.unsafe-o.unreadable, o.unsafe, o.unreadable, rest)
	return w.Flush()
}

// maxShownPath is how many runes of a path or a reason a table shows.
const maxShownPath = 300
