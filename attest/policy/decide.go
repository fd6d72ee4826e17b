package policy

import (
	"fmt"
	"slices"

	"github.com/hallmark-ml/hallmark"
)

// Rules of reasons that come from no rule of the file.
const (
	RuleRun           = "evidence/run"      // the run did not end well
	RuleTier          = "evidence/tier"     // the jail was weaker than the policy accepts
	RuleReport        = "evidence/report"   // no report, or one that cannot be judged
	RuleDetector      = "evidence/detector" // a detector that is required and absent, or present and unknown
	RuleLineage       = "evidence/lineage"  // the lineage is not what the policy requires
	RuleBroken        = "evidence/rule"     // a CEL rule that erred or cost too much
	RuleNotAssessable = "not-assessable"    // the model could not do what the detector asks for
	RuleLimit         = "limit/"            // followed by the limit's detector or family
)

const (
	maxNamed    = 10     // case ids and findings that one reason names
	maxFindings = 10_000 // in one report
	maxText     = 300    // bytes of a text that is not ours, in a reason
)

// A reason and what an exemption would have to cover to take it back; nothing can when cover is empty.
type reason struct {
	hallmark.Reason
	cover string
	// rules are the findings' rules that the reason stands on, for an exemption that names some.
	rules []string
}

// judge collects the reasons of one decision.
type judge struct {
	policy  *Policy
	ev      Evidence
	named   string // of the evidence, in reasons
	reasons []reason
	widened []hallmark.Reason
	tests   int // detectors whose rate is limited: each may block by chance
}

// Decide judges the evidence. It does not fail: what cannot be judged is undecided, with its reason.
func (p *Policy) Decide(ev Evidence) hallmark.Verdict {
	j := &judge{policy: p, ev: ev, named: ev.ReportCID}
	if j.named == "" {
		j.named = ev.Model.String()
	}
	j.run()
	j.tier()
	j.lineage()
	if j.report() {
		j.detectors()
		j.celRules()
	}
	return j.verdict()
}

func (j *judge) add(decision hallmark.Decision, rule, detector, format string, args ...any) {
	j.reasons = append(j.reasons, reason{Reason: j.reason(decision, rule, detector, format, args...)})
}

func (j *judge) reason(decision hallmark.Decision, rule, detector, format string, args ...any) hallmark.Reason {
	return hallmark.Reason{
		Rule: rule, Decision: decision, Detector: detector, Message: fmt.Sprintf(format, args...), Evidence: j.named,
	}
}

// run judges how the jailed process ended. What shows that the file is bad or tried to break out blocks; what only
// ended the run early decides nothing.
func (j *judge) run() {
	verdict := hallmark.CleanText(string(j.ev.Run), 40)
	switch j.ev.Run {
	case hallmark.RunOK:
	case hallmark.RunFinding:
		j.add(hallmark.Block, RuleRun, "", "the run ended with a finding against the file")
	case hallmark.RunInvalidInput:
		j.add(hallmark.Block, RuleRun, "", "the file is not a model that can be loaded")
	case hallmark.RunPolicyViolation, hallmark.RunProtocolError:
		j.add(hallmark.Block, RuleRun, "", "the run ended with %s: the jailed process did what no run does", verdict)
	case hallmark.RunCrash, hallmark.RunCPULimit, hallmark.RunWallLimit, hallmark.RunMemoryLimit, hallmark.RunOutputLimit,
		hallmark.RunUnsandboxed, hallmark.RunInfraError:
		j.add(hallmark.Undecided, RuleRun, "", "the run ended early with %s", verdict)
	default:
		j.add(hallmark.Undecided, RuleRun, "", "the run ended with %q, which this policy engine does not know", verdict)
	}
	for _, e := range j.ev.Earlier {
		if e.Outcome == hallmark.RunPolicyViolation || e.Outcome == hallmark.RunProtocolError {
			j.add(hallmark.Block, RuleRun, "", "an earlier run (plan %v) ended with %s: the jailed process did what no run does", e.Plan, e.Outcome)
		}
	}
}

