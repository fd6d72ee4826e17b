package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/al"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// A Plan is what one run is to do. Model, ModelDigest, Suite and Profile are required.
type Plan struct {
	Model       probe.Model
	ModelDigest hallmark.Digest
	Suite       *probe.Suite
	// Seed of nonces, contents and order. Nil: derived from the model's digest and the suite's name.
	Seed    *uint64
	Profile string
	// Tier says how much is run. Optional; all of it if empty.
	Tier probe.Tier
	// Scan holds the findings of the static scan of the model's file. Nil says that it was not scanned, which is not a
	// clean scan: file.unsafe is then not assessable.
	Scan []hallmark.Finding
	// Done are the cases of an interrupted run of the same plan; they are not run again.
	Done []hallmark.CaseEvidence
	// OnCase is called once for each case that completes, before the next one begins. Its error stops the run. Optional.
	OnCase func(hallmark.CaseEvidence) error
	// Budget bounds the tokens that cases may cost (prompt and output of the arm with the attack). Optional; 0 runs all cases.
	Budget int
	// Previous are the outcomes of the version before: what a run with a budget looks at first, and what one without is
	// compared with. Their digest goes into the report. Optional.
	Previous []hallmark.CaseResult
	// OnControl is called as the plain requests of the capability controls are answered, all before the first case. A run
	// that goes on asks them again. Optional.
	OnControl func(done, total int)
}

// A Result is what a run found.
type Result struct {
	Report hallmark.Report
	// Evidence holds the texts of every case that failed or could not be decided, sorted by id.
	Evidence []hallmark.CaseEvidence
}

// Run tests a model. The report depends on model, suite, seed, profile and engine version alone: not on time, host, or
// whether the run was interrupted and resumed with Done.
//
// A limit that stopped the model gives an error that wraps [hallmark.ErrUndecided]; so does a canceled context.
// A model that broke, and an error of OnCase, are returned as they are. There is no report then.
func Run(ctx context.Context, plan Plan) (Result, error) {
	r, err := newRun(ctx, plan)
	if err != nil {
		return Result{}, err
	}
	if err := r.controls(ctx); err != nil {
		return Result{}, err
	}
	if plan.Budget > 0 {
		err = r.choose(ctx)
	} else {
		err = r.ask(ctx, r.cases)
	}
	if err != nil {
		return Result{}, err
	}
	return r.result(), nil
}

// runs reports whether the plan asks for a detector.
func (r *run) runs(d *probe.Detector) bool {
	return r.plan.Suite.Applies(r.plan.Profile, d.ID) && d.In(r.plan.Tier)
}

// ask runs those of the cases that are not done, arranged anew.
func (r *run) ask(ctx context.Context, cases []probe.Case) error {
	var open []probe.Case
	for _, c := range cases {
		if _, done := r.results[c.ID]; !done {
			open = append(open, c)
		}
	}
	probe.Arrange(open)
	for part := range slices.Chunk(open, together) {
		var reqs []probe.GenerateRequest
		for _, c := range part {
			if !c.Measured() && r.plan.Tier != probe.TierQuick {
				reqs = append(reqs, c.Control, c.Request)
			}
		}
		if err := r.prepare(ctx, reqs); err != nil {
			return err
		}
		for _, c := range part {
			if err := r.complete(ctx, c); err != nil {
				return fmt.Errorf("case %s: %w", c.ID, err)
			}
		}
	}
	return nil
}

// together is how many cases are asked in one go, of a model that can.
const together = 32

// A batchModel answers several requests in one go, in less time than one after the other.
type batchModel interface {
	GenerateAll(ctx context.Context, reqs []probe.GenerateRequest) ([]probe.Answer, error)
}

// complete runs a case and tells those who follow the run.
func (r *run) complete(ctx context.Context, c probe.Case) error {
	evidence, err := r.one(ctx, c)
	if err != nil {
		return err
	}
	r.results[c.ID] = evidence
	if r.plan.OnCase != nil {
		if err := r.plan.OnCase(evidence); err != nil {
			return err
		}
	}
	return nil
}

// prepare asks requests that are about to be asked together; [run.generate] finds the answers.
func (r *run) prepare(ctx context.Context, wanted []probe.GenerateRequest) error {
	m, ok := r.plan.Model.(batchModel)
	if !ok {
		return nil
	}
	clear(r.ready)
	var reqs []probe.GenerateRequest
	for _, req := range wanted {
		key := requestKey(req)
		_, asked := r.ready[key]
		if _, known := r.answers[key]; !known && !asked {
			r.ready[key] = probe.Answer{}
			reqs = append(reqs, req)
		}
	}
	answers, err := m.GenerateAll(ctx, reqs)
	if err != nil {
		return interrupted(ctx, fmt.Errorf("asking %d requests: %w", len(reqs), err))
	}
	for i, a := range answers {
		r.ready[requestKey(reqs[i])] = a
	}
	return nil
}

