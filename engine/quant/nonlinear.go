package quant

import "encoding/binary"

// steps are the 16 numbers that 4 bits of IQ4_NL and IQ4_XS stand for. Source: the format's table.
var steps = [16]float32{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// above[i+127] is the index of the first step larger than the integer i, at most 15.
var above = func() (t [256]uint8) {
	for i := range t {
		for t[i] < 15 && float32(i-127) >= steps[t[i]] {
			t[i]++
		}
	}
	return t
}()

// nearestStep returns the index of the step nearest to v, the larger one of two equally near ones.
func nearestStep(v float32) uint8 {
	if v <= steps[0] {
		return 0
	}
	if !(v < steps[15]) { // 15 also if v is not a number
		return 15
	}
	// The index is floor(v) moved to 0, for steps are integers. Where the sum rounds up to a step, the comparison below sets it right.
	i := above[uint8(int32(v+128)-1)]
	if v-steps[(i-1)&15] < steps[i&15]-v {
		return i - 1
	}
	return i
}

// putSteps writes the indices of the steps nearest to inv * x: elements j and j+16 in byte j.
func putSteps(dst []byte, x *[32]float32, inv float32) {
	q := (*[16]byte)(dst)
	for j := range q {
		q[j] = nearestStep(float32(inv*x[j])) | nearestStep(float32(inv*x[j+16]))<<4
	}
}

// quantiseIQ4_NL writes scale (half) and 32 indices for each block.
func quantiseIQ4_NL(dst []byte, row []float32) {
	var f frame
	for len(row) > 0 {
		n := min(lanes, len(row)/32)
		for lane, d := range f.stepScales(row[:32*n]) {
			if lane >= n {
				break
			}
			block := dst[18*lane:][:18]
			binary.LittleEndian.PutUint16(block, toHalf(d))
			putSteps(block[2:], (*[32]float32)(row[32*lane:]), inverse(d))
		}
		dst, row = dst[18*n:], row[32*n:]
	}
}

// quantiseIQ4_XS writes scale (half), high 2 bits and low 4 bits of 8 scales of 6 bits, biased by 32, and 256 indices.
func quantiseIQ4_XS(dst []byte, row []float32) {
	var f frame
	scales := f.stepScales(row)
	most := largest(scales[:])
	d := -most / 32
	id := inverse(d)
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	high, low := 0, dst[4:8]
	clear(low)
	for i, s := range scales {
		l := max(-32, min(31, nearest(float32(id*s))))
		putSteps(dst[8+16*i:], (*[32]float32)(row[32*i:]), inverse(float32(d*float32(l))))
		l += 32
		low[i/2] |= byte(l&15) << (4 * (i % 2))
		high |= l >> 4 << (2 * i)
	}
	binary.LittleEndian.PutUint16(dst[2:], uint16(high))
}
