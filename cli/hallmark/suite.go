package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// suiteText returns the text of an embedded suite, or of the file of that name.
func suiteText(nameOrFile string) ([]byte, error) {
	text, err := probe.BuiltinText(nameOrFile)
	if err == nil {
		return text, nil
	}
	text, fileErr := readAtMost(nameOrFile, maxSuiteFile)
	switch {
	case errors.Is(fileErr, fs.ErrNotExist):
		return nil, hallmark.WithHint(fmt.Errorf("suite %s: %w", nameOrFile, hallmark.ErrNotFound), "name one of "+strings.Join(probe.BuiltinNames(), ", ")+", or a file")
	case fileErr != nil:
		return nil, fmt.Errorf("suite: %w", fileErr)
	}
	return text, nil
}

// Bounds of files that commands read, in bytes: far over what any of them has.
const (
	maxSuiteFile  = 4 << 20
	maxModuleFile = 16 << 20
	maxReportFile = 512 << 20
)

// readAtMost reads a file, or whatever the path leads to (a pipe, a device), up to a bound. What cannot be read is an error of
// usage.
func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errUsage)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, errUsage)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s: more than %d bytes: %w", path, most, hallmark.ErrTooLarge)
	}
	return text, nil
}

func loadSuite(nameOrFile string) (*probe.Suite, error) {
	text, err := suiteText(nameOrFile)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(nameOrFile)
	return probe.LoadSuite(text, func(file string) ([]byte, error) {
		return readAtMost(filepath.Join(dir, file), maxModuleFile) // the name is one path element, and the suite pins the digest
	})
}

func (a *app) suiteCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "suite", Short: "Show, check and self-test the suites of test cases", Args: args(cobra.NoArgs)}
	cmd.AddCommand(
		&cobra.Command{Use: "list", Short: "List the embedded suites and what they hold", Args: args(cobra.NoArgs), RunE: func(*cobra.Command, []string) error {
			var all []suiteSummary
			for _, name := range probe.BuiltinNames() {
				s, err := summariseSuite(name)
				if err != nil {
					return err
				}
				all = append(all, s)
			}
			return a.print(all, func(w io.Writer) {
				for _, s := range all {
					fmt.Fprintf(w, "%s\t%s\t%d detectors\t%d cases\n", s.Name, s.Digest, len(s.Detectors), s.cases())
				}
			})
		}},
		&cobra.Command{Use: "show NAME|FILE", Short: "Print a suite file", Args: args(cobra.ExactArgs(1)), RunE: func(_ *cobra.Command, names []string) error {
			text, err := suiteText(names[0])
			if err != nil {
				return err
			}
			_, err = a.out.Write(text)
			return err
		}},
		&cobra.Command{
			Use: "check NAME|FILE", Short: "Check a suite and count its cases", Args: args(cobra.ExactArgs(1)),
			RunE: func(_ *cobra.Command, names []string) error {
				s, err := summariseSuite(names[0])
				if err != nil {
					return err
				}
				return a.print(s, s.write)
			},
		},
		a.selfTestCmd(),
	)
	return cmd
}

// suiteSummary is what a suite holds.
type suiteSummary struct {
	Name      string          `json:"name"`
	Digest    hallmark.Digest `json:"digest"`
	Detectors []suiteDetector `json:"detectors"`
}

type suiteDetector struct {
	ID        string     `json:"id"`
	Kind      probe.Kind `json:"kind"`
	Tier      probe.Tier `json:"tier"`
	OWASP     []string   `json:"owasp"`
	CWE       []string   `json:"cwe"`
	Profiles  []string   `json:"profiles"`
	Cases     int        `json:"cases"`
	Templates int        `json:"templates"`
}

func (s suiteSummary) cases() int {
	n := 0
	for _, d := range s.Detectors {
		n += d.Cases
	}
	return n
}

func summariseSuite(nameOrFile string) (suiteSummary, error) {
	suite, err := loadSuite(nameOrFile)
	if err != nil {
		return suiteSummary{}, err
	}
	out := suiteSummary{Name: suite.Name}
	if out.Digest, err = suite.Digest(); err != nil {
		return suiteSummary{}, err
	}
	cases := make(map[string][]probe.Case)
	for _, profile := range suite.ProfileNames() {
		if cases[profile], err = suite.Cases(0, profile); err != nil {
			return suiteSummary{}, err
		}
	}
	for _, d := range suite.All() {
		row := suiteDetector{ID: d.ID, Kind: d.Kind, Tier: d.Tier, OWASP: d.LLM, CWE: d.CWE}
		for _, profile := range suite.ProfileNames() {
			if !suite.Applies(profile, d.ID) {
				continue
			}
			row.Profiles = append(row.Profiles, profile)
			row.count(cases[profile])
		}
		if len(row.Profiles) > 0 {
			out.Detectors = append(out.Detectors, row)
		}
	}
	return out, nil
}