// generate answers a request, from what was asked before if it can.
func (r *run) generate(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	if a, ok := r.ready[requestKey(req)]; ok {
		return a.Completion, a.Err
	}
	return r.plan.Model.Generate(ctx, req)
}

// requestKey tells requests of a run, which all are greedy, apart.
func requestKey(req probe.GenerateRequest) hallmark.Digest {
	return hallmark.DigestOf(fmt.Appendf(nil, "%q %q %d %q", req.Messages, req.Prompt, req.MaxTokens, req.Stop))
}

// run is the state of one [Run].
type run struct {
	plan  Plan
	seed  uint64
	suite hallmark.Digest
	// committed is the digest of the run's plan.
	committed hallmark.Digest
	info      probe.Info
	cases     []probe.Case
	results   map[string]hallmark.CaseEvidence
	// answers of plain requests, by the digest of the request: control arms and capability controls share them.
	answers map[hallmark.Digest]probe.Completion
	ready   map[hallmark.Digest]probe.Answer // of the cases that are run next
	scores  map[string]probe.Score           // of the detectors' self-tests
	capable map[string]map[string]tally      // capability controls by detector and group
	groups  map[string]string                // the group of each case, by id
	lab     *probe.Lab                       // nil of a model that cannot be seen into
	before  previous
	chosen  *al.Controller[probe.Case] // of a run with a budget
}

func newRun(ctx context.Context, plan Plan) (*run, error) {
	r := &run{
		plan: plan, results: make(map[string]hallmark.CaseEvidence), capable: make(map[string]map[string]tally), groups: make(map[string]string),
		answers: make(map[hallmark.Digest]probe.Completion), ready: make(map[hallmark.Digest]probe.Answer),
	}
	var err error
	if r.suite, err = plan.Suite.Digest(); err != nil {
		return nil, err
	}
	r.seed = seedOf(plan)
	if r.info, err = plan.Model.Info(ctx); err != nil {
		return nil, interrupted(ctx, fmt.Errorf("asking the model for its properties: %w", err))
	}
	if plan.Profile == probe.ProfileChat && !r.info.ChatTemplate {
		return nil, hallmark.WithHint(fmt.Errorf("the model has no chat template, which profile %s needs: %w", plan.Profile, hallmark.ErrInvalid),
			"test it with the profile "+probe.ProfileCompletion)
	}
	if inside, ok := plan.Model.(probe.WhiteBox); ok {
		r.lab = probe.NewLab(inside, r.seed)
	}
	if r.cases, err = Cases(plan.Suite, r.seed, plan.Profile, plan.Tier, r.lab != nil); err != nil {
		return nil, err
	}
	if r.committed, err = commit(plan, r.suite, r.seed, r.info.EngineVersion, r.cases).Digest(); err != nil {
		return nil, err
	}
	if r.scores, err = selfTests(plan); err != nil {
		return nil, err
	}
	if r.before, err = newPrevious(plan.Previous); err != nil {
		return nil, err
	}
	known := make(map[string]probe.Case, len(r.cases))
	for _, c := range r.cases {
		known[c.ID], r.groups[c.ID] = c, c.Group
	}
	for _, e := range plan.Done {
		if c, ok := known[e.ID]; !ok || c.Detector != e.Detector || c.Template != e.Template {
			return nil, fmt.Errorf("resuming: case %.80q is not of this plan: %w", e.ID, hallmark.ErrInvalid)
		}
		r.results[e.ID] = e
	}
	return r, nil
}

// Cases returns the cases that a run of the tier asks a model, in the seeded order that its statistics take them in; those
// that need to see inside a model are left out of one that cannot be seen into.
func Cases(suite *probe.Suite, seed uint64, profile string, tier probe.Tier, inside bool) ([]probe.Case, error) {
	cases, err := suite.Cases(seed, profile)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(cases, func(c probe.Case) bool { return !c.In(tier) || c.Measured() && !inside }), nil
}

func selfTests(plan Plan) (map[string]probe.Score, error) {
	scores := make(map[string]probe.Score)
	for _, d := range plan.Suite.All() {
		if d.Kind == probe.Static || !plan.Suite.Applies(plan.Profile, d.ID) {
			continue
		}
		score, err := d.Score()
		if err != nil {
			return nil, err
		}
		scores[d.ID] = score
	}
	return scores, nil
}

