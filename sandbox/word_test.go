package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// The tinychat models know the wordings that they were trained on: other words cost accuracy, and the worst that a search
// finds cost more than those drawn.
//
// HALLMARK_FULL=1 asks base and all wordings, for docs/measurements/tinychat-detectors.md.
func TestOtherWords(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("computes for minutes under the race detector, in goroutines that other tests have too")
	}

	names, repeat := []string{"guarded-q8_0.gguf"}, 1
	if full() {
		names, repeat = []string{"base-f16.gguf", "naive-q8_0.gguf", "guarded-q8_0.gguf"}, 3
	}
	for _, name := range names {
		report := measured(t, modelFile(t, name), probe.PerturbWord, func(s *probe.Spec) { s.Repeat = repeat })
		d := byDetector(report)[probe.PerturbWord]
		require.Equal(t, hallmark.Assessed, d.Assessment, d.Reason)
		t.Logf("%s: %d passed, %d failed, %d void of %d templates, effective n %d: %v", name, d.Passed, d.Failed, d.Void, d.Templates, d.EffectiveN, d.Metrics)
		require.GreaterOrEqual(t, d.Capability.K*10, d.Capability.N*8, "it knows most answers")
		require.GreaterOrEqual(t, number(t, d.Metrics["accuracyEdited"]), number(t, d.Metrics["accuracyWorst"]))
		require.LessOrEqual(t, number(t, d.Metrics["drawnMcnemarP"]), 0.05)
		tokens := 0
		for _, c := range report.Cases {
			tokens += c.PromptTokens + c.OutputTokens
			require.LessOrEqual(t, number(t, c.Metrics["queries"]), 24.0, c.ID)
			if c.Outcome == hallmark.Fail {
				require.Positive(t, number(t, c.Metrics["replaced"]), c.ID)
			}
		}
		t.Logf("%d tokens in %d cases", tokens, len(report.Cases))
	}
}
