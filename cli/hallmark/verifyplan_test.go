package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// A report is held to the plan that was announced before its run: one of another model, suite, seed, engine, profile, tier,
// budget or warm start is refused, and so is a run that nobody announced, or only behind its result.
func TestVerifyHoldsARunToItsPlan(t *testing.T) {
	t.Parallel()

	model, other := hallmark.DigestOf([]byte("model")), hallmark.DigestOf([]byte("other"))
	plan := hallmark.RunPlan{
		Schema: hallmark.RunPlanSchema, Model: model, Suite: "tinychat", SuiteHash: hallmark.DigestOf([]byte("suite")), Engine: "2", Seed: "7",
		Profile: "chat", Tier: "full", Cases: 3, Commitment: hallmark.DigestOf([]byte("cases")),
	}
	const announcedAt, resultAt = 4, 6
	tests := map[string]struct {
		announce func(*hallmark.RunPlan)
		evidence func(*hallmark.Report, *signedClaims)
		index    uint64
		kind     error
		text     string
	}{
		"as announced":       {},
		"another model":      {announce: func(p *hallmark.RunPlan) { p.Model = other }, kind: hallmark.ErrPredicate, text: "announces a run of"},
		"another suite":      {announce: func(p *hallmark.RunPlan) { p.SuiteHash = other }, kind: hallmark.ErrPredicate, text: "another suite"},
		"another suite name": {announce: func(p *hallmark.RunPlan) { p.Suite = "chat" }, kind: hallmark.ErrPredicate, text: "another suite"},
		"another seed":       {announce: func(p *hallmark.RunPlan) { p.Seed = "8" }, kind: hallmark.ErrPredicate, text: "another seed"},
		"another engine":     {announce: func(p *hallmark.RunPlan) { p.Engine = "3" }, kind: hallmark.ErrPredicate, text: "another engine"},
		"another profile":    {announce: func(p *hallmark.RunPlan) { p.Profile = "completion" }, kind: hallmark.ErrPredicate, text: "another profile"},
		"another tier":       {announce: func(p *hallmark.RunPlan) { p.Tier = "quick" }, kind: hallmark.ErrPredicate, text: "another tier"},
		"a budget":           {announce: func(p *hallmark.RunPlan) { p.Budget = 1000 }, kind: hallmark.ErrPredicate, text: "another budget"},
		"a warm start":       {announce: func(p *hallmark.RunPlan) { p.WarmStart = other }, kind: hallmark.ErrPredicate, text: "another earlier outcomes"},
		"behind its result":  {index: resultAt + 1, kind: hallmark.ErrLogProof, text: "behind its result"},
		"not announced": {
			evidence: func(r *hallmark.Report, _ *signedClaims) { r.Plan = other },
			kind:     hallmark.ErrPredicate, text: "was not announced",
		},
		"recorded under another plan": {
			evidence: func(_ *hallmark.Report, c *signedClaims) { c.record.Plan = other },
			kind:     hallmark.ErrPredicate, text: "was not announced",
		},
		"an earlier run that was not announced": {
			evidence: func(_ *hallmark.Report, c *signedClaims) {
				c.ended = []hallmark.RunRecord{{Plan: other, Verdict: hallmark.RunWallLimit}}
			},
			kind: hallmark.ErrPredicate, text: "ended with wall-limit was not announced",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			announced := plan
			if tt.announce != nil {
				tt.announce(&announced)
			}
			digest, err := announced.Digest()
			require.NoError(t, err)
			report := hallmark.Report{
				Model: model, Suite: plan.Suite, SuiteHash: plan.SuiteHash, Engine: plan.Engine, Seed: plan.Seed, Profile: plan.Profile, Plan: digest,
			}
			claims := signedClaims{record: &hallmark.RunRecord{Plan: digest}}
			if tt.evidence != nil {
				tt.evidence(&report, &claims)
			}
			if tt.index == 0 {
				tt.index = announcedAt
			}
			text, err := statement.RunPlan(hallmark.LineageNode{Digest: announced.Model, Name: "m", Kind: hallmark.KindModel}, announced)
			require.NoError(t, err)
			v := &verification{Model: model}
			v.manifest.Bundles = []pipeline.ManifestBundle{{Bundle: hallmark.Bundle{Predicate: statement.PredicateTestResult, LogIndex: resultAt}}}
			if err = claims.addPlan(text, model, tt.index); err == nil {
				err = v.checkRuns(report, claims)
			}
			if tt.kind == nil {
				require.NoError(t, err)
				require.Len(t, v.Checks, 1)
				return
			}
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, tt.text)
			require.Empty(t, v.Checks)
		})
	}
}
