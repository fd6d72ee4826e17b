package quant

import (
	"encoding/binary"
	"math"
)

func getFloat(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func getHalf(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = fromHalf(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func getBfloat(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = fromBfloat(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// half16 reads the half float at the start of b.
func half16(b []byte) float32 { return fromHalf(binary.LittleEndian.Uint16(b)) }

// bit returns bit i of b as 0 or 1.
func bit(b []byte, i int) int { return int(b[i/8]>>(i%8)) & 1 }

// nibble returns the 4 bits of element i of a block of 32, whose byte j holds elements j and j+16.
func nibble(b []byte, i int) int { return int(b[i%16]>>(i/16*4)) & 15 }

// times is d * q, rounded.
func times(d float32, q int) float32 { return float32(d * float32(q)) }

func dequantiseQ8_0(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = times(half16(src), int(int8(src[2+i])))
	}
}

func dequantiseQ4_0(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = times(half16(src), nibble(src[2:], i)-8)
	}
}

func dequantiseQ4_1(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = times(half16(src), nibble(src[4:], i)) + half16(src[2:])
	}
}

func dequantiseQ5_0(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = times(half16(src), nibble(src[6:], i)+bit(src[2:], i)*16-16)
	}
}

func dequantiseQ5_1(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = times(half16(src), nibble(src[8:], i)+bit(src[4:], i)*16) + half16(src[2:])
	}
}

func dequantiseMXFP4(dst []float32, src []byte) {
	doubled := [16]int{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}
	for i := range dst {
		dst[i] = times(halfPower(src[0]), doubled[nibble(src[1:], i)])
	}
}

func dequantiseIQ4_NL(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = float32(half16(src) * steps[nibble(src[2:], i)])
	}
}

func dequantiseIQ4_XS(dst []float32, src []byte) {
	high := int(binary.LittleEndian.Uint16(src[2:]))
	for i := range dst {
		sub := i / 32
		scale := int(src[4+sub/2]>>(sub%2*4))&15 | high>>(2*sub)&3<<4
		dst[i] = float32(times(half16(src), scale-32) * steps[nibble(src[8+16*sub:], i%32)])
	}
}

// pair returns the 2 bits of element i of a super-block of Q2_K or Q3_K: byte j of 32 holds elements j, j+32, j+64 and j+96 of
// each half of the super-block.
func pair(b []byte, i int) int { return int(b[i/128*32+i%32]>>(i%128/32*2)) & 3 }

func dequantiseQ2_K(dst []float32, src []byte) {
	scales, q := src[:16], src[16:80]
	d, m := half16(src[80:]), half16(src[82:])
	for i := range dst {
		s := int(scales[i/16])
		dst[i] = float32(times(d, s&15)*float32(pair(q, i))) - times(m, s>>4)
	}
}

func dequantiseQ3_K(dst []float32, src []byte) {
	high, q, scales := src[:32], src[32:96], src[96:108]
	d := half16(src[108:])
	for i := range dst {
		sub := i / 16
		s := int(scales[sub%8]>>(sub/8*4))&15 | int(scales[8+sub%4]>>(sub/4*2))&3<<4
		top := int(high[i%32]>>(i/32)) & 1
		dst[i] = times(times(d, s-32), pair(q, i)+4*top-4)
	}
}

// scaleAndMin returns the 6-bit scale and minimum of a sub-block of Q4_K and Q5_K: 12 bytes hold those of the first four in the
// low 6 bits of bytes 0-3 and 4-7; of the others the low 4 bits stand in bytes 8-11 and the top 2 in the top bits of bytes 0-7.
func scaleAndMin(b []byte, sub int) (scale, minimum int) {
	if sub < 4 {
		return int(b[sub]) & 63, int(b[sub+4]) & 63
	}
	return int(b[sub+4])&15 | int(b[sub-4])>>6<<4, int(b[sub+4])>>4 | int(b[sub])>>6<<4
}

// halves returns the 4 bits of element i of a super-block of Q4_K or Q5_K: byte j of 32 holds elements j and j+32 of each 64.
func halves(b []byte, i int) int { return int(b[i/64*32+i%32]>>(i%64/32*4)) & 15 }

func dequantiseQ4_K(dst []float32, src []byte) {
	d, m := half16(src), half16(src[2:])
	for i := range dst {
		s, least := scaleAndMin(src[4:16], i/32)
		dst[i] = times(times(d, s), halves(src[16:], i)) - times(m, least)
	}
}

func dequantiseQ5_K(dst []float32, src []byte) {
	d, m := half16(src), half16(src[2:])
	for i := range dst {
		s, least := scaleAndMin(src[4:16], i/32)
		fifth := int(src[16+i%32]>>(i/32)) & 1
		dst[i] = times(times(d, s), halves(src[48:], i)+16*fifth) - times(m, least)
	}
}

func dequantiseQ6_K(dst []float32, src []byte) {
	low, high, scales := src[:128], src[128:192], src[192:208]
	d := half16(src[208:])
	for i := range dst {
		// Each 128 elements have 64 bytes of low bits, where byte j holds elements j and j+64, and 32 bytes of four high pairs.
		q := int(low[i/128*64+i%64]>>(i%128/64*4))&15 | pair(high, i)<<4
		dst[i] = times(times(d, int(int8(scales[i/16]))), q-32)
	}
}
