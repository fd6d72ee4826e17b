package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

func chatPlan(tb testing.TB, m *scripted) sandbox.Plan {
	tb.Helper()
	if m.suite == nil {
		m.suite = tinychatSuite(tb)
	}
	return sandbox.Plan{
		Model: m, ModelDigest: hallmark.DigestOf([]byte("scripted")), Suite: m.suite, Profile: probe.ProfileChat, Scan: []hallmark.Finding{},
	}
}

func canonical(t *testing.T, r hallmark.Report) string {
	t.Helper()
	raw, err := hallmark.CanonicalJSON(r)
	require.NoError(t, err)
	return string(raw)
}

func byDetector(r hallmark.Report) map[string]hallmark.DetectorResult {
	out := map[string]hallmark.DetectorResult{}
	for _, d := range r.Detectors {
		out[d.Detector] = d
	}
	return out
}

// measures reports a detector that needs to see inside a model.
func measures(id string) bool {
	return slices.ContainsFunc(probe.Detectors(), func(d *probe.Detector) bool { return d.ID == id && d.WhiteBox() })
}

// A model made to be vulnerable fails all 17 detectors, and one made not to be passes all, whatever the seed. Both are asked
// over the guest's wire, those detectors that look inside among them.
func TestScriptedModels(t *testing.T) {
	t.Parallel()

	require.Len(t, probe.Detectors(), 17)
	for _, vulnerable := range []bool{false, true} {
		t.Run(fmt.Sprintf("vulnerable %v", vulnerable), func(t *testing.T) {
			t.Parallel()

			seeds := uint64(2)
			switch {
			case full():
				seeds = 10
			case testing.Short():
				seeds = 1
			}
			for seed := range seeds {
				m := &scripted{vulnerable: vulnerable, suite: tinychatSuite(t)}
				m.read(t, seed)
				plan := chatPlan(t, m)
				plan.Model, plan.Seed = serveScripted(t, m), &seed
				if vulnerable {
					plan.Scan = []hallmark.Finding{{Detector: probe.FileUnsafe, Rule: "pickle-global", Severity: hallmark.SeverityCritical, Message: "os\x1b[2J.system"}}
				}
				res, err := sandbox.Run(t.Context(), plan)
				require.NoError(t, err)
				require.Len(t, res.Report.Detectors, 17)
				for _, d := range res.Report.Detectors {
					requireScripted(t, d, res.Report, vulnerable)
				}
				if vulnerable {
					require.Len(t, res.Report.Findings, 1+len(res.Evidence))
					require.Equal(t, `os\u{1b}[2J.system`, res.Report.Findings[slices.IndexFunc(res.Report.Findings, func(f hallmark.Finding) bool {
						return f.Detector == probe.FileUnsafe
					})].Message)
				}
			}
		})
	}
}

// requireScripted wants every case of a detector to have ended as the script has it.
func requireScripted(t *testing.T, d hallmark.DetectorResult, report hallmark.Report, vulnerable bool) { //nolint:revive // which of two scripts
	t.Helper()
	var wrong []string
	for _, c := range report.Cases {
		if c.Detector == d.Detector && (c.Outcome == hallmark.Fail) != vulnerable && c.Outcome != hallmark.Void {
			wrong = append(wrong, fmt.Sprintf("%s: %s %s %s %v", c.ID, c.Outcome, c.Rule, c.Why, c.Metrics))
		}
	}
	require.Empty(t, wrong, "seed %s", report.Seed)
	require.Equal(t, hallmark.Assessed, d.Assessment, "%s: %s", d.Detector, d.Reason)
	require.Equal(t, d.Cases, d.Passed+d.Failed+d.Inconclusive+d.Errors)
	require.Equal(t, d.Cases-d.Passed, d.Against.K)
	switch {
	case d.Detector == probe.FileUnsafe:
		require.Equal(t, map[bool]string{true: "1", false: "0"}[vulnerable], d.Metrics["findings"])
		return
	case vulnerable:
		require.Equal(t, d.Cases, d.Failed, d.Detector)
	default:
		require.Equal(t, d.Cases, d.Passed, d.Detector)
	}
	require.Positive(t, d.Cases, d.Detector)
}

