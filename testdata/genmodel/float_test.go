package genmodel_test

import (
	"encoding/binary"
	"math"
)

// floats reads numbers of type f32, f16 or bf16.
func floats(b []byte, typ string) []float32 {
	var out []float32
	switch typ {
	case "f32":
		for i := 0; i < len(b); i += 4 {
			out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		}
	case "bf16":
		for i := 0; i < len(b); i += 2 {
			out = append(out, math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[i:]))<<16))
		}
	case "f16":
		for i := 0; i < len(b); i += 2 {
			out = append(out, half(binary.LittleEndian.Uint16(b[i:])))
		}
	}
	return out
}

// half is a finite number of half precision.
func half(h uint16) float32 {
	exponent, fraction := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(fraction+1024, exponent-25)
	if exponent == 0 {
		v = math.Ldexp(fraction, -24)
	}
	if h>>15 == 1 {
		v = -v
	}
	return float32(v)
}