func (j *judge) tier() {
	accepted := j.policy.MinTier()
	if j.ev.ModelOnly {
		accepted = j.policy.MinTierGate()
	}
	have, known := tierRank(j.ev.Tier)
	want, _ := tierRank(accepted)
	switch {
	case !known:
		j.add(hallmark.Undecided, RuleTier, "", "the run names no known jail tier but %q", hallmark.CleanText(string(j.ev.Tier), 40))
	case have < want:
		j.add(hallmark.Undecided, RuleTier, "", "the jail was %s, and this policy accepts %s", j.ev.Tier, accepted)
	}
}

func tierRank(t hallmark.Tier) (rank int, known bool) {
	switch t {
	case hallmark.TierRunsc:
		return 4, true
	case hallmark.TierRunc:
		return 3, true
	case hallmark.TierFull:
		return 2, true
	case hallmark.TierNoNamespaces, hallmark.TierProgram: // neither contains the other
		return 1, true
	case hallmark.TierRemote:
		return 0, true
	default:
		return 0, false
	}
}

func (j *judge) lineage() {
	if !j.policy.file.RequireSignedLineage || j.ev.ModelOnly {
		return
	}
	made := slices.ContainsFunc(j.ev.Lineage.Steps, func(s hallmark.LineageStep) bool { return s.Output.Digest == j.ev.Model })
	switch {
	case !j.ev.Lineage.Signed:
		j.add(hallmark.Undecided, RuleLineage, "", "the lineage is not signed by its submitter")
	case !made:
		j.add(hallmark.Undecided, RuleLineage, "", "no step of the lineage makes this model")
	}
}

// report checks what has to hold before anything in the report means something.
func (j *judge) report() bool {
	r := j.ev.Report
	if r == nil {
		j.add(hallmark.Undecided, RuleReport, "", "there is no report of a run")
		return false
	}
	before := len(j.reasons)
	if r.Schema != hallmark.ReportSchema {
		j.add(hallmark.Undecided, RuleReport, "", "the report has schema %q, want %s", hallmark.CleanText(r.Schema, 100), hallmark.ReportSchema)
	}
	if j.ev.Model.IsZero() || r.Model != j.ev.Model {
		j.add(hallmark.Undecided, RuleReport, "", "the report is about %v and not about %v", r.Model, j.ev.Model)
	}
	if len(r.Findings) > maxFindings {
		j.add(hallmark.Undecided, RuleReport, "", "%d findings, at most %d are judged", len(r.Findings), maxFindings)
	}
	if id, twice := caseTwice(r.Cases); twice {
		j.add(hallmark.Undecided, RuleReport, "", "the report has case %q twice", hallmark.CleanText(id, 100))
	}
	switch profile, ok := j.profile(); {
	case !ok:
		j.add(hallmark.Undecided, RuleReport, "", "the policy has no profile %q", hallmark.CleanText(r.Profile, 40))
	case profile.Suite != "" && profile.Suite != r.Suite:
		j.add(hallmark.Undecided, RuleReport, "", "the report is of suite %q, the policy asks for %s", hallmark.CleanText(r.Suite, 40), profile.Suite)
	}
	return len(j.reasons) == before
}

func caseTwice(cases []hallmark.CaseResult) (id string, twice bool) {
	seen := make(map[string]struct{}, len(cases))
	for i := range cases {
		if _, twice := seen[cases[i].ID]; twice {
			return cases[i].ID, true
		}
		seen[cases[i].ID] = struct{}{}
	}
	return "", false
}

func (j *judge) profile() (fileProfile, bool) {
	for _, p := range j.policy.file.Profiles {
		if p.Name == j.ev.Report.Profile {
			return p, true
		}
	}
	return fileProfile{}, false
}

