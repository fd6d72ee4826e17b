package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
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
	flags.StringVar(&f.salt, "salt", "", "with --pii: key of the hashes, to compare runs (default: random)")
}

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
	if f.salt == "" {
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
	err = walkFiles(ctx, paths, func(file scannedFile, done, total int64) error {
		return out.file(ctx, scanner, file, func(part float64) {
			const steps = 1000 // so that one long file moves the bar too
			bar.set((done-1)*steps+int64(part*steps), total*steps)
		})
	})
	bar.done()
	if out.table != nil {
		fmt.Fprintf(out.table, "%d\tin %d files\n", out.found+out.tests, out.files)
		err = firstError(err, out.table.Flush())
	}
	if err != nil {
		return err
	}
	if out.skipped > 0 && !a.quiet {
		fmt.Fprintf(a.errw, "%d files are no text and no table and were not looked into\n", out.skipped)
	}
	if out.found > 0 {
		return hallmark.WithHint(fmt.Errorf("%d values of personal data or secrets in %d files: %w", out.found, out.files, hallmark.ErrRefused),
			"remove them, or raise --min-confidence; what was looked for stands in docs/pii.md")
	}
	return nil
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
}

// file scans one file. What cannot be opened ends the run: nothing is said of a file that was not read.
func (o *piiOutput) file(ctx context.Context, s *dataset.Scanner, f scannedFile, progress func(part float64)) error {
	if f.problem != "" {
		return fmt.Errorf("%s: %s: %w", f.path, f.problem, errUsage)
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	size := max(1, info.Size())
	read, err := s.Scan(ctx, f.path, f.file, info.Size(), func(done int64) { progress(min(1, float64(done)/float64(size))) }, o.finding)
	if err != nil {
		return err
	}
	if o.files++; !read {
		o.files--
		o.skipped++
	}
	return nil
}

func (o *piiOutput) finding(f dataset.Finding) error {
	if f.Test {
		o.tests++
	} else {
		o.found++
	}
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
	if f.Row != nil {
		return fmt.Sprintf("%s, column %s, row %d", oneLine(f.Path, maxShownPath), oneLine(f.Column, maxShownPath), *f.Row)
	}
	return fmt.Sprintf("%s, from %d to %d", oneLine(f.Path, maxShownPath), f.Start, f.End)
}
