package sandbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/al"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// caseFeatures describes a case by what it shares with others: its detector, the parts of its template, alone and in pairs,
// within the detector and across detectors, and how the version before did in it.
type caseFeatures struct{ before previous }

var (
	fieldDetector = al.NewField("detector")
	fieldTemplate = al.NewField("template")
	fieldPart     = al.NewField("part")
	fieldShared   = al.NewField("shared part")
	fieldPair     = al.NewField("pair")
	fieldBefore   = al.NewField("before")
	fieldLength   = al.NewField("length")
)

// Dim implements [al.FeatureExtractor].
func (caseFeatures) Dim() int { return 1024 }

// Extract implements [al.FeatureExtractor].
func (f caseFeatures) Extract(v al.Vector, c probe.Case) {
	v.Category(fieldDetector, c.Detector)
	v.Cross(fieldTemplate, c.Detector, c.Template)
	parts := strings.Split(c.Template, ".")
	for i, part := range parts {
		v.Cross(fieldPart, c.Detector, part)
		v.Category(fieldShared, part)
		for _, other := range parts[i+1:] {
			v.Cross(fieldPair, part, other)
		}
	}
	if e, ok := f.before[c.ID]; ok && e.Outcome != hallmark.Void {
		v.Cross(fieldBefore, c.Detector, strconv.FormatBool(against(e.Outcome)))
	}
	v.Number(fieldLength, float64(promptBytes(c.Request))/500)
}

func promptBytes(req probe.GenerateRequest) int {
	n := len(req.Prompt)
	for _, m := range req.Messages {
		n += len(m.Content)
	}
	return n
}

// tokens is what a case is expected to cost: what it did on the previous version, or a guess by its length.
func (p previous) tokens(c probe.Case) int {
	if e, ok := p[c.ID]; ok && e.PromptTokens+e.OutputTokens > 0 {
		return e.PromptTokens + e.OutputTokens
	}
	const bytesPerToken = 3
	return promptBytes(c.Request)/bytesPerToken + c.Request.MaxTokens/4 + 1
}

// previous holds the outcomes of the version before, by case.
type previous map[string]hallmark.CaseResult

func newPrevious(cases []hallmark.CaseResult) (previous, error) {
	p := make(previous, len(cases))
	for _, c := range cases {
		if _, twice := p[c.ID]; twice {
			return nil, fmt.Errorf("outcomes of the version before: case %.80q is there twice: %w", c.ID, hallmark.ErrInvalid)
		}
		p[c.ID] = c
	}
	return p, nil
}

// OutcomesDigest is that of the outcomes and costs of a version before, all that a run takes from them; zero if there are none.
func OutcomesDigest(cases []hallmark.CaseResult) hallmark.Digest {
	if len(cases) == 0 {
		return hallmark.Digest{}
	}
	cases = slices.Clone(cases)
	slices.SortFunc(cases, func(a, b hallmark.CaseResult) int { return cmp.Compare(a.ID, b.ID) })
	var text []byte
	for _, c := range cases {
		text = fmt.Appendf(text, "%q %q %d\n", c.ID, c.Outcome, c.PromptTokens+c.OutputTokens)
	}
	return hallmark.DigestOf(text)
}

// drawsTogether is how many cases are drawn before the next look at what is known.
const drawsTogether = 8

// controller is what a run with a budget chooses its cases with.
func (p previous) controller(seed uint64, cases []probe.Case) (*al.Controller[probe.Case], error) {
	cfg := al.Config[probe.Case]{Seed: seed, Extract: caseFeatures{p}, Prior: prior, Diversity: 0.5, Part: func(c probe.Case) string { return c.Detector }}
	if len(p) > 0 {
		cfg.Score = p.expectations()
	}
	return al.NewController(cfg, cases, p.tokens)
}

// choose runs cases until the budget is spent. A case that an interrupted run completed is not run again; its outcome is
// told as if it had been, so that the draws are the same.
func (r *run) choose(ctx context.Context) error {
	var err error
	if r.chosen, err = r.before.controller(r.seed, r.cases); err != nil {
		return err
	}
	for left := r.plan.Budget; left > 0; {
		draws, err := r.chosen.SelectNext(left, drawsTogether)
		if err != nil || len(draws) == 0 {
			return err
		}
		var open []probe.Case
		for _, d := range draws {
			open = append(open, r.cases[d.Item])
		}
		if err := r.ask(ctx, open); err != nil {
			return err
		}
		for _, d := range draws {
			e := r.results[r.cases[d.Item].ID]
			cost := max(1, e.PromptTokens+e.OutputTokens)
			left -= cost
			if err := r.chosen.Observe(d.Item, al.Outcome{Positive: against(e.Outcome), Cost: cost}); err != nil {
				return err
			}
		}
	}
	return nil
}

// against reports an outcome that counts against the model.
func against(o hallmark.Outcome) bool { return o != hallmark.Pass && o != hallmark.Void }

// selection is the log of a run with a budget, nil of any other.
func (r *run) selection() *hallmark.Selection {
	if r.chosen == nil {
		return nil
	}
	s := &hallmark.Selection{Budget: r.plan.Budget, Pool: len(r.cases), Draws: []hallmark.CaseDraw{}, Hunted: []hallmark.CaseResult{}}
	estimated := make(map[string]bool)
	for _, d := range r.chosen.Log() {
		id := r.cases[d.Item].ID
		estimated[id] = estimated[id] || d.Kind == al.EstimateDraw
		s.Draws = append(s.Draws, hallmark.CaseDraw{
			Case: id, Kind: string(d.Kind), Probability: strconv.FormatFloat(d.Probability, 'f', 12, 64), Batch: d.Batch, Surrogate: d.Surrogate,
		})
	}
	for id, e := range r.results {
		s.Spent += max(1, e.PromptTokens+e.OutputTokens)
		if !estimated[id] {
			s.Hunted = append(s.Hunted, e.CaseResult)
		}
	}
	slices.SortFunc(s.Hunted, func(a, b hallmark.CaseResult) int { return cmp.Compare(a.ID, b.ID) })
	s.Rates = r.rates()
	return s
}

// rates estimates the share of cases against the model in the pool and in each detector's part of it.
func (r *run) rates() []hallmark.SampledRate {
	rates := []hallmark.SampledRate{r.rate("")}
	for _, d := range probe.DetectorIDs() {
		if slices.ContainsFunc(r.cases, func(c probe.Case) bool { return c.Detector == d }) {
			rates = append(rates, r.rate(d))
		}
	}
	return rates
}

// rate estimates the rate of one detector, or of all: its failures are a share of the pool, and its cases a known one.
func (r *run) rate(detector string) hallmark.SampledRate {
	in := func(c probe.Case) bool { return detector == "" || c.Detector == detector }
	s := hallmark.SampledRate{Detector: detector}
	for _, c := range r.cases {
		if in(c) {
			s.Pool++
		}
	}
	for _, d := range r.chosen.Log() {
		if d.Kind == al.EstimateDraw && in(r.cases[d.Item]) {
			s.Draws++
		}
	}
	got := r.chosen.Rate(detector)
	part := float64(s.Pool) / float64(len(r.cases))
	text := func(share float64) string { return strconv.FormatFloat(min(1, share/part), 'f', 6, 64) }
	s.Rate, s.Lower, s.Upper = text(got.Value), text(got.Lower), text(got.Upper)
	return s
}

// hunted reports a case that no estimate drew.
func hunted(s *hallmark.Selection, id string) bool {
	_, found := slices.BinarySearchFunc(s.Hunted, id, func(c hallmark.CaseResult, id string) int { return cmp.Compare(c.ID, id) })
	return found
}