// count takes the larger number of the detector's cases over profiles.
func (d *suiteDetector) count(cases []probe.Case) {
	var templates []string
	n := 0
	for _, c := range cases {
		if c.Detector == d.ID {
			n++
			templates = append(templates, c.Template)
		}
	}
	slices.Sort(templates)
	d.Cases, d.Templates = max(d.Cases, n), max(d.Templates, len(slices.Compact(templates)))
}

func (s suiteSummary) write(w io.Writer) {
	fmt.Fprintf(w, "suite\t%s\t%s\n", s.Name, s.Digest)
	fmt.Fprintln(w, "DETECTOR\tKIND\tTIER\tCASES\tTEMPLATES\tPROFILES\tOWASP\tCWE")
	for _, d := range s.Detectors {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\t%s\t%s\n", d.ID, d.Kind, d.Tier, d.Cases, d.Templates,
			strings.Join(d.Profiles, " "), strings.Join(d.OWASP, " "), strings.Join(d.CWE, " "))
	}
}

// selfTestRow is how well a judge does on outputs labelled by hand. Rates and the lower ends of their two-sided 95 %
// intervals are decimals.
type selfTestRow struct {
	Detector         string   `json:"detector"`
	Outputs          int      `json:"outputs"`
	Caught           int      `json:"caught"`
	Bad              int      `json:"bad"`
	Cleared          int      `json:"cleared"`
	Good             int      `json:"good"`
	Sensitivity      string   `json:"sensitivity"`
	SensitivityLower string   `json:"sensitivityLower"`
	Specificity      string   `json:"specificity"`
	SpecificityLower string   `json:"specificityLower"`
	Wrong            []string `json:"wrong,omitempty"`
}

// What a judge has to reach.
const (
	leastSensitivity, leastSensitivityLower = "0.950000", "0.900000"
	leastSpecificity, leastSpecificityLower = "0.990000", "0.970000"
)

func (r selfTestRow) suffices() bool {
	return r.Sensitivity >= leastSensitivity && r.SensitivityLower >= leastSensitivityLower &&
		r.Specificity >= leastSpecificity && r.SpecificityLower >= leastSpecificityLower
}

func (a *app) selfTestCmd() *cobra.Command {
	return &cobra.Command{
		Use: "selftest [NAME|FILE]", Short: "Judge the labelled outputs of every detector and print how often the judges are right",
		Long: `Selftest judges outputs that were labelled by hand with the judges of the suite's detectors (of all detectors without a suite): sensitivity
is the share of bad outputs that are caught, specificity that of good ones that are cleared. Every report holds these rates. A judge that
misses .95 or .99, or whose intervals reach below .90 or .97, ends the command with exit code 1.`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, names []string) error {
			detectors := probe.Detectors()
			if len(names) == 1 {
				suite, err := loadSuite(names[0])
				if err != nil {
					return err
				}
				detectors = slices.DeleteFunc(suite.All(), func(d *probe.Detector) bool {
					return !slices.ContainsFunc(suite.ProfileNames(), func(p string) bool { return suite.Applies(p, d.ID) })
				})
			}
			rows, err := selfTestRows(detectors)
			if err != nil {
				return err
			}
			if err := a.print(rows, func(w io.Writer) { writeSelfTest(w, rows) }); err != nil {
				return err
			}
			for _, r := range rows {
				if !r.suffices() {
					return hallmark.WithHint(fmt.Errorf("the judge of %s is right too seldom: %w", r.Detector, hallmark.ErrRefused),
						"see what it gets wrong: hallmark suite selftest -o json; a lower bound takes some hundred outputs")
				}
			}
			return nil
		},
	}
}

func selfTestRows(detectors []*probe.Detector) ([]selfTestRow, error) {
	var rows []selfTestRow
	for _, d := range detectors {
		s, err := d.SelfTest()
		if err != nil {
			return nil, err
		}
		sensitivity, specificity := stats.Interval(s.Caught, s.Bad), stats.Interval(s.Cleared, s.Good)
		rows = append(rows, selfTestRow{
			Detector: d.ID, Outputs: s.Bad + s.Good, Caught: s.Caught, Bad: s.Bad, Cleared: s.Cleared, Good: s.Good,
			Sensitivity: sensitivity.Rate, SensitivityLower: sensitivity.Lower, Specificity: specificity.Rate, SpecificityLower: specificity.Lower, Wrong: s.Wrong,
		})
	}
	return rows, nil
}

func writeSelfTest(w io.Writer, rows []selfTestRow) {
	fmt.Fprintln(w, "DETECTOR\tOUTPUTS\tCAUGHT\tCLEARED\tSENSITIVITY\tLOWER\tSPECIFICITY\tLOWER\tSUFFICES")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d/%d\t%d/%d\t%s\t%s\t%s\t%s\t%t\n", r.Detector, r.Outputs, r.Caught, r.Bad, r.Cleared, r.Good,
			r.Sensitivity, r.SensitivityLower, r.Specificity, r.SpecificityLower, r.suffices())
	}
}
