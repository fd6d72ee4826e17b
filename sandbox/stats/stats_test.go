package stats_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// The wanted values are those of the beta quantiles as published tables and closed forms give them: for k = 0 the bound
// is 1-alpha^(1/n).
func TestInterval(t *testing.T) {
	t.Parallel()

	tests := []struct {
		k, n                      int
		rate, lower, upper, bound string
	}{
		{0, 0, "0.000000", "0.000000", "1.000000", "1.000000"},
		{0, 1, "0.000000", "0.000000", "0.975000", "0.950000"},
		{1, 1, "1.000000", "0.025000", "1.000000", "1.000000"},
		{0, 30, "0.000000", "0.000000", "0.115704", "0.095034"},
		{0, 58, "0.000000", "0.000000", "0.061622", "0.050340"},
		{0, 59, "0.000000", "0.000000", "0.060609", "0.049508"},
		{0, 149, "0.000000", "0.000000", "0.024454", "0.019905"},
		{0, 299, "0.000000", "0.000000", "0.012262", "0.009970"},
		{1, 10, "0.100000", "0.002528", "0.445017", "0.394164"},
		{5, 10, "0.500000", "0.187086", "0.812914", "0.777559"},
		{9, 10, "0.900000", "0.554983", "0.997472", "0.994884"},
		{2, 3, "0.666667", "0.094299", "0.991597", "0.983048"},
		{10, 100, "0.100000", "0.049004", "0.176223", "0.163719"},
	}
	for _, tt := range tests {
		got := stats.Interval(tt.k, tt.n)
		require.Equal(t, tt.rate, got.Rate, "rate of %d of %d", tt.k, tt.n)
		near(t, tt.lower, got.Lower)
		near(t, tt.upper, got.Upper)
		near(t, tt.bound, got.Bound)
	}
	require.Equal(t, "0.095034", stats.Interval(0, 30).Bound)
	require.Equal(t, "0.049508", stats.Interval(0, 59).Bound)
}

// near accepts the last digit of a published figure being rounded the other way.
func near(t *testing.T, want, got string) {
	t.Helper()
	w, err := strconv.ParseFloat(want, 64)
	require.NoError(t, err)
	g, err := strconv.ParseFloat(got, 64)
	require.NoError(t, err)
	require.InDelta(t, w, g, 1.5e-6)
}

// At the printed bound the tail is at most alpha, and a millionth lower it is not: checked with floating point, which
// is good to about 1e-12 here.
func TestIntervalIsTight(t *testing.T) {
	t.Parallel()

	for _, n := range []int{1, 2, 7, 59, 160, 600} {
		for _, k := range []int{0, 1, n / 7, n / 2, n - 1} {
			p, err := strconv.ParseFloat(stats.Interval(k, n).Bound, 64)
			require.NoError(t, err)
			require.LessOrEqual(t, tail(k, n, p), 0.05+1e-9, "%d of %d", k, n)
			require.Greater(t, tail(k, n, p-1e-6), 0.05-1e-9, "%d of %d", k, n)
		}
	}
}

func tail(k, n int, p float64) float64 {
	if p >= 1 {
		return 0
	}
	sum := 0.0
	for i := 0; i <= k; i++ {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(i + 1))
		c, _ := math.Lgamma(float64(n - i + 1))
		sum += math.Exp(a - b - c + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func TestIntervalOfImpossibleCounts(t *testing.T) {
	t.Parallel()

	for _, kn := range [][2]int{{-1, 5}, {6, 5}, {0, -1}, {0, stats.MaxN + 1}} {
		require.Panics(t, func() { stats.Interval(kn[0], kn[1]) })
	}
}

func TestEffectiveN(t *testing.T) {
	t.Parallel()

	repeat := func(c stats.Cluster, n int) []stats.Cluster {
		all := make([]stats.Cluster, n)
		for i := range all {
			all[i] = c
		}
		return all
	}
	tests := map[string]struct {
		clusters []stats.Cluster
		want     int
	}{
		"none":                              {nil, 0},
		"empty clusters":                    {repeat(stats.Cluster{}, 3), 0},
		"all pass: nothing to estimate":     {repeat(stats.Cluster{N: 5}, 30), 150},
		"one cluster":                       {[]stats.Cluster{{K: 3, N: 9}}, 9},
		"clusters of one":                   {append(repeat(stats.Cluster{K: 1, N: 1}, 4), repeat(stats.Cluster{N: 1}, 6)...), 10},
		"fully correlated: one per cluster": {append(repeat(stats.Cluster{K: 5, N: 5}, 4), repeat(stats.Cluster{N: 5}, 6)...), 10},
		"less alike than chance":            {repeat(stats.Cluster{K: 1, N: 2}, 10), 20},
		// K: 4,4,1,1 of 5: MSB 3.6/3... between = 2*16/5+2*1/5 - 100/20 = 1.8, /3 = 0.6; within = 10-6.8 = 3.2, /16 = 0.2;
		// m0 = 5, rho = 0.4/1.4 = 2/7, design = 1+4*2/7 = 15/7, 20*7/15 = 9.33.
		"partly correlated": {[]stats.Cluster{{4, 5}, {4, 5}, {1, 5}, {1, 5}}, 9},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, tt.want, stats.EffectiveN(tt.clusters))
		})
	}
	require.Panics(t, func() { stats.EffectiveN([]stats.Cluster{{K: 2, N: 1}}) })
}

func BenchmarkInterval(b *testing.B) {
	for b.Loop() {
		stats.Interval(80, 200)
	}
}
