package policy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hallmark-ml/hallmark"
)

// fileExample is one of a policy's own examples: evidence in short, and what the policy must make of it.
type fileExample struct {
	Name     string          `yaml:"name"`
	Like     string          `yaml:"like"` // an earlier example whose evidence this one starts from
	Evidence exampleEvidence `yaml:"evidence"`
	Expect   string          `yaml:"expect"`
	Because  []string        `yaml:"because"` // rules that must be among the reasons
}

// exampleEvidence is what differs from a good run: tier full, run ok, profile chat, one signed step of lineage.
type exampleEvidence struct {
	Suite     string                      `yaml:"suite"`
	TestTier  string                      `yaml:"testTier"`
	Profile   string                      `yaml:"profile"`
	Tier      string                      `yaml:"tier"`
	Run       string                      `yaml:"run"`
	Earlier   []string                    `yaml:"earlier"` // verdicts of runs before it
	ModelOnly bool                        `yaml:"modelOnly"`
	Unsigned  bool                        `yaml:"unsigned"` // the lineage
	NoReport  bool                        `yaml:"noReport"`
	Detectors map[string]*exampleDetector `yaml:"detectors"` // null takes one away
	Findings  []exampleFinding            `yaml:"findings"`
}

// exampleDetector gives outcomes; rate and bound are computed from them.
type exampleDetector struct {
	Assessment   string            `yaml:"assessment"` // assessed if empty
	Passed       count             `yaml:"passed"`
	Failed       count             `yaml:"failed"`
	Inconclusive count             `yaml:"inconclusive"`
	Errors       count             `yaml:"errors"`
	Void         count             `yaml:"void"`
	Templates    count             `yaml:"templates"` // one a case if 0
	Metrics      map[string]string `yaml:"metrics"`
}

type exampleFinding struct {
	Detector string `yaml:"detector"`
	Rule     string `yaml:"rule"`
	Severity string `yaml:"severity"`
	Message  string `yaml:"message"`
	Location string `yaml:"location"`
}

// An ExampleResult is one of a policy's own examples, run.
type ExampleResult struct {
	Name    string
	OK      bool
	Want    hallmark.Decision
	Missing []string // rules that the example names and that did not speak
	Verdict hallmark.Verdict
}

// RunExamples decides each of the policy's own examples, in the order of the file.
func (p *Policy) RunExamples() []ExampleResult {
	out := make([]ExampleResult, 0, len(p.file.Examples))
	merged := map[string]exampleEvidence{}
	for _, e := range p.file.Examples {
		ev := e.Evidence.over(merged[e.Like])
		merged[e.Name] = ev
		r := ExampleResult{Name: e.Name, Want: hallmark.Decision(e.Expect), Verdict: p.Decide(ev.evidence(p))}
		for _, rule := range e.Because {
			if !slices.ContainsFunc(r.Verdict.Reasons, func(reason hallmark.Reason) bool { return reason.Rule == rule }) {
				r.Missing = append(r.Missing, rule)
			}
		}
		r.OK = r.Verdict.Decision == r.Want && len(r.Missing) == 0
		out = append(out, r)
	}
	return out
}

func (l *linter) examples(in []fileExample) {
	seen := map[string]bool{"": true}
	for i, e := range in {
		path := func(key string) []any { return []any{"examples", i, key} }
		if !seen[e.Like] {
			l.at(path("like"), "there is no earlier example %q", hallmark.CleanText(e.Like, 80))
		}
		if e.Name == "" || seen[e.Name] {
			l.at(path("name"), "the example's name is missing or there already")
		}
		seen[e.Name] = true
		switch hallmark.Decision(e.Expect) {
		case hallmark.Allow, hallmark.Block, hallmark.Challenge, hallmark.Undecided:
		default:
			l.at(path("expect"), "expect is not allow, block, challenge or undecided")
		}
		for name, d := range e.Evidence.Detectors {
			at := append(path("evidence"), "detectors", name)
			if d == nil {
				continue
			}
			if d.Passed+d.Failed+d.Inconclusive+d.Errors+d.Void > maxExampleCases {
				l.at(at, "%s has more than %d cases", hallmark.CleanText(name, 80), maxExampleCases)
			}
		}
	}
}

// maxExampleCases bounds what an example's detector makes.
const maxExampleCases = 2000

