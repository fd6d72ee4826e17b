package quant

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// What is wrong with what was to be quantised. Branch with [errors.Is].
var (
	ErrNotFinite = errors.New("not a finite number")
	ErrRange     = errors.New("out of the range of the type's scales")
	ErrShape     = errors.New("wrong length")
	ErrType      = errors.New("type that cannot be quantised to or from")
)

// A ValueError names the element that a type cannot hold. It wraps [ErrNotFinite] or [ErrRange].
type ValueError struct {
	Type  gguf.Type
	Index int     // of the element; with ErrRange, of the first one of the block
	Value float32 // with ErrRange, the largest magnitude of the block
	Kind  error
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("quantising to %v: element %d: %v: %v", e.Type, e.Index, e.Value, e.Kind)
}

// Unwrap returns the kind.
func (e *ValueError) Unwrap() error { return e.Kind }

// Types returns the types that [Quantise] and [Dequantise] know, in the order of their numbers.
func Types() []gguf.Type {
	return []gguf.Type{
		gguf.F32, gguf.F16, gguf.Q4_0, gguf.Q4_1, gguf.Q5_0, gguf.Q5_1, gguf.Q8_0, gguf.Q2_K, gguf.Q3_K, gguf.Q4_K, gguf.Q5_K, gguf.Q6_K,
		gguf.IQ4_NL, gguf.IQ4_XS, gguf.BF16, gguf.MXFP4,
	}
}

// coder quantises and dequantises a block, or any number of elements of a type without blocks. Blocks know nothing of each other.
type coder struct {
	quantise   func(dst []byte, x []float32)
	dequantise func(dst []float32, src []byte)
	scales     []int // offsets of the half floats in a block that must be finite
}

// coderOf returns the coder of t.
func coderOf(t gguf.Type) (coder, bool) {
	switch t {
	case gguf.F32:
		return coder{putFloat, getFloat, nil}, true
	case gguf.F16:
		return coder{putHalf, getHalf, nil}, true
	case gguf.BF16:
		return coder{putBfloat, getBfloat, nil}, true
	case gguf.Q4_0:
		return coder{quantiseQ4_0, dequantiseQ4_0, []int{0}}, true
	case gguf.Q4_1:
		return coder{quantiseQ4_1, dequantiseQ4_1, []int{0, 2}}, true
	case gguf.Q5_0:
		return coder{quantiseQ5_0, dequantiseQ5_0, []int{0}}, true
	case gguf.Q5_1:
		return coder{quantiseQ5_1, dequantiseQ5_1, []int{0, 2}}, true
	case gguf.Q8_0:
		return coder{quantiseQ8_0, dequantiseQ8_0, []int{0}}, true
	case gguf.Q2_K:
		return coder{quantiseQ2_K, dequantiseQ2_K, []int{80, 82}}, true
	case gguf.Q3_K:
		return coder{quantiseQ3_K, dequantiseQ3_K, []int{108}}, true
	case gguf.Q4_K:
		return coder{quantiseQ4_K, dequantiseQ4_K, []int{0, 2}}, true
	case gguf.Q5_K:
		return coder{quantiseQ5_K, dequantiseQ5_K, []int{0, 2}}, true
	case gguf.Q6_K:
		return coder{quantiseQ6_K, dequantiseQ6_K, []int{208}}, true
	case gguf.IQ4_NL:
		return coder{quantiseIQ4_NL, dequantiseIQ4_NL, []int{0}}, true
	case gguf.IQ4_XS:
		return coder{quantiseIQ4_XS, dequantiseIQ4_XS, []int{0}}, true
	case gguf.MXFP4:
		return coder{quantiseMXFP4, dequantiseMXFP4, nil}, true
	default:
		return coder{}, false
	}
}

// check returns an error if one or many rows of that many floats do not have that many bytes.
func check(t gguf.Type, floats, bytes int) error {
	_, ok := coderOf(t)
	n, size := t.Block()
	switch {
	case !ok:
		return fmt.Errorf("%v: %w", t, ErrType)
	case floats%n != 0:
		return fmt.Errorf("%d elements of %v do not divide into blocks of %d: %w", floats, t, n, ErrShape)
	case floats/n*size != bytes:
		return fmt.Errorf("%d elements of %v are %d bytes, not %d: %w", floats, t, floats/n*size, bytes, ErrShape)
	}
	return nil
}

