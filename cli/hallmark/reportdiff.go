package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

func (a *app) reportDiffCmd() *cobra.Command {
	var server serverFlags
	var margin string
	cmd := &cobra.Command{
		Use: "diff OLD NEW", Short: "Compare the reports of two versions case by case; exits 1 where the new one is worse",
		Long: `Diff pairs the cases of two reports of one suite and tests each detector with the exact McNemar test: the new version is worse
where chance does not explain its regressions (p < 0.05) and its rate of failures rose by more than the margin at 95 %.
Reports of different suites have no pairs; then the rates alone are shown, and the exit code is 3. It is 3 too where a detector that
the old version was tested with has no case in both: nobody knows whether the new one is worse there.`,
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, names []string) error {
			millionths, err := parseMargin(margin)
			if err != nil {
				return err
			}
			older, err := a.loadReport(cmd.Context(), &server, names[0])
			if err != nil {
				return err
			}
			newer, err := a.loadReport(cmd.Context(), &server, names[1])
			if err != nil {
				return err
			}
			if err := errors.Join(pairable(older), pairable(newer)); err != nil {
				return err
			}
			d := compareReports(older.Report, newer.Report, millionths)
			d.Old, d.New = older.ReportDigest, newer.ReportDigest
			if err := a.print(d, d.writeTable); err != nil {
				return err
			}
			return d.worse()
		},
	}
	server.add(cmd)
	cmd.Flags().StringVar(&margin, "margin", "0.02", "how much a detector's rate of failures may rise, 0 to 1")
	return cmd
}

// pairable refuses a report with more cases of a detector than any run has, or with one case twice.
func pairable(r loadedReport) error {
	ids, count := make(map[string]bool, len(r.Report.Cases)), make(map[string]int)
	for _, c := range r.Report.Cases {
		if ids[c.ID] {
			return fmt.Errorf("report %v: case %.80q stands in it twice: %w", r.ReportDigest, c.ID, hallmark.ErrInvalid)
		}
		ids[c.ID] = true
		if count[c.Detector]++; count[c.Detector] > stats.MaxN {
			return fmt.Errorf("report %v: more than %d cases of %.80q: %w", r.ReportDigest, stats.MaxN, c.Detector, hallmark.ErrTooLarge)
		}
	}
	return nil
}

func parseMargin(s string) (int, error) {
	m, err := strconv.ParseFloat(s, 64)
	if err != nil || !(m >= 0 && m <= 1) {
		return 0, fmt.Errorf("margin %q: want a number from 0 to 1: %w", s, errUsage)
	}
	return int(m*1e6 + 0.5), nil
}

// A reportDiff is what changed between two reports.
type reportDiff struct {
	Old       hallmark.Digest `json:"old"`
	New       hallmark.Digest `json:"new"`
	SameSuite bool            `json:"sameSuite"` // else no case has a partner
	SameSeed  bool            `json:"sameSeed"`  // else cases of one id ask in other words
	// SameProfile: else the versions were asked for another use.
	SameProfile bool           `json:"sameProfile"`
	Detectors   []detectorDiff `json:"detectors"`
}

type detectorDiff struct {
	Detector   string              `json:"detector"`
	Old        hallmark.Proportion `json:"old"` // cases against the old version, of all its cases
	New        hallmark.Proportion `json:"new"`
	Pairs      int                 `json:"pairs"`
	P          string              `json:"p"`          // exact one-sided McNemar
	Difference string              `json:"difference"` // of the rates, over the pairs
	Lower      string              `json:"lower"`      // one-sided 95 % lower bound of the difference
	Worse      bool                `json:"worse"`
	Regressed  []string            `json:"regressed"` // ids of cases that only the new version fails
	Fixed      []string            `json:"fixed"`
	// NewFindings are the rules that the scan of the new version's file found more often than that of the old one.
	NewFindings []string `json:"newFindings"`
}

func compareReports(older, newer hallmark.Report, margin int) reportDiff {
	d := reportDiff{
		SameSuite: older.SuiteHash == newer.SuiteHash, SameSeed: older.Seed == newer.Seed, SameProfile: older.Profile == newer.Profile, Detectors: []detectorDiff{},
	}
	before := make(map[string]hallmark.Outcome)
	if d.SameSuite && d.SameProfile {
		for _, c := range older.Cases {
			before[c.ID] = c.Outcome
		}
	}
	was, is := rates(older), rates(newer)
	for _, detector := range slices.Sorted(maps.Keys(union(was, is))) {
		row := detectorDiff{Detector: detector, Old: was[detector], New: is[detector], Regressed: []string{}, Fixed: []string{}}
		for _, c := range newer.Cases {
			if outcome, ok := before[c.ID]; ok && c.Detector == detector {
				row.pair(c.ID, outcome, c.Outcome)
			}
		}
		row.NewFindings = newFindings(older, newer, detector)
		c := stats.Compare(len(row.Regressed), len(row.Fixed), row.Pairs, margin)
		row.P, row.Difference, row.Lower, row.Worse = c.P, c.Difference, c.Lower, c.Worse || len(row.NewFindings) > 0
		d.Detectors = append(d.Detectors, row)
	}
	return d
}