// detectors judges each detector of the report, each that the profile requires, and each that has a finding.
func (j *judge) detectors() {
	profile, _ := j.profile()
	if tier := j.ev.Report.TestTier; tier != "" { // what it finds blocks all the same
		j.add(hallmark.Undecided, RuleReport, "", "the %q tier is no full test: it can block and never allows", hallmark.CleanText(tier, 40))
	}
	results := map[string]*hallmark.DetectorResult{}
	names := slices.Clone(profile.Require)
	for i := range j.ev.Report.Detectors {
		d := &j.ev.Report.Detectors[i]
		if _, twice := results[d.Detector]; twice {
			j.add(hallmark.Undecided, RuleReport, d.Detector, "the report sums up %s twice", hallmark.CleanText(d.Detector, 80))
		}
		results[d.Detector] = d
		names = append(names, d.Detector)
	}
	for _, f := range j.ev.Report.Findings {
		names = append(names, f.Detector)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range names {
		if l, ok := j.policy.limitOf(name); ok && l.Bound != nil && *l.Bound < million && results[name] != nil && results[name].Cases > 0 {
			j.tests++
		}
	}
	for _, name := range names {
		j.detector(name, results[name], slices.Contains(profile.Require, name))
	}
}

func (j *judge) detector(name string, result *hallmark.DetectorResult, required bool) {
	shown := hallmark.CleanText(name, 80)
	switch {
	case result == nil && required:
		j.add(hallmark.Undecided, RuleDetector, shown, "the profile requires %s, and it did not run", shown)
	case result != nil && result.Assessment == hallmark.NotApplicable && required && j.ev.Report.TestTier == "":
		j.add(hallmark.Undecided, RuleDetector, shown, "the profile requires %s, and the run left it out as not applicable", shown)
	}
	c := j.newCheck(name, result)
	l, ok := j.policy.limitOf(name)
	if !ok {
		if c.counts() || len(c.findings) > 0 {
			j.add(hallmark.Undecided, RuleDetector, shown, "the policy has no limit for %s", shown)
		}
		return
	}
	found := c.against(l)
	j.reasons = append(j.reasons, found...)
	if l.Reason != "" {
		j.noteWidth(c, l, found)
	}
}

// noteWidth lists what the built-in default would have held against the model where a limit is wider and holds.
func (j *judge) noteWidth(c *check, l limit, found []reason) {
	standard, ok := standardLimit(c.name)
	if !ok {
		return
	}
	for _, r := range c.against(standard) {
		if !slices.ContainsFunc(found, func(f reason) bool { return f.Decision == r.Decision && f.cover == r.cover }) {
			r.Message += "; the policy's limit is wider: " + l.Reason
			j.widened = append(j.widened, r.Reason)
		}
	}
}

func (j *judge) verdict() hallmark.Verdict {
	v := hallmark.Verdict{
		Decision: hallmark.Allow, Policy: j.policy.Name(), PolicyHash: j.policy.digest, Reasons: []hallmark.Reason{}, Exempted: j.widened,
	}
	for _, r := range j.reasons {
		if why, ok := j.policy.exempts(r); ok {
			r.Message += "; exempted: " + why
			v.Exempted = append(v.Exempted, r.Reason)
			continue
		}
		v.Reasons = append(v.Reasons, r.Reason)
		if strength(r.Decision) > strength(v.Decision) {
			v.Decision = r.Decision
		}
	}
	return v
}

// strength orders decisions; one that is not known is as strong as undecided.
func strength(d hallmark.Decision) int {
	switch d {
	case hallmark.Allow:
		return 0
	case hallmark.Challenge:
		return 1
	case hallmark.Undecided:
		return 2
	case hallmark.Block:
		return 3
	default:
		return 2
	}
}

// exempts returns the reason of the exemption that covers r.
func (p *Policy) exempts(r reason) (string, bool) {
	for _, e := range p.file.Exemptions {
		if r.cover == "" || e.Detector != r.Detector || !slices.Contains(e.Covers, r.cover) {
			continue
		}
		named := func(rule string) bool { return slices.Contains(e.Findings, rule) }
		if r.cover != coverFindings || !slices.ContainsFunc(r.rules, func(s string) bool { return !named(s) }) {
			return e.Reason, true
		}
	}
	return "", false
}
