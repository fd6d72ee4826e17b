package quant

import (
	"encoding/binary"
	"math"
)

// The types of this file have blocks of 32 elements. In a block of 4 or 5 bits a byte holds the low 4 bits of elements j and
// j+16, the former below; the fifth bits of all elements follow each other in a word.

// extreme returns the element of the largest magnitude, the first of equals.
func extreme(x *[32]float32) float32 {
	if low, high, ok := extentFast(x); ok && high != -low {
		if high > -low {
			return high
		}
		return low
	}
	most, top := float32(0), uint32(0)
	for _, v := range x {
		if m := math.Float32bits(v) &^ signBit; m > top {
			most, top = v, m
		}
	}
	return most
}

// extent returns the smallest and the largest element; a smallest one of 0 with the sign of the first 0.
func extent(x *[32]float32) (low, high float32) {
	if low, high, ok := extentFast(x); ok && low != 0 {
		return low, high
	}
	return bounds(x[:])
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

// levels makes integers of elements: (x - m) inv + half without its fraction, at most top.
type levels struct {
	m, inv, half float32
	top          int32
}

// of sets q to the integers of x and returns their fifth bits.
func (l *levels) of(q *[32]uint8, x *[32]float32) (fifth uint32) {
	if fifth, ok := levelsFast(q, x, l); ok {
		return fifth
	}
	for i, v := range x {
		q[i] = min(uint8(l.top), truncate(float32((v-l.m)*l.inv)+l.half))
		fifth |= uint32(q[i]>>4) << i
	}
	return fifth
}

// putNibbles writes the low 4 bits of q, those of elements j and j+16 in byte j.
func putNibbles(dst []byte, q *[32]uint8) {
	const low = 0x0f0f0f0f0f0f0f0f
	for j := 0; j < 16; j += 8 {
		a, b := binary.LittleEndian.Uint64(q[j:]), binary.LittleEndian.Uint64(q[j+16:])
		binary.LittleEndian.PutUint64(dst[j:], a&low|b&low<<4)
	}
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
	x, q := (*[32]float32)(row), new([32]uint8)
	d := extreme(x) / -8
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	(&levels{0, inverse(d), 8.5, 15}).of(q, x)
	putNibbles(dst[2:], q)
}

// quantiseQ5_0 writes scale (half), 32 fifth bits and 32 times 4 bits: x = d (q-16).
func quantiseQ5_0(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), new([32]uint8)
	d := extreme(x) / -16
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	binary.LittleEndian.PutUint32(dst[2:], (&levels{0, inverse(d), 16.5, 31}).of(q, x))
	putNibbles(dst[6:], q)
}

// quantiseQ4_1 writes scale and minimum (halves) and 32 times 4 bits: x = d q + m.
func quantiseQ4_1(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), new([32]uint8)
	m, high := extent(x)
	d := (high - m) / 15
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	binary.LittleEndian.PutUint16(dst[2:], toHalf(m))
	(&levels{m, inverse(d), 0.5, 15}).of(q, x)
	putNibbles(dst[4:], q)
}

// quantiseQ5_1 writes scale and minimum (halves), 32 fifth bits and 32 times 4 bits: x = d q + m.
func quantiseQ5_1(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), new([32]uint8)
	m, high := extent(x)
	d := (high - m) / 31
	binary.LittleEndian.PutUint16(dst, toHalf(d))
	binary.LittleEndian.PutUint16(dst[2:], toHalf(m))
	binary.LittleEndian.PutUint32(dst[4:], (&levels{m, inverse(d), 0.5, 31}).of(q, x))
	putNibbles(dst[8:], q)
}

// quantiseMXFP4 writes an exponent (E8M0) and 32 numbers of 4 bits (E2M1: sign, 0 1/2 1 3/2 2 3 4 6), as the OCP Microscaling
// formats 1.0 define them.
func quantiseMXFP4(dst []byte, row []float32) {
	x, q := (*[32]float32)(row), new([32]uint8)
	dst[0] = 0
	if top := abs(extreme(x)); top > 0 {
		dst[0] = byte(floorLog2(top) - 2 + 127)
	}
	d := halfPower(dst[0])
	if !e2m1Fast(q, x, d) {
		for i, v := range x {
			q[i] = nearestE2M1(v, d)
		}
	}
	putNibbles(dst[1:], q)
}

// halfPower returns half of the power of two that an E8M0 exponent stands for. Its reserved value 255 gives 2^127.
func halfPower(e byte) float32 {
	if e < 2 {
		return math.Float32frombits(1 << 21 << e)
	}
	return math.Float32frombits(uint32(e-1) << 23)
}

// nearestE2M1 returns the index of the number k d that is nearest to x, the smaller magnitude of two equally near ones. Numbers
// halfway between two are exact, as d is a power of two.
func nearestE2M1(x, d float32) byte {
	a, i := abs(x), byte(0)
	for _, halfway := range [...]float32{0.5, 1.5, 2.5, 3.5, 5, 7, 10} {
		if a > float32(halfway*d) {
			i++
		}
	}
	if i > 0 && x < 0 {
		return i | 8
	}
	return i
}
