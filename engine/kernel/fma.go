package kernel

import "math"

const (
	fmaNormal = (1023 - 126) << 52 // the bits of the least normal float32
	fmaBelow  = 1<<29 - 1          // the bits of a float64 that a float32 lacks
	fmaMiddle = 1 << 28
)

// fma returns a*b+c rounded once to a float32, as machines with a fused multiply-add do.
//
// A product of two float32 is exact in float64, and rounding the sum to float64 and then to float32 goes wrong only where
// the float64 is a midpoint of two float32. There, and where float32 are subnormal, the float64 is rounded to odd instead,
// which tells the second rounding on which side of the midpoint the sum lies (S. Boldo, G. Melquiond, "Emulation of a FMA and
// correctly rounded sums: proved algorithms using rounding to odd", 2008).
func fma(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	s := p + float64(c)
	bits := math.Float64bits(s)
	if bits&fmaBelow != fmaMiddle && bits&^(1<<63) >= fmaNormal {
		return float32(s)
	}
	return fmaOdd(p, float64(c), s)
}

// fmaOdd returns p+c rounded to a float32; s is p+c rounded to a float64.
func fmaOdd(p, c, s float64) float32 {
	d := s - p
	e := (p - (s - d)) + (c - d) // what s lacks
	if bits := math.Float64bits(s); bits&1 == 0 && (e > 0 || e < 0) {
		if (e > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// fmaLanes is s[l] = fma(x[l], y[l], s[l]), written out since a call costs more than it does.
func fmaLanes(s, x, y *[lanes]float32) {
	for l, v := range x {
		p, c := float64(float64(v)*float64(y[l])), float64(s[l])
		sum := p + c
		bits := math.Float64bits(sum)
		if bits&fmaBelow != fmaMiddle && bits&^(1<<63) >= fmaNormal {
			s[l] = float32(sum)
		} else {
			s[l] = fmaOdd(p, c, sum)
		}
	}
}
