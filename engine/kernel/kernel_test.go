package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// equal requires the same bits.
func equal(t *testing.T, want, got float32, args ...any) {
	t.Helper()
	require.Equal(t, math.Float32bits(want), math.Float32bits(got), args...)
}

// isNaN requires what is not a number.
func isNaN(t *testing.T, x float32, args ...any) {
	t.Helper()
	require.True(t, math.IsNaN(float64(x)), args...)
}

func random(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// ulps returns the distance of got from want in units of the last place of a float32.
func ulps(got float32, want float64) float64 {
	f := math.Abs(float64(float32(want)))
	unit := float64(math.Nextafter32(float32(f), math.MaxFloat32)) - f
	return math.Abs(float64(got)-want) / unit
}

func TestExp(t *testing.T) {
	t.Parallel()

	worst := 0.0
	for x := float32(-104); x < 88.72; x += 0.00917 {
		if want := math.Exp(float64(x)); want > 0x1p-149 {
			worst = max(worst, ulps(Exp(x), want))
		}
	}
	require.Less(t, worst, 0.51)
	equal(t, float32(1), Exp(0))
	equal(t, float32(0), Exp(float32(math.Inf(-1))))
	require.True(t, math.IsInf(float64(Exp(89)), 1))
	require.True(t, math.IsInf(float64(Exp(float32(math.Inf(1)))), 1))
	isNaN(t, Exp(float32(math.NaN())))
}

func TestLog(t *testing.T) {
	t.Parallel()

	for x := 1e-3; x < 1e9; x *= 1.0137 {
		require.InDelta(t, math.Log(x), Log(x), 4e-15*max(1, math.Abs(math.Log(x))), "x = %v", x)
	}
}

func TestSincos(t *testing.T) {
	t.Parallel()

	for _, x := range []float64{0, 1e-9, 0.5, math.Pi / 4, math.Pi / 2, math.Pi, 5, 100, 511, 65535.25, 1<<20 - 0.5, 1 << 20} {
		s, c := sincos(x)
		require.InDelta(t, math.Sin(x), s, 2e-12, "x = %v", x)
		require.InDelta(t, math.Cos(x), c, 2e-12, "x = %v", x)
	}
}

func TestHalf(t *testing.T) {
	t.Parallel()

	all := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(all[2*h:], uint16(h))
	}
	fast := make([]float32, 1<<16)
	m, err := NewMatrix(gguf.F16, 1, 1<<16, all)
	require.NoError(t, err)
	m.floatRow(fast, 0)
	for h := range 1 << 16 {
		sign, exp, frac := h>>15, h>>10&31, h&1023
		want := math.Ldexp(float64(1024+frac), exp-25)
		switch {
		case exp == 0:
			want = math.Ldexp(float64(frac), -24)
		case exp == 31 && frac == 0:
			want = math.Inf(1)
		case exp == 31:
			want = math.NaN()
		}
		if sign == 1 {
			want = -want
		}
		got := half(uint16(h))
		if math.IsNaN(want) {
			isNaN(t, got)
			isNaN(t, fast[h])
			continue
		}
		equal(t, float32(want), got, "%04x", h)
		equal(t, got, fast[h], "%04x", h)
		equal(t, got, roundHalf(got), "a half float is not changed by rounding to one")
	}
}

func TestRoundHalfGoesToTheNearestEven(t *testing.T) {
	t.Parallel()

	for h := range uint16(0x7bff) {
		a, b := half(h), half(h+1)
		mid := a/2 + b/2 // exact: half floats have 13 bits to spare
		even := a
		if h&1 == 1 {
			even = b
		}
		equal(t, even, roundHalf(mid), "%04x", h)
		equal(t, -even, roundHalf(-mid), "%04x", h)
		equal(t, b, roundHalf(math.Nextafter32(mid, b)), "%04x", h)
		equal(t, a, roundHalf(math.Nextafter32(mid, a)), "%04x", h)
	}
	equal(t, float32(1<<20), roundHalf(1<<20), "the range is a float32's")
	require.True(t, math.IsInf(float64(roundHalf(float32(math.Inf(-1)))), -1))
	isNaN(t, roundHalf(math.Float32frombits(0x7f800001)))
}

