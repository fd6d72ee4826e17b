package quant

import "encoding/binary"

// The K types have super-blocks of 256 elements in sub-blocks of 16 or 32. A sub-block's scale (and minimum) is an integer times
// the super-block's half float. Once those integers are known, the elements are rounded anew with the scale as it is stored; where
// it is stored as 0, the integers of the search stay.

// packPairs writes 2 bits of each element, as [pair] reads them.
func packPairs(dst []byte, q *[256]uint8) {
	for half := range 2 {
		from, to := (*[128]uint8)(q[128*half:]), (*[32]byte)(dst[32*half:])
		for j := range to {
			to[j] = from[j]&3 | from[j+32]&3<<2 | from[j+64]&3<<4 | from[j+96]<<6
		}
	}
}

// affineBlock is what the searches of a super-block with minima found.
type affineBlock struct {
	scales, minima [16]float32
	scale, minimum float32     // the largest ones, at least 0
	from, inv      [16]float32 // the integers are (x - from) inv
}

// find searches every sub-block of n elements, [lanes] of them at a time. The weight of an element is |x|, plus the root mean
// square of its sub-block if the error is squared.
func (b *affineBlock) find(row []float32, n int, g *grid) {
	var f frame
	for at := 0; at < 256; at += lanes * n {
		f.loadPlain(row[at:], n)
		var mean column
		if !g.absolute {
			for _, row := range f.x[:n] {
				for lane, v := range row {
					mean[lane] += float32(v * v)
				}
			}
			for lane, v := range mean {
				mean[lane] = root(v / float32(n))
			}
		}
		for i, row := range f.x[:n] {
			for lane, v := range row {
				f.w[i][lane] = mean[lane] + abs(v)
			}
		}
		f.affineScales(g)
		for lane, d := range f.scale {
			sub := at/n + lane
			b.scales[sub], b.minima[sub], b.from[sub], b.inv[sub] = d, -f.low[lane], f.from[lane], f.inv[lane]
			b.scale, b.minimum = larger(b.scale, d), larger(b.minimum, -f.low[lane])
		}
	}
}

// round sets the integers of a sub-block for the scale and minimum that are stored, or leaves those of the search.
func (b *affineBlock) round(q []uint8, x []float32, sub int, d, m float32, top int) {
	if d != 0 {
		(&rounding{d, m, 0, int32(top)}).cut(q, x)
		return
	}
	for i, v := range x {
		q[i] = uint8(max(0, min(top, nearest(float32(b.inv[sub]*(v-b.from[sub]))))))
	}
}

// larger returns b if it is larger than a, and a also if b is not a number.
func larger(a, b float32) float32 {
	if b > a {
		return b
	}
	return a
}

// quantiseQ2_K writes 16 bytes of scales (low 4 bits) and minima, 256 times 2 bits, and the two halves that those are times:
// x = d s q - dm m.
func quantiseQ2_K(dst []byte, row []float32) {
	var b affineBlock
	b.find(row, 16, &grid{top: 3, first: -0.5, step: 0.1, tries: 15, absolute: true})
	var q [256]uint8
	scales := dst[:16]
	d, m := uint16(0), uint16(0)
	clear(scales)
	if b.scale > 0 {
		inv := 15 / b.scale
		for i := range scales {
			scales[i] = uint8(nearest(float32(inv * b.scales[i])))
		}
		d = toHalf(b.scale / 15)
	}
	if b.minimum > 0 {
		inv := 15 / b.minimum
		for i := range scales {
			scales[i] |= uint8(nearest(float32(inv*b.minima[i])) << 4)
		}
		m = toHalf(b.minimum / 15)
	}
	for i, s := range scales {
		b.round(q[16*i:], row[16*i:][:16], i, times(fromHalf(d), int(s&15)), times(fromHalf(m), int(s>>4)), 3)
	}
	packPairs(dst[16:80], &q)
	binary.LittleEndian.PutUint16(dst[80:], d)
	binary.LittleEndian.PutUint16(dst[82:], m)
}

// quantiseQ3_K writes 32 bytes of third bits, 256 times 2 bits, 16 scales of 6 bits, biased by 32, and the half that those are
// times: x = d s (q-4).
func quantiseQ3_K(dst []byte, row []float32) {
	var f frame
	var q [256]uint8
	var scales [16]float32
	for half := range 2 {
		d := f.refinedScales(row[128*half:][:128])
		copy(scales[8*half:], d[:])
	}
	most := largest(scales[:])
	packed := dst[96:108]
	clear(packed)
	d := uint16(0)
	var stored [16]int
	for i := range stored {
		stored[i] = -32
	}
	if most != 0 {
		inv := -32 / most
		for i, s := range scales {
			stored[i] = max(-32, min(31, int(int8(nearest(float32(inv*s))))))
			l := stored[i] + 32
			packed[i%8] |= byte(l & 15 << (i / 8 * 4))
			packed[8+i%4] |= byte(l >> 4 << (i / 4 * 2))
		}
		d = toHalf(1 / inv)
	}
	for i, s := range stored {
		d := times(fromHalf(d), s)
		if d != 0 {
			(&rounding{d, 0, -4, 3}).cut(q[16*i:][:16], row[16*i:][:16])
			continue
		}
		half := i / 8
		f.refinedScales(row[128*half:][:128]) // again, which is rare
		f.refinedIntegers(i%8, q[16*i:][:16])
	}
	third := (*[32]byte)(dst)
	for j := range third {
		third[j] = q[j]>>2 | q[j+32]>>2<<1 | q[j+64]>>2<<2 | q[j+96]>>2<<3 | q[j+128]>>2<<4 | q[j+160]>>2<<5 | q[j+192]>>2<<6 | q[j+224]>>2<<7
	}
	packPairs(dst[32:96], &q)
	binary.LittleEndian.PutUint16(dst[108:], d)
}

