package probe

import (
	"fmt"
	"math"

	"github.com/hallmark-ml/hallmark"
)

// flips are the shortest perturbations that were found to change an answer; flipMost if none was.
type flips struct{ random, searched float64 }

const (
	flipLeast, flipMost = 1.0 / 64, 16.0

	searchRounds = 4   // of steps that are evaluated together
	searchSize   = 1.5 // length of a trial step: far over what rounding of activations does
)

// search looks for short perturbations of dims numbers that change an answer: along random directions, and along the direction
// that simultaneous perturbation (SPSA) finds: the sum of random trial directions, each weighted with how much the margin
// falls between its two ends.
//
// Source: J. C. Spall, "Multivariate stochastic approximation using a simultaneous perturbation gradient approximation"
// (1992).
func search(try func([][]float64) ([]probed, error), dims int, p embedParams, random func() uint64) (flips, error) {
	found := flips{random: flipMost}
	for range p.directions {
		at, err := flipAlong(try, scaled(gaussian(dims, random), 1))
		if err != nil {
			return flips{}, err
		}
		found.random = math.Min(found.random, at)
	}
	direction, from := make([]float64, dims), make([]float64, dims)
	nearest := flipMost
	for range searchRounds {
		trials := make([][]float64, 0, p.steps/searchRounds)
		var ends [][]float64
		for range p.steps / searchRounds {
			trial := signs(dims, searchSize/math.Sqrt(float64(dims)), random)
			trials = append(trials, trial)
			ends = append(ends, moved(from, trial, 1), moved(from, trial, -1))
		}
		got, err := try(ends)
		if err != nil {
			return flips{}, err
		}
		for i, trial := range trials {
			direction = moved(direction, trial, got[2*i+1].margin-got[2*i].margin)
		}
		at, err := flipAlong(try, scaled(direction, 1))
		if err != nil {
			return flips{}, err
		}
		nearest = math.Min(nearest, at)
		from = scaled(direction, nearest/2) // where the margin bends, its slope is better known nearer to the flip
	}
	found.searched = nearest
	return found, nil
}

// moved returns x + f y.
func moved(x, y []float64, f float64) []float64 {
	out := make([]float64, len(x))
	for i := range out {
		out[i] = x[i] + float64(f*y[i])
	}
	return out
}

// flipAlong returns the shortest length at which a perturbation along a direction of length 1 was seen to change the answer:
// eleven lengths, each twice the one before, and then seven within the step before the first change.
func flipAlong(try func([][]float64) ([]probed, error), direction []float64) (float64, error) {
	low, high := 0.0, flipMost
	lengths := []float64{}
	for l := flipLeast; l <= flipMost; l *= 2 {
		lengths = append(lengths, l)
	}
	for range 2 {
		var deltas [][]float64
		for _, l := range lengths {
			deltas = append(deltas, scaled(direction, l))
		}
		got, err := try(deltas)
		if err != nil {
			return 0, err
		}
		for i, g := range got {
			if !g.stays {
				high = lengths[i]
				break
			}
			low = lengths[i]
		}
		if low >= high { // it never changed
			return flipMost, nil
		}
		lengths = lengths[:0]
		for i := 1; i < 8; i++ {
			lengths = append(lengths, low+float64((high-low)*float64(i))/8)
		}
	}
	return high, nil
}

// embedSelfTest searches models that are known: answers that depend on one direction, straight or bent, so that the length of
// the shortest perturbation that changes them is known.
func embedSelfTest() (Score, error) {
	const dims = 48
	p := embedParams{limit: 0.25, directions: 2, steps: 32}
	var s Score
	for i := range 260 {
		random := draws(2, "perturb.embed", fmt.Sprint(i))
		normal := scaled(gaussian(dims, random), 1)
		shortest, label := p.limit*(0.02+0.33*uniform(random())), hallmark.Fail
		if i%2 == 1 {
			shortest, label = p.limit*(1.01+6*uniform(random())), hallmark.Pass
		}
		bend := []float64{0, 0, 0.5, 0.2}[i%4]
		try := func(deltas [][]float64) ([]probed, error) {
			out := make([]probed, len(deltas))
			for k, d := range deltas {
				along, all := 0.0, 0.0
				for j := range d {
					along += float64(d[j] * normal[j])
					all += float64(d[j] * d[j])
				}
				margin := 1 - along/shortest + float64(bend*(all-float64(along*along)))
				out[k] = probed{stays: margin > 0, margin: float64(margin * 3)}
			}
			return out, nil
		}
		found, err := search(try, dims, p, random)
		if err != nil {
			return Score{}, err
		}
		s.count(fmt.Sprintf("model %d, flips at %.3f", i, shortest), label, judgeEmbed(found, p.limit).Outcome)
	}
	return s, nil
}