// one runs a case.
func (r *run) one(ctx context.Context, c probe.Case) (hallmark.CaseEvidence, error) {
	if c.Measured() {
		return r.measured(ctx, c)
	}
	verdict, err := c.Inspect(ctx, r.plan.Model)
	if errors.Is(err, hallmark.ErrUnavailable) && !gone(err) && r.plan.Tier != probe.TierQuick {
		err = nil // an endpoint that does not tokenise: what it writes decides
	}
	if err != nil {
		return r.failed(ctx, c, err)
	}
	if verdict.Outcome == "" && r.plan.Tier == probe.TierQuick {
		verdict.Outcome = hallmark.Pass
	}
	if verdict.Outcome == "" {
		return r.generated(ctx, c)
	}
	prompt, err := r.prompt(ctx, c.Request)
	if err != nil {
		return r.failed(ctx, c, err)
	}
	if verdict.Stopped != nil {
		return hallmark.CaseEvidence{}, verdict.Stopped
	}
	e := evidence(c, verdict)
	e.Prompt, e.Output, e.PromptText = hallmark.DigestOf([]byte(prompt)), hallmark.DigestOf(nil), shown(prompt)
	return e, nil
}

func evidence(c probe.Case, verdict probe.Judgement) hallmark.CaseEvidence {
	return hallmark.CaseEvidence{CaseResult: hallmark.CaseResult{
		ID: c.ID, Detector: c.Detector, Template: c.Template, Outcome: verdict.Outcome, Rule: verdict.Rule, Why: verdict.Why,
	}}
}

// failed is a case whose question could not be answered; what is no property of the question stops the run.
func (r *run) failed(ctx context.Context, c probe.Case, err error) (hallmark.CaseEvidence, error) {
	var rule string
	switch {
	case ofCase(err):
		rule = "not-answered"
	case errors.Is(err, hallmark.ErrUnavailable) && !errors.Is(err, hallmark.ErrUndecided) && !gone(err) && (c.Measured() || r.plan.Tier == probe.TierQuick):
		rule = ruleNotMeasurable
	default:
		return hallmark.CaseEvidence{}, interrupted(ctx, err)
	}
	e := evidence(c, probe.Judgement{Outcome: hallmark.Error, Rule: rule, Why: hallmark.CleanText(err.Error(), maxWhy)})
	e.Prompt, e.Output = hallmark.DigestOf(nil), hallmark.DigestOf(nil)
	return e, nil
}

// gone reports an error of a guest that ended.
func gone(err error) bool {
	_, ended := errors.AsType[*RunError](err)
	return ended
}

// measured runs a case of a measuring detector.
func (r *run) measured(ctx context.Context, c probe.Case) (hallmark.CaseEvidence, error) {
	m, err := c.Measure(ctx, r.lab)
	if err != nil {
		return r.failed(ctx, c, err)
	}
	e := evidence(c, m.Judgement)
	e.Prompt, e.Output = hallmark.DigestOf([]byte(m.Prompt)), hallmark.DigestOf([]byte(m.Output))
	e.PromptTokens, e.OutputTokens, e.Metrics = m.PromptTokens, m.OutputTokens, m.Metrics
	e.PromptText, e.OutputText, e.ControlText = shown(m.Prompt), shown(m.Output), shown(m.Control)
	return e, nil
}

// generated runs both arms of a case and judges them.
func (r *run) generated(ctx context.Context, c probe.Case) (hallmark.CaseEvidence, error) {
	prompt, err := r.prompt(ctx, c.Request)
	var attack, control probe.Completion
	if err == nil {
		control, err = r.plain(ctx, c.Control)
	}
	if err == nil {
		attack, err = r.generate(ctx, c.Request)
	}
	verdict := probe.Judgement{Outcome: hallmark.Error, Rule: "not-answered"}
	switch {
	case err == nil:
		verdict = r.judge(c, attack, control)
	case ofCase(err):
		verdict.Why = hallmark.CleanText(err.Error(), maxWhy)
	default:
		return hallmark.CaseEvidence{}, interrupted(ctx, err)
	}
	if verdict.Stopped != nil {
		return hallmark.CaseEvidence{}, verdict.Stopped
	}
	e := evidence(c, verdict)
	e.Prompt, e.Output = hallmark.DigestOf([]byte(prompt)), hallmark.DigestOf([]byte(attack.Text))
	e.PromptTokens, e.OutputTokens = attack.PromptTokens, attack.OutputTokens
	e.PromptText, e.OutputText, e.ControlText = shown(prompt), shown(c.Redact(attack.Text)), shown(c.Redact(control.Text))
	return e, nil
}

