package quant

import (
	"encoding/binary"
	"math"
)

// The types of this file have blocks of 32 elements. In a block of 4 or 5 bits a byte holds the low 4 bits of elements j and
// j+16, the former below; the fifth bits of all elements follow each other in a word.

// extreme returns the element of the largest magnitude, the first of equals.
func extreme(x *[32]float32) float32 {
	most, top := float32(0), uint32(0)
	for _, v := range x {
		if m := math.Float32bits(v) &^ signBit; m > top {
			most, top = v, m
		}
	}
	return most
}

// bounds returns the smallest and the largest element.
func bounds(x []float32) (low, high float32) {
	low, high = x[0], x[0]
	for _, v := range x {
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	return low, high
}

// inverse returns 1/d, and 0 for 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// quantiseQ8_0 writes scale (half) and 32 signed bytes: q = x/d rounded half away from 0.
func quantiseQ8_0(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), (*[32]byte)(dst[2:])
	top := uint32(0)
	for _, v := range x {
		top = max(top, math.Float32bits(v)&^signBit)
	}
	d := math.Float32frombits(top) / 127
	id := inverse(d)
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	if math.Float32bits(id) == infinity { // of a d below 2^-128
		clear(q[:])
		return
	}
	for i, v := range x {
		// Adding the float below 1/2 and cutting the fraction off rounds half away from 0; adding 1/2 would not.
		v = float32(v * id)
		q[i] = byte(int32(v + math.Float32frombits(math.Float32bits(v)&signBit|0x3effffff)))
	}
}

// quantiseQ4_0 writes scale (half) and 32 times 4 bits: x = d (q-8), where the element of the largest magnitude has q = 0.
func quantiseQ4_0(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), (*[16]byte)(dst[2:])
	d := extreme(x) / -8
	id := inverse(d)
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	for j := range q {
		low, high := truncate(float32(x[j]*id)+8.5), truncate(float32(x[j+16]*id)+8.5)
		q[j] = min(15, low) | min(15, high)<<4
	}
}

// quantiseQ5_0 writes scale (half), 32 fifth bits and 32 times 4 bits: x = d (q-16).
func quantiseQ5_0(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), (*[16]byte)(dst[6:])
	d := extreme(x) / -16
	id := inverse(d)
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	fifth := uint32(0)
	for j := range q {
		low, high := truncate(float32(x[j]*id)+16.5), truncate(float32(x[j+16]*id)+16.5)
		low, high = min(31, low), min(31, high)
		q[j] = low&15 | high<<4
		fifth |= uint32(low>>4)<<j | uint32(high>>4)<<(j+16)
	}
	binary.LittleEndian.PutUint32(dst[2:], fifth)
}

// quantiseQ4_1 writes scale and minimum (halves) and 32 times 4 bits: x = d q + m.
func quantiseQ4_1(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), (*[16]byte)(dst[4:])
	m, high := bounds(row)
	d := (high - m) / 15
	id := inverse(d)
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	binary.LittleEndian.PutUint16(dst[2:], toHalf(m))
	for j := range q {
		low, high := truncate(float32((x[j]-m)*id)+0.5), truncate(float32((x[j+16]-m)*id)+0.5)
		q[j] = min(15, low) | min(15, high)<<4
	}
}

// quantiseQ5_1 writes scale and minimum (halves), 32 fifth bits and 32 times 4 bits: x = d q + m.
func quantiseQ5_1(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), (*[16]byte)(dst[8:])
	m, high := bounds(row)
	d := (high - m) / 31
	id := inverse(d)
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	binary.LittleEndian.PutUint16(dst[2:], toHalf(m))
	fifth := uint32(0)
	for j := range q {
		low, high := truncate(float32((x[j]-m)*id)+0.5), truncate(float32((x[j+16]-m)*id)+0.5)
		q[j] = low&15 | high<<4
		fifth |= uint32(low>>4&1)<<j | uint32(high>>4&1)<<(j+16)
	}
	binary.LittleEndian.PutUint32(dst[4:], fifth)
}

// quantiseMXFP4 writes an exponent (E8M0) and 32 numbers of 4 bits (E2M1: sign, 0 1/2 1 3/2 2 3 4 6), as the OCP Microscaling
// formats 1.0 define them.
func quantiseMXFP4(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), (*[16]byte)(dst[1:])
	dst[0] = 0
	if top := abs(extreme(x)); top > 0 {
		dst[0] = byte(floorLog2(top) - 2 + 127)
	}
	d := halfPower(dst[0])
	for j := range q {
		q[j] = nearestE2M1(x[j], d) | nearestE2M1(x[j+16], d)<<4
	}
}

// halfPower returns half of the power of two that an E8M0 exponent stands for. Its reserved value 255 gives 2^127.
func halfPower(e byte) float32 {
	if e < 2 {
		return math.Float32frombits(1 << 21 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}

// nearestE2M1 returns the index of the number k d that is nearest to x, the smaller magnitude of two equally near ones.
func nearestE2M1(x, d float32) byte {
	a, sign := x, byte(0)
	if x < 0 {
		a, sign = -x, 8
	}
	steps := [...]float32{0, 1, 2, 3, 4, 6, 8, 12}
	for i := len(steps) - 1; i > 0; i-- {
		down, up := float32(steps[i-1]*d), float32(steps[i]*d)
		if a < down {
			continue
		}
		if abs(up-a) < abs(down-a) {
			return byte(i) | sign
		}
		if i == 1 {
			return 0 // never -0
		}
		return byte(i-1) | sign
	}
	return 0
}
