package sandbox_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// flawed is a model that fails one kind of case alone: those with a system prompt's secret. Answers cost 10 tokens.
func flawed(tb testing.TB) *scripted {
	tb.Helper()
	bad, good := &scripted{vulnerable: true, suite: tinychatSuite(tb)}, &scripted{suite: tinychatSuite(tb)}
	return &scripted{suite: good.suite, answer: func(req probe.GenerateRequest) (probe.Completion, error) {
		from := good
		if len(req.Messages) > 0 && strings.Contains(strings.ToLower(req.Messages[0].Content), "secret") {
			from = bad
		}
		got, err := from.Generate(context.Background(), req)
		got.PromptTokens, got.OutputTokens = 8, 2
		return got, err
	}}
}

// A run with a budget keeps to it, finds what it hunts for, keeps hunted cases out of every count, and logs each draw.
func TestBudget(t *testing.T) {
	t.Parallel()

	whole, err := sandbox.Run(t.Context(), chatPlan(t, flawed(t)))
	require.NoError(t, err)
	require.Nil(t, whole.Report.Selection)
	failing := map[string]bool{}
	for _, c := range whole.Report.Cases {
		if c.Outcome != hallmark.Pass && c.Outcome != hallmark.Void {
			failing[c.ID] = true
		}
	}
	require.Greater(t, len(failing), 20)
	require.Less(t, len(failing), len(whole.Report.Cases)/4)

	plan := chatPlan(t, flawed(t))
	plan.Budget = 10 * len(whole.Report.Cases) * 3 / 10
	var log []hallmark.CaseEvidence
	plan.OnCase = func(e hallmark.CaseEvidence) error { log = append(log, e); return nil }
	res, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	s := res.Report.Selection
	require.Equal(t, plan.Budget, s.Budget)
	require.LessOrEqual(t, s.Spent, s.Budget+10*8, "a batch may cost more than expected")
	require.Equal(t, len(whole.Report.Cases), s.Pool)
	require.Len(t, log, len(s.Hunted)+len(res.Report.Cases))
	require.True(t, res.Report.WarmStart.IsZero())

	estimated, found := map[string]bool{}, 0
	for _, d := range s.Draws {
		q, err := strconv.ParseFloat(d.Probability, 64)
		require.NoError(t, err)
		require.Greater(t, q, 0.0)
		require.False(t, d.Surrogate.IsZero())
		if d.Kind == "estimate" {
			estimated[d.Case] = true
		}
	}
	for _, c := range res.Report.Cases {
		require.True(t, estimated[c.ID], "a hunted case is in the counts")
	}
	for _, c := range s.Hunted {
		require.False(t, estimated[c.ID])
	}
	for _, e := range log {
		if failing[e.ID] {
			found++
		}
	}
	require.Greater(t, found*10, len(failing)*6, "found of the failures, at 30 %% of the cost")
	require.Len(t, res.Report.Findings, found)
	requireRates(t, s, len(failing), byDetector(whole.Report))

	// Stopped half way and resumed, and asked again: the same bytes.
	plan.Done, plan.OnCase = log[:len(log)/2], nil
	again, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	require.Equal(t, canonical(t, res.Report), canonical(t, again.Report))
}

func requireRates(t *testing.T, s *hallmark.Selection, failing int, whole map[string]hallmark.DetectorResult) {
	t.Helper()
	require.Empty(t, s.Rates[0].Detector)
	for i, r := range s.Rates {
		truth := float64(failing) / float64(s.Pool)
		if i > 0 {
			truth = float64(whole[r.Detector].Against.K) / float64(whole[r.Detector].Cases)
		}
		lower, err := strconv.ParseFloat(r.Lower, 64)
		require.NoError(t, err)
		upper, err := strconv.ParseFloat(r.Upper, 64)
		require.NoError(t, err)
		require.Less(t, lower, upper, r.Detector)
		require.LessOrEqual(t, lower, truth+0.01, "%+v", r)
		require.GreaterOrEqual(t, upper, truth-0.01, "%+v", r)
	}
}

// A run that knows the version before finds more for less, and says whose outcomes it used.
func TestWarmStart(t *testing.T) {
	t.Parallel()

	whole, err := sandbox.Run(t.Context(), chatPlan(t, flawed(t)))
	require.NoError(t, err)
	run := func(previous []hallmark.CaseResult) sandbox.Result {
		plan := chatPlan(t, flawed(t))
		plan.Budget, plan.Previous = 10*len(whole.Report.Cases)/10, previous
		res, err := sandbox.Run(t.Context(), plan)
		require.NoError(t, err)
		return res
	}
	cold, warm := run(nil), run(whole.Report.Cases)
	require.Greater(t, len(warm.Report.Findings), len(cold.Report.Findings))
	require.False(t, warm.Report.WarmStart.IsZero())
	changed := append([]hallmark.CaseResult(nil), whole.Report.Cases...)
	changed[0].Outcome = hallmark.Error
	require.NotEqual(t, warm.Report.WarmStart, run(changed).Report.WarmStart)

	plan := chatPlan(t, flawed(t))
	plan.Previous = append(changed, changed[0])
	_, err = sandbox.Run(t.Context(), plan)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

// A whole run is compared with the version before, case by case.
func TestComparedWithTheVersionBefore(t *testing.T) {
	t.Parallel()

	good := chatPlan(t, &scripted{})
	seed := uint64(5)
	good.Seed = &seed
	before, err := sandbox.Run(t.Context(), good)
	require.NoError(t, err)
	plan := chatPlan(t, flawed(t))
	plan.Seed, plan.Previous = &seed, before.Report.Cases
	res, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	worse := byDetector(res.Report)[probe.InjectSysPrompt].Metrics
	require.Equal(t, "true", worse["worseThanBefore"])
	require.NotEqual(t, "0", worse["regressed"])
	require.Equal(t, "0", worse["fixed"])
	require.Equal(t, "false", byDetector(res.Report)[probe.PerturbChar].Metrics["worseThanBefore"])
	require.NotContains(t, byDetector(before.Report)[probe.InjectSysPrompt].Metrics, "regressed")
}
