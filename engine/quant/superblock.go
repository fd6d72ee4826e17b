package quant

import "encoding/binary"

// The K types have super-blocks of 256 elements in sub-blocks of 16 or 32. A sub-block's scale (and minimum) is an integer times
// the super-block's half float. Once those integers are known, the elements are rounded anew with the scale as it is stored; where
// it is stored as 0, the integers of the search stay.

// cut sets q to (x + m) / d, rounded and cut to 0..top. It is as long as x.
func cut(q []uint8, x []float32, d, m float32, top int) {
	q = q[:len(x)]
	for i, v := range x {
		q[i] = uint8(max(0, min(top, nearest((v+m)/d))))
	}
}

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
	q              [256]uint8
	scales, minima [16]float32
	scale, minimum float32 // the largest ones, at least 0
}

// find searches every sub-block of n elements. The weight of an element is |x|, plus the root mean square of its sub-block if
// the error is squared.
func (b *affineBlock) find(row []float32, n int, g grid) {
	a := affine{grid: g}
	var w [32]float32
	for sub := range 256 / n {
		x := row[n*sub:][:n]
		mean := float32(0)
		if !g.absolute {
			for _, v := range x {
				mean += float32(v * v)
			}
			mean = root(mean / float32(n))
		}
		for i, v := range x {
			w[i&31] = mean + abs(v)
		}
		a.x, a.w = x, w[:n]
		b.scales[sub], b.minima[sub] = a.search()
		b.scale, b.minimum = larger(b.scale, b.scales[sub]), larger(b.minimum, b.minima[sub])
		for i, v := range a.best[:n] {
			b.q[n*sub+i] = uint8(v)
		}
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
	b.find(row, 16, grid{top: 3, first: -0.5, step: 0.1, tries: 15, absolute: true})
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
		if d := times(fromHalf(d), int(s&15)); d != 0 {
			cut(b.q[16*i:], row[16*i:][:16], d, times(fromHalf(m), int(s>>4)), 3)
		}
	}
	packPairs(dst[16:80], &b.q)
	binary.LittleEndian.PutUint16(dst[80:], d)
	binary.LittleEndian.PutUint16(dst[82:], m)
}

// quantiseQ3_K writes 32 bytes of third bits, 256 times 2 bits, 16 scales of 6 bits, biased by 32, and the half that those are
// times: x = d s (q-4).
func quantiseQ3_K(dst []byte, row []float32) {
	var q [256]uint8
	var scales [16]float32
	most := float32(0)
	for i := range scales {
		var l [16]int8
		scales[i] = refinedScale((*[16]float32)(row[16*i:]), &l)
		for j, v := range l {
			q[16*i+j] = uint8(v)
		}
		if abs(scales[i]) > abs(most) {
			most = scales[i]
		}
	}
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
		if d == 0 {
			continue
		}
		for j, v := range row[16*i:][:16] {
			q[16*i+j] = uint8(max(-4, min(3, nearest(v/d))) + 4)
		}
	}
	high := (*[32]byte)(dst)
	clear(high[:])
	for i, v := range q {
		high[i%32] |= v >> 2 << (i / 32)
	}
	packPairs(dst[32:96], &q)
	binary.LittleEndian.PutUint16(dst[108:], d)
}

// store writes what Q4_K and Q5_K begin with: two halves, 8 scales and 8 minima of 6 bits. Then it rounds the elements anew.
func (b *affineBlock) store(dst []byte, row []float32, top int) {
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
		if d := times(fromHalf(d), int(s)); d != 0 {
			cut(b.q[32*i:], row[32*i:][:32], d, times(fromHalf(m), int(least)), top)
		}
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
	b.find(row, 32, grid{top: 15, first: -1, step: 0.1, tries: 20})
	b.store(dst, row, 15)
	packHalves(dst[16:], &b.q)
}

// quantiseQ5_K is [quantiseQ4_K] with 32 bytes of fifth bits before the others.
func quantiseQ5_K(dst []byte, row []float32) {
	var b affineBlock
	b.find(row, 32, grid{top: 31, first: -0.5, step: 0.1, tries: 15})
	b.store(dst, row, 31)
	fifth := (*[32]byte)(dst[16:])
	clear(fifth[:])
	for i, v := range b.q {
		fifth[i%32] |= v >> 4 & 1 << (i / 32)
	}
	packHalves(dst[48:], &b.q)
}

// quantiseQ6_K writes low 4 and high 2 bits of 256 elements, 16 signed bytes of scales, and the half that those are times:
// x = d s (q-32).
func quantiseQ6_K(dst []byte, row []float32) {
	var q [256]uint8
	var scales [16]float32
	most := float32(0)
	for i := range scales {
		var l [16]int8
		scales[i] = signedScale((*[16]float32)(row[16*i:]), &l)
		for j, v := range l {
			q[16*i+j] = uint8(v)
		}
		if abs(scales[i]) > abs(most) {
			most = scales[i]
		}
	}
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
		if d == 0 {
			continue
		}
		for j, v := range row[16*i:][:16] {
			q[16*i+j] = uint8(max(-32, min(31, nearest(v/d))) + 32)
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
