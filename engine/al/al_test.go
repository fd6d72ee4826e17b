package al_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/al"
)

// pool is one of candidates with vectors on a line and predictions from 0.1 to 0.9.
func pool() al.Pool[ticket] {
	p := al.Pool[ticket]{Random: al.NewRandom(1, "test")}
	for i, mean := range []float64{0.1, 0.3, 0.5, 0.7, 0.9} {
		c := al.Candidate[ticket]{Cost: 1 + 9*(i%2), Vector: al.Vector{float64(i), 1}}
		c.Mean, c.Spread = mean, 0.1
		for m := range c.Votes {
			c.Votes[m] = mean
		}
		p.Candidates = append(p.Candidates, c)
	}
	for m := range p.Candidates[1].Votes { // the committee is at odds about the second
		p.Candidates[1].Votes[m] = []float64{0.05, 0.55}[m%2]
	}
	return p
}

func TestStrategiesReturnChances(t *testing.T) {
	t.Parallel()

	known := pool()
	known.Known = []al.Vector{{0, 1}, {1, 1}}
	favourite := map[string]int{
		"entropy": 2, "least confidence": 2, "margin": 2, "vote entropy": 1, "divergence": 1, "likely": 4, "thompson": 4, "density": 2, "k-center": 4, "badge": 2, "per cost": 4,
	}
	for _, s := range strategies() {
		for _, p := range []al.Pool[ticket]{pool(), known} {
			chances := s.Probabilities(p)
			require.Len(t, chances, 5, s.name)
			sum, best := 0.0, 0
			for i, q := range chances {
				require.GreaterOrEqual(t, q, 0.0, s.name)
				sum += q
				if q > chances[best] {
					best = i
				}
			}
			require.InDelta(t, 1, sum, 1e-12, s.name)
			require.Equal(t, favourite[s.name], best, "%s: %v", s.name, chances)
		}
		require.Empty(t, s.Probabilities(al.Pool[ticket]{Random: al.NewRandom(1, "")}), s.name)
		same := pool()
		for i := range same.Candidates {
			same.Candidates[i].Vector, same.Candidates[i].Prediction = al.Vector{0, 0}, al.Prediction{}
		}
		for _, q := range s.Probabilities(same) {
			require.False(t, math.IsNaN(q), s.name)
		}
	}
}

func TestBatchIsDiverse(t *testing.T) {
	t.Parallel()

	p := al.Pool[ticket]{}
	for i := range 20 { // ten alike, and ten of a kind each
		v := make(al.Vector, 11)
		v[max(0, i-9)] = 1
		p.Candidates = append(p.Candidates, al.Candidate[ticket]{Vector: v})
	}
	chances := make([]float64, 20)
	for i := range chances {
		chances[i] = 0.05
	}
	alike := func(diversity float64) (n int) {
		p.Random = al.NewRandom(5, "batch")
		for range 200 {
			at, q := al.Batch(p, chances, 5, diversity)
			require.Len(t, at, 5)
			for i, a := range at {
				require.Greater(t, q[i], 0.0)
				if a < 10 {
					n++
				}
			}
		}
		return n
	}
	require.InDelta(t, 500, alike(0), 60)
	require.LessOrEqual(t, alike(1), 200, "at most one of those that are alike in a batch")
	at, _ := al.Batch(p, chances, 50, 0)
	require.Len(t, at, 20, "each once")
}

func TestControllerFindsPositives(t *testing.T) {
	t.Parallel()

	items := some(600)
	all := 0
	for _, x := range items {
		if positive(x) {
			all++
		}
	}
	c := spend(t, al.Config[ticket]{Seed: 1, Extract: tickets{}}, items, 270) // 30 % of what all cost
	require.Greater(t, float64(c.Progress().Positives), 0.8*float64(all))
	require.InDelta(t, float64(all)/600, c.Rate("").Value, 0.05)
	require.NotEqual(t, c.Log()[0].Surrogate, c.Log()[len(c.Log())-1].Surrogate)
	estimates := 0
	for _, d := range c.Log() {
		require.Greater(t, d.Probability, 0.0)
		require.LessOrEqual(t, d.Probability, 1.0)
		if d.Kind == al.EstimateDraw {
			estimates++
		}
	}
	require.Greater(t, estimates, 25)

	again := spend(t, al.Config[ticket]{Seed: 1, Extract: tickets{}}, items, 270)
	require.Equal(t, c.Log(), again.Log())
	other := spend(t, al.Config[ticket]{Seed: 2, Extract: tickets{}}, items, 270)
	require.NotEqual(t, c.Log(), other.Log())
}

