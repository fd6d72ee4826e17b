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
	Brain     Form = 8 // rounded to bfloat16
)

// Vectors is a batch of equally long vectors with the quantised forms that they are multiplied in.
type Vectors struct {
	Len  int
	Data []float32 // [n][Len]

	half, brain []float32 // [n][Len]

	b32 struct {
		q     []int8    // [n][Len]
		block []block32 // [n][Len/32]
	}
	b256 struct {
		q     []int8     // [n][Len]
		block []block256 // [n][Len/256]
	}
}

// block32 belongs to 32 elements: each is about d times its integer. The offsets are known to assembly.
type block32 struct {
	d    float32  // a half float
	sum  float32  // of the integers
	bias [3]int32 // -128, -16 and -8 times that
}

// block256 belongs to 256 elements, with the sums of every 16 and every 32 of them. The offsets are known to assembly.
type block256 struct {
	d      float32
	bias16 [16]int32 // -32 times sum16
	bias32 [8]int32  // -128 times sum32
	sum16  [16]float32
	sum32  [8]float32
}

// NewVectors returns n vectors of length elements that are 0.
func NewVectors(n, length int, forms Form) *Vectors {
	v := &Vectors{Len: length, Data: make([]float32, n*length)}
	if forms&Half != 0 {
		v.half = make([]float32, n*length)
	}
	if forms&Brain != 0 {
		v.brain = make([]float32, n*length)
	}
	if forms&Blocks32 != 0 {
		v.b32.q, v.b32.block = make([]int8, n*length), make([]block32, n*length/32)
	}
	if forms&Blocks256 != 0 {
		v.b256.q, v.b256.block = make([]int8, n*length), make([]block256, n*length/256)
	}
	return v
}

// Row returns vector i. After writing to it call [Vectors.Quantise].
func (v *Vectors) Row(i int) []float32 { return v.Data[i*v.Len:][:v.Len:v.Len] }

// Quantise brings the quantised forms of vector i up to date.
func (v *Vectors) Quantise(i int) {
	x := v.Row(i)
	if v.half != nil {
		roundAll(v.half[i*v.Len:][:v.Len], x, use.roundHalf, roundHalf)
	}
	if v.brain != nil {
		roundAll(v.brain[i*v.Len:][:v.Len], x, use.roundBrain, roundBrain)
	}
	if v.b32.q != nil {
		n := v.Len / 32
		quantise32(v.b32.block[i*n:][:n], v.b32.q[i*v.Len:][:v.Len], x)
	}
	if v.b256.q != nil {
		n := v.Len / 256
		quantise256(v.b256.block[i*n:][:n], v.b256.q[i*v.Len:][:v.Len], x)
	}
}

// roundAll rounds x by a function for many elements, which may be nil, and one for the rest.
func roundAll(dst, x []float32, many func(dst, x *float32, n int), one func(float32) float32) {
	done := 0
	if many != nil && len(x) >= lanes {
		done = len(x) &^ (lanes - 1)
		many(&dst[0], &x[0], done)
	}
	for j := done; j < len(x); j++ {
		dst[j] = one(x[j])
	}
}

func quantise32(block []block32, q []int8, x []float32) {
	if use.quantise32 != nil && len(block) > 0 {
		use.quantise32(block, q, x)
		return
	}
	for j := range block {
		d, sum := quantise(q[32*j:][:32], x[32*j:][:32])
		block[j] = block32{d: roundHalf(d), sum: float32(sum), bias: [3]int32{-128 * sum, -16 * sum, -8 * sum}}
	}
}

func quantise256(block []block256, q []int8, x []float32) {
	if use.quantise256 != nil && len(block) > 0 {
		use.quantise256(block, q, x)
		return
	}
	for j := range block {
		b, part := &block[j], (*[256]int8)(q[256*j:])
		b.d, _ = quantise(part[:], x[256*j:][:256])
		b.sumUp(part)
	}
}

// sumUp brings the sums up to date.
func (b *block256) sumUp(q *[256]int8) {
	for i := range b.sum16 {
		sum := int32(0)
		for _, c := range q[16*i:][:16] {
			sum += int32(c)
		}
		b.bias16[i], b.sum16[i] = -32*sum, float32(sum)
	}
	for i := range b.sum32 {
		b.bias32[i], b.sum32[i] = 4*(b.bias16[2*i]+b.bias16[2*i+1]), b.sum16[2*i]+b.sum16[2*i+1]
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

// roundBrain rounds x to bfloat16, half to even.
func roundBrain(x float32) float32 {
	b := math.Float32bits(x)
	if b&0x7fffffff > 0x7f800000 { // not a number: rounding could make it infinite
		return x
	}
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}

// floats returns all vectors in a form of floats.
func (v *Vectors) floats(f Form) []float32 {
	switch f {
	case Half:
		return v.half
	case Brain:
		return v.brain
	default:
		return v.Data
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
	if use.topBits != nil && len(x)%32 == 0 && len(x) > 0 {
		return use.topBits(x)
	}
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^(1<<31))
	}
	return top
}

// scale sets q to x times inv, rounded half to even, and returns the sum of q.
func scale(q []int8, x []float32, inv float32) int32 {
	if use.scale != nil && len(x)%32 == 0 && len(x) > 0 {
		return use.scale(q, x, inv)
	}
	const magic = 0x1.8p23 // the low bits of x + magic are x rounded to an integer
	sum := int32(0)
	for i, v := range x {
		q[i] = int8(math.Float32bits(float32(v*inv) + magic))
		sum += int32(q[i])
	}
	return sum
}
