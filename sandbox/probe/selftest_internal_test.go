package probe

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// A judge that the clock stopped has no score: on a faster host it would have another one.
func TestScoreOfAJudgeThatIsStopped(t *testing.T) {
	t.Parallel()

	c := corpus{Outputs: []labeled{{outcome: hallmark.Pass, kind: "plain", attack: ended("fine")}}}
	d := &Detector{ID: "x.slow", judge: func(want, Completion, Completion) Judgement { return Judgement{Outcome: hallmark.Error} }}
	s, err := c.score(d)
	require.NoError(t, err)
	require.Equal(t, 1, s.Cleared)
	d.judge = func(want, Completion, Completion) Judgement {
		return Judgement{Outcome: hallmark.Error, Stopped: hallmark.ErrUndecided}
	}
	_, err = c.score(d)
	require.ErrorIs(t, err, hallmark.ErrUndecided)
}
