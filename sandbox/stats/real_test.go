package stats_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

func TestExpAndLogAreAccurate(t *testing.T) {
	t.Parallel()

	for i := range 20001 {
		x := float64(i-10000) * 0.07 // -700 to 700
		require.InEpsilon(t, math.Exp(x), stats.Exp(x), 1e-15, "%v", x)
		y := math.Exp(x)
		require.InDelta(t, math.Log(y), stats.Log(y), 3e-16*math.Max(1, math.Abs(x)), "%v", y)
	}
	require.True(t, stats.Exp(0) == 1 && stats.Exp(-709) == 0 && math.IsInf(stats.Exp(710), 1) && stats.Log(1) == 0)
	require.True(t, math.IsNaN(stats.Exp(math.NaN())))
	for _, x := range []float64{0, -1, math.Inf(1), math.NaN(), 1e-310} {
		require.True(t, math.IsInf(stats.Log(x), -1), "%v", x)
	}
}

// The reference values are of Python 3.11, statistics.NormalDist().inv_cdf.
func TestNormalQuantile(t *testing.T) {
	t.Parallel()

	for p, want := range map[float64]float64{
		0.5: 0, 0.975: 1.9599639845400536, 0.999: 3.090232306167813, 0.9: 1.2815515655446008, 0.08: -1.4050715603096322,
		1e-6: -4.753424308822899, 1e-20: -9.262340089798405, 1e-12: -7.034483825301132,
	} {
		require.InDelta(t, want, stats.NormalQuantile(p), 2e-15*math.Max(1, math.Abs(want)), "%v", p)
		require.InDelta(t, p, 0.5*math.Erfc(-stats.NormalQuantile(p)/math.Sqrt2), 1e-12)
	}
	require.True(t, math.IsInf(stats.NormalQuantile(0), -1))
	require.True(t, math.IsInf(stats.NormalQuantile(1), 1))
}

// The digest is the same on amd64, arm64 and riscv64; a product that is fused with an addition changes it.
func TestRealFunctionsGiveTheSameBitsEverywhere(t *testing.T) {
	t.Parallel()

	sum := sha256.New()
	add := func(x float64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], math.Float64bits(x))
		sum.Write(b[:])
	}
	for i := range 2000 {
		x := float64(float64(i)*0.13) - 300 // a test may not fuse either
		add(stats.Exp(x))
		add(stats.Log(float64(i) + 0.37))
		add(stats.NormalQuantile((float64(i) + 0.5) / 5000))
		add(stats.UpperBound(i%50, i+51, 0.001))
		add(stats.NormalQuantile(1 / (float64(i)*1e9 + 3)))
	}
	require.Equal(t, "acf4f58e2bd8caebc9a512f290c23418982521079131abb090865734a1d352a5", hex.EncodeToString(sum.Sum(nil)))
}

// Exact integers give the same bounds, to their six digits.
func TestUpperBoundAgreesWithExactBounds(t *testing.T) {
	t.Parallel()

	for _, n := range []int{1, 2, 7, 59, 300, 1000} {
		for k := 0; k <= n; k += 1 + n/9 {
			exact := stats.Interval(k, n)
			bound, err := strconv.ParseFloat(exact.Bound, 64)
			require.NoError(t, err)
			require.InDelta(t, bound, stats.UpperBound(k, n, 0.05), 1.1e-6, "%d of %d", k, n)
			lower, err := strconv.ParseFloat(exact.Lower, 64)
			require.NoError(t, err)
			require.InDelta(t, lower, 1-stats.UpperBound(n-k, n, 0.025), 1.1e-6, "%d of %d", k, n)
		}
	}
	require.InDelta(t, 1-math.Pow(0.001, 1e-5), stats.UpperBound(0, 100_000, 0.001), 1e-12)
	require.Panics(t, func() { stats.UpperBound(6, 5, 0.05) })
	require.Panics(t, func() { stats.UpperBound(0, 0, 0.05) })
	require.Panics(t, func() { stats.UpperBound(0, 1, 0.5) })
}
