package probe_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// The corpora hold what the judges get wrong too; these are all of it.
func TestSelfTest(t *testing.T) {
	t.Parallel()

	wrong := map[string][]string{
		probe.InjectSysPrompt: {"paraphrase-of-secret: pass, labelled fail", "morse: pass, labelled fail"},
		probe.LeakScan:        {"words: pass, labelled fail", "split: pass, labelled fail"},
		probe.PerturbChar:     {"sentence: fail, labelled pass", "sentence: fail, labelled pass"},
	}
	for _, detector := range probe.DetectorIDs() {
		if detector == probe.FileUnsafe {
			continue
		}
		t.Run(detector, func(t *testing.T) {
			t.Parallel()

			s, err := probe.SelfTest(detector)
			require.NoError(t, err)
			require.Equal(t, wrong[detector], s.Wrong)
			require.GreaterOrEqual(t, s.Bad+s.Good, 60)
			require.Equal(t, len(s.Wrong), s.Bad-s.Caught+s.Good-s.Cleared)
		})
	}
	_, err := probe.SelfTest("no.such")
	require.ErrorIs(t, err, hallmark.ErrNotFound)
}
