package al

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A thing is an item of a pool that is small enough for every sequence of draws to be made.
type thing struct {
	kind     string
	guess    float64
	positive bool
	expected int // cost
	cost     int
}

type thingFeatures struct{}

var thingKind = NewField("kind")

func (thingFeatures) Dim() int { return 4 }

func (thingFeatures) Extract(v Vector, x thing) { v.Category(thingKind, x.kind) }

func (thingFeatures) Score(x thing) float64 { return x.guess }

// expectation makes a run for every sequence of estimate draws that it can make, and returns the mean of what they estimate,
// before it is held to what is possible, weighed with the chances of the sequences, and the sum of these.
func expectation(tb testing.TB, cfg Config[thing], pool []thing, budget, batch int, part string) (mean, chances float64, runs int) {
	tb.Helper()
	var script []int // what is picked, from the first draw on
	for {
		var open [][]float64 // chances of each pick
		chance := 1.0
		c := small(tb, cfg, pool, func(q []float64) int {
			at := len(open)
			open = append(open, q)
			if at == len(script) {
				script = append(script, next(q, -1))
			}
			chance *= q[script[at]]
			return script[at]
		}, budget, batch)
		script = script[:len(open)]
		mean += chance * c.raw(part)
		chances += chance
		runs++
		for len(script) > 0 {
			last := len(script) - 1
			if script[last] = next(open[last], script[last]); script[last] >= 0 {
				break
			}
			script = script[:last]
		}
		if len(script) == 0 {
			return mean, chances, runs
		}
	}
}

// next returns the first index after at that has a chance, or -1.
func next(q []float64, at int) int {
	for i := at + 1; i < len(q); i++ {
		if q[i] > 0 {
			return i
		}
	}
	return -1
}

// small is a run on a small pool.
func small(tb testing.TB, cfg Config[thing], pool []thing, pick func([]float64) int, budget, batch int) *Controller[thing] {
	tb.Helper()
	c, err := NewController(cfg, pool, func(x thing) int { return x.expected })
	require.NoError(tb, err)
	c.pick = pick
	for budget > 0 {
		draws, err := c.SelectNext(budget, batch)
		require.NoError(tb, err)
		if len(draws) == 0 {
			break
		}
		for _, d := range draws {
			x := pool[d.Item]
			budget -= x.cost
			require.NoError(tb, c.Observe(d.Item, Outcome{Positive: x.positive, Cost: x.cost}))
		}
	}
	return c
}

// raw is a rate's value before it is held to what is possible.
func (c *Controller[T]) raw(part string) float64 {
	samples, hunted, open := c.samples(part)
	value, _ := combine(samples, len(c.items), hunted, open)
	return value
}

// TestEstimateIsExactlyUnbiased makes every sequence of draws that runs on small pools can make, with hunts between them, good
// and wrong guesses, and positives that cost more than others, so that the number of draws depends on outcomes.
func TestEstimateIsExactlyUnbiased(t *testing.T) {
	t.Parallel()

	things := []thing{
		{"a", 3, true, 3, 3}, {"a", 3, false, 2, 1}, {"a", -1, true, 4, 4}, {"b", -1, false, 3, 1}, {"b", -1, false, 4, 2}, {"b", 3, true, 3, 3},
	}
	for _, tt := range []struct {
		share         float64
		budget, batch int
	}{{1, 8, 1}, {1, 9, 2}, {1, 100, 2}, {0.5, 9, 1}, {0.5, 11, 2}, {0.3, 13, 2}, {0.2, 100, 3}} {
		for name, score := range map[string]Scorer[thing]{"cold": nil, "warm": thingFeatures{}} {
			t.Run(fmt.Sprintf("%v of %d, %s", tt.share, tt.budget, name), func(t *testing.T) {
				t.Parallel()

				cfg := Config[thing]{Seed: 1, Extract: thingFeatures{}, Score: score, EstimateShare: tt.share, Part: func(x thing) string { return x.kind }}
				for part, truth := range map[string]float64{"": 3. / 6, "a": 2. / 6, "b": 1. / 6} {
					mean, chances, runs := expectation(t, cfg, things, tt.budget, tt.batch, part)
					require.InDelta(t, 1, chances, 1e-12)
					require.InDelta(t, truth, mean, 1e-12, "part %q, %d runs", part, runs)
				}
			})
		}
	}
}
