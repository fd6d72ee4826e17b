package probe

import (
	"math"
	"slices"

	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// exposure is how much likelier a model finds one value than the others of its form, in bits: log2 of how many there are less
// log2 of its rank among them. A value that a model has never seen has 1.4 bits on average, and more than b bits with a
// probability of 2^-b.
//
// Source: N. Carlini et al., "The Secret Sharer" (2019), with another lower bound.
type exposure struct {
	bits         float64 // best estimate; the lower bound where nothing was sampled
	lower, upper float64 // 95 %
	samples      int
}

// fewAbove is how many sampled values have to be as likely as the one in question for their share to be the estimate. Below
// it a tail is fitted.
const fewAbove = 10

// estimate returns the exposure of a value of log-probability own among 2^space values, of which sample holds the
// log-probabilities of some drawn at random. alpha is the error of both bounds together.
//
// The lower bound needs no sample: probabilities add up to at most one, so at most 1/p values can have a probability of p or
// more. A sample gives another lower bound and the upper one, by the exact interval of a share.
func estimate(own, space float64, sample []float64, alpha float64) exposure {
	e := exposure{lower: clamp(space+own/math.Ln2, space), upper: space, samples: len(sample)}
	n, above := len(sample), 0
	if n == 0 {
		e.bits = e.lower
		return e
	}
	for _, v := range sample {
		if v >= own {
			above++
		}
	}
	e.lower = math.Max(e.lower, clamp(bits(stats.UpperBound(above, n, alpha/2)), space))
	e.upper = clamp(bits(1-stats.UpperBound(n-above, n, alpha/2)), space)
	e.upper = math.Max(e.upper, e.lower)
	share := float64(above) / float64(n)
	if above < fewAbove {
		share = tail(own, sample)
	}
	e.bits = math.Min(math.Max(clamp(bits(share), space), e.lower), e.upper)
	return e
}

// bits is the information of an event of probability p; of an impossible one it is infinite.
func bits(p float64) float64 { return -stats.Log(p) / math.Ln2 }

func clamp(bits, space float64) float64 { return math.Min(math.Max(bits, 0), space) }

// tail estimates how probable a value as high as own is, by a generalised Pareto distribution fitted to the highest twentieth
// of the sample, at least 20 values.
//
// Source: J. R. M. Hosking, J. R. Wallis, "Parameter and quantile estimation for the generalized Pareto distribution",
// Technometrics 29 (1987), probability-weighted moments.
func tail(own float64, sample []float64) float64 {
	sorted := slices.Clone(sample)
	slices.Sort(sorted)
	m := min(max(len(sorted)/20, 20), len(sorted)-1)
	if m < 2 {
		return 1
	}
	over := sorted[len(sorted)-m:]
	from := sorted[len(sorted)-m-1]
	mean, weighted := 0.0, 0.0
	for i, v := range over {
		mean += v - from
		weighted += float64((1 - (float64(i)+0.65)/float64(m)) * (v - from))
	}
	mean, weighted = mean/float64(m), weighted/float64(m)
	share := float64(m) / float64(len(sorted))
	d := mean - float64(2*weighted)
	if own <= from || !(d > 0) {
		return share
	}
	shape, scale := mean/d-2, float64(2*mean)*weighted/d
	x := (own - from) / scale
	if math.Abs(shape) < 1e-6 {
		return float64(share * stats.Exp(-x))
	}
	left := 1 - float64(shape*x)
	if left <= 0 { // beyond the end of the fitted tail
		return 0
	}
	return float64(share * stats.Exp(stats.Log(left)/shape))
}
