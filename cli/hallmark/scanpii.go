package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/pii"
	"github.com/hallmark-ml/hallmark/sandbox/pii/dataset"
	"github.com/hallmark-ml/hallmark/sandbox/pii/phone"
)

// piiFlags are the flags of `hallmark scan --pii`.
type piiFlags struct {
	on       bool
	least    string
	entities []string
	salt     string
	table    bool // the user asked for it; lines of JSON otherwise
}

func (f *piiFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.on, "pii", false, "look for personal data and secrets in data sets and scripts")
	flags.StringVar(&f.least, "min-confidence", pii.Medium.String(), "with --pii: very-weak, weak, medium or high")
	flags.StringSliceVar(&f.entities, "entities", nil, "with --pii: only these, such as US_SSN,aws-access-token (default: all but DATE_TIME and URL)")
	flags.StringVar(&f.salt, "salt", "", "with --pii: key of the hashes, to compare runs; better in "+saltEnv+", which process lists do not show (default: random)")
}

// saltEnv is the environment variable of the salt.
const saltEnv = "HALLMARK_SALT"

// config checks the flags.
func (f *piiFlags) config() (pii.Config, error) {
	least, ok := pii.ParseConfidence(f.least)
	if !ok {
		return pii.Config{}, fmt.Errorf("--min-confidence %q: want very-weak, weak, medium or high: %w", f.least, errUsage)
	}
	known, usual := pii.Rules(), pii.Rules()
	for _, r := range pii.Recognizers() {
		known = append(known, r.Entity)
		if r.Class.Personal() {
			usual = append(usual, r.Entity)
		}
	}
	if len(f.entities) == 0 {
		f.entities = usual
	}
	for _, e := range f.entities {
		if !slices.Contains(known, e) {
			return pii.Config{}, fmt.Errorf("--entities %q is none that is known, see docs/pii.md: %w", e, errUsage)
		}
	}
	return pii.Config{Least: least, Entities: f.entities, Phone: phone.Checker()}, nil
}

// scanPII looks for personal data in files and directories.
func (a *app) scanPII(ctx context.Context, paths []string, f piiFlags) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	if f.salt = cmp.Or(f.salt, a.getenv(saltEnv)); f.salt == "" {
		var b [16]byte
		rand.Read(b[:]) // never fails
		f.salt = hex.EncodeToString(b[:])
	}
	out := piiOutput{w: a.out}
	if f.table {
		out.table = tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(out.table, "confidence\tentity\tvalue\thash\tplace")
	}
	scanner := dataset.New(config, f.salt)
	bar := a.progress("scan for personal data")
	err = a.scanPIIFiles(ctx, paths, &out, scanner, bar)
	bar.done()
	if out.table != nil {
		fmt.Fprintf(out.table, "%d\tin %d files\n", out.found+out.tests, out.files)
		err = firstError(err, out.table.Flush())
	}
	for _, problem := range out.problems {
		fmt.Fprintf(a.errw, "not read: %s\n", sanitize(problem))
	}
	if err != nil {
		return err
	}
	if out.skipped > 0 && !a.quiet {
		fmt.Fprintf(a.errw, "%d files are no text and no table and were not looked into\n", out.skipped)
	}
	return out.outcome()
}

// stdinPath stands for what comes on stdin.
const stdinPath = "-"

func (a *app) scanPIIFiles(ctx context.Context, paths []string, out *piiOutput, scanner *dataset.Scanner, bar *progress) error {
	if slices.Contains(paths, stdinPath) {
		if len(paths) > 1 {
			return fmt.Errorf("%s is stdin, and goes with no other path: %w", stdinPath, errUsage)
		}
		return out.text(ctx, scanner, stdinPath, a.in, 0, func(float64) {})
	}
	return walkFiles(ctx, paths, func(file scannedFile, done, total int64) error {
		return out.file(ctx, scanner, file, func(part float64) {
			const steps = 1000 // so that one long file moves the bar too
			bar.set((done-1)*steps+int64(part*steps), total*steps)
		})
	})
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A piiOutput writes findings as they come, and counts them.
type piiOutput struct {
	w                            io.Writer
	table                        *tabwriter.Writer // nil: JSON lines
	files, skipped, found, tests int
	unread                       int      // files that could not be read to their end
	problems                     []string // why, of the first of them
}

// shownProblems is how many files that could not be read are named.
const shownProblems = 20

// outcome is the exit of the command. Nothing is said of a file that was not read, so that is no success.
func (o *piiOutput) outcome() error {
	unread := ""
	if o.unread > 0 {
		unread = fmt.Sprintf("%d files could not be read", o.unread)
	}
	switch {
	case o.found > 0:
		if unread != "" {
			unread = ", and " + unread
		}
		return hallmark.WithHint(fmt.Errorf("%d values of personal data or secrets in %d files%s: %w", o.found, o.files, unread, hallmark.ErrRefused),
			"remove them, or raise --min-confidence; what was looked for stands in docs/pii.md")
	case o.unread > 0:
		return hallmark.WithHint(fmt.Errorf("%s, and nothing is known of them: %w", unread, errUsage), "see above which; links are not followed, name what they lead to")
	}
	return nil
}

// file scans one file. One that cannot be read is noted, and the others are scanned.
func (o *piiOutput) file(ctx context.Context, s *dataset.Scanner, f scannedFile, progress func(part float64)) error {
	if f.problem != "" {
		o.problem(fmt.Sprintf("%s: %s", f.path, f.problem))
		return nil
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	return o.text(ctx, s, f.path, f.file, info.Size(), progress)
}

// text scans what r gives. The size is 0 where nobody knows it.
func (o *piiOutput) text(ctx context.Context, s *dataset.Scanner, name string, r io.Reader, size int64, progress func(part float64)) error {
	looked, err := s.Scan(ctx, name, r, size, func(done int64) { progress(min(1, float64(done)/float64(max(1, size)))) }, o.finding)
	switch {
	case err != nil && (ctx.Err() != nil || errors.Is(err, errOutput)):
		return err
	case err != nil:
		o.problem(err.Error())
	case looked:
		o.files++
	default:
		o.skipped++
	}
	return nil
}

func (o *piiOutput) problem(text string) {
	if o.unread++; len(o.problems) < shownProblems {
		o.problems = append(o.problems, text)
	}
}

func (o *piiOutput) finding(f dataset.Finding) error {
	if f.Test {
		o.tests++
	} else {
		o.found++
	}
	return o.write(f)
}

func (o *piiOutput) write(f dataset.Finding) error {
	if o.table != nil {
		_, err := fmt.Fprintf(o.table, "%s\t%s\t%s\t%s\t%s\n", f.Confidence, f.Entity, oneLine(f.Masked, maxShownPath), f.Hash, placeOf(f))
		return err
	}
	enc := json.NewEncoder(o.w)
	enc.SetEscapeHTML(false)
	return enc.Encode(f)
}

// placeOf says where a finding is, for people.
func placeOf(f dataset.Finding) string {
	switch {
	case f.Row != nil:
		return fmt.Sprintf("%s, column %s, row %d", oneLine(f.Path, maxShownPath), oneLine(f.Column, maxShownPath), *f.Row)
	case f.Column != "":
		return fmt.Sprintf("%s, name of column %s", oneLine(f.Path, maxShownPath), oneLine(f.Column, maxShownPath))
	}
	return fmt.Sprintf("%s, from %d to %d", oneLine(f.Path, maxShownPath), f.Start, f.End)
}
