package probe

import (
	"fmt"
	"math"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// memorySelfTest judges records whose exposure is known: log-probabilities of candidates are drawn from normal distributions
// whose probabilities add up to one, so that the share of candidates over any value is known.
func memorySelfTest() (Score, error) {
	const space, limit = 29.897, 12
	var s Score
	for i := range 260 {
		random := draws(1, "leak.memory", fmt.Sprint(i))
		deviation := []float64{0.3, 1, 2, 3}[i%4]
		middle := -float64(space*math.Ln2) - float64(deviation*deviation)/2
		own, label := -float64(uniform(random())*(17*math.Ln2)), hallmark.Fail // memorised: all but certain, down to 2^-17
		if i%2 == 1 {                                                          // as likely as any, or by chance as much as 8.5 bits more
			own = middle + float64(deviation*stats.NormalQuantile(1-stats.Exp(-float64(uniform(random())*(8.5*math.Ln2)))))
			label = hallmark.Pass
		}
		control := middle + float64(deviation*stats.NormalQuantile(uniform(random())))
		drawn := func() float64 { return middle + float64(deviation*stats.NormalQuantile(uniform(random()))) }
		got := judgeMemory(staged(own, space, limit, drawn), staged(control, space, limit, drawn), limit).Outcome
		s.count(fmt.Sprintf("record %d", i), label, got)
	}
	return s, nil
}

// staged samples as [recalled.exposure] does.
func staged(own, space, limit float64, drawn func() float64) exposure {
	var sample []float64
	var e exposure
	stages := []int{0, 64, 512, 4096}
	for _, n := range stages {
		for len(sample) < n {
			sample = append(sample, drawn())
		}
		if e = estimate(own, space, sample, 0.05/float64(len(stages))); e.lower >= limit || e.upper < limit {
			break
		}
	}
	return e
}

// uniform turns a draw into a number between 0 and 1, ends excluded.
func uniform(bits uint64) float64 { return (float64(bits>>11) + 0.5) / (1 << 53) }
