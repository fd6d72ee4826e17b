package probe_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

func TestSelfTest(t *testing.T) {
	t.Parallel()

	for _, detector := range probe.Detectors() {
		if detector == probe.FileUnsafe {
			continue
		}
		t.Run(detector, func(t *testing.T) {
			t.Parallel()

			s, err := probe.SelfTest(detector)
			require.NoError(t, err)
			t.Logf("caught %d of %d, cleared %d of %d, %q", s.Caught, s.Bad, s.Cleared, s.Good, s.Wrong)
			require.GreaterOrEqual(t, s.Bad+s.Good, 60)
		})
	}
	_, err := probe.SelfTest("no.such")
	require.ErrorIs(t, err, hallmark.ErrNotFound)
}
