package kernel

import "math"

// roundMagic added to and taken from a float64 of magnitude below 2^51 rounds it to an integer, half to even.
const roundMagic = 0x1.8p52

// Exp returns e to the power of x, within 1 unit in the last place.
func Exp(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > 89:
		return math.Float32frombits(0x7f800000)
	case x < -104:
		return 0
	}
	return float32(exp(float64(x)))
}

// Exps replaces every element of x by its [Exp], several at once where the machine can.
func Exps(x []float32) { exps(x, 0) }

// exps replaces every element x by the [Exp] of x - sub.
func exps(x []float32, sub float32) {
	done := 0
	if use.exps != nil && len(x) >= 4 {
		done = use.exps(&x[0], len(x), sub)
	}
	for i, v := range x[done:] {
		x[done+i] = Exp(v - sub)
	}
}

// exp is e to the power of x for |x| <= 700: x = k ln 2 + r, a polynomial of r by Estrin's scheme, and k put into the exponent.
func exp(x float64) float64 {
	const (
		log2e = 1.44269504088896340736
		ln2Hi = 0x1.62e42fefap-01 // 35 bits, so that k ln2Hi is exact
		ln2Lo = 0x1.cf79abc9e3b39p-40
	)
	k := (float64(x*log2e) + roundMagic) - roundMagic
	r := (x - float64(k*ln2Hi)) - float64(k*ln2Lo)
	r2 := float64(r * r)
	r4 := float64(r2 * r2)
	p01 := 1 + r
	p23 := 1.0/2 + float64(r*(1.0/6))
	p45 := 1.0/24 + float64(r*(1.0/120))
	p67 := 1.0/720 + float64(r*(1.0/5040))
	p89 := 1.0/40320 + float64(r*(1.0/362880))
	low := p01 + float64(r2*p23)
	high := (p45 + float64(r2*p67)) + float64(r4*p89)
	return float64((low + float64(r4*high)) * math.Float64frombits(uint64(1023+int64(k))<<52))
}

// Log is the natural logarithm of x, which is positive, finite and normal: x = 2^e m with m near 1, and
// log m = 2 artanh((m-1)/(m+1)) as a series.
func Log(x float64) float64 {
	const ln2 = 0.693147180559945309417
	b := math.Float64bits(x)
	e := int64(b>>52) - 1023
	m := math.Float64frombits(b&(1<<52-1) | 1023<<52)
	if m > math.Sqrt2 {
		m, e = float64(m*0.5), e+1
	}
	z := (m - 1) / (m + 1)
	z2 := float64(z * z)
	sum := 0.0
	for n := 25; n >= 1; n -= 2 {
		sum = 1/float64(n) + float64(z2*sum)
	}
	return float64(float64(e)*ln2) + float64(float64(2*z)*sum)
}

// sincos returns sine and cosine of x, 0 <= x <= 2^20, to about 1e-12: x = k pi/2 + r, Taylor polynomials of r.
func sincos(x float64) (sin, cos float64) {
	const ( // pi/2 in three parts; k times each of the first two, of 33 bits, is exact
		part1 = 0x1.921fb544p+00
		part2 = 0x1.0b4611a6p-34
		part3 = 0x1.3198a2e037073p-69
	)
	k := (float64(x*(2/math.Pi)) + roundMagic) - roundMagic
	r := ((x - float64(k*part1)) - float64(k*part2)) - float64(k*part3)
	r2 := float64(r * r)
	s, c := 0.0, 0.0
	for n := 17; n >= 3; n -= 2 {
		s = float64(r2*(1-s)) / float64(n*(n-1))
		c = float64(r2*(1-c)) / float64((n-1)*(n-2))
	}
	s, c = float64(r*(1-s)), 1-c
	switch int64(k) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	default:
		return -c, s
	}
}

// half returns the float32 of an IEEE 754 half-precision number; exact.
func half(h uint16) float32 {
	b := uint32(h&0x7fff) << 13
	if h&0x7c00 == 0x7c00 { // infinite, or not a number
		return math.Float32frombits(uint32(h&0x8000)<<16 | 0x7f800000 | b)
	}
	v := float32(math.Float32frombits(b) * 0x1p112)
	return math.Float32frombits(uint32(h&0x8000)<<16 | math.Float32bits(v))
}
