package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
)

// A gateResult is what one run of the gate found; the table, JSON, JUnit, SARIF and Markdown outputs are views of it.
type gateResult struct {
	Path         string                  `json:"path"` // repo-relative where it lies in a repository
	Fingerprint  hallmark.Fingerprint    `json:"fingerprint"`
	Verdict      hallmark.Verdict        `json:"verdict"`
	ReportDigest hallmark.Digest         `json:"reportDigest"`
	Report       hallmark.Report         `json:"report"`
	Record       hallmark.RunRecord      `json:"runRecord"`
	Evidence     []hallmark.CaseEvidence `json:"evidence,omitempty"` // failing and undecided cases with their texts
}

// verdictError is the exit of a decision that is not allow.
func verdictError(v hallmark.Verdict) error {
	switch v.Decision {
	case hallmark.Allow:
		return nil
	case hallmark.Block:
		return fmt.Errorf("verdict block under policy %s: %s: %w", v.Policy, firstReason(v), hallmark.ErrRefused)
	case hallmark.Challenge:
		return fmt.Errorf("verdict challenge under policy %s: %s: %w", v.Policy, firstReason(v), errChallenge)
	default:
		return fmt.Errorf("verdict %s under policy %s: %s: %w", v.Decision, v.Policy, firstReason(v), hallmark.ErrUndecided)
	}
}

// next is the step after a verdict that is undecided, empty where the usual one is right.
func (g gateResult) next(error) string {
	weak := func(r hallmark.Reason) bool { return r.Rule == policy.RuleTier }
	switch {
	case g.Verdict.Decision != hallmark.Undecided:
		return ""
	case slices.ContainsFunc(g.Verdict.Reasons, weak):
		return "run it where the jail is stronger (`hallmark doctor`), or name a policy whose minTierGate accepts " + string(g.Record.Tier)
	case g.Report.TestTier != "":
		return "run it with --tier full, which can allow"
	}
	return ""
}

func firstReason(v hallmark.Verdict) string {
	if len(v.Reasons) == 0 {
		return "no reason recorded"
	}
	text := v.Reasons[0].Message
	if len(v.Reasons) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(v.Reasons)-1)
	}
	return text
}

// casesByDetector groups the cases that speak against the model, in the report's order.
func (g gateResult) casesByDetector() map[string][]hallmark.CaseEvidence {
	groups := map[string][]hallmark.CaseEvidence{}
	for _, c := range g.Evidence {
		if c.Outcome != hallmark.Pass && c.Outcome != hallmark.Void {
			groups[c.Detector] = append(groups[c.Detector], c)
		}
	}
	return groups
}

// writeTable shows the verdict first, then its reasons, then the detectors.
func (g gateResult) writeTable(w io.Writer) {
	if g.Verdict.Decision != "" { // a report alone has none
		fmt.Fprintf(w, "verdict\t%s\tpolicy %s\n", strings.ToUpper(string(g.Verdict.Decision)), g.Verdict.Policy)
	}
	fmt.Fprintf(w, "model\t%s\t%s\n", sanitize(g.Path), g.Fingerprint.Digest)
	if p := g.Record.Program; p != nil {
		fmt.Fprintf(w, "run by\t%s\tevidence %s\n", oneLine(cmp.Or(strings.Join(p.Command, " "), p.Endpoint), 200), p.Evidence)
	}
	if g.Fingerprint.CID != "" {
		fmt.Fprintf(w, "CID\t%s\tprofile %s\n", g.Fingerprint.CID, g.Fingerprint.CIDProfile)
	}
	fmt.Fprintf(w, "report\t%s\tsuite %s, seed %s, engine %s\n", g.ReportDigest, g.Report.Suite, g.Report.Seed, g.Report.Engine)
	if g.Record.Tier != "" {
		fmt.Fprintf(w, "jail\ttier %s\tpeak %.1f MiB, CPU %.1f s, wall %.1f s\n", g.Record.Tier, float64(g.Record.PeakRSS)/(1<<20), g.Record.CPU.Seconds(), g.Record.Wall.Seconds())
	}
	if n := g.Record.Tokens; n != nil && n.Read > 0 {
		fmt.Fprintf(w, "tokens\t%d read\t%d %% of them known from earlier texts, %d written\n", n.Read, n.Reused*100/n.Read, n.Written)
	}
	writeReasons(w, "reason", g.Verdict.Reasons)
	writeReasons(w, "exempted", g.Verdict.Exempted)
	writeDetectors(w, g.Report)
	groups := g.casesByDetector()
	for _, d := range g.Report.Detectors {
		writeCases(w, groups[d.Detector])
	}
}

func writeReasons(w io.Writer, label string, reasons []hallmark.Reason) {
	for _, r := range reasons {
		fmt.Fprintf(w, "%s\t%s\t%s\n", label, r.Rule, sanitize(r.Message))
	}
}

func writeDetectors(w io.Writer, r hallmark.Report) {
	fmt.Fprintln(w, "\ndetector\tassessment\tcases\tagainst\tbound 95 %\teffective n\tcapability")
	for _, d := range r.Detectors {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%d\t%d/%d\n", d.Detector, d.Assessment, d.Cases, d.Against.K, d.Against.Bound, d.EffectiveN, d.Capability.K, d.Capability.N)
	}
}

// writeReport writes the report as its digest was taken of it.
func (g gateResult) writeReport(w io.Writer) error {
	raw, err := hallmark.CanonicalJSON(g.Report)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

// shownCases is how many cases of a detector the table and the summary print; the report holds all of them.
const shownCases = 3

func writeCases(w io.Writer, cases []hallmark.CaseEvidence) {
	for _, c := range cases[:min(len(cases), shownCases)] {
		fmt.Fprintf(w, "\n%s\t%s\t%s\n", c.ID, c.Outcome, sanitize(c.Why))
		fmt.Fprintf(w, "  prompt\t%s\n", oneLine(c.PromptText, 300))
		fmt.Fprintf(w, "  output\t%s\n", oneLine(c.OutputText, 300))
	}
	if more := len(cases) - shownCases; more > 0 {
		fmt.Fprintf(w, "\n%s\t%d more, see --output json\n", cases[0].Detector, more)
	}
}

// oneLine shows untrusted text on one line of at most limit runes.
func oneLine(s string, limit int) string {
	s = sanitize(strings.ReplaceAll(strings.ReplaceAll(s, "\n", "⏎"), "\t", " "))
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}

// findings lists the scanner's and detectors' findings that are no case of their own, sorted for stable output.
func (g gateResult) findings() []hallmark.Finding {
	list := slices.DeleteFunc(slices.Clone(g.Report.Findings), func(f hallmark.Finding) bool { return f.CaseID != "" })
	slices.SortStableFunc(list, func(a, b hallmark.Finding) int {
		return strings.Compare(a.Detector+a.Rule+a.Location, b.Detector+b.Rule+b.Location)
	})
	return list
}
