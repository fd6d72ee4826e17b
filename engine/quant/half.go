package quant

import "math"

const (
	signBit  = 1 << 31
	infinity = 0x7f800000 // the bits of the float32; from here on nothing is finite
)

// toHalf returns x as an IEEE 754 half, half to even; infinite if x is too large for one.
func toHalf(x float32) uint16 {
	b := math.Float32bits(x)
	sign := uint16(b >> 16 & 0x8000)
	b &^= signBit
	switch {
	case b > infinity:
		return sign | 0x7e00
	case b >= 0x47800000: // 65536
		return sign | 0x7c00
	case b < 0x38800000: // below 2^-14 halves are the multiples of 2^-24, as float32 from 1/2 to 1 are
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+0.5)-0x3f000000)
	default:
		return sign | uint16((b+0xfff+b>>13&1)>>13-(127-15)<<10)
	}
}

// fromHalf returns the float32 of an IEEE 754 half; exact.
func fromHalf(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(float32(mantissa)*0x1p-24)))
	case 31:
		return math.Float32frombits(sign | infinity | mantissa<<13)
	default:
		return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
	}
}

// toBfloat returns x, which is a number, as a bfloat16, half to even.
func toBfloat(x float32) uint16 {
	b := math.Float32bits(x)
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// fromBfloat returns the float32 of a bfloat16; exact.
func fromBfloat(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// abs returns the magnitude of x.
func abs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ signBit) }

// nearest rounds v to an integer, half to even, for |v| < 2^22. Beyond, and for what is not a number, it gives what llama.cpp's
// does: the low bits of a sum with 1.5 * 2^23.
func nearest(v float32) int {
	return int(math.Float32bits(v+0x1.8p23)&0x7fffff) - 0x400000
}

// truncate cuts the fraction off v and keeps the low byte of the integer. As on x86-64, an integer that does not fit 32 bits
// and what is not a number gives 0.
func truncate(v float32) uint8 {
	if v > -0x1p31 && v < 0x1p31 {
		return uint8(int32(v))
	}
	return 0
}

// floorLog2 is floor(log2(x)) of a positive finite x, with the logarithm rounded to float32 before it is cut: just below a power of
// two 2^k that gives k.
func floorLog2(x float32) int {
	bits := math.Float64bits(float64(x)) // normal, even if x is not
	k := int(bits>>52) - 1023 + 1
	// Halfway between k and the float32 below it, in units of 2^-24.
	magnitude := k
	if k < 0 {
		magnitude = -k
	}
	half := 0.0
	for p := 1; p <= magnitude; p *= 2 {
		half = float64(p)
	}
	if k > 0 && magnitude&(magnitude-1) == 0 {
		half /= 2 // floats are denser below a power of two
	}
	below := 1 - math.Float64frombits(bits&(1<<52-1)|1022<<52) // x = 2^k (1 - below)
	if float64(float64(below*0x1p24)*(1/math.Ln2)) < half {
		return k
	}
	return k - 1
}
