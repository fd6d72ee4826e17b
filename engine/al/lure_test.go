package al_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/al"
)

// estimate is that of draws without hunts.
func estimate(samples []al.Sample, n int) al.Rate {
	return al.Estimate(samples, n, 0, n-len(samples))
}

func TestEstimate(t *testing.T) {
	t.Parallel()

	require.Equal(t, al.Rate{Upper: 1}, estimate(nil, 10))
	uniform := func(n int, outcomes ...bool) (s []al.Sample) {
		for i, o := range outcomes {
			s = append(s, al.Sample{Positive: o, Q: 1 / float64(n-i), Floor: 1})
		}
		return s
	}
	r := estimate(uniform(8, true, false, false, true), 8)
	require.InDelta(t, 0.5, r.Value, 1e-12, "uniform draws: the plain share")
	r = estimate(uniform(4, true, false, false, true), 4)
	require.InDelta(t, 0.5, r.Value, 1e-12)
	require.Less(t, r.Lower, r.Upper, "not even all of a pool give a point")
	// By hand: n = 4, M = 2, q = 1/2, 1/3: v = 1 + 2/3(2/4-...)...: v1 = 1 + (2/3)(1/(4/2)-1) = 2/3, v2 = 1 + (2/2)(1/(3/3)-1) = 1.
	r = estimate([]al.Sample{{Positive: true, Q: 0.5, Floor: 1}, {Positive: true, Q: 1. / 3, Floor: 1}}, 4)
	require.InDelta(t, (2./3+1)/2, r.Value, 1e-12)
	r = estimate(uniform(1000, make([]bool, 30)...), 1000)
	require.Zero(t, r.Value)
	require.InDelta(t, 0.114, r.Upper, 1e-3, "0 of 30 of a pool, by the hypergeometric distribution")
	r = estimate(uniform(1000, slices.Repeat([]bool{true}, 30)...), 1000)
	require.InDelta(t, 1, r.Value, 1e-12)
	require.InDelta(t, 0.88, r.Lower, 0.03, "30 of 30: no point either")
	one := estimate(uniform(1000, true), 1000)
	require.Less(t, one.Lower, 0.2)
}

// summary tells how estimates did: their mean error, its square, that of uniform draws, and how often the interval held the truth.
type summary struct{ bias, variance, uniform, covered float64 }

// replays draws M of a pool with chances by a good but not perfect guess, and tells how the estimate does.
func replays(n, m, rounds int, rate float64) (s summary) {
	r := al.NewRandom(11, "replays")
	outcomes, guess := make([]bool, n), make([]float64, n)
	positives := 0.0
	for i := range outcomes {
		guess[i] = rate / 3
		if r.Float64() < 0.15 {
			guess[i] = math.Min(0.9, rate*5)
		}
		if outcomes[i] = r.Float64() < guess[i]; outcomes[i] {
			positives++
		}
	}
	truth := positives / float64(n)
	for range rounds {
		var samples []al.Sample
		left := make([]int, n)
		for i := range left {
			left[i] = i
		}
		for range m {
			total, guesses := 0.0, 0.0
			for _, i := range left {
				total += math.Sqrt(guess[i])
				guesses += guess[i]
			}
			at := r.Float64()
			for j, i := range left {
				q := 0.9*math.Sqrt(guess[i])/total + 0.1/float64(len(left))
				if at -= q; at < 0 || j == len(left)-1 {
					samples = append(samples, al.Sample{Positive: outcomes[i], Q: q, Guess: guess[i], Guesses: guesses})
					left = append(left[:j], left[j+1:]...)
					break
				}
			}
		}
		got := estimate(samples, n)
		s.bias += (got.Value - truth) / float64(rounds)
		s.variance += (got.Value - truth) * (got.Value - truth) / float64(rounds)
		if got.Lower <= truth && truth <= got.Upper {
			s.covered += 1 / float64(rounds)
		}
	}
	s.uniform = truth * (1 - truth) / float64(m) * float64(n-m) / float64(n-1)
	return s
}

func TestEstimateIsUnbiased(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		n, m int
		rate float64
	}{{400, 60, 0.1}, {400, 120, 0.05}, {300, 90, 0.2}} {
		s := replays(tt.n, tt.m, 1000, tt.rate)
		t.Logf("%v: bias %.4f se, variance %.2f of uniform, coverage %.3f", tt, s.bias/math.Sqrt(s.variance), s.variance/s.uniform, s.covered)
		require.Less(t, math.Abs(s.bias), 0.1*math.Sqrt(s.variance))
		require.Less(t, s.variance, s.uniform)
		require.GreaterOrEqual(t, s.covered, 0.93)
		require.LessOrEqual(t, s.covered, 0.985)
	}
}