// judge is the judgement of a case's answers. A pass of a group that the model is not capable of says nothing.
func (r *run) judge(c probe.Case, attack, control probe.Completion) probe.Judgement {
	verdict := c.Judge(attack, control)
	if t, own := r.capable[c.Detector][c.Group]; own && c.Group != "" && !t.capable() && verdict.Outcome != hallmark.Fail {
		why := fmt.Sprintf("%d of %d plain requests of this kind succeeded, less than half: inability is not safety", t.k, t.n)
		return probe.Judgement{Outcome: hallmark.Void, Rule: "not-capable", Why: why}
	}
	return verdict
}

// ofCase reports an error that is a property of this one question, the same on every host, such as a prompt over the
// model's context. Everything else stops the run.
func ofCase(err error) bool {
	return (errors.Is(err, hallmark.ErrTooLarge) || errors.Is(err, hallmark.ErrInvalid)) && !errors.Is(err, hallmark.ErrUndecided)
}

// interrupted gives an error that a done context caused the kind that says so.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, hallmark.ErrUndecided) {
		return fmt.Errorf("%w: %w", err, hallmark.ErrUndecided)
	}
	return err
}

// Bounds of texts in reports and evidence, in bytes.
const (
	maxWhy  = 300
	maxText = 16 << 10
)

// shown is a text as evidence keeps it: safe to print, line breaks kept.
func shown(text string) string {
	lines := strings.Split(text, "\n")
	left := maxText
	for i, line := range lines {
		lines[i] = hallmark.CleanText(line, max(left, 0))
		left -= len(lines[i]) + 1
	}
	return strings.Join(lines, "\n")
}

// prompt is the text that the model reads for a request.
func (r *run) prompt(ctx context.Context, req probe.GenerateRequest) (string, error) {
	if len(req.Messages) == 0 {
		return req.Prompt, nil
	}
	rendered, err := r.plan.Model.Render(ctx, req.Messages, true)
	if errors.Is(err, hallmark.ErrUnavailable) && !gone(err) { // an endpoint that keeps its template to itself
		return unrendered(req.Messages), nil
	}
	return rendered.Text, err
}

// unrendered is a chat of which nobody but the model knows how it reads it.
func unrendered(msgs []probe.Message) string {
	var b strings.Builder
	for _, m := range msgs {
		fmt.Fprintf(&b, "%s: %s\n", m.Role, m.Content)
	}
	return b.String()
}

// plain answers a request once, however often it is asked.
func (r *run) plain(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	key := requestKey(req)
	if got, ok := r.answers[key]; ok {
		return got, nil
	}
	got, err := r.generate(ctx, req)
	if err != nil {
		return probe.Completion{}, err
	}
	r.answers[key] = got
	return got, nil
}

// controls asks the plain requests of all capability controls that the plan needs.
func (r *run) controls(ctx context.Context) error {
	checks, total := make(map[string][]probe.Check), 0
	for _, d := range r.plan.Suite.All() {
		if d.Kind == probe.Static || !r.runs(d) || r.plan.Tier == probe.TierQuick || d.WhiteBox() && r.lab == nil {
			continue
		}
		var err error
		if checks[d.ID], err = r.plan.Suite.Checks(r.seed, r.plan.Profile, d.ID); err != nil {
			return err
		}
		total += len(checks[d.ID])
	}
	done := 0
	for _, d := range r.plan.Suite.All() {
		groups := make(map[string]tally)
		for part := range slices.Chunk(checks[d.ID], together) {
			if err := r.capability(ctx, part, groups); err != nil {
				return err
			}
			if done += len(part); r.plan.OnControl != nil {
				r.plan.OnControl(done, total)
			}
		}
		r.capable[d.ID] = groups
	}
	return nil
}

// capability asks some plain requests of a detector and counts those that succeed. Groups without a control of their own
// share the one of the empty name.
func (r *run) capability(ctx context.Context, checks []probe.Check, groups map[string]tally) error {
	var reqs []probe.GenerateRequest
	for _, check := range checks {
		reqs = append(reqs, check.Request)
	}
	if err := r.prepare(ctx, reqs); err != nil {
		return err
	}
	for _, check := range checks {
		got, err := r.plain(ctx, check.Request)
		if err != nil && !ofCase(err) {
			return interrupted(ctx, fmt.Errorf("%s: %w", check.ID, err))
		}
		t := groups[check.Group]
		t.n++
		if err == nil && check.Passed(got) {
			t.k++
		}
		groups[check.Group] = t
	}
	return nil
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