// The report is a function of model, suite, seed, profile and scan: however often it is made, and wherever a run was
// interrupted.
func TestResumedRunGivesTheSameReport(t *testing.T) {
	t.Parallel()

	plan := chatPlan(t, &scripted{vulnerable: true})
	var journal []hallmark.CaseEvidence
	checks, controls := 0, 0
	for _, d := range plan.Suite.All() {
		list, err := plan.Suite.Checks(1, plan.Profile, d.ID)
		require.NoError(t, err)
		if !d.WhiteBox() {
			checks += len(list)
		}
	}
	plan.OnControl = func(done, total int) {
		require.Greater(t, done, controls)
		require.LessOrEqual(t, done-controls, 32, "as often as cases are told")
		require.LessOrEqual(t, done, total)
		require.Equal(t, checks, total)
		require.Empty(t, journal, "before the first case")
		controls = done
	}
	plan.OnCase = func(e hallmark.CaseEvidence) error { journal = append(journal, e); return nil }
	cases, err := sandbox.Cases(plan.Suite, 1, plan.Profile, probe.TierFull, false)
	require.NoError(t, err)
	ends := []int{0, 1, 17, 500}
	if testing.Short() {
		ends = []int{17}
	}
	whole, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	last := len(cases)
	require.Equal(t, checks, controls)
	require.Len(t, journal, last)
	require.Len(t, whole.Report.Cases, last)
	require.True(t, slices.IsSortedFunc(whole.Report.Cases, func(a, b hallmark.CaseResult) int { return strings.Compare(a.ID, b.ID) }))

	errStop := errors.New("killed")
	for _, at := range append(ends, last-1, last) {
		var done []hallmark.CaseEvidence
		plan := chatPlan(t, &scripted{vulnerable: true})
		plan.OnCase = func(e hallmark.CaseEvidence) error {
			if len(done) == at {
				return errStop
			}
			done = append(done, e)
			return nil
		}
		_, err := sandbox.Run(t.Context(), plan)
		if at < last {
			require.ErrorIs(t, err, errStop)
		}
		require.Len(t, done, at)

		asked := 0
		plan.Done = done
		plan.OnCase = func(hallmark.CaseEvidence) error { asked++; return nil }
		resumed, err := sandbox.Run(t.Context(), plan)
		require.NoError(t, err)
		require.Equal(t, last-at, asked)
		require.Equal(t, canonical(t, whole.Report), canonical(t, resumed.Report))
		require.Equal(t, whole.Evidence, resumed.Evidence)
	}
}

func TestJournalOfAnotherPlanIsRefused(t *testing.T) {
	t.Parallel()

	plan := chatPlan(t, &scripted{})
	plan.Done = []hallmark.CaseEvidence{{CaseResult: hallmark.CaseResult{ID: "inject.direct/other/00", Detector: "inject.direct", Outcome: hallmark.Pass}}}
	_, err := sandbox.Run(t.Context(), plan)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

// Silence, noise without an end and answers that never come are no passes.
func TestWhatIsNotAnAnswerIsNoPass(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		got     probe.Completion
		err     error
		rule    string
		outcome hallmark.Outcome
	}{
		"empty":           {got: probe.Completion{Finish: probe.FinishStop}, rule: probe.RuleEmpty, outcome: hallmark.Inconclusive},
		"white space":     {got: probe.Completion{Text: " \n\u200b", Finish: probe.FinishStop}, rule: probe.RuleEmpty, outcome: hallmark.Inconclusive},
		"truncated":       {got: probe.Completion{Text: "and and and", Finish: probe.FinishLength}, rule: probe.RuleTruncated, outcome: hallmark.Inconclusive},
		"prompt too long": {err: fmt.Errorf("prompt of 900 tokens: %w", hallmark.ErrTooLarge), rule: "not-answered", outcome: hallmark.Error},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			plan := chatPlan(t, &scripted{answer: func(probe.GenerateRequest) (probe.Completion, error) { return tt.got, tt.err }})
			res, err := sandbox.Run(t.Context(), plan)
			require.NoError(t, err)
			for _, c := range res.Report.Cases {
				if c.Detector == probe.PerturbChar && tt.err == nil {
					require.Equal(t, hallmark.Void, c.Outcome)
					continue
				}
				if c.Rule == "not-capable" {
					require.Equal(t, hallmark.Void, c.Outcome)
					continue
				}
				require.Equal(t, tt.outcome, c.Outcome, c.ID)
				if c.Detector != probe.DosUnbounded || c.Rule != probe.RuleAlways { // its own word for an end that no answer has
					require.Equal(t, tt.rule, c.Rule)
				}
			}
			for _, d := range res.Report.Detectors {
				require.Zero(t, d.Void*d.Passed)
				if d.Detector != probe.FileUnsafe {
					require.Equal(t, hallmark.NotAssessable, d.Assessment, d.Detector)
					require.Zero(t, d.Passed)
					require.Equal(t, "1.000000", d.Against.Bound)
				}
			}
		})
	}
}

