package kernel

import "math"

// Form is how a vector has to be stored for a product with a matrix. Forms are bits: a vector can have several. Which type of
// weights takes which form is what other engines do too, so that outputs can be compared with theirs.
type Form uint8

// The forms of a vector. Float is always there.
const (
	Float     Form = 0
	Blocks32  Form = 1 // 8-bit integers with one scale for 32 elements, a half float
	Blocks256 Form = 2 // 8-bit integers with one scale for 256 elements
	Half      Form = 4 // rounded to half floats
)

// Vectors is a batch of equally long vectors with the quantised forms that they are multiplied in.
type Vectors struct {
	Len  int
	Data []float32 // [n][Len]

	half      []float32 // [n][Len]
	b32, b256 *blocks
}

// blocks is a quantised batch: element i of a block is d times q.
type blocks struct {
	q    []int8    // [n][Len]; of blocks of 256, each 32 elements lie in the order of shuffle
	d    []float32 // [n][Len/block]
	sums []int32   // [n][Len/32]: sum of q over 32 elements; blocks of 256 only
	bias []int32   // [n][Len/32]: -128 times that; blocks of 32 only
}

// NewVectors returns n vectors of length elements that are 0.
func NewVectors(n, length int, forms Form) *Vectors {
	v := &Vectors{Len: length, Data: make([]float32, n*length)}
	if forms&Half != 0 {
		v.half = make([]float32, n*length)
	}
	if forms&Blocks32 != 0 {
		v.b32 = &blocks{q: make([]int8, n*length), d: make([]float32, n*length/32), bias: make([]int32, n*length/32)}
	}
	if forms&Blocks256 != 0 {
		v.b256 = &blocks{q: make([]int8, n*length), d: make([]float32, n*length/256), sums: make([]int32, n*length/32)}
	}
	return v
}

// Row returns vector i. After writing to it call [Vectors.Quantise].
func (v *Vectors) Row(i int) []float32 { return v.Data[i*v.Len:][:v.Len:v.Len] }

// Quantise brings the quantised forms of vector i up to date.
func (v *Vectors) Quantise(i int) {
	x := v.Row(i)
	if v.half != nil {
		h := v.half[i*v.Len:][:v.Len]
		for j := range h {
			h[j] = roundHalf(x[j])
		}
	}
	if b := v.b32; b != nil {
		q, d, bias := b.q[i*v.Len:][:v.Len], b.d[i*v.Len/32:][:v.Len/32], b.bias[i*v.Len/32:][:v.Len/32]
		for j := range d {
			f, total := quantise(q[32*j:][:32], x[32*j:][:32])
			d[j], bias[j] = roundHalf(f), -128*total
		}
	}
	if b := v.b256; b != nil {
		q, d, sums := b.q[i*v.Len:][:v.Len], b.d[i*v.Len/256:][:v.Len/256], b.sums[i*v.Len/32:][:v.Len/32]
		for j := range d {
			d[j], _ = quantise(q[256*j:][:256], x[256*j:][:256])
		}
		for j := range sums {
			sums[j] = 0
			for _, c := range q[32*j:][:32] {
				sums[j] += int32(c)
			}
		}
		for j := 0; j+32 <= len(q); j += 32 {
			shuffle((*[32]int8)(q[j:]))
		}
	}
}

// roundHalf rounds x to the precision of a half float, half to even, but keeps the range of a float32.
func roundHalf(x float32) float32 {
	b := math.Float32bits(x)
	sign := b & (1 << 31)
	b ^= sign
	switch {
	case b >= 0x7f800000: // not finite
		return x
	case b < 0x38800000: // below 2^-14 half floats are multiples of 2^-24, as the float32 are from 1/2 on
		b = math.Float32bits((math.Float32frombits(b) + 0.5) - 0.5)
	default:
		b = (b + 0xfff + b>>13&1) &^ 0x1fff
	}
	return math.Float32frombits(b | sign)
}

// shuffle puts the even elements before the odd ones, the order in which unpacked weights lie.
func shuffle(q *[32]int8) {
	old := *q
	for i := range 16 {
		q[i], q[16+i] = old[2*i], old[2*i+1]
	}
}

// quantise sets q to x/d rounded half to even, |q| <= 127, and returns d and the sum of q. A block with an element that is
// not finite becomes not a number as a whole, a block of tiny elements 0.
func quantise(q []int8, x []float32) (d float32, sum int32) {
	top := topBits(x)
	most := math.Float32frombits(top)
	switch {
	case top >= 0x7f800000:
		clear(q)
		return math.Float32frombits(0x7fc00000), 0
	case most < 0x1p-100:
		clear(q)
		return 0, 0
	}
	return most / 127, scale(q[:len(x)], x, 127/most)
}

// topBits returns the bits of the largest magnitude: those of non-negative floats are ordered like the floats.
func topBits(x []float32) uint32 {
	if len(x)%32 == 0 {
		if top, ok := topBitsFast(x); ok {
			return top
		}
	}
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	return top
}

// scale sets q to x times inv, rounded half to even, and returns the sum of q.
func scale(q []int8, x []float32, inv float32) int32 {
	if len(x)%32 == 0 {
		if sum, ok := scaleFast(q, x, inv); ok {
			return sum
		}
	}
	const magic = 0x1.8p23 // the low bits of x + magic are x rounded to an integer
	sum := int32(0)
	for i, v := range x {
		q[i] = int8(math.Float32bits(float32(v*inv) + magic))
		sum += int32(q[i])
	}
	return sum
}