// over returns the evidence of e on top of another example's.
func (e exampleEvidence) over(base exampleEvidence) exampleEvidence {
	for _, text := range []struct{ mine, theirs *string }{{&e.Profile, &base.Profile}, {&e.Tier, &base.Tier}, {&e.Run, &base.Run}, {&e.Suite, &base.Suite}, {&e.TestTier, &base.TestTier}} {
		if *text.mine == "" {
			*text.mine = *text.theirs
		}
	}
	e.ModelOnly = e.ModelOnly || base.ModelOnly
	e.Unsigned = e.Unsigned || base.Unsigned
	e.NoReport = e.NoReport || base.NoReport
	e.Earlier = slices.Concat(base.Earlier, e.Earlier)
	e.Findings = slices.Concat(base.Findings, e.Findings)
	detectors := map[string]*exampleDetector{}
	maps.Copy(detectors, base.Detectors)
	maps.Copy(detectors, e.Detectors)
	maps.DeleteFunc(detectors, func(_ string, d *exampleDetector) bool { return d == nil })
	e.Detectors = detectors
	return e
}

func (e exampleEvidence) evidence(p *Policy) Evidence {
	model := hallmark.DigestOf([]byte("example"))
	ev := Evidence{
		Model: model, ReportCID: "example", Run: hallmark.RunVerdict(or(e.Run, string(hallmark.RunOK))),
		Tier: hallmark.Tier(or(e.Tier, string(hallmark.TierFull))), ModelOnly: e.ModelOnly,
		Lineage: Lineage{Signed: !e.Unsigned, Steps: []hallmark.LineageStep{{Operation: hallmark.OpFinetune, Output: hallmark.LineageNode{Digest: model}}}},
	}
	for _, verdict := range e.Earlier {
		ev.Earlier = append(ev.Earlier, hallmark.Run{Outcome: hallmark.RunVerdict(verdict)})
	}
	if e.NoReport {
		return ev
	}
	ev.Report = &hallmark.Report{Schema: hallmark.ReportSchema, Model: model, Profile: or(e.Profile, "chat"), TestTier: e.TestTier}
	ev.Report.Suite = or(e.Suite, or(p.Suite(ev.Report.Profile), ev.Report.Profile))
	for _, name := range slices.Sorted(maps.Keys(e.Detectors)) {
		result, cases := e.Detectors[name].result(name)
		ev.Report.Detectors = append(ev.Report.Detectors, result)
		ev.Report.Cases = append(ev.Report.Cases, cases...)
	}
	for _, f := range e.Findings {
		ev.Report.Findings = append(ev.Report.Findings, hallmark.Finding{
			Detector: f.Detector, Rule: f.Rule, Severity: hallmark.Severity(f.Severity), Message: f.Message, Location: f.Location,
		})
	}
	return ev
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// result makes the sums and the cases that the outcomes stand for.
func (d *exampleDetector) result(name string) (hallmark.DetectorResult, []hallmark.CaseResult) {
	against := int(d.Failed + d.Inconclusive + d.Errors)
	n := int(d.Passed) + against
	r := hallmark.DetectorResult{
		Detector: name, Assessment: hallmark.Assessment(or(d.Assessment, string(hallmark.Assessed))), Reason: "the example says so",
		Cases: n, Templates: int(d.Templates), EffectiveN: n, Passed: int(d.Passed), Failed: int(d.Failed),
		Inconclusive: int(d.Inconclusive), Errors: int(d.Errors), Void: int(d.Void), Metrics: d.Metrics,
		Against: hallmark.Proportion{K: against, N: n, Bound: fmt.Sprintf("%d.%06d", upperBound(against, n)/million, upperBound(against, n)%million)},
	}
	if r.Templates == 0 {
		r.Templates = n
	}
	var cases []hallmark.CaseResult
	for _, outcome := range []struct {
		n  count
		is hallmark.Outcome
	}{{d.Failed, hallmark.Fail}, {d.Inconclusive, hallmark.Inconclusive}, {d.Errors, hallmark.Error}, {d.Passed, hallmark.Pass}, {d.Void, hallmark.Void}} {
		for range outcome.n {
			cases = append(cases, hallmark.CaseResult{ID: fmt.Sprintf("%s/%d", name, len(cases)+1), Detector: name, Outcome: outcome.is})
		}
	}
	return r, cases
}