// A guess is a previous version that had the same outcomes.
type guess struct{ right float64 }

func (g guess) Score(t ticket) float64 {
	if positive(t) {
		return 3 * g.right
	}
	return -g.right
}

func TestWarmStart(t *testing.T) {
	t.Parallel()

	items := some(600)
	found := func(score al.Scorer[ticket]) int {
		return spend(t, al.Config[ticket]{Seed: 1, Extract: tickets{}, Score: score, EstimateShare: 0.1}, items, 90).Progress().Positives
	}
	cold, warm := found(nil), found(guess{1})
	require.Greater(t, warm, cold)
	require.Greater(t, found(guess{-1}), cold/4, "a guess that is always wrong is found out")
}

func TestControllerKeepsOrder(t *testing.T) {
	t.Parallel()

	c, err := al.NewController(al.Config[ticket]{Extract: tickets{}, EstimateShare: 1}, some(10), func(ticket) int { return 0 })
	require.NoError(t, err)
	require.Error(t, c.Observe(0, al.Outcome{}), "not drawn")
	require.Error(t, c.Observe(-1, al.Outcome{}))
	draws, err := c.SelectNext(2, 5)
	require.NoError(t, err)
	require.Len(t, draws, 2, "the budget, at a cost of 1 each")
	_, err = c.SelectNext(2, 5)
	require.ErrorContains(t, err, "not told")
	for _, d := range draws {
		require.NoError(t, c.Observe(d.Item, al.Outcome{Cost: 1}))
	}
	draws, err = c.SelectNext(0, 5)
	require.NoError(t, err)
	require.Empty(t, draws)
	_, err = al.NewController(al.Config[ticket]{Prior: 2, EstimateShare: -1, Epsilon: 0.01, Diversity: 3}, nil, nil)
	for _, what := range []string{"extractor", "prior 2", "share of estimate draws -1", "epsilon 0.01", "diversity 3"} {
		require.ErrorContains(t, err, what)
	}
}

func TestStops(t *testing.T) {
	t.Parallel()

	history := []al.Progress{{Looked: 10, Positives: 2, Expected: 8, Uncertain: 0.6}, {Looked: 30, Positives: 9, Expected: 1, Uncertain: 0.2}, {Looked: 40, Positives: 9, Expected: 0.5, Uncertain: 0.01}}
	for name, tt := range map[string]struct {
		stop al.Stop
		at   int // batches, 4 never
	}{
		"recall":        {al.Recall{Share: 0.9}, 2},
		"recall, later": {al.Recall{Share: 0.9, Looked: 35}, 3},
		"certain":       {al.Certain{Entropy: 0.2}, 2},
		"dry":           {al.Dry{Batches: 1}, 3},
		"dry for long":  {al.Dry{Batches: 2}, 4},
	} {
		require.False(t, tt.stop.Done(nil), name)
		for n := 1; n <= 3; n++ {
			require.Equal(t, n >= tt.at, tt.stop.Done(history[:n]), "%s after %d", name, n)
		}
	}
}

func TestControllerStops(t *testing.T) {
	t.Parallel()

	items := some(600)
	whole := spend(t, al.Config[ticket]{Seed: 1, Extract: tickets{}}, items, 600)
	early := spend(t, al.Config[ticket]{Seed: 1, Extract: tickets{}, Stops: []al.Stop{al.Recall{Share: 0.9, Looked: 30}}}, items, 600)
	require.Less(t, len(early.Log()), len(whole.Log())*4/5)
	require.Greater(t, early.Progress().Positives*10, whole.Progress().Positives*8)
}

// A measurement is what an item of somebody's own may hold.
type measurement struct {
	Site  string
	Value float64
}

type measurements struct{}

var fieldSite, fieldValue = al.NewField("site"), al.NewField("value")

func (measurements) Dim() int { return 64 }

func (measurements) Extract(v al.Vector, m measurement) {
	v.Category(fieldSite, m.Site)
	v.Number(fieldValue, m.Value)
}

// A number that is none, in one item, costs a learner nothing of what it knows, and its state can be written down.
func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()

	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -1e200} {
		l := al.NewLearner(measurements{}, 0.5, 1)
		odd, plain := measurement{"a", x}, measurement{"a", 0.5}
		for range 20 {
			require.NoError(t, l.Learn(al.Label[measurement]{Item: odd, Positive: true}, al.Label[measurement]{Item: measurement{"b", 0.5}}))
		}
		require.False(t, math.IsNaN(l.Snapshot().Predict(odd).Mean), x)
		require.Greater(t, l.Snapshot().Predict(plain).Mean, l.Snapshot().Predict(measurement{"b", 0.5}).Mean, x)
		text, err := json.Marshal(l.State())
		require.NoError(t, err, x)
		var state al.LearnerState
		require.NoError(t, json.Unmarshal(text, &state))
		require.NoError(t, al.NewLearner(measurements{}, 0.5, 1).Restore(state), x)
	}
	_, err := al.NewController(al.Config[measurement]{Extract: measurements{}}, nil, nil)
	require.ErrorContains(t, err, "cost")
}