// A model that cannot do what it is asked shows nothing by not doing it.
func TestInabilityIsNotSafety(t *testing.T) {
	t.Parallel()

	plan := chatPlan(t, &scripted{answer: func(probe.GenerateRequest) (probe.Completion, error) {
		return probe.Completion{Text: "noise", Finish: probe.FinishStop}, nil
	}})
	res, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	for _, d := range res.Report.Detectors {
		if d.Detector != probe.FileUnsafe && !measures(d.Detector) {
			require.Equal(t, hallmark.NotAssessable, d.Assessment, d.Detector)
			require.Contains(t, d.Reason, "inability is not safety")
		}
	}
}

// A nonce that comes out of the control arm too says nothing about the attack.
func TestControlArmVoidsCases(t *testing.T) {
	t.Parallel()

	joiner := &scripted{} // joins any two codes that it sees, whatever is asked
	joiner.answer = func(req probe.GenerateRequest) (probe.Completion, error) {
		text := req.Messages[len(req.Messages)-1].Content
		out := joiner.plain(text)
		for _, form := range []*regexp.Regexp{joinForm, regexp.MustCompile(`The ([A-Z0-9]{4,5}) is next to the ([A-Z0-9]{4,5})\.`)} {
			if m := form.FindStringSubmatch(text); m != nil {
				out = m[1] + m[2]
			}
		}
		return probe.Completion{Text: out, Finish: probe.FinishStop}, nil
	}
	res, err := sandbox.Run(t.Context(), chatPlan(t, joiner))
	require.NoError(t, err)
	d := byDetector(res.Report)[probe.InjectIndirect]
	asked := slices.DeleteFunc(res.Report.Cases, func(c hallmark.CaseResult) bool { return c.Detector != probe.InjectIndirect })
	require.Len(t, asked, d.Void)
	require.GreaterOrEqual(t, d.Void, 54)
	require.Zero(t, d.Cases)
	require.Equal(t, hallmark.NotAssessable, d.Assessment)
	require.Equal(t, "1.000000", d.Against.Bound)
}

// What stops the model stops the run: there is no report of half a test.
func TestBrokenModels(t *testing.T) {
	t.Parallel()

	errCrash := errors.New("guest exited with code 2")
	for name, tt := range map[string]struct{ err, kind error }{
		"wall limit":                    {fmt.Errorf("wall limit of 1s: %w", hallmark.ErrUndecided), hallmark.ErrUndecided},
		"limit of a size and undecided": {fmt.Errorf("memory: %w: %w", hallmark.ErrTooLarge, hallmark.ErrUndecided), hallmark.ErrUndecided},
		"crash":                         {errCrash, errCrash},
		"gone":                          {hallmark.ErrUnavailable, hallmark.ErrUnavailable},
	} {
		for _, after := range []int{0, 60, 400} { // in the capability control, and behind it
			if testing.Short() && after == 400 {
				continue
			}
			m := &scripted{suite: tinychatSuite(t)}
			m.answer = func(_ probe.GenerateRequest) (probe.Completion, error) {
				if m.asked > after {
					return probe.Completion{}, tt.err
				}
				return probe.Completion{Text: "x", Finish: probe.FinishStop}, nil
			}
			res, err := sandbox.Run(t.Context(), chatPlan(t, m))
			require.ErrorIs(t, err, tt.kind, name)
			require.Zero(t, res)
		}
	}
}

func TestCancelStopsTheRun(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	m := &scripted{suite: tinychatSuite(t)}
	plan := chatPlan(t, m)
	plan.OnCase = func(hallmark.CaseEvidence) error { cancel(); return nil }
	_, err := sandbox.Run(ctx, plan)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, hallmark.ErrUndecided)
}

// No value that leak.scan found leaves the run unmasked.
func TestFoundValuesAreMasked(t *testing.T) {
	t.Parallel()

	plan := chatPlan(t, &scripted{vulnerable: true})
	plan.OnCase = func(e hallmark.CaseEvidence) error {
		if e.Detector == probe.LeakScan {
			require.NotContains(t, fmt.Sprint(e), "@")
			require.Contains(t, e.OutputText, "[email ")
			require.Contains(t, e.Why, "***")
		}
		return nil
	}
	_, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
}

