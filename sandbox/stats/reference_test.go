package stats_test

import (
	"math/big"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// Reference values of this file are those of R 4.2.2, package stats, printed with eight or ten digits.

func TestWilson(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		k, n         int
		lower, upper string // prop.test(k, n, correct = FALSE)$conf.int
	}{
		{0, 30, "0", "0.11351339"},
		{3, 100, "0.01025452", "0.08451936"},
		{10, 100, "0.05522914", "0.17436566"},
		{1, 1, "0.20654931", "1"},
		{81, 263, "0.25528852", "0.36620958"}, // also in R. G. Newcombe, Statistics in Medicine 17 (1998), table I: .2553 to .3662
		{15, 148, "0.06238640", "0.16048724"}, // there .0624 to .1605
		{0, 20, "0", "0.16112516"},
		{29, 50, "0.44233442", "0.70624997"},
		{0, 0, "0", "1"},
	} {
		lower, upper := stats.Wilson(tt.k, tt.n)
		near(t, tt.lower, lower)
		near(t, tt.upper, upper)
	}
	for _, kn := range [][2]int{{-1, 5}, {6, 5}, {0, -1}, {0, stats.MaxN + 1}} {
		require.Panics(t, func() { stats.Wilson(kn[0], kn[1]) })
	}
}

func TestExceedsP(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		k, n, limit int
		p           string // binom.test(k, n, limit, alternative = "greater")$p.value
	}{
		{3, 30, 50_000, "0.1878211869"},
		{9, 60, 50_000, "0.0028486058"},
		{1, 59, 50_000, "0.9515054748"},
		{5, 500, 10_000, "0.5603889133"},
		{0, 10, 500_000, "1"},
		{12, 12, 500_000, "0.0002441406"},
	} {
		p, _ := stats.ExceedsP(tt.k, tt.n, tt.limit).Float64()
		want, err := strconv.ParseFloat(tt.p, 64)
		require.NoError(t, err)
		require.InDelta(t, want, p, 1e-10, "%d of %d", tt.k, tt.n)
	}
	for _, bad := range [][3]int{{-1, 5, 1}, {6, 5, 1}, {1, 5, 0}, {1, 5, 1_000_000}, {0, stats.MaxN + 1, 1}} {
		require.Panics(t, func() { stats.ExceedsP(bad[0], bad[1], bad[2]) })
	}
}

func rats(values ...string) []*big.Rat {
	var out []*big.Rat
	for _, v := range values {
		r, _ := new(big.Rat).SetString(v)
		out = append(out, r)
	}
	return out
}

func TestHolm(t *testing.T) {
	t.Parallel()

	// p.adjust(p, "holm")
	require.Equal(t, rats("0.05", "0.08", "0.09", "0.09", "0.09"), stats.Holm(rats("0.01", "0.02", "0.03", "0.04", "0.05")))
	require.Equal(t, rats("0.006", "0.0505", "0.0505", "1", "0.12", "1", "0.0035"),
		stats.Holm(rats("0.001", "0.011", "0.0101", "0.5", "0.04", "0.9", "0.0005")))
	require.Empty(t, stats.Holm(nil))
	require.Equal(t, "0.000001", stats.Decimal(big.NewRat(1, 1_000_000_000)), "a chance is never printed as none")
	require.Equal(t, "0.000000", stats.Decimal(new(big.Rat)))
}

func TestCorrected(t *testing.T) {
	t.Parallel()

	good := stats.Judge{Caught: 190, Bad: 200, Cleared: 199, Good: 200}
	for name, tt := range map[string]struct {
		k, n  int
		judge stats.Judge
		want  stats.Range
	}{
		// Ends by hand from binom.test(x, n, conf.level = 1 - 0.05/3): 10/100 0.04119586..0.19418378,
		// 190/200 0.90026926..0.97966912, 199/200 0.96625768..0.99995816, 0/150 0..0.03141265, 200/200 0.97634677..1,
		// 12/150 0.03598435..0.14877838, 98/100 0.91645476..0.99864404.
		"some":                 {10, 100, good, stats.Range{Rate: "0.100529", Lower: "0.007879", Upper: "0.215660"}},
		"none":                 {0, 150, good, stats.Range{Rate: "0.000000", Lower: "0.000000", Upper: "0.034849"}},
		"a judge never wrong":  {12, 150, stats.Judge{Caught: 200, Bad: 200, Cleared: 200, Good: 200}, stats.Range{Rate: "0.080000", Lower: "0.012629", Upper: "0.152383"}},
		"fewer than it errs":   {0, 100, stats.Judge{Caught: 200, Bad: 200, Cleared: 98, Good: 100}, stats.Range{Rate: "0.000000", Lower: "0.000000", Upper: "0.046557"}},
		"no case":              {0, 0, good, stats.Range{Rate: "0.000000", Lower: "0.000000", Upper: "1.000000"}},
		"no labelled output":   {3, 10, stats.Judge{}, stats.Range{Rate: "0.300000", Lower: "0.000000", Upper: "1.000000"}},
		"a judge that guesses": {3, 10, stats.Judge{Caught: 50, Bad: 100, Cleared: 52, Good: 100}, stats.Range{Rate: "0.300000", Lower: "0.000000", Upper: "1.000000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := stats.Corrected(tt.k, tt.n, tt.judge)
			require.Equal(t, tt.want.Rate, got.Rate)
			nearly(t, tt.want.Lower, got.Lower, 4e-6)
			nearly(t, tt.want.Upper, got.Upper, 4e-6)
		})
	}
}

