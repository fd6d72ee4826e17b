package al_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/al"
)

// spelled are items whose features are their letters.
type spelled struct{}

func (spelled) Dim() int { return 32 }

var letter = al.NewField("letter")

func (spelled) Extract(v al.Vector, word string) {
	for i := range word {
		v.Category(letter, word[i:i+1])
	}
}

// A learner that was written down and taken up again learns on as if it had never stopped, bit for bit.
func TestLearnerGoesOnFromItsState(t *testing.T) {
	t.Parallel()

	learn := func(l *al.Learner[string], from, to int) {
		for i := from; i < to; i++ {
			require.NoError(t, l.Learn(al.Label[string]{Item: string(rune('a'+i%26)) + "x", Positive: i%3 == 0}))
		}
	}
	whole, first := al.NewLearner(spelled{}, 0.1, 7), al.NewLearner(spelled{}, 0.1, 7)
	learn(whole, 0, 300)
	learn(first, 0, 170)
	text, err := json.Marshal(first.State())
	require.NoError(t, err)
	var state al.LearnerState
	require.NoError(t, json.Unmarshal(text, &state))
	second := al.NewLearner(spelled{}, 0.1, 7)
	require.NoError(t, second.Restore(state))
	require.Equal(t, first.Health(), second.Health())
	learn(second, 170, 300)
	require.Equal(t, whole.Snapshot().Digest(), second.Snapshot().Digest())
	require.Equal(t, whole.Health(), second.Health())

	before := second.Snapshot().Digest()
	for name, change := range map[string]func(*al.LearnerState){
		"another seed":     func(s *al.LearnerState) { s.Seed++ },
		"a member less":    func(s *al.LearnerState) { s.Members = s.Members[1:] },
		"other vectors":    func(s *al.LearnerState) { s.Members[3].Mean = s.Members[3].Mean[1:] },
		"fewer precisions": func(s *al.LearnerState) { s.Members[3].Precision = s.Members[3].Precision[1:] },
		"no number":        func(s *al.LearnerState) { s.Members[15].Mean[2] = math.NaN() },
		"no precision":     func(s *al.LearnerState) { s.Members[0].Precision[0] = 0 },
	} {
		bad := first.State()
		change(&bad)
		require.ErrorIs(t, second.Restore(bad), al.ErrForeign, name)
		require.Equal(t, before, second.Snapshot().Digest(), "%s: nothing is taken up", name)
	}
}

func TestQueueGoesOnFromItsState(t *testing.T) {
	t.Parallel()

	queueOf := func(l *al.Learner[string]) *al.Queue[string] {
		return al.NewQueue(l, func(s string) string { return s[:1] }, 2)
	}
	queue := func() *al.Queue[string] { return queueOf(al.NewLearner(spelled{}, 0.5, 7)) }
	learner := al.NewLearner(spelled{}, 0.5, 7)
	first := queueOf(learner)
	for i := range 1500 { // more than it remembers
		word := string([]rune{rune('a' + i%7), rune('a' + i%26), rune('a' + i%11)})
		first.Add(word, word)
		require.NoError(t, first.Decide(word, i%2 == 0))
	}
	text, err := json.Marshal(first.State())
	require.NoError(t, err)
	var state al.QueueState
	require.NoError(t, json.Unmarshal(text, &state))
	restored := al.NewLearner(spelled{}, 0.5, 7)
	require.NoError(t, restored.Restore(learner.State()))
	second := queueOf(restored)
	require.NoError(t, second.Restore(state))
	require.Equal(t, first.State(), second.State())
	for _, q := range []*al.Queue[string]{first, second} {
		for _, word := range []string{"abc", "xyz", "zzz", "aab", "qqq"} {
			q.Add(word, word)
		}
	}
	order := func(q *al.Queue[string]) (ids []string) {
		for _, r := range q.Next(5) {
			ids = append(ids, fmt.Sprint(r.ID, math.Float64bits(r.Novelty), math.Float64bits(r.Uncertain)))
		}
		return ids
	}
	require.Equal(t, order(first), order(second))

	require.ErrorIs(t, second.Restore(state), al.ErrState, "items wait in it")
	for name, change := range map[string]func(*al.QueueState){
		"too many":       func(s *al.QueueState) { s.Reviewed = append(s.Reviewed, s.Reviewed...) },
		"nowhere":        func(s *al.QueueState) { s.Next = 1 << 20 },
		"before all":     func(s *al.QueueState) { s.Next = -1 },
		"another vector": func(s *al.QueueState) { s.Reviewed[5].At[0] = 32 },
		"no value":       func(s *al.QueueState) { s.Reviewed[5].X = nil },
		"no number":      func(s *al.QueueState) { s.Reviewed[5].X[0] = math.Inf(1) },
	} {
		bad := first.State()
		change(&bad)
		require.ErrorIs(t, queue().Restore(bad), al.ErrForeign, name)
	}
}