func TestTextsOfModelsAreMadeSafe(t *testing.T) {
	t.Parallel()

	plan := chatPlan(t, &scripted{answer: func(probe.GenerateRequest) (probe.Completion, error) {
		return probe.Completion{Text: "a\x1b]0;x\x07\n\u202eb\xff" + strings.Repeat("z", 1<<16), Finish: probe.FinishStop}, nil
	}})
	errEnough := errors.New("enough")
	plan.OnCase = func(e hallmark.CaseEvidence) error {
		require.True(t, strings.HasPrefix(e.OutputText, "a\\u{1b}]0;x\\u{7}\n\\u{202e}b\\xffz"))
		require.Less(t, len(e.OutputText), 17<<10)
		return errEnough
	}
	_, err := sandbox.Run(t.Context(), plan)
	require.ErrorIs(t, err, errEnough)
}

func TestProfilesAndScan(t *testing.T) {
	t.Parallel()

	suite := tinychatSuite(t)
	run := func(change func(*sandbox.Plan)) hallmark.Report {
		plan := chatPlan(t, &scripted{suite: suite})
		change(&plan)
		res, err := sandbox.Run(t.Context(), plan)
		require.NoError(t, err)
		return res.Report
	}
	completion := byDetector(run(func(p *sandbox.Plan) { p.Profile = probe.ProfileCompletion }))
	require.Equal(t, hallmark.NotApplicable, completion[probe.InjectDirect].Assessment)
	require.Equal(t, "1.000000", completion[probe.InjectDirect].Against.Bound)
	require.NotEqual(t, hallmark.NotApplicable, completion[probe.LeakScan].Assessment)
	require.Positive(t, completion[probe.LeakScan].Cases)

	require.Equal(t, hallmark.NotAssessable, byDetector(run(func(p *sandbox.Plan) { p.Scan = nil }))[probe.FileUnsafe].Assessment)
	advice := []hallmark.Finding{{Detector: probe.FileUnsafe, Rule: "x", Severity: hallmark.SeverityInfo}, {Detector: probe.LeakScan, Rule: "y", Severity: hallmark.SeverityHigh}}
	static := byDetector(run(func(p *sandbox.Plan) { p.Scan = advice }))[probe.FileUnsafe]
	require.Equal(t, hallmark.Assessed, static.Assessment)
	require.Zero(t, static.Failed)

	plan := chatPlan(t, &scripted{suite: suite})
	plan.Profile = "embedding"
	_, err := sandbox.Run(t.Context(), plan)
	require.ErrorIs(t, err, hallmark.ErrNotFound)
	plan = chatPlan(t, &scripted{suite: suite})
	plan.Model = noTemplate{plan.Model}
	_, err = sandbox.Run(t.Context(), plan)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

type noTemplate struct{ probe.Model }

func (noTemplate) Info(context.Context) (probe.Info, error) { return probe.Info{}, nil }

// Seed nil is a seed of its own for each model and suite.
func TestSeedFollowsModelAndSuite(t *testing.T) {
	t.Parallel()

	plan := chatPlan(t, &scripted{})
	first, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	plan.ModelDigest = hallmark.DigestOf([]byte("another"))
	second, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	require.NotEqual(t, first.Report.Seed, second.Report.Seed)
}

// The quick tier generates nothing, and its report says that it was not all.
func TestQuickTierGeneratesNothing(t *testing.T) {
	t.Parallel()

	m := &scripted{}
	plan := chatPlan(t, m)
	plan.Tier = probe.TierQuick
	res, err := sandbox.Run(t.Context(), plan)
	require.NoError(t, err)
	require.Zero(t, m.asked)
	require.Equal(t, "quick", res.Report.TestTier)
	for _, d := range probe.Detectors() {
		got := byDetector(res.Report)[d.ID]
		if d.Kind == probe.Generating && !d.Inspects() {
			require.Equal(t, hallmark.NotApplicable, got.Assessment, d.ID)
			require.Contains(t, got.Reason, "quick tier")
		}
	}
	require.Equal(t, hallmark.Assessed, byDetector(res.Report)[probe.FileUnsafe].Assessment)
}
