package page

import (
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// A view is what the template shows.
type view struct {
	Content

	Style    template.CSS
	Policy   string
	Meaning  string // of the verdict
	Summary  string
	Reasons  []reason
	Exempted []reason
	Run      []fact // what was tested, and where

	Rates      []rate
	Sampled    []sampled
	Compared   []compared
	Plots      []plot
	Statistics []statistic
	Measures   []measures
	Cases      []caseGroup
}

// A reason is one of the verdict's, with the place of the detector that it is about.
type reason struct {
	hallmark.Reason

	Anchor string // empty: no detector of the report
}

// A fact is a line of what was tested. Code is shown in the type of digests.
type fact struct{ Name, Text, Code string }

// meanings say what follows from a decision.
var meanings = map[hallmark.Decision]string{
	hallmark.Allow:     "Under this policy the version may be served.",
	hallmark.Block:     "Under this policy the version must not be served.",
	hallmark.Challenge: "A person must review the version before it may be served.",
	hallmark.Undecided: "The evidence does not suffice for a decision. Until it does, the version must not be served.",
	"":                 "This is a report alone. A policy decides, from the report and the record of the run.",
}

func newView(c Content) view {
	v := view{
		Content: c, Meaning: meanings[c.Verdict.Decision], Summary: summary(c.Report), Run: facts(c),
		Cases: caseGroups(c),
	}
	anchors := make(map[string]string)
	for i, d := range c.Report.Detectors {
		r := newRate(d, c.About[d.Detector], fmt.Sprintf("detector-%d", i+1))
		anchors[d.Detector] = r.Anchor
		v.Rates = append(v.Rates, r)
		v.Plots = append(v.Plots, plots(d, c.Report.Cases)...)
		v.addMeasures(d)
	}
	if s := c.Report.Selection; s != nil {
		v.Plots = append(v.Plots, budgetPlot(c.Report.Cases, *s))
		for _, r := range s.Rates {
			v.Sampled = append(v.Sampled, sampled{r, newBar(r.Rate, r.Lower, r.Upper, "")})
		}
	}
	v.Reasons, v.Exempted = reasons(c.Verdict.Reasons, anchors), reasons(c.Verdict.Exempted, anchors)
	return v
}

func reasons(list []hallmark.Reason, anchors map[string]string) []reason {
	var all []reason
	for _, r := range list {
		all = append(all, reason{r, anchors[r.Detector]})
	}
	return all
}

// summary says in one sentence what the report holds.
func summary(r hallmark.Report) string {
	if len(r.Detectors) == 0 {
		return "The model could not be run: no detector looked at it."
	}
	of := make(map[hallmark.Assessment]int)
	var cases, against int
	for _, d := range r.Detectors {
		of[d.Assessment]++
		if d.Assessment == hallmark.Assessed {
			cases, against = cases+d.Cases, against+d.Against.K
		}
	}
	parts := []string{fmt.Sprintf("%d of %d detectors could be assessed", of[hallmark.Assessed], len(r.Detectors))}
	if n := of[hallmark.NotAssessable]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not assessable", n))
	}
	if n := of[hallmark.NotApplicable]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not asked for", n))
	}
	return strings.Join(parts, ", ") + fmt.Sprintf("; %s of their %s cases went against the model.", count(against), count(cases))
}

// facts are the lines of what was tested; those that nobody knows are left out.
func facts(c Content) []fact {
	r, fp := c.Report, c.Fingerprint
	model := r.Model
	if model.IsZero() { // it could not be run
		model = fp.Digest
	}
	size := ""
	if fp.Size > 0 {
		size = byteCount(fp.Size)
	}
	profile := r.Profile
	if r.TestTier != "" {
		profile += ", " + r.TestTier + " tier: nothing that generates text was run"
	}
	all := []fact{
		{"model", size, digest(model)},
		{"CID", fp.CIDProfile, fp.CID},
		{"report", "", digest(c.ReportDigest)},
		{"suite", r.Suite, digest(r.SuiteHash)},
		{"policy", c.Verdict.Policy, digest(c.Verdict.PolicyHash)},
		{"plan", "", digest(r.Plan)},
		{"version before", "", digest(r.WarmStart)},
		{"profile", profile, ""},
		{"seed", "", r.Seed},
		{"engine", "", r.Engine},
	}
	all = append(all, recordFacts(c.Record)...)
	return slices.DeleteFunc(all, func(f fact) bool { return f.Text == "" && f.Code == "" })
}