func nearly(t *testing.T, want, got string, delta float64) {
	t.Helper()
	require.InDelta(t, value(t, want), value(t, got), delta)
}

func value(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// The corrected interval covers the true rate at least as often as it says, with rate, sensitivity and specificity drawn.
func TestCorrectedCovers(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(3, 4))
	draw := func(n int, p float64) (k int) {
		for range n {
			if r.Float64() < p {
				k++
			}
		}
		return k
	}
	rounds, covered := 60, 0
	if full() {
		rounds = 10_000
	}
	for range rounds {
		rate, se, sp := float64(r.IntN(3))*0.05, 0.9+0.1*r.Float64(), 0.95+0.05*r.Float64()
		got := stats.Corrected(draw(80, rate*se+(1-rate)*(1-sp)), 80,
			stats.Judge{Caught: draw(60, se), Bad: 60, Cleared: draw(60, sp), Good: 60})
		if value(t, got.Lower) <= rate && rate <= value(t, got.Upper) {
			covered++
		}
	}
	require.GreaterOrEqual(t, float64(covered)/float64(rounds), 0.95)
	t.Logf("covered in %d of %d", covered, rounds)
}

func TestCompare(t *testing.T) {
	t.Parallel()

	for _, tt := range []struct {
		regressed, fixed, n, margin int
		p, difference, lower        string
		worse                       bool
	}{
		// P: binom.test(b, b+c, 0.5, alternative = "greater"). Lower, by hand from binom.test's intervals of the share that
		// changed and of regressions in it: 6/150 0.01481852.., 6/6 0.54074187..; 12/200 0.03138395.., 10/12 0.51586225..;
		// 65/300 0.17138449.., 59/65 0.80983416...
		{5, 0, 150, 0, "0.031250", "0.033333", "", false}, // 5/5 is 0.478.. of the changes at worst: not more than half
		{6, 0, 150, 0, "0.015625", "0.040000", "0.001207", true},
		{6, 0, 150, 1_207, "0.015625", "0.040000", "0.001207", false},
		{10, 2, 200, 0, "0.019288", "0.040000", "0.000995", true},
		{59, 6, 300, 50_000, "0.000001", "0.176667", "0.106201", true},
		{3, 3, 100, 0, "0.656250", "0.000000", "", false},
		{2, 8, 100, 0, "0.989258", "-0.060000", "", false},
		{0, 0, 50, 0, "1.000000", "0.000000", "", false},
		{0, 0, 0, 0, "1.000000", "0.000000", "-1.000000", false},
	} {
		got := stats.Compare(tt.regressed, tt.fixed, tt.n, tt.margin)
		near(t, tt.p, got.P)
		require.Equal(t, tt.difference, got.Difference)
		require.Equal(t, tt.worse, got.Worse, "%+v", got)
		if tt.lower != "" {
			near(t, tt.lower, got.Lower)
		}
		require.LessOrEqual(t, value(t, got.Lower), value(t, got.Difference))
	}
	for _, bad := range [][4]int{{-1, 1, 5, 0}, {3, 3, 5, 0}, {1, 1, 5, -1}, {1, 1, stats.MaxN + 1, 0}} {
		require.Panics(t, func() { stats.Compare(bad[0], bad[1], bad[2], bad[3]) })
	}
}

// No figure claims certainty: every interval has a width, and holds the estimate.
func TestNoIntervalIsAPoint(t *testing.T) {
	t.Parallel()

	check := func(rate, lower, upper string, what ...any) {
		require.Less(t, value(t, lower), value(t, upper), what...)
		require.LessOrEqual(t, value(t, lower), value(t, rate)+1e-6, what...)
		require.GreaterOrEqual(t, value(t, upper), value(t, rate)-1e-6, what...)
		require.GreaterOrEqual(t, value(t, lower), 0.0, what...)
		require.LessOrEqual(t, value(t, upper), 1.0, what...)
	}
	for _, n := range []int{0, 1, 2, 3, 5, 17, 60, 150} {
		for _, k := range []int{0, 1, 2, n / 3, n - 1, n} {
			if k < 0 || k > n {
				continue
			}
			b := stats.Interval(k, n)
			check(b.Rate, b.Lower, b.Upper, "exact", k, n)
			lower, upper := stats.Wilson(k, n)
			check(b.Rate, lower, upper, "wilson", k, n)
			for _, j := range []stats.Judge{{}, {40, 40, 40, 40}, {57, 60, 59, 60}, {1, 1, 1, 1}, {0, 9, 9, 9}} {
				c := stats.Corrected(k, n, j)
				check(c.Rate, c.Lower, c.Upper, "corrected", k, n, j)
			}
			for fixed := range min(3, n-k+1) {
				c := stats.Compare(k, fixed, n, 0)
				require.Less(t, value(t, c.Lower), max(value(t, c.Difference), -0.9), "%+v", c)
			}
		}
	}
}