// Quantise writes row as type t to dst.
//
// Shapes: len(row) is a multiple of the block length of t (see [gguf.Type.Block]), and so may be one row or many of them one after
// the other; dst has the bytes of len(row)/block blocks. Errors are [*ValueError], and [ErrShape] or [ErrType]; dst is then in no
// defined state. A group of elements over 1e12 may become 0 in Q3_K, Q6_K, IQ4_NL and IQ4_XS, whose sums of x^3 overflow.
func Quantise(dst []byte, t gguf.Type, row []float32) error {
	if err := check(t, len(row), len(dst)); err != nil {
		return fmt.Errorf("quantising: %w", err)
	}
	c, _ := coderOf(t)
	n, size := t.Block()
	if i := notFinite(row); i >= 0 {
		return &ValueError{Type: t, Index: i, Value: row[i], Kind: ErrNotFinite}
	}
	if n == 1 || t == gguf.IQ4_NL { // one call for all elements
		c.quantise(dst, row)
	} else {
		for i, x := 0, row; len(x) > 0; i, x = i+size, x[n:] {
			c.quantise(dst[i:i+size:i+size], x[:n:n])
		}
	}
	if t == gguf.F32 {
		return nil
	}
	if b := unusable(t, dst, c.scales, size); b >= 0 {
		return &ValueError{Type: t, Index: b * n, Value: largest(row[b*n:][:n]), Kind: ErrRange}
	}
	return nil
}

// notFinite returns the index of the first element that is infinite or not a number, or -1.
func notFinite(x []float32) int {
	from := finiteFast(x)
	for i, v := range x[from:] {
		if math.Float32bits(v)&infinity == infinity {
			return from + i
		}
	}
	return -1
}

// largest returns the element of the largest magnitude.
func largest(x []float32) float32 {
	most := float32(0)
	for _, v := range x {
		if abs(v) > abs(most) {
			most = v
		}
	}
	return most
}

// unusable returns the number of the first block with a scale or element that is not finite, or -1.
func unusable(t gguf.Type, b []byte, scales []int, size int) int {
	switch t {
	case gguf.F32:
		for i := 0; i+4 <= len(b); i += 4 {
			if binary.LittleEndian.Uint32(b[i:])&infinity == infinity {
				return i / 4
			}
		}
		return -1
	case gguf.F16:
		return special(b, 0x7c00)
	case gguf.BF16:
		return special(b, 0x7f80)
	case gguf.MXFP4:
		for i := 0; i < len(b); i += size {
			if b[i] == 0xff { // reserved for what is not a number
				return i / size
			}
		}
		return -1
	default:
		for i := 0; i < len(b); i += size {
			for _, at := range scales {
				if binary.LittleEndian.Uint16(b[i+at:])&0x7c00 == 0x7c00 {
					return i / size
				}
			}
		}
		return -1
	}
}

// special returns the index of the first 16-bit number whose exponent has all its bits set, or -1.
func special(b []byte, exponent uint16) int {
	const ones = 0x0001000100010001
	i := 0
	for mask := ones * uint64(exponent); i+8 <= len(b); i += 8 {
		// A word of the difference is 0 if all bits of the exponent are set; only then a bit is borrowed from nothing.
		v := binary.LittleEndian.Uint64(b[i:])&mask ^ mask
		if (v-ones)&^v&(ones<<15) != 0 {
			break
		}
	}
	for ; i+2 <= len(b); i += 2 {
		if binary.LittleEndian.Uint16(b[i:])&exponent == exponent {
			return i / 2
		}
	}
	return -1
}

// Dequantise writes the elements that src holds as type t to dst.
//
// Shapes as in [Quantise]. Any bytes of the right length are accepted; scales that are not finite give elements that are not.
// Each element is computed in float32 as scale * integer (+ or - minimum), each product rounded; the scale of a sub-block,
// scale * integer too, is exact but in the subnormal range. Errors: [ErrShape], [ErrType].
func Dequantise(dst []float32, t gguf.Type, src []byte) error {
	if err := check(t, len(dst), len(src)); err != nil {
		return fmt.Errorf("dequantising: %w", err)
	}
	c, _ := coderOf(t)
	n, size := t.Block()
	if n == 1 {
		c.dequantise(dst, src)
		return nil
	}
	for ; len(dst) > 0; dst, src = dst[n:], src[size:] {
		c.dequantise(dst[:n], src[:size])
	}
	return nil
}

func putFloat(dst []byte, x []float32) {
	for i, v := range x {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(v))
	}
}

func putHalf(dst []byte, x []float32) {
	done := halvesFast(dst, x)
	dst = dst[2*done:]
	for i, v := range x[done:] {
		binary.LittleEndian.PutUint16(dst[2*i:], toHalf(v))
	}
}

func putBfloat(dst []byte, x []float32) {
	done := bfloatsFast(dst, x)
	dst = dst[2*done:]
	for i, v := range x[done:] {
		binary.LittleEndian.PutUint16(dst[2*i:], toBfloat(v))
	}
}
