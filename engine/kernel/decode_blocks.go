package kernel

import (
	"encoding/binary"
	"math"
)

// The types in blocks of 32 weights. Sources: the structures block_q8_0, block_q4_0, block_q4_1, block_q5_0, block_q5_1,
// block_iq4_nl and block_mxfp4 of the GGUF format, named in each comment.

func halfAt(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) }

// decodeQ8: a half float and 32 signed bytes.
func decodeQ8(q []int8, s, _ []float32, blk []byte) {
	s[0] = halfAt(blk)
	copy(bytesOf(q), blk[2:34])
}

// nibbles sets q to the low halves of the bytes and then to the high halves, less bias; len(bytes) is a multiple of 8.
func nibbles(q []int8, bytes []byte, bias uint64) {
	n := len(bytes)
	low, high := bytesOf(q[:n]), bytesOf(q[n:2*n])
	for i := 0; i+8 <= n; i += 8 {
		c := binary.LittleEndian.Uint64(bytes[i:])
		binary.LittleEndian.PutUint64(low[i:], less(c&lowHalves, bias))
		binary.LittleEndian.PutUint64(high[i:], less(c>>4&lowHalves, bias))
	}
}

// less takes bias from each byte of c; both are below 128.
func less(c, bias uint64) uint64 { return (c | highBits) - bias*eachByte ^ highBits }

// decodeQ4: a half float and 16 bytes of two weights from -8, low halves first.
func decodeQ4(q []int8, s, _ []float32, blk []byte) {
	s[0] = halfAt(blk)
	nibbles(q, blk[2:18], 8)
}

// decodeQ4Min: two half floats, scale and minimum, and 16 bytes of two weights from 0.
func decodeQ4Min(q []int8, s, m []float32, blk []byte) {
	s[0], m[0] = halfAt(blk), halfAt(blk[2:])
	nibbles(q, blk[4:20], 0)
}

// addBits adds to each q the bit of its place, times by.
func addBits(q []int8, bits uint32, by int8) {
	for i := range q {
		q[i] += int8(bits>>i&1) * by
	}
}

// decodeQ5: a half float, 32 fifth bits, and 16 bytes as in Q4_0; weights from -16.
func decodeQ5(q []int8, s, _ []float32, blk []byte) {
	s[0] = halfAt(blk)
	nibbles(q, blk[6:22], 16)
	addBits(q, binary.LittleEndian.Uint32(blk[2:]), 16)
}

// decodeQ5Min: scale and minimum, 32 fifth bits, and 16 bytes as in Q4_1; weights from 0.
func decodeQ5Min(q []int8, s, m []float32, blk []byte) {
	s[0], m[0] = halfAt(blk), halfAt(blk[2:])
	nibbles(q, blk[8:24], 0)
	addBits(q, binary.LittleEndian.Uint32(blk[4:]), 16)
}

// lookUp is nibbles with a table of the values.
func lookUp(q []int8, bytes []byte, table *[16]int8) {
	n := len(bytes)
	low, high := q[:n], q[n:][:n]
	for i, c := range bytes {
		low[i], high[i] = table[c&15], table[c>>4]
	}
}

// uneven are the values of four bits in the types IQ4_NL and IQ4_XS.
var uneven = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// fp4 are twice the values of floats of one sign, two exponent bits and one bit of fraction.
var fp4 = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// decodeNL: as Q4_0, but the four bits are a place in a table.
func decodeNL(q []int8, s, _ []float32, blk []byte) {
	s[0] = halfAt(blk)
	lookUp(q, blk[2:18], &uneven)
}

// decodeMX: a byte e, and 16 bytes of two floats of four bits. The scale is 2^(e-127), halved as the table is doubled.
func decodeMX(q []int8, s, _ []float32, blk []byte) {
	s[0] = exponent(blk[0])
	lookUp(q, blk[1:17], &fp4)
}

// exponent returns 2^(e-128).
func exponent(e byte) float32 {
	if e < 2 {
		return math.Float32frombits(1 << (21 + e))
	}
	return math.Float32frombits(uint32(e-1) << 23)
}
