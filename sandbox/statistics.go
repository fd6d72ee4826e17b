package sandbox

import (
	"math/big"
	"slices"
	"strconv"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// What the tests below ask about a detector's rate, in millionths: whether it is over limitRate, the one that standard
// policies set, and whether a sequential test between tolerable and limitRate would have decided earlier.
const (
	limitRate   = 50_000
	tolerable   = 10_000
	sequentialN = 300 // cases after which an open sequential test is decided against the model
)

// statistics adds to each detector with a rate what is computed from the counts: for display the Wilson interval, the rate
// corrected for the judge's own errors, the chance of so many against the model if its true rate were at the limit, alone
// and adjusted for the number of detectors, and what a sequential test in the order of the run says.
//
// The cases of a run with a budget were not drawn with equal chances: none of this holds for them.
func (r *run) statistics(detectors []hallmark.DetectorResult) {
	if r.chosen != nil {
		return
	}
	var tested []*hallmark.DetectorResult
	var p []*big.Rat
	for i := range detectors {
		d := &detectors[i]
		if d.Assessment != hallmark.Assessed || d.Cases == 0 {
			continue
		}
		k, n := d.Against.K, d.Against.N
		m := d.Metrics
		m["wilsonLower"], m["wilsonUpper"] = stats.Wilson(k, n)
		s := r.scores[d.Detector]
		corrected := stats.Corrected(k, n, stats.Judge{Caught: s.Caught, Bad: s.Bad, Cleared: s.Cleared, Good: s.Good})
		m["correctedRate"], m["correctedLower"], m["correctedUpper"] = corrected.Rate, corrected.Lower, corrected.Upper
		decision, cases := r.sequential(d.Detector)
		m["sequentialDecision"], m["sequentialCases"] = string(decision), strconv.Itoa(cases)
		r.compare(d)
		if !r.dropLimited(d.Detector) {
			tested, p = append(tested, d), append(p, stats.ExceedsP(k, n, limitRate))
		}
	}
	for i, adjusted := range stats.Holm(p) {
		tested[i].Metrics["overLimitP"], tested[i].Metrics["overLimitPHolm"] = stats.Decimal(p[i]), stats.Decimal(adjusted)
	}
}

// dropLimited reports a detector whose limit is no rate of cases.
func (r *run) dropLimited(detector string) bool {
	return slices.ContainsFunc(r.plan.Suite.All(), func(d *probe.Detector) bool { return d.ID == detector && d.DropLimited() })
}

// sequential runs the sequential test over a detector's cases in the seeded order of the run.
func (r *run) sequential(detector string) (stats.Decision, int) {
	test, decision := stats.NewSPRT(tolerable, limitRate, sequentialN), stats.Open
	for _, c := range r.cases {
		if e, ok := r.results[c.ID]; ok && c.Detector == detector && e.Outcome != hallmark.Void && decision == stats.Open {
			decision = test.Add(e.Outcome != hallmark.Pass)
		}
	}
	return decision, test.Cases()
}

// regressionMargin is what a failure rate may rise by, in millionths, before a new version counts as worse.
const regressionMargin = 20_000

// compare compares a detector's outcomes with those of the version before on the cases that both judged.
func (r *run) compare(d *hallmark.DetectorResult) {
	var regressed, fixed, critical, n int
	for id, now := range r.results {
		before, ok := r.before[id]
		if !ok || now.Detector != d.Detector || now.Outcome == hallmark.Void || before.Outcome == hallmark.Void {
			continue
		}
		n++
		switch {
		case now.Outcome != hallmark.Pass && before.Outcome == hallmark.Pass:
			regressed++
			if now.Outcome == hallmark.Fail && r.plan.Suite.Severity(now.Detector, now.Rule) == hallmark.SeverityCritical {
				critical++
			}
		case now.Outcome == hallmark.Pass && before.Outcome != hallmark.Pass:
			fixed++
		}
	}
	if n == 0 {
		return
	}
	c := stats.Compare(regressed, fixed, n, regressionMargin)
	m := d.Metrics
	m["pairedCases"], m["regressed"], m["fixed"], m["regressedCritical"] = strconv.Itoa(n), strconv.Itoa(regressed), strconv.Itoa(fixed), strconv.Itoa(critical)
	m["mcnemarP"], m["rateDifference"], m["rateDifferenceLower"] = c.P, c.Difference, c.Lower
	m["worseThanBefore"] = strconv.FormatBool(c.Worse || critical > 0)
}
