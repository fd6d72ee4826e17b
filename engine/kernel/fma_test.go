package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// exactFMA rounds a*b+c, all finite, once.
func exactFMA(a, b, c float32) float32 {
	f := func(x float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(x)) }
	p := new(big.Float).SetPrec(1000).Mul(f(a), f(b))
	sum := p.Add(p, f(c))
	got, _ := sum.Float32()
	if got == 0 && sum.Sign() == 0 {
		return float32(float64(a)*float64(b) + float64(c)) // the sign of an exact zero
	}
	return got
}

func TestFMAIsRoundedOnce(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(1, 7))
	pick := func(scale int) float32 {
		v := math.Float32frombits(r.Uint32()&0x807fffff | 127<<23)
		if r.IntN(3) == 0 {
			v = float32(r.IntN(9) - 4) // few bits: sums at midpoints
		}
		return float32(math.Ldexp(float64(v), r.IntN(2*scale+1)-scale))
	}
	for i := range 300000 {
		a, b, c := pick(12), pick(12), pick(30)
		switch i % 4 {
		case 1: // results that are subnormal, or round to 0
			a, b, c = pick(20)*0x1p-70, pick(20)*0x1p-70, pick(12)*0x1p-140
		case 2: // results around the largest
			a, b, c = pick(1)*0x1p63, pick(1)*0x1p63, pick(12)*0x1p103
		case 3: // just beside a midpoint: 24 bits, half of the last, and a grain
			a, b, c = 1+float32(r.IntN(1<<22)*2+1)*0x1p-23, 1+0x1p-23*float32(r.IntN(4)), pick(2)*0x1p-60
			if r.IntN(2) == 0 {
				c = float32(math.Ldexp(1, -24+r.IntN(50))) * float32(r.IntN(3)-1)
			}
		}
		equal(t, exactFMA(a, b, c), fma(a, b, c), "%x * %x + %x", a, b, c)
	}
}

func TestFMAOfWhatIsNotFinite(t *testing.T) {
	t.Parallel()

	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	equal(t, inf, fma(inf, 2, -1))
	equal(t, -inf, fma(inf, -2, math.MaxFloat32))
	equal(t, -inf, fma(1, 2, -inf))
	equal(t, inf, fma(math.MaxFloat32, 2, 0))
	isNaN(t, fma(inf, 0, 1))
	isNaN(t, fma(inf, 1, -inf))
	isNaN(t, fma(nan, 1, 1))
	isNaN(t, fma(1, 1, nan))
	equal(t, float32(math.Copysign(0, -1)), fma(float32(math.Copysign(0, -1)), 1, float32(math.Copysign(0, -1))))
	require.Zero(t, fma(3, 2, -6))
}