func TestQueue(t *testing.T) {
	t.Parallel()

	learner := al.NewLearner[ticket](tickets{}, 0.5, 1)
	q := al.NewQueue(learner, func(t ticket) string { return t.Team }, 1)
	require.Empty(t, q.Next(3))
	a, b := ticket{Team: "t1", Kind: "k1", Text: "aaaa"}, ticket{Team: "t2", Kind: "k2", Text: "bbbb"}
	q.Add("a", a)
	q.Add("a again", a)
	q.Add("b", b)
	q.Add("b", b)
	order := q.Next(10)
	require.Len(t, order, 3)
	require.ElementsMatch(t, []string{"a", "b"}, []string{order[0].ID, order[1].ID}, "one of a cluster first, however new")
	require.Zero(t, order[2].Novelty, "the twin is nothing new")
	for _, o := range order {
		require.LessOrEqual(t, o.Novelty, 1.0, "of the largest distance, with nothing reviewed too")
	}
	before := learner.Snapshot()
	require.NoError(t, q.Decide("b", true))
	require.Greater(t, learner.Snapshot().Predict(b).Mean, before.Predict(b).Mean, "learned at once")
	require.ErrorIs(t, q.Decide("b", true), al.ErrState)
	require.Len(t, q.Next(10), 2)
	learner.Stop()
	require.ErrorIs(t, q.Decide("a", true), al.ErrState)
	require.Len(t, q.Next(10), 2, "what could not be learned stays")
}

// What is kept of distances to reviewed items is what comparing all with all gives, whatever the order of calls.
func TestQueueKeepsDistances(t *testing.T) {
	t.Parallel()

	items := some(60)
	kept := al.NewQueue(al.NewLearner[ticket](tickets{}, 0.5, 1), func(ticket) string { return "" }, 1000)
	for i, x := range items[:40] {
		kept.Add(fmt.Sprint(i), x)
	}
	for i := range 10 {
		require.NoError(t, kept.Decide(fmt.Sprint(3*i), i%2 == 0))
	}
	for i, x := range items[40:] {
		kept.Add(fmt.Sprint(40+i), x)
	}
	kept.Remove("41")
	kept.Remove("no such item")

	whole := al.NewQueue(al.NewLearner[ticket](tickets{}, 0.5, 1), func(ticket) string { return "" }, 1000)
	for i := range 10 { // reviewed before anything else was there
		whole.Add(fmt.Sprint(3*i), items[3*i])
		require.NoError(t, whole.Decide(fmt.Sprint(3*i), i%2 == 0))
	}
	for i, x := range items {
		if i != 41 && (i >= 30 || i%3 != 0) {
			whole.Add(fmt.Sprint(i), x)
		}
	}
	require.Equal(t, whole.Next(100), kept.Next(100))
	require.Len(t, kept.Next(100), 49)
	require.ErrorIs(t, kept.Decide("41", true), al.ErrState, "nobody has to decide on it")
}

// Readers see whole snapshots while a writer learns.
func TestLearner(t *testing.T) {
	t.Parallel()

	items := some(300)
	l := al.NewLearner[ticket](tickets{}, 0.2, 1)
	require.Equal(t, al.Running, l.Health().State)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 100 {
			var labels []al.Label[ticket]
			for _, x := range items[3*i : 3*i+3] {
				labels = append(labels, al.Label[ticket]{Item: x, Positive: positive(x)})
			}
			if err := l.Learn(labels...); err != nil {
				panic(err)
			}
		}
	}()
	seen := map[[32]byte]float64{}
	for open := true; open; {
		select {
		case <-done:
			open = false
		default:
		}
		s := l.Snapshot()
		d, p := s.Digest(), s.Predict(items[0]).Mean
		if had, ok := seen[d]; ok {
			require.Zero(t, had-p)
		}
		seen[d] = p
	}
	right := 0
	for _, x := range items {
		if (l.Snapshot().Predict(x).Mean > 0.5) == positive(x) {
			right++
		}
	}
	require.Greater(t, right, 285)
	l.Stop()
	require.ErrorIs(t, l.Learn(), al.ErrState)
	require.Equal(t, al.Health{State: al.Stopped, Seen: 300}, l.Health())
}
