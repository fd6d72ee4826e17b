package sandbox

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// A Result is what a run found.
type Result struct {
	Report hallmark.Report
	// Evidence holds the texts of every case that failed or could not be decided, sorted by id.
	Evidence []hallmark.CaseEvidence
}

// result puts the report together, everything in it sorted.
func (r *run) result() Result {
	res := Result{Report: hallmark.Report{
		Schema: hallmark.ReportSchema, Suite: r.plan.Suite.Name, SuiteHash: r.suite, Model: r.plan.ModelDigest,
		Engine: hallmark.CleanText(r.info.EngineVersion, maxEngine), Seed: strconv.FormatUint(r.seed, 10), Profile: r.plan.Profile, Plan: r.committed,
		Findings: []hallmark.Finding{}, Cases: []hallmark.CaseResult{},
	}}
	res.Report.WarmStart = OutcomesDigest(r.plan.Previous)
	res.Report.Selection = r.selection()
	if r.plan.Tier == probe.TierQuick {
		res.Report.TestTier = string(r.plan.Tier)
	}
	for _, e := range r.results {
		if res.Report.Selection == nil || !hunted(res.Report.Selection, e.ID) {
			res.Report.Cases = append(res.Report.Cases, e.CaseResult)
		}
		switch e.Outcome {
		case hallmark.Fail:
			res.Report.Findings = append(res.Report.Findings, hallmark.Finding{
				Detector: e.Detector, Rule: e.Rule, Severity: r.plan.Suite.Severity(e.Detector, e.Rule), CaseID: e.ID, Message: hallmark.CleanText(e.Why, maxWhy),
			})
			res.Evidence = append(res.Evidence, e)
		case hallmark.Inconclusive, hallmark.Error:
			res.Evidence = append(res.Evidence, e)
		default:
		}
	}
	res.Report.Findings = append(res.Report.Findings, cleaned(r.plan.Scan)...)
	slices.SortFunc(res.Report.Cases, func(a, b hallmark.CaseResult) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(res.Evidence, func(a, b hallmark.CaseEvidence) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(res.Report.Findings, func(a, b hallmark.Finding) int {
		return cmp.Or(cmp.Compare(a.Detector, b.Detector), cmp.Compare(a.CaseID, b.CaseID), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Location, b.Location), cmp.Compare(a.Message, b.Message), cmp.Compare(a.Severity, b.Severity))
	})
	for _, d := range r.plan.Suite.All() {
		res.Report.Detectors = append(res.Report.Detectors, r.detector(d, res.Report.Cases))
	}
	slices.SortFunc(res.Report.Detectors, func(a, b hallmark.DetectorResult) int { return cmp.Compare(a.Detector, b.Detector) })
	r.statistics(res.Report.Detectors)
	return res
}

// cleaned sanitises findings that came from the jail.
func cleaned(findings []hallmark.Finding) []hallmark.Finding {
	out := make([]hallmark.Finding, len(findings))
	for i, f := range findings {
		out[i] = hallmark.Finding{
			Detector: hallmark.CleanText(f.Detector, 80), Rule: hallmark.CleanText(f.Rule, 80), Severity: f.Severity,
			CaseID: hallmark.CleanText(f.CaseID, 200), Message: hallmark.CleanText(f.Message, maxWhy), Location: hallmark.CleanText(f.Location, 200),
		}
	}
	return out
}
