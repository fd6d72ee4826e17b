package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// elementwise are the functions of vectors: each takes three vectors and changes the first.
var elementwise = map[string]func(x, y, z []float32){
	"exps":    func(x, _, _ []float32) { exps(x, 0.25) },
	"softmax": func(x, _, _ []float32) { x[0] = SoftMax(x) },
	"softcap": func(x, _, _ []float32) { SoftCap(x, 1.5) },
	"rmsnorm": func(x, y, z []float32) { RMSNorm(x, y, z, 1e-6) },
	"swiglu":  SwiGLU,
	"geglu":   GeGLU,
	"rotate":  func(x, y, _ []float32) { Rotate(x, y[:len(y)&^1]) },
	"halves":  func(x, y, _ []float32) { RotateHalves(x, y[:len(y)&^1]) },
	"half":    func(x, y, _ []float32) { roundAll(x, y, use.roundHalf, roundHalf) },
	"brain":   func(x, y, _ []float32) { roundAll(x, y, use.roundBrain, roundBrain) },
	"add":     func(x, y, _ []float32) { Add(x, y) },
	"scale":   func(x, y, _ []float32) { Scale(x, y[0]) },
}

// checkElementwise compares bits with those without assembly, for vectors that begin shift floats into their memory.
func checkElementwise(t *testing.T, name string, r *rand.Rand, n, shift int, stretch float32) {
	t.Helper()
	numbers := wild
	if n%2 == 0 {
		numbers = mild
	}
	x, y, z := numbers(r, n+shift)[shift:], numbers(r, n+shift)[shift:], numbers(r, n+shift)[shift:]
	for i := range y {
		x[i] = float32(x[i] * stretch)
		y[i] = float32(y[i] * stretch)
	}
	f := elementwise[name]
	want := onGo(func() []float32 {
		x := append([]float32(nil), x...)
		f(x, y, z)
		return x
	})
	f(x, y, z)
	sameFloats(t, want, x, name, n)
}

func TestElementsEqualTheirDefinition(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		for name := range elementwise {
			r := rand.New(rand.NewPCG(7, 7))
			for n := 1; n < 150; n++ {
				checkElementwise(t, name, r, n, n%7, []float32{1, 40, 1e-3}[n%3])
			}
		}
	})
}

func FuzzElements(f *testing.F) {
	f.Add(uint64(1), uint16(40), uint8(1), float32(30))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, shift uint8, stretch float32) {
		for name := range elementwise {
			atLevel(seed, func() {
				checkElementwise(t, name, rand.New(rand.NewPCG(seed, 0)), int(n%600)+1, int(shift%16), stretch)
			})
		}
	})
}

func TestElementsAreAccurate(t *testing.T) {
	t.Parallel()

	one, up, out := []float32{0}, []float32{1}, []float32{0}
	for x := -30.0; x < 30; x += 0.00373 {
		one[0] = float32(x)
		v := float64(one[0])
		SwiGLU(out, one, up)
		require.InDelta(t, v/(1+math.Exp(-v)), out[0], 3e-7*math.Abs(v), "silu %v", v)
		GeGLU(out, one, up)
		u := math.Sqrt(2/math.Pi) * (v + 0.044715*v*v*v)
		gelu := v / 2 * (1 + math.Tanh(u))
		require.InDelta(t, gelu, out[0], 3e-7*math.Abs(v), "gelu %v", v)
		if v < -1 && v > -5 { // where 1 + tanh cancels, the result is still exact to some units
			require.InEpsilon(t, v/(1+math.Exp(-2*u)), out[0], 1e-4, "gelu %v", v)
		}
		SoftCap(one, 2.5)
		require.InEpsilon(t, 2.5*math.Tanh(v/2.5)+1e-30, float64(one[0])+1e-30, 1e-7, "cap %v", v)
	}
	out[0] = 1e30
	SoftCap(out, 30)
	equal(t, 30, out[0])
	out[0] = float32(math.Inf(-1))
	SoftCap(out, 30)
	equal(t, -30, out[0])
	out[0] = float32(math.NaN())
	SoftCap(out, 30)
	isNaN(t, out[0])
}

func TestSoftMaxIsAccurate(t *testing.T) {
	t.Parallel()

	for n := 1; n < 700; n += 23 {
		x := random(uint64(n), n)
		top, total := math.Inf(-1), 0.0
		for _, v := range x {
			top = max(top, float64(v))
		}
		e := make([]float64, n)
		for i, v := range x {
			e[i] = math.Exp(float64(v) - top)
			total += e[i]
		}
		f := SoftMax(x)
		for i := range x {
			require.InDelta(t, e[i]/total, float64(x[i])*float64(f), 1e-6*e[i]/total)
		}
	}
}

func TestRotateHalves(t *testing.T) {
	t.Parallel()

	cs, x, pairs := make([]float32, 8), random(2, 10), make([]float32, 8)
	NewRotation(8, 10000).Table(cs, 77)
	for i := range 4 {
		pairs[2*i], pairs[2*i+1] = x[i], x[4+i]
	}
	rest := append([]float32(nil), x[8:]...)
	Rotate(pairs, cs)
	RotateHalves(x, cs)
	for i := range 4 {
		equal(t, pairs[2*i], x[i])
		equal(t, pairs[2*i+1], x[4+i])
	}
	require.Equal(t, rest, x[8:])
}

// TestRoundingEqualsItsDefinition takes every exponent, and every place of the fraction that rounding looks at.
func TestRoundingEqualsItsDefinition(t *testing.T) { //nolint:paralleltest // changes the package
	x := make([]float32, 0, 1<<19)
	for top := range uint32(1 << 13) {
		for _, low := range []uint32{0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x3000, 0x7fff, 0x8000, 0x8001, 0xffff} {
			x = append(x, math.Float32frombits(top<<19|low), math.Float32frombits(top<<19|1<<16|low))
		}
	}
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		got, want := make([]float32, len(x)), make([]float32, len(x))
		roundAll(got, x, use.roundHalf, roundHalf)
		roundAll(want, x, nil, roundHalf)
		sameFloats(t, want, got, "half")
		roundAll(got, x, use.roundBrain, roundBrain)
		roundAll(want, x, nil, roundBrain)
		sameFloats(t, want, got, "brain")
	})
}

func TestRoundBrainGoesToTheNearestEven(t *testing.T) {
	t.Parallel()

	f := math.Float32frombits
	for b := range uint32(0x7f7f) {
		even := b + b&1
		equal(t, f(even<<16), roundBrain(f(b<<16|0x8000)), "%04x", b)
		equal(t, f(b<<16), roundBrain(f(b<<16|0x7fff)), "%04x", b)
		equal(t, -f((b+1)<<16), roundBrain(-f(b<<16|0x8001)), "%04x", b)
	}
	require.True(t, math.IsInf(float64(roundBrain(math.MaxFloat32)), 1))
	isNaN(t, roundBrain(f(0x7f800001)))
}