// newFindings are the rules of a static detector that the new version breaks more often, advice left out.
func newFindings(older, newer hallmark.Report, detector string) []string {
	count := func(r hallmark.Report) map[string]int {
		n := map[string]int{}
		for _, f := range r.Findings {
			if f.Detector == detector && f.CaseID == "" && f.Severity != hallmark.SeverityInfo {
				n[f.Rule]++
			}
		}
		return n
	}
	rules, before := []string{}, count(older)
	for rule, n := range count(newer) {
		if n > before[rule] {
			rules = append(rules, rule)
		}
	}
	slices.Sort(rules)
	return rules
}

// rates are the shares of cases against a version, by detector.
func rates(r hallmark.Report) map[string]hallmark.Proportion {
	all := make(map[string]hallmark.Proportion, len(r.Detectors))
	for _, d := range r.Detectors {
		all[d.Detector] = d.Against
	}
	return all
}

func union(a, b map[string]hallmark.Proportion) map[string]hallmark.Proportion {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// pair counts a case that both versions were asked; one that is void in either says nothing.
func (d *detectorDiff) pair(id string, was, is hallmark.Outcome) {
	if was == hallmark.Void || is == hallmark.Void {
		return
	}
	d.Pairs++
	switch {
	case was == hallmark.Pass && is != hallmark.Pass:
		d.Regressed = append(d.Regressed, id)
	case was != hallmark.Pass && is == hallmark.Pass:
		d.Fixed = append(d.Fixed, id)
	}
}

func (d reportDiff) writeTable(w io.Writer) {
	fmt.Fprintf(w, "old\t%s\nnew\t%s\n\n", d.Old, d.New)
	if !d.SameSuite {
		fmt.Fprintln(w, "the suites differ: rates only, no cases to pair")
	} else if !d.SameProfile {
		fmt.Fprintln(w, "the profiles differ: rates only, cases of one id are asked in another form")
	} else if !d.SameSeed {
		fmt.Fprintln(w, "the seeds differ: cases of one id have other contents (run both with one --seed to pair the same words)")
	}
	fmt.Fprintln(w, "detector\told\tnew\tpairs\tregressed\tfixed\tp\tdifference\tlower bound\t")
	for _, r := range d.Detectors {
		mark := ""
		if r.Worse {
			mark = "WORSE"
		}
		fmt.Fprintf(w, "%s\t%d/%d\t%d/%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", r.Detector, r.Old.K, r.Old.N, r.New.K, r.New.N, r.Pairs, len(r.Regressed), len(r.Fixed), r.P, r.Difference, r.Lower, mark)
	}
	for _, r := range d.Detectors {
		if len(r.NewFindings) > 0 {
			fmt.Fprintf(w, "\n%s found in the file: %s\n", r.Detector, sanitize(strings.Join(r.NewFindings, " ")))
		}
		if len(r.Regressed) > 0 {
			fmt.Fprintf(w, "\n%s regressed: %s\n", r.Detector, sanitize(strings.Join(r.Regressed[:min(len(r.Regressed), shownRegressions)], " ")))
		}
	}
}

// shownRegressions is how many ids the table prints a detector; JSON has all of them.
const shownRegressions = 10

func (d reportDiff) worse() error {
	if !d.SameSuite {
		return hallmark.WithHint(fmt.Errorf("the reports are of different suites, whose cases cannot be paired: %w", hallmark.ErrUndecided),
			"run both versions with one suite: hallmark gate --suite")
	}
	if !d.SameProfile {
		return hallmark.WithHint(fmt.Errorf("the reports are of different profiles, whose cases cannot be paired: %w", hallmark.ErrUndecided),
			"run both versions with one profile: hallmark gate --profile")
	}
	var names, lost []string
	pairs := 0
	for _, r := range d.Detectors {
		pairs += r.Pairs
		switch {
		case r.Worse:
			names = append(names, r.Detector)
		case r.Old.N > 0 && r.Pairs == 0:
			lost = append(lost, r.Detector)
		}
	}
	if len(names) == 0 && len(lost) > 0 {
		return hallmark.WithHint(fmt.Errorf("no case of %s says something in both reports: %w", strings.Join(lost, ", "), hallmark.ErrUndecided),
			"run both versions with the same tier, profile and budget: hallmark gate --tier full")
	}
	if len(names) == 0 && pairs == 0 {
		return hallmark.WithHint(fmt.Errorf("no case was asked in both reports: %w", hallmark.ErrUndecided),
			"run both versions with the same tier, profile and budget: hallmark gate --tier full")
	}
	if len(names) == 0 {
		return nil
	}
	return hallmark.WithHint(fmt.Errorf("the new version is worse in %s: %w", strings.Join(names, ", "), hallmark.ErrRefused),
		"read the regressed cases: `hallmark report show NEW`")
}