// recordFacts are those of the run's record.
func recordFacts(r hallmark.RunRecord) []fact {
	if r.Tier == "" {
		return nil
	}
	all := []fact{{"jail", "tier " + string(r.Tier) + ", kernel " + r.Kernel, ""}, {"guest", "", digest(r.Guest)}}
	if p := r.Program; p != nil {
		all = append(all, fact{"run by", "evidence " + p.Evidence, strings.Join(p.Command, " ") + p.Endpoint})
	}
	if t := r.Container; t != nil {
		all = append(all, fact{"container", t.Runtime + " " + t.Version, digest(t.Digest)})
	}
	if !r.Started.IsZero() {
		all = append(all, fact{"started", r.Started.UTC().Format(time.RFC3339), ""})
	}
	all = append(all, fact{"cost", fmt.Sprintf("%.1f s, %.1f s of processor time, %s of memory at most", r.Wall.Seconds(), r.CPU.Seconds(), byteCount(r.PeakRSS)), ""})
	if n := r.Tokens; n != nil {
		all = append(all, fact{"tokens", fmt.Sprintf("%s read, %s of them known from earlier texts, %s written", count(int(n.Read)), count(int(n.Reused)), count(int(n.Written))), ""})
	}
	return all
}

// digest is the text of a digest, or of none.
func digest(d hallmark.Digest) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// axis is the length of the axis of a rate, in units.
const axis = 200

// A bar is a rate with its two-sided interval, as places on the axis. Bound is empty where there is none.
type bar struct{ At, From, Width, Bound, Label string }

func newBar(rate, lower, upper, bound string) bar {
	from, to := share(lower), share(upper)
	b := bar{At: coordinate(axis * share(rate)), From: coordinate(axis * from), Width: coordinate(axis * max(0, to-from))}
	b.Label = fmt.Sprintf("rate %s, interval %s to %s", percent(rate), lowerPercent(lower), upperPercent(upper))
	if bound != "" {
		b.Bound, b.Label = coordinate(axis*share(bound)-boundWidth/2), b.Label+", bound "+upperPercent(bound)
	}
	return b
}

// boundWidth is how wide the mark of a bound is drawn, in units of the axis.
const boundWidth = 2

// share reads a rate, which lies between 0 and 1.
func share(s string) float64 { return min(1, max(0, number(s))) }

// A rate is a line of the table of detectors.
type rate struct {
	hallmark.DetectorResult

	Interval bar
	About    Detector
	Anchor   string
	Parts    string // what the cases against the model are, and those left out
	// Scan says that the detector looks at the file: it has findings and no cases.
	Scan string
}

func newRate(d hallmark.DetectorResult, about Detector, anchor string) rate {
	against := d.Against
	r := rate{DetectorResult: d, Interval: newBar(against.Rate, against.Lower, against.Upper, against.Bound), About: about, Anchor: anchor}
	if d.Cases == 0 {
		r.Scan = d.Metrics["findings"]
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{d.Failed, "failed"}, {d.Inconclusive, "inconclusive"}, {d.Errors, "errors"}, {d.Void, "void, left out"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	r.Parts = strings.Join(parts, ", ")
	return r
}

// A sampled is an estimated rate of a run with a budget.
type sampled struct {
	hallmark.SampledRate

	Interval bar
}

// A caseGroup is the cases of a detector that are against the model.
type caseGroup struct {
	Detector, Anchor, Summary string
	Open                      bool // few enough to be listed at once
	Cases                     []hallmark.CaseEvidence
}

// listed is how many cases of a detector are listed at once; more are listed when they are asked for.
const listed = 6

// caseGroups are the cases against the model: with their texts where there are any, or else as the report has them.
func caseGroups(c Content) []caseGroup {
	texts := make(map[string]hallmark.CaseEvidence, len(c.Evidence))
	for _, e := range c.Evidence {
		texts[e.ID] = e
	}
	cases := c.Report.Cases
	if s := c.Report.Selection; s != nil {
		cases = slices.Concat(cases, s.Hunted)
	}
	of, outcomes := make(map[string][]hallmark.CaseEvidence), make(map[string]map[hallmark.Outcome]int)
	for _, r := range cases {
		if r.Outcome == hallmark.Pass || r.Outcome == hallmark.Void {
			continue
		}
		e := texts[r.ID]
		e.CaseResult = r
		of[r.Detector] = append(of[r.Detector], e)
		if outcomes[r.Detector] == nil {
			outcomes[r.Detector] = make(map[hallmark.Outcome]int)
		}
		outcomes[r.Detector][r.Outcome]++
	}
	var groups []caseGroup
	for i, detector := range slices.Sorted(maps.Keys(of)) {
		var parts []string
		for _, o := range []hallmark.Outcome{hallmark.Fail, hallmark.Inconclusive, hallmark.Error} {
			if n := outcomes[detector][o]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, outcomeWord[o]))
			}
		}
		groups = append(groups, caseGroup{detector, fmt.Sprintf("cases-%d", i+1), strings.Join(parts, ", "), len(of[detector]) <= listed, of[detector]})
	}
	return groups
}

var outcomeWord = map[hallmark.Outcome]string{hallmark.Fail: "failed", hallmark.Inconclusive: "inconclusive", hallmark.Error: "errors"}
