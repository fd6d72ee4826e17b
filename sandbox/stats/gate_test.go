package stats_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

func full() bool { return os.Getenv("HALLMARK_FULL") == "1" }

// plan is a sequential test as a table: the decision after n cases with k against, where a test gets that far.
type plan [][]stats.Decision

// tabulate asks the test itself: each open place of the table keeps one way that leads to it.
func tabulate(good, bad, last int) plan {
	p, ways := plan{{stats.Open}}, [][]bool{{}}
	for n := 1; n <= last; n++ {
		row, next := make([]stats.Decision, n+1), make([][]bool, n+1)
		for k := range n + 1 {
			for _, against := range []bool{false, true} {
				from := k
				if against {
					from--
				}
				if from < 0 || from > n-1 || p[n-1][from] != stats.Open {
					continue
				}
				next[k] = append(slices.Clone(ways[from]), against)
				s := stats.NewSPRT(good, bad, last)
				for _, a := range next[k] {
					row[k] = s.Add(a)
				}
			}
		}
		p, ways = append(p, row), next
	}
	return p
}

// exact returns the chance that the plan calls a rate acceptable, and the mean number of cases that it takes.
func (p plan) exact(rate float64) (acceptable, cases float64) {
	state := []float64{1}
	for n := 1; n < len(p); n++ {
		next := make([]float64, n+1)
		for k, weight := range state {
			cases += weight
			next[k] += weight * (1 - rate)
			next[k+1] += weight * rate
		}
		for k := range next {
			if p[n][k] == stats.Acceptable {
				acceptable += next[k]
			}
			if p[n][k] != stats.Open {
				next[k] = 0
			}
		}
		state = next
	}
	return acceptable, cases
}

// TestSPRT computes both errors and the mean length of truncated tests exactly, by the table of all their decisions.
func TestSPRT(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		good, bad, last int // millionths, cases
		fixed           int // cases of the smallest test of fixed size with both errors at most 5 %
		atNone          float64
	}{
		{10_000, 50_000, 300, 181, 73},   // ln 20 / ln(0.99/0.95) = 72.6
		{10_000, 100_000, 90, 61, 32},    // 31.4
		{5_000, 20_000, 1_000, 523, 198}, // 197.1
	} {
		if tt.last > 500 && !full() {
			continue
		}
		p := tabulate(tt.good, tt.bad, tt.last)
		good, atGood := p.exact(float64(tt.good) / 1e6)
		bad, atBad := p.exact(float64(tt.bad) / 1e6)
		none, atNone := p.exact(0)
		t.Logf("%d against %d in %d: errors %.4f and %.4f; %.0f, %.0f and %.0f cases at 0, %[1]d and %[2]d", tt.good, tt.bad, tt.last, 1-good, bad, atNone, atGood, atBad)
		require.LessOrEqual(t, 1-good, 0.05, "acceptable called unacceptable")
		require.LessOrEqual(t, bad, 0.05, "unacceptable called acceptable")
		require.InDelta(t, 1, none, 1e-9)
		require.InDelta(t, tt.atNone, atNone, 1e-6)
		require.Equal(t, tt.fixed, fixedSize(float64(tt.good)/1e6, float64(tt.bad)/1e6))
		require.LessOrEqual(t, atNone, 0.7*float64(tt.fixed), "a clean model takes at least 30 %% fewer cases")
	}
}

// fixedSize returns the least number of cases for which some limit on those against has both errors at most 5 %.
func fixedSize(good, bad float64) int {
	for n := 1; ; n++ {
		for k := 0; tail(k, n, bad) <= 0.05; k++ {
			if tail(k, n, good) >= 0.95 {
				return n
			}
		}
	}
}

func TestSPRTEnds(t *testing.T) {
	t.Parallel()

	s := stats.NewSPRT(10_000, 50_000, 100)
	require.Equal(t, stats.Open, s.Add(true))
	require.Equal(t, stats.Unacceptable, s.Add(true), "25 to 1 for the higher rate")
	require.Equal(t, stats.Unacceptable, s.Add(false), "a decision stands")
	require.Equal(t, 2, s.Cases())

	s = stats.NewSPRT(10_000, 50_000, 40)
	for range 39 {
		require.Equal(t, stats.Open, s.Add(false))
	}
	require.Equal(t, stats.Unacceptable, s.Add(false), "the last case leaves it open")
	for _, bad := range [][3]int{{0, 1, 5}, {5, 5, 5}, {5, 1_000_000, 5}, {1, 2, 0}, {1, 2, stats.MaxN + 1}} {
		require.Panics(t, func() { stats.NewSPRT(bad[0], bad[1], bad[2]) })
	}
}

// binomial returns a function that draws from a binomial distribution by its cumulative one.
func binomial(n int, rate float64) func(*rand.Rand) int {
	cumulative := make([]float64, n+1)
	for k := range cumulative {
		cumulative[k] = tail(k, n, rate)
	}
	return func(r *rand.Rand) int {
		k, _ := slices.BinarySearch(cumulative, r.Float64())
		return min(k, n)
	}
}

// A gate blocks a release if one of its detectors' adjusted p-values is under 5 %.
type gate struct {
	n, limit int
	p        map[int]*big.Rat
}

func (g *gate) blocks(counts []int) bool {
	var p []*big.Rat
	for _, k := range counts {
		if g.p[k] == nil {
			g.p[k] = stats.ExceedsP(k, g.n, g.limit)
		}
		p = append(p, g.p[k])
	}
	for _, adjusted := range stats.Holm(p) {
		if adjusted.Cmp(big.NewRat(5, 100)) < 0 {
			return true
		}
	}
	return false
}

// TestGateOfSeventeenDetectors simulates releases: all detectors exactly at the limit, the worst that may pass; and one of
// them at five times the limit, the others without a failure.
func TestGateOfSeventeenDetectors(t *testing.T) {
	t.Parallel()

	releases := 2000
	if full() {
		releases = 50_000
	}
	for _, size := range []struct{ n, limit int }{{60, 50_000}, {150, 50_000}, {500, 10_000}} {
		t.Run(fmt.Sprintf("%d cases, %d ppm", size.n, size.limit), func(t *testing.T) {
			t.Parallel()

			r := rand.New(rand.NewPCG(5, 6))
			g := &gate{n: size.n, limit: size.limit, p: map[int]*big.Rat{}}
			atLimit, beyond := binomial(size.n, float64(size.limit)/1e6), binomial(size.n, float64(size.limit)/2e5)
			falsely, caught := 0, 0
			for range releases {
				counts := make([]int, 17)
				for i := range counts {
					counts[i] = atLimit(r)
				}
				if g.blocks(counts) {
					falsely++
				}
				clear(counts)
				counts[r.IntN(17)] = beyond(r)
				if g.blocks(counts) {
					caught++
				}
			}
			t.Logf("false blocks %.4f, power %.4f of %d releases", float64(falsely)/float64(releases), float64(caught)/float64(releases), releases)
			require.LessOrEqual(t, float64(falsely)/float64(releases), 0.05)
			require.GreaterOrEqual(t, float64(caught)/float64(releases), 0.95)
		})
	}
}