// store writes what Q4_K and Q5_K begin with: two halves, 8 scales and 8 minima of 6 bits. It sets q to the integers.
func (b *affineBlock) store(dst []byte, row []float32, q *[256]uint8, top int) {
	invScale, invMin := float32(0), float32(0)
	if b.scale > 0 {
		invScale = 63 / b.scale
	}
	if b.minimum > 0 {
		invMin = 63 / b.minimum
	}
	d, m := toHalf(b.scale/63), toHalf(b.minimum/63)
	binary.LittleEndian.PutUint16(dst, d)
	binary.LittleEndian.PutUint16(dst[2:], m)
	packed := dst[4:16]
	for i := range 8 {
		s := min(63, uint8(nearest(float32(invScale*b.scales[i]))))
		least := min(63, uint8(nearest(float32(invMin*b.minima[i]))))
		if i < 4 {
			packed[i], packed[i+4] = s, least
		} else {
			packed[i+4] = s&15 | least<<4
			packed[i-4] |= s >> 4 << 6
			packed[i] |= least >> 4 << 6
		}
		b.round(q[32*i:], row[32*i:][:32], i, times(fromHalf(d), int(s)), times(fromHalf(m), int(least)), top)
	}
}

// packHalves writes 4 bits of each element, as [halves] reads them.
func packHalves(dst []byte, q *[256]uint8) {
	for part := range 4 {
		from, to := (*[64]uint8)(q[64*part:]), (*[32]byte)(dst[32*part:])
		for j := range to {
			to[j] = from[j]&15 | from[j+32]<<4
		}
	}
}

// quantiseQ4_K writes scale and minimum (halves), 8 scales and minima of 6 bits, and 256 times 4 bits: x = d s q - dm m.
func quantiseQ4_K(dst []byte, row []float32) {
	var b affineBlock
	var q [256]uint8
	b.find(row, 32, &grid{top: 15, first: -1, step: 0.1, tries: 20})
	b.store(dst, row, &q, 15)
	packHalves(dst[16:], &q)
}

// quantiseQ5_K is [quantiseQ4_K] with 32 bytes of fifth bits before the others.
func quantiseQ5_K(dst []byte, row []float32) {
	var b affineBlock
	var q [256]uint8
	b.find(row, 32, &grid{top: 31, first: -0.5, step: 0.1, tries: 15})
	b.store(dst, row, &q, 31)
	fifth := (*[32]byte)(dst[16:])
	for j := range fifth {
		fifth[j] = q[j]>>4 | q[j+32]>>4<<1 | q[j+64]>>4<<2 | q[j+96]>>4<<3 | q[j+128]>>4<<4 | q[j+160]>>4<<5 | q[j+192]>>4<<6 | q[j+224]>>4<<7
	}
	packHalves(dst[48:], &q)
}

// quantiseQ6_K writes low 4 and high 2 bits of 256 elements, 16 signed bytes of scales, and the half that those are times:
// x = d s (q-32).
func quantiseQ6_K(dst []byte, row []float32) {
	var f frame
	var q [256]uint8
	var scales, invs [16]float32
	for half := range 2 {
		d, inv := f.signedScales(row[128*half:][:128])
		copy(scales[8*half:], d[:])
		copy(invs[8*half:], inv[:])
	}
	most := largest(scales[:])
	if abs(most) < tiny {
		clear(dst[:210])
		return
	}
	inv := -128 / most
	half := toHalf(1 / inv)
	for i, s := range scales {
		stored := int8(min(127, nearest(float32(inv*s))))
		dst[192+i] = byte(stored)
		d := times(fromHalf(half), int(stored))
		if d != 0 {
			(&rounding{d, 0, -32, 31}).cut(q[16*i:][:16], row[16*i:][:16])
			continue
		}
		for j, v := range row[16*i:][:16] {
			q[16*i+j] = integer(v, invs[i])
		}
	}
	for part := range 2 {
		from, low, high := (*[128]uint8)(q[128*part:]), (*[64]byte)(dst[64*part:]), (*[32]byte)(dst[128+32*part:])
		for j := range low {
			low[j] = from[j]&15 | from[j+64]<<4
		}
		for j := range high {
			high[j] = from[j]>>4 | from[j+32]>>4<<2 | from[j+64]>>4<<4 | from[j+96]>>4<<6
		}
	}
	binary.LittleEndian.PutUint16(dst[208:], half)
}

// integer is the integer of the search for an element, of a group that counts as 0 it is 0.
func integer(x, inv float32) uint8 {
	if inv == 0 {
		return 0
	}
	return uint8(max(-32, min(31, nearest(float32(inv*x)))) + 32)
}
