package pipeline

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func states() []hallmark.State {
	return []hallmark.State{
		hallmark.StateSubmitted, hallmark.StateFingerprinted, hallmark.StateScanned, hallmark.StateTested, hallmark.StateDecided,
		hallmark.StateAttested, hallmark.StateAnchored, hallmark.StateServing, hallmark.StateBlocked, hallmark.StateChallenged,
		hallmark.StateRevoked, hallmark.StateFailed,
	}
}

// Every pair of states, allowed or not.
func TestTransitions(t *testing.T) {
	t.Parallel()

	allowed := map[string]bool{
		"submitted>fingerprinted": true, "fingerprinted>scanned": true, "scanned>tested": true, "tested>decided": true,
		"decided>attested": true, "attested>anchored": true,
		"anchored>serving": true, "anchored>blocked": true, "anchored>challenged": true,
		"submitted>failed": true, "fingerprinted>failed": true, "scanned>failed": true, "tested>failed": true, "decided>failed": true,
		"attested>failed": true, "anchored>failed": true,
		"anchored>revoked": true, "serving>revoked": true, "blocked>revoked": true, "challenged>revoked": true,
		"challenged>serving": true, "challenged>blocked": true, // by a review
		"failed>submitted": true, "failed>attested": true, "failed>anchored": true,
	}
	for _, from := range append(states(), "", "served") {
		for _, to := range append(states(), "", "served") {
			name := string(from) + ">" + string(to)
			err := checkTransition(from, to)
			if allowed[name] || from == to {
				require.NoError(t, err, name)
			} else {
				require.ErrorIs(t, err, hallmark.ErrConflict, name)
			}
		}
	}
}

// Nothing is stuck: from every state but a resting one a step leads on, and only anchored versions are served.
func TestStatesLeadToRest(t *testing.T) {
	t.Parallel()

	for _, s := range states() {
		for _, next := range nextStates(s) {
			require.False(t, next == hallmark.StateServing && s != hallmark.StateAnchored && s != hallmark.StateChallenged, s)
		}
		if !Resting(hallmark.Version{State: s}) {
			require.Contains(t, nextStates(s), hallmark.StateFailed, s)
			require.Greater(t, len(nextStates(s)), 1, s)
		}
	}
	require.False(t, Resting(hallmark.Version{State: "served"}))
	require.False(t, Resting(hallmark.Version{State: hallmark.StateChallenged, Review: &hallmark.Review{}}), "a decision is on its way")
}

func TestReached(t *testing.T) {
	t.Parallel()

	order := []hallmark.AnchorState{hallmark.AnchorPending, hallmark.AnchorIncluded, hallmark.AnchorSafe, hallmark.AnchorFinal}
	for i, have := range order {
		for j, want := range order {
			require.Equal(t, j > 0 && i >= j, reached(have, want), "%s wants %s", have, want)
		}
		require.False(t, reached(have, "deep"), "a head that does not exist is never reached")
		require.False(t, reached(have, hallmark.AnchorOrphaned))
		require.False(t, reached(hallmark.AnchorOrphaned, have))
	}
}

func TestBackOffIsBounded(t *testing.T) {
	t.Parallel()

	f := &Flow{cfg: Config{Poll: 1 << 27}}
	last := f.backOff(0)
	for try := range 200 {
		now := f.backOff(try)
		require.GreaterOrEqual(t, now, last)
		require.LessOrEqual(t, now, maxBackOff)
		require.LessOrEqual(t, f.pollAfter(try), maxPoll)
		require.Positive(t, f.pollAfter(try))
		last = now
	}
	require.Equal(t, maxBackOff, last)
}

func TestProgressPart(t *testing.T) {
	t.Parallel()

	require.EqualValues(t, 0, progressPart(0, 0))
	require.EqualValues(t, 0, progressPart(9, 100))
	require.EqualValues(t, 1, progressPart(10, 100))
	require.EqualValues(t, 10, progressPart(1<<62, 1<<62))
}
