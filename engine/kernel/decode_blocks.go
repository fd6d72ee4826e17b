package kernel

import (
	"encoding/binary"
	"math"
)

// The types in blocks of 32 weights. Sources: the structures block_q8_0, block_q4_0, block_q4_1, block_q5_0, block_q5_1,
// block_iq4_nl and block_mxfp4 of the GGUF format, named in each comment.

func halfAt(b []byte) float32 { return half(binary.LittleEndian.Uint16(b)) }

// decodeQ8: a half float and 32 signed bytes.
func decodeQ8(q []int8, s, _ []float32, row []byte) {
	out := bytesOf(q)
	for b := range s {
		blk := (*[34]byte)(row[34*b:])
		s[b] = halfAt(blk[:])
		*(*[32]byte)(out[32*b:]) = *(*[32]byte)(blk[2:])
	}
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

// nibbles16 is nibbles of 16 bytes.
func nibbles16(q []int8, bytes *[16]byte, bias uint64) {
	out := (*[32]byte)(bytesOf(q))
	a, b := binary.LittleEndian.Uint64(bytes[:8]), binary.LittleEndian.Uint64(bytes[8:])
	binary.LittleEndian.PutUint64(out[:8], less(a&lowHalves, bias))
	binary.LittleEndian.PutUint64(out[8:], less(b&lowHalves, bias))
	binary.LittleEndian.PutUint64(out[16:], less(a>>4&lowHalves, bias))
	binary.LittleEndian.PutUint64(out[24:], less(b>>4&lowHalves, bias))
}

// decodeQ4: a half float and 16 bytes of two weights from -8, low halves first.
func decodeQ4(q []int8, s, _ []float32, row []byte) {
	for b := range s {
		blk := (*[18]byte)(row[18*b:])
		s[b] = halfAt(blk[:])
		nibbles16(q[32*b:][:32], (*[16]byte)(blk[2:]), 8)
	}
}

// decodeQ4Min: two half floats, scale and minimum, and 16 bytes of two weights from 0.
func decodeQ4Min(q []int8, s, m []float32, row []byte) {
	for b := range s {
		blk := (*[20]byte)(row[20*b:])
		s[b], m[b] = halfAt(blk[:]), halfAt(blk[2:])
		nibbles16(q[32*b:][:32], (*[16]byte)(blk[4:]), 0)
	}
}

// addBits adds 16 to each q, which is from 0 to 15, if the bit of its place is set, and takes bias off.
func addBits(q []int8, bits uint32, bias uint64) {
	out := bytesOf(q)
	for i := range 4 {
		// Each byte of eight keeps one of their bits; what is not 0 then reaches the highest bit by adding 127.
		spread := uint64(bits>>(8*i)&0xff) * eachByte & 0x8040201008040201
		high := (spread + 0x7f*eachByte | spread) & highBits >> 3
		binary.LittleEndian.PutUint64(out[8*i:], less(binary.LittleEndian.Uint64(out[8*i:])|high, bias))
	}
}

// decodeQ5: a half float, 32 fifth bits, and 16 bytes as in Q4_0; weights from -16.
func decodeQ5(q []int8, s, _ []float32, row []byte) {
	for b := range s {
		blk, q := (*[22]byte)(row[22*b:]), q[32*b:][:32]
		s[b] = halfAt(blk[:])
		nibbles16(q, (*[16]byte)(blk[6:]), 0)
		addBits(q, binary.LittleEndian.Uint32(blk[2:]), 16)
	}
}

// decodeQ5Min: scale and minimum, 32 fifth bits, and 16 bytes as in Q4_1; weights from 0.
func decodeQ5Min(q []int8, s, m []float32, row []byte) {
	for b := range s {
		blk, q := (*[24]byte)(row[24*b:]), q[32*b:][:32]
		s[b], m[b] = halfAt(blk[:]), halfAt(blk[2:])
		nibbles16(q, (*[16]byte)(blk[8:]), 0)
		addBits(q, binary.LittleEndian.Uint32(blk[4:]), 0)
	}
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
func decodeNL(q []int8, s, _ []float32, row []byte) {
	for b := range s {
		blk := (*[18]byte)(row[18*b:])
		s[b] = halfAt(blk[:])
		lookUp(q[32*b:][:32], blk[2:], &uneven)
	}
}

// decodeMX: a byte e, and 16 bytes of two floats of four bits. The scale is 2^(e-127), halved as the table is doubled.
func decodeMX(q []int8, s, _ []float32, row []byte) {
	for b := range s {
		blk := (*[17]byte)(row[17*b:])
		s[b] = exponent(blk[0])
		lookUp(q[32*b:][:32], blk[1:], &fp4)
	}
}

// exponent returns 2^(e-128).
func exponent(e byte) float32 {
	if e < 2 {
		return math.Float32frombits(1 << (21 + e))
	}
	return math.Float32frombits(uint32(e-1) << 23)
}
