package stats_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
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
	for i := range 5000 {
		x := float64(float64(i)*0.13) - 300 // a test may not fuse either
		add(stats.Exp(x))
		add(stats.Log(float64(i) + 0.37))
		add(stats.NormalQuantile((float64(i) + 0.5) / 5000))
		add(stats.NormalQuantile(1 / (float64(i)*1e9 + 3)))
	}
	require.Equal(t, "71e74213f325e0cec5560f89c97c012d00f871cfa1af44c7f305605aa38714db", hex.EncodeToString(sum.Sum(nil)))
}

// 99.9 % bounds: 1000 of 1000 is at least 0.001^(1/1000).
func TestUpperAt(t *testing.T) {
	t.Parallel()

	require.Equal(t, 1_000_000-993_116, stats.UpperAt(0, 1000, 1000))
	require.Equal(t, 950_000, stats.UpperAt(0, 1, 20)) // 1 - 0.05
	require.Equal(t, 1_000_000, stats.UpperAt(5, 5, 1000))
	require.Panics(t, func() { stats.UpperAt(6, 5, 20) })
	require.Panics(t, func() { stats.UpperAt(0, 0, 20) })
}