func TestQuantise(t *testing.T) {
	t.Parallel()

	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	q := make([]int8, 4)
	d, sum := quantise(q, []float32{127, 0.5, 1.5, -2.5})
	equal(t, float32(1), d)
	require.Equal(t, []int8{127, 0, 2, -2}, q, "half to even")
	require.EqualValues(t, 127, sum)
	d, sum = quantise(q, []float32{-254, 254, 3, 0})
	equal(t, float32(2), d)
	require.Equal(t, []int8{-127, 127, 2, 0}, q)
	require.EqualValues(t, 2, sum)
	for name, x := range map[string][]float32{"infinite": {1, -inf, 2, 3}, "not a number": {1, 2, nan, 3}} {
		d, _ := quantise(q, x)
		isNaN(t, d, name)
		require.Equal(t, []int8{0, 0, 0, 0}, q, name)
	}
	d, _ = quantise(q, []float32{0x1p-140, 0, -0x1p-149, 0x1p-101})
	equal(t, float32(0), d, "1/d would overflow")
	require.Equal(t, []int8{0, 0, 0, 0}, q)
	for _, v := range random(1, 4000) {
		quantise(q, []float32{v, v * 1e-3, 0x1p100, -0x1p100})
	}
}

// TestFunctionsOfManyElements compares what is computed many at a time with the same done one by one.
func TestFunctionsOfManyElements(t *testing.T) {
	t.Parallel()

	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	x := []float32{0, float32(math.Copysign(0, -1)), inf, -inf, nan, 89, 88.9, 88.7, -87.4, -103.9, -104, -104.1, 1e30, -1e30, 0x1p-149}
	for v := float32(-105); v < 90; v += 0.00173 {
		x = append(x, v)
	}
	got := append([]float32(nil), x...)
	exps(got, 0)
	for i, v := range x {
		if v != v {
			isNaN(t, got[i])
			continue
		}
		equal(t, Exp(v), got[i], "exp %v", v)
	}
	for n := range 9 {
		part := append([]float32(nil), x[:n]...)
		exps(part, 0)
		require.Equal(t, fmt.Sprint(got[:n]), fmt.Sprint(part))
	}

	one, all := make([]int8, 256), make([]int8, 256)
	for seed := range uint64(200) {
		x := random(seed, 256)
		x[seed] = float32(math.Ldexp(float64(x[seed]), int(seed)-140))
		most := math.Float32frombits(topBits(x))
		equal(t, max(slices.Max(x), -slices.Min(x)), most)
		sum := scale(all, x, 127/most)
		for i := range x {
			sum -= scale(one[i:i+1], x[i:i+1], 127/most)
		}
		require.Zero(t, sum)
		require.Equal(t, one, all)
	}
}

func TestRotationAndNorm(t *testing.T) {
	t.Parallel()

	r := NewRotation(8, 10000)
	cs := make([]float32, 8)
	r.Table(cs, 511)
	x := random(2, 10)
	y := append([]float32(nil), x...)
	Rotate(y, cs)
	for i := 0; i < 8; i += 2 {
		a := 511 * math.Pow(10000, -float64(i)/8)
		require.InDelta(t, float64(x[i])*math.Cos(a)-float64(x[i+1])*math.Sin(a), y[i], 1e-6)
		require.InDelta(t, float64(x[i])*math.Sin(a)+float64(x[i+1])*math.Cos(a), y[i+1], 1e-6)
	}
	require.Equal(t, x[8:], y[8:], "the rest of a head is not turned")

	norm := make([]float32, 10)
	RMSNorm(norm, x, random(3, 10), 0.5)
	mean := 0.0
	for _, v := range x {
		mean += float64(v) * float64(v) / 10
	}
	for i, w := range random(3, 10) {
		require.InDelta(t, float64(x[i])/math.Sqrt(mean+0.5)*float64(w), norm[i], 1e-6)
	}
}

func TestSoftMaxAndSwiGLU(t *testing.T) {
	t.Parallel()

	x := []float32{1, 3, -200, 2}
	f := SoftMax(x)
	total := math.Exp(-2) + 1 + math.Exp(-1)
	require.InDelta(t, 1/total, f, 1e-7)
	require.InDeltaSlice(t, []float64{math.Exp(-2), 1, 0, math.Exp(-1)}, []float64{float64(x[0]), float64(x[1]), float64(x[2]), float64(x[3])}, 1e-7)

	out := make([]float32, 4)
	SwiGLU(out, []float32{0, 1, -200, 200}, []float32{5, 2, 3, 4})
	require.InDelta(t, 0, out[0], 0)
	require.InDelta(t, 2/(1+math.Exp(-1)), out[1], 1e-6)
	require.InDelta(t, 0, out[2], 1e-30)
	require.InDelta(t, 800, out[3], 1e-4)
}
