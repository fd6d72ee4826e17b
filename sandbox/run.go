package sandbox

import (
	"context"
	"fmt"
	"slices"

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
