package kernel

import (
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// format is what products need to know about a type of weights.
//
// Quantised weights are signed integers with a scale, and of some types a minimum, for every sub of them: a weight is s*q,
// s*q + m in blocks of 32, and s*q - m in super-blocks of 256. All these floats are exact: they are half floats, or products
// of a half float and a small integer.
type format struct {
	typ    gguf.Type
	form   Form // of the vectors
	sub    int  // weights with one scale
	minima bool
	// The integers are from -least on and have so many bits; bits is 4, 5, 6 or 8.
	bits, least int
	// decode takes apart the blocks of 32 of a row, or one super-block; len(s) and len(m) are len(q)/sub. Without minima m is
	// not touched. nil for floats.
	decode func(q []int8, s, m []float32, row []byte)
}

// formats are the types that the engine computes with.
var formats = [...]format{
	{typ: gguf.F32, form: Float},
	{typ: gguf.F16, form: Half},
	{typ: gguf.BF16, form: Brain},
	{typ: gguf.Q8_0, form: Blocks32, sub: 32, bits: 8, least: 128, decode: decodeQ8},
	{typ: gguf.Q4_0, form: Blocks32, sub: 32, bits: 4, least: 8, decode: decodeQ4},
	{typ: gguf.Q4_1, form: Blocks32, sub: 32, minima: true, bits: 4, least: 0, decode: decodeQ4Min},
	{typ: gguf.Q5_0, form: Blocks32, sub: 32, bits: 5, least: 16, decode: decodeQ5},
	{typ: gguf.Q5_1, form: Blocks32, sub: 32, minima: true, bits: 5, least: 0, decode: decodeQ5Min},
	{typ: gguf.Q2_K, form: Blocks256, sub: 16, minima: true, bits: 4, least: 0, decode: decodeQ2K},
	{typ: gguf.Q3_K, form: Blocks256, sub: 16, bits: 4, least: 4, decode: decodeQ3K},
	{typ: gguf.Q4_K, form: Blocks256, sub: 32, minima: true, bits: 4, least: 0, decode: decodeQ4K},
	{typ: gguf.Q5_K, form: Blocks256, sub: 32, minima: true, bits: 5, least: 0, decode: decodeQ5K},
	{typ: gguf.Q6_K, form: Blocks256, sub: 16, bits: 6, least: 32, decode: decodeQ6K},
	{typ: gguf.IQ4_NL, form: Blocks32, sub: 32, bits: 8, least: 128, decode: decodeNL},
	{typ: gguf.IQ4_XS, form: Blocks256, sub: 32, bits: 8, least: 128, decode: decodeXS},
	{typ: gguf.MXFP4, form: Blocks32, sub: 32, bits: 5, least: 12, decode: decodeMX},
}

// formatOf returns the format of a type, or nil.
func formatOf(t gguf.Type) *format {
	for i := range formats {
		if formats[i].typ == t {
			return &formats[i]
		}
	}
	return nil
}

// supported lists the names of all formats.
func supported() string {
	var names []string
	for i := range formats {
		names = append(names, formats[i].typ.String())
	}
	return strings.Join(names, ", ")
}

// codes is a row of quantised weights taken apart.
type codes struct {
	q    []int8    // [cols]
	s, m []float32 // [cols/sub]
}

func newCodes(cols int) codes {
	return codes{q: make([]int8, cols), s: make([]float32, cols/16), m: make([]float32, cols/16)}
}

// decodeRow takes apart a row of cols weights.
func (f *format) decodeRow(c *codes, row []byte, cols int) {
	weights, size := f.typ.Block()
	if weights == 32 {
		f.decode(c.q[:cols], c.s[:cols/32], c.m[:cols/32], row)
		return
	}
	n := weights / f.sub
	for b := range cols / weights {
		f.decode(c.q[b*weights:][:weights], c.s[b*n:][:n], c.m[b*n:][:n], row[b*size:][:size])
	}
}

// row sets dst to the weights of a row.
func (f *format) row(dst []float32, row []byte, c *codes) {
	f.decodeRow(c, row, len(dst))
	for i, q := range c.q[:len(dst)] {
		b := i / f.sub
		dst[i] = float32(c.s[b] * float32(q))
		switch {
		case !f.minima:
		case f.form == Blocks32:
			dst[i] += c.m[b]
		default:
			dst[i] -= c.m[b]
		}
	}
}
