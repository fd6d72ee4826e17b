package kernel

import "encoding/binary"

// The types in super-blocks of 256 weights, with an integer scale for every 16 or 32 of them. Sources: the structures
// block_q2_K to block_q6_K and block_iq4_xs of the GGUF format, named in each comment.

// crumbs sets q to the two bits of each byte from shift on.
func crumbs(q []int8, bytes []byte, shift int) {
	out := bytesOf(q)
	for i := 0; i+8 <= len(bytes); i += 8 {
		binary.LittleEndian.PutUint64(out[i:], binary.LittleEndian.Uint64(bytes[i:])>>shift&(3*eachByte))
	}
}

// addHigh puts the bits of each byte that mask leaves after shift above the up bits of q, and takes bias off.
func addHigh(q []int8, bytes []byte, shift int, mask uint64, up int, bias uint64) {
	out := bytesOf(q)
	for i := 0; i+8 <= len(bytes); i += 8 {
		high := binary.LittleEndian.Uint64(bytes[i:]) >> shift & (mask * eachByte) << up
		binary.LittleEndian.PutUint64(out[i:], less(binary.LittleEndian.Uint64(out[i:])|high, bias))
	}
}

// decodeQ2K: 16 bytes of a 4-bit scale and a 4-bit minimum above it, 64 bytes of four weights, half floats d and dmin.
// Of 32 bytes the lowest two bits are 32 weights, the next two the next 32.
func decodeQ2K(q []int8, s, m []float32, blk []byte) {
	d, low := halfAt(blk[80:]), halfAt(blk[82:])
	for i, c := range blk[:16] {
		s[i], m[i] = float32(d*float32(c&15)), float32(low*float32(c>>4))
	}
	for j := range 8 {
		crumbs(q[32*j:][:32], blk[16+32*(j/4):][:32], 2*(j%4))
	}
}

// decodeQ3K: 32 bytes of third bits, 64 bytes of two-bit weights as in Q2_K, 12 bytes of sixteen 6-bit scales from -32, a
// half float. Bit j of the third bits' byte i belongs to weight 32*j+i, and where it is 0 the weight is 4 less.
func decodeQ3K(q []int8, s, _ []float32, blk []byte) {
	d := halfAt(blk[108:])
	for i, c := range scalesQ3K((*[12]byte)(blk[96:])) {
		s[i] = float32(d * float32(c))
	}
	for j := range 8 {
		crumbs(q[32*j:][:32], blk[32+32*(j/4):][:32], 2*(j%4))
		addHigh(q[32*j:][:32], blk[:32], j, 1, 2, 4)
	}
}

// scalesQ3K: eight bytes have the low four bits, of the scales 0 to 7 in their low halves and 8 to 15 in the high ones;
// four bytes have the high two bits, of the scales i, i+4, i+8 and i+12 from the lowest on.
func scalesQ3K(b *[12]byte) (s [16]int8) {
	for i := range s {
		low := b[i%8] >> (4 * (i / 8)) & 15
		high := b[8+i%4] >> (2 * (i / 4)) & 3
		s[i] = int8(low|high<<4) - 32
	}
	return s
}

// scalesQ4K sets scales and minima of the types Q4_K and Q5_K, which have half floats d and dmin and, in 12 bytes, eight
// 6-bit scales and eight 6-bit minima: the first four of each are in the low six bits of bytes 0 to 7; the others have their
// low four bits in bytes 8 to 11, scales below minima, and their high two bits above the first four.
func scalesQ4K(s, m []float32, blk []byte) {
	const low6, low4, top2 = 0x3f3f3f3f, 0x0f0f0f0f, 0x03030303
	d, low := halfAt(blk), halfAt(blk[2:])
	a, b, c := binary.LittleEndian.Uint32(blk[4:]), binary.LittleEndian.Uint32(blk[8:]), binary.LittleEndian.Uint32(blk[12:])
	scales := uint64(a&low6) | uint64(c&low4|(a>>6&top2)<<4)<<32
	minima := uint64(b&low6) | uint64(c>>4&low4|(b>>6&top2)<<4)<<32
	for i := range 8 {
		s[i] = float32(d * float32(scales>>(8*i)&0xff))
		m[i] = float32(low * float32(minima>>(8*i)&0xff))
	}
}

// decodeQ4K: scales, and 128 bytes of two weights from 0. Of 32 bytes the low halves are 32 weights, the high ones the next.
func decodeQ4K(q []int8, s, m []float32, blk []byte) {
	scalesQ4K(s, m, blk)
	for j := range 4 {
		nibbles(q[64*j:][:64], blk[16+32*j:][:32], 0)
	}
}

// decodeQ5K: scales, 32 bytes of fifth bits as the third bits of Q3_K, 128 bytes as in Q4_K.
func decodeQ5K(q []int8, s, m []float32, blk []byte) {
	scalesQ4K(s, m, blk)
	for j := range 4 {
		nibbles(q[64*j:][:64], blk[48+32*j:][:32], 0)
	}
	for j := range 8 {
		addHigh(q[32*j:][:32], blk[16:48], j, 1, 4, 0)
	}
}

// decodeQ6K: 128 bytes of low four bits, 64 bytes of high two bits, sixteen signed 8-bit scales, a half float; weights from
// -32. Of 64 bytes the low halves are 64 weights, the high ones the next 64; 32 bytes of high bits are as in Q2_K.
func decodeQ6K(q []int8, s, _ []float32, blk []byte) {
	d := halfAt(blk[208:])
	for i, c := range blk[192:208] {
		s[i] = float32(d * float32(int8(c)))
	}
	for n := range 2 {
		nibbles(q[128*n:][:128], blk[64*n:][:64], 0)
	}
	for j := range 8 {
		addHigh(q[32*j:][:32], blk[128+32*(j/4):][:32], 2*(j%4), 3, 4, 32)
	}
}

// decodeXS: a half float, eight times two high bits of a scale, eight times its four low bits, and 128 bytes: of 16 the low
// halves are the places in a table of 16 weights, the high ones of the next 16. Scales are from -32.
func decodeXS(q []int8, s, _ []float32, blk []byte) {
	d, high := halfAt(blk), binary.LittleEndian.Uint16(blk[2:])
	for j := range 8 {
		scale := int(blk[4+j/2]>>(4*(j%2))&15) | int(high>>(2*j)&3)<<4
		s[j] = float32(d * float32(scale-32))
		lookUp(q[32*j:][:32], blk[8+16*j:][:16], &uneven)
	}
}
