package kernel

import "encoding/binary"

// A row of K-quantised weights is unpacked into 16-bit integers, block scale already multiplied in, four of them in a
// uint64. Of each 32 weights the even ones lie in the first four uint64 and the odd ones in the others, as masks find them.
const (
	evenBytes = 0x00ff00ff00ff00ff
	ones16    = 0x0001000100010001
	high16    = 0x8000800080008000
	nibbles   = 0x0f0f0f0f0f0f0f0f
	pairs     = 0x0303030303030303
)

// unpacked is one row of weights: weight i of super-block b is d[b] times its integer, less low[b] times the minimum of its
// 32 elements. Only Q4_K has minima.
type unpacked struct {
	w      []uint64 // [blocks][64]
	d, low []float32
	minima []int32 // [blocks][8]
}

// row returns the part of u for row i of those of cols weights.
func (u *unpacked) row(i, cols int) unpacked {
	n := cols / 256
	return unpacked{w: u.w[64*n*i:][:64*n], d: u.d[n*i:][:n], low: u.low[n*i:][:n], minima: u.minima[8*n*i:][:8*n]}
}

// unpackQ4K unpacks a row. Source: block_q4_K of the GGUF format: two half floats, twelve bytes with eight 6-bit scales and
// eight 6-bit minima, 128 bytes with two 4-bit weights each.
func unpackQ4K(u *unpacked, row []byte) {
	for b := range u.d {
		blk := (*[144]byte)(row[144*b:])
		u.d[b] = half(binary.LittleEndian.Uint16(blk[0:]))
		u.low[b] = half(binary.LittleEndian.Uint16(blk[2:]))
		scales, minima := scalesQ4K((*[12]byte)(blk[4:]))
		m := (*[8]int32)(u.minima[8*b:])
		w := (*[64]uint64)(u.w[64*b:])
		for j := range 8 {
			m[j] = int32(minima >> (8 * j) & 0xff)
		}
		if unpackQ4KFast(w, (*[128]byte)(blk[16:]), scales) {
			continue
		}
		for j := range 4 {
			lo, hi := scales&0xff, scales>>8&0xff
			scales >>= 16
			qs := (*[32]byte)(blk[16+32*j:])
			out := (*[16]uint64)(w[16*j:])
			for i := range 4 {
				q := binary.LittleEndian.Uint64(qs[8*i:])
				l, h := q&nibbles, q>>4&nibbles
				out[i] = (l & evenBytes) * lo
				out[4+i] = (l >> 8 & evenBytes) * lo
				out[8+i] = (h & evenBytes) * hi
				out[12+i] = (h >> 8 & evenBytes) * hi
			}
		}
	}
}

// scalesQ4K returns eight scales and eight minima, a byte each.
func scalesQ4K(s *[12]byte) (scales, minima uint64) {
	const low6, low4, top2 = 0x3f3f3f3f, 0x0f0f0f0f, 0x03030303
	a, b, c := binary.LittleEndian.Uint32(s[0:]), binary.LittleEndian.Uint32(s[4:]), binary.LittleEndian.Uint32(s[8:])
	scales = uint64(a&low6) | uint64(c&low4|(a>>6&top2)<<4)<<32
	minima = uint64(b&low6) | uint64(c>>4&low4|(b>>6&top2)<<4)<<32
	return scales, minima
}

// unpackQ6K unpacks a row. Source: block_q6_K of the GGUF format: 128 bytes with the low four bits and 64 with the high two
// bits of 256 weights from -32, sixteen 8-bit scales, one half float.
func unpackQ6K(u *unpacked, row []byte) {
	for b := range u.d {
		blk := (*[210]byte)(row[210*b:])
		u.d[b] = half(binary.LittleEndian.Uint16(blk[208:]))
		if unpackQ6KFast((*[64]uint64)(u.w[64*b:]), blk) {
			continue
		}
		for n := range 2 {
			low, high := (*[64]byte)(blk[64*n:]), (*[32]byte)(blk[128+32*n:])
			scales := (*[8]byte)(blk[192+8*n:])
			out := (*[32]uint64)(u.w[64*b+32*n:])
			for i := range 4 {
				a, c := binary.LittleEndian.Uint64(low[8*i:]), binary.LittleEndian.Uint64(low[32+8*i:])
				h := binary.LittleEndian.Uint64(high[8*i:])
				s := i / 2
				out[i], out[4+i] = scaleQ6K(a&nibbles|(h&pairs)<<4, int8(scales[s]))
				out[8+i], out[12+i] = scaleQ6K(c&nibbles|(h>>2&pairs)<<4, int8(scales[s+2]))
				out[16+i], out[20+i] = scaleQ6K(a>>4&nibbles|(h>>4&pairs)<<4, int8(scales[s+4]))
				out[24+i], out[28+i] = scaleQ6K(c>>4&nibbles|(h>>6&pairs)<<4, int8(scales[s+6]))
			}
		}
	}
}

// scaleQ6K returns (q-32) times scale for the even and the odd of eight bytes q, which are below 64. All happens around 2^15
// in each of the four lanes, so that no lane borrows from its neighbour.
func scaleQ6K(q uint64, scale int8) (even, odd uint64) {
	sign := uint64(int64(scale) >> 63) // all ones if negative
	size := (uint64(int64(scale)) ^ sign) - sign
	bias := high16 - size*32*ones16
	neg := sign & ones16
	even = (((bias + (q&evenBytes)*size) ^ sign) + neg) ^ high16
	odd = (((bias + (q>>8&evenBytes)*size) ^ sign) + neg) ^ high16
	return even, odd
}

// dotUnpacked sets sums[i] to the integer product of super-block i of w, the rows' one after the other, and the super-block
// of x at the same place in its row; len(x) is 256 a super-block of one row.
func dotUnpacked(sums []int32, w []uint64, x []int8) {
	nb := len(x) / 256
	_, _ = w[64*len(sums)-1], x[256*nb-1]
	if dotUnpackedFast(sums, w, x) {
		return
	}
	for i := range sums {
		w, x := (*[64]uint64)(w[64*i:]), (*[256]int8)(x[256*(i%nb):])
		var s0, s1, s2, s3 int32
		for i, v := range w {
			x := (*[4]int8)(x[4*i:])
			s0 += int32(int16(v)) * int32(x[0])
			s1 += int32(int16(v>>16)) * int32(x[1])
			s2 += int32(int16(v>>32)) * int32(x[2])
			s3 += int32(int16(v>>48)) * int32(x[3])
		}
		sums[i] = s0 + s1 + s2 + s3
	}
}
