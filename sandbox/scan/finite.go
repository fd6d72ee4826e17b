package scan

import (
	"encoding/binary"
	"fmt"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// A number that is none spreads from one weight to all outputs, and an index that is computed from it is out of range. The
// scan reads tensor data once, in large pieces, and looks at the exponents of numbers and of the scales of blocks.

// A number is how a number lies in tensor data: those whose exponent has all bits set are infinite or none.
type number struct {
	width    int    // bytes
	exponent uint64 // its bits
}

var (
	float16  = number{2, 0x7c00}
	bfloat16 = number{2, 0x7f80}
	float32s = number{4, 0x7f800000}
	float64s = number{8, 0x7ff0000000000000}
	scale8   = number{1, 0xff} // E8M0, of MX formats: one code is no number
	scale4m3 = number{1, 0x7f} // E4M3 without a sign, of NVFP4
)

// scales are the numbers of each block of a type, by their places in it; a type of single numbers is a block of one.
//
// Source: the block layouts of the ggml library.
var scales = map[gguf.Type]struct {
	number
	at []int
}{
	gguf.F32: {float32s, []int{0}}, gguf.F16: {float16, []int{0}}, gguf.BF16: {bfloat16, []int{0}}, 28: {float64s, []int{0}},
	gguf.Q4_0: {float16, []int{0}}, gguf.Q4_1: {float16, []int{0, 2}}, gguf.Q5_0: {float16, []int{0}}, gguf.Q5_1: {float16, []int{0, 2}},
	gguf.Q8_0: {float16, []int{0}}, 9: {float16, []int{0, 2}}, gguf.Q2_K: {float16, []int{80, 82}}, gguf.Q3_K: {float16, []int{108}},
	gguf.Q4_K: {float16, []int{0, 2}}, gguf.Q5_K: {float16, []int{0, 2}}, gguf.Q6_K: {float16, []int{208}}, 15: {float32s, []int{0}},
	16: {float16, []int{0}}, 17: {float16, []int{0}}, 18: {float16, []int{0}}, 19: {float16, []int{0}}, // IQ2_XXS, IQ2_XS, IQ3_XXS, IQ1_S
	gguf.IQ4_NL: {float16, []int{0}}, 21: {float16, []int{0}}, 22: {float16, []int{0}}, gguf.IQ4_XS: {float16, []int{0}}, // IQ3_S, IQ2_S
	34: {float16, []int{52}}, 35: {float16, []int{64}}, // TQ1_0, TQ2_0
	gguf.MXFP4: {scale8, []int{0}}, 40: {scale4m3, []int{0, 1, 2, 3}}, 41: {float16, []int{0}}, // NVFP4, Q1_0
}

// Bounds of the reports, and of the memory, of a look at tensor data.
const (
	maxNotFinite = 20
	tensorWindow = 256 << 10
)

// ggufFinite looks at all numbers and scales of all tensors.
func (s *scanner) ggufFinite(f *gguf.File) {
	found := 0
	for i := range f.Tensors {
		t := &f.Tensors[i]
		at, ok := s.notFinite(t)
		if !ok {
			continue
		}
		if found++; found > maxNotFinite {
			return
		}
		s.add("tensor-not-finite", hallmark.SeverityHigh, fmt.Sprintf("byte %d", at), "a number of tensor %.80q of type %v is infinite or none", t.Name, t.Type)
	}
}

// notFinite returns where the first such number of a tensor stands.
func (s *scanner) notFinite(t *gguf.Tensor) (int64, bool) {
	what, known := scales[t.Type]
	_, block := t.Type.Block()
	if !known || block == 0 {
		return 0, false
	}
	buf := s.work.scratch()
	buf = buf[:len(buf)/block*block]
	for off := int64(0); off < t.Size; off += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), t.Size-off)]
		if readFull(s.r, b, t.Offset+off) != nil {
			return 0, false // kept by the reader
		}
		if i := firstNotFinite(b, block, what.number, what.at); i >= 0 {
			return t.Offset + off + int64(i), true
		}
	}
	return 0, false
}

// firstNotFinite returns the place of the first number in blocks that is infinite or none, or -1.
func firstNotFinite(b []byte, block int, n number, places []int) int {
	if n.width == block {
		return firstInRow(b, n)
	}
	for at := 0; at+block <= len(b); at += block {
		for _, p := range places {
			if n.at(b[at+p:])&n.exponent == n.exponent {
				return at + p
			}
		}
	}
	return -1
}

// firstInRow is firstNotFinite for numbers that stand side by side: eight bytes at a time. Adding the lowest bit of the
// exponent carries into the bit of the sign, which is masked out before, only if all of its bits are set.
func firstInRow(b []byte, n number) int {
	exponents, low, signs := uint64(0), uint64(0), uint64(0)
	for i := 0; i < 8; i += n.width {
		exponents |= n.exponent << (8 * i)
		low |= (n.exponent & -n.exponent) << (8 * i)
		signs |= 1 << (8*(i+n.width) - 1)
	}
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if (binary.LittleEndian.Uint64(b[i:])&exponents+low)&signs != 0 {
			break
		}
	}
	for ; i+n.width <= len(b); i += n.width {
		if n.at(b[i:])&n.exponent == n.exponent {
			return i
		}
	}
	return -1
}

// at reads the bits of the number at the beginning of b.
func (n number) at(b []byte) uint64 {
	switch n.width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	default:
		return binary.LittleEndian.Uint64(b)
	}
}
