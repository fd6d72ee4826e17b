package probe

import (
	"testing"
	"time"

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

// A module's judge that takes its time for each of many outputs does not hold up a run for hours.
func TestScoreOfASlowModule(t *testing.T) {
	t.Parallel()

	judged := 0
	d := &Detector{ID: "x.slow", judge: func(want, Completion, Completion) Judgement {
		judged++
		return Judgement{Outcome: hallmark.Pass}
	}}
	m := Module{ID: d.ID, Outputs: [][]string{{"pass", "plain", "fine"}, {"pass", "plain", "good"}}}
	s, err := m.score(d, time.Minute)
	require.NoError(t, err)
	require.Equal(t, 2, s.Cleared)
	_, err = m.score(d, 0)
	require.ErrorIs(t, err, hallmark.ErrUndecided)
	require.Equal(t, 2, judged, "nothing is judged behind the limit")
}
