package kernel

import (
	"encoding/binary"
	"unsafe"
)

// Products without assembly take four weights at a time: w0 + w1 B + w2 B^2 + w3 B^3 times x3 + x2 B + x1 B^2 + x0 B^3 has
// w0 x0 + w1 x1 + w2 x2 + w3 x3 before B^3. With B = 2^16 that are the highest 16 bits of a 64-bit product, as long as no
// such sum leaves 16 bits: four weights of 6 bits, 16 of 4 bits. Weights are made unsigned for that, and eight bits are taken
// as twice four. What is negative borrows from above, and gives back when half of B^3 is added before the shift.

const (
	evenBytes = 0x00ff00ff00ff00ff
	lowHalves = 0x0f0f0f0f0f0f0f0f
	highBits  = 0x8080808080808080
	eachByte  = 0x0101010101010101
)

// bytesOf returns the memory of q.
func bytesOf(q []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(q))), len(q)) //nolint:gosec // the same memory
}

// elementWords sets words to the polynomials of x: of eight elements, the even ones and then the odd ones.
func elementWords(words []uint64, x []int8) {
	for i := range len(x) / 8 {
		x := (*[8]int8)(x[8*i:])
		words[2*i] = uint64(int64(x[0])<<48 + int64(x[2])<<32 + int64(x[4])<<16 + int64(x[6]))
		words[2*i+1] = uint64(int64(x[1])<<48 + int64(x[3])<<32 + int64(x[5])<<16 + int64(x[7]))
	}
}

// top is the sum before B^3.
func top(p uint64) int32 { return int32(int64(p+1<<47) >> 48) }

// unsigned adds least to each byte of eight weights.
func unsigned(q []byte, least uint64) uint64 {
	a := binary.LittleEndian.Uint64(q)
	return (a&^highBits + least*eachByte) ^ a&highBits
}

func wordPairs(w, even, odd uint64) uint64 { return (w&evenBytes)*even + (w>>8&evenBytes)*odd }

// wordSums sets sums to the products of 16 weights and elements each, with least added to the weights, which are of so many
// bits then.
func wordSums(sums []int32, q []byte, x []uint64, bits int, least uint64) {
	q, x = q[:16*len(sums)], x[:4*len(sums)]
	switch bits {
	case 4:
		wordSums4(sums, q, x, least)
	case 8:
		wordSums8(sums, q, x)
	default:
		for i := range sums {
			q, x := (*[16]byte)(q[16*i:]), (*[4]uint64)(x[4*i:])
			a, b := unsigned(q[:8], least), unsigned(q[8:], least)
			sums[i] = top((a&evenBytes)*x[0]) + top((a>>8&evenBytes)*x[1]) + top((b&evenBytes)*x[2]) + top((b>>8&evenBytes)*x[3])
		}
	}
}

func wordSums4(sums []int32, q []byte, x []uint64, least uint64) {
	for i := range sums {
		q, x := (*[16]byte)(q[16*i:]), (*[4]uint64)(x[4*i:])
		sums[i] = top(wordPairs(unsigned(q[:8], least), x[0], x[1]) + wordPairs(unsigned(q[8:], least), x[2], x[3]))
	}
}

func wordSums8(sums []int32, q []byte, x []uint64) {
	for i := range sums {
		q, x := (*[16]byte)(q[16*i:]), (*[4]uint64)(x[4*i:])
		a, b := binary.LittleEndian.Uint64(q[:8])^highBits, binary.LittleEndian.Uint64(q[8:])^highBits
		low := wordPairs(a&lowHalves, x[0], x[1]) + wordPairs(b&lowHalves, x[2], x[3])
		high := wordPairs(a>>4&lowHalves, x[0], x[1]) + wordPairs(b>>4&lowHalves, x[2], x[3])
		sums[i] = top(low) + top(high)<<4
	}
}

// mulWords is Mul for quantised weights without assembly.
func (m *Matrix) mulWords(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	if need := n * m.Cols / 4; len(s.words) < need {
		s.words = make([]uint64, need)
	}
	if need := m.Cols / 16; len(s.sums) < need {
		s.sums = make([]int32, need)
	}
	q := x.b256.q
	if m.format.form == Blocks32 {
		q = x.b32.q
	}
	elementWords(s.words, q[:n*m.Cols])
	c := &s.codes
	for r := lo; r < hi; r++ {
		m.format.decodeRow(c, m.data[r*m.stride:][:m.stride], m.Cols)
		for t := range n {
			dst[t*m.Rows+r] = m.format.dotWords(c, x, t, s.words[t*m.Cols/4:][:m.Cols/4], s.sums[:m.Cols/16])
		}
	}
}

// dotWords is the product of a row and vector t, of which words are the polynomials; sums is memory.
func (f *format) dotWords(c *codes, x *Vectors, t int, words []uint64, sums []int32) float32 {
	wordSums(sums, bytesOf(c.q), words, f.bits, uint64(f.least))
	if f.form == Blocks32 {
		return f.words32(c, x.b32.block[t*x.Len/32:][:x.Len/32], sums)
	}
	return f.words256(c, x.b256.block[t*x.Len/256:][:x.Len/256], sums)
}

func (f *format) words32(c *codes, block []block32, sums []int32) float32 {
	acc := float32(0)
	sums, s := sums[:2*len(block)], c.s[:len(block)]
	for b := range block {
		y := &block[b]
		isum := sums[2*b] + sums[2*b+1] - int32(f.least)*int32(y.sum)
		acc = fma(float32(s[b]*y.d), float32(isum), acc)
		if f.minima {
			acc = fma(float32(c.m[b]*y.d), y.sum, acc)
		}
	}
	return acc
}

func (f *format) words256(c *codes, block []block256, sums []int32) float32 {
	acc := float32(0)
	for b := range block {
		y, part := &block[b], (*[16]int32)(sums[16*b:])
		t := float32(0)
		if f.sub == 16 {
			for i, isum := range part {
				t = f.addTo(t, c, 16*b+i, isum, y.sum16[i])
			}
		} else {
			for i, sum := range y.sum32 {
				t = f.addTo(t, c, 8*b+i, part[2*i]+part[2*i+1], sum)
			}
		}
		acc = fma(y.d, t, acc)
	}
	return acc
}

// addTo adds to t block at of a row, whose product with the vector is isum but for what least added.
func (f *format) addTo(t float32, c *codes, at int, isum int32, sum float32) float32 {
	t = fma(c.s[at], float32(isum-int32(f.least)*int32(sum)), t)
	if f.minima {
		t = fma(-c.m[at], sum, t)
	}
	return t
}
