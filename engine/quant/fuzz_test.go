package quant_test

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/quant"
)

// loss bounds the error of an element: share of the largest magnitude of its block (a type with fewer bits, or with scales of
// sub-blocks that are rounded themselves, loses more), and floor, which comes from scales below the smallest half floats.
type loss struct{ share, floor float64 }

func lossOf(t gguf.Type) loss {
	const halfUnit = 0x1p-25 // half of the smallest half float
	switch t {
	case gguf.F32:
		return loss{}
	case gguf.F16:
		return loss{0x1p-11, halfUnit}
	case gguf.BF16:
		return loss{0x1p-8, 0x1p-134}
	case gguf.Q8_0:
		return loss{0.005, 127 * halfUnit}
	case gguf.Q5_0:
		return loss{0.064, 16 * halfUnit}
	case gguf.Q5_1:
		return loss{0.035, 32 * halfUnit}
	case gguf.Q4_0:
		return loss{0.127, 8 * halfUnit}
	case gguf.Q4_1:
		return loss{0.07, 16 * halfUnit}
	case gguf.MXFP4:
		return loss{0.25, 0x1p-120} // 7 becomes 6; exponents below the smallest wrap
	case gguf.IQ4_NL:
		return loss{0.25, 127 * halfUnit}
	case gguf.IQ4_XS:
		return loss{0.3, 32 * 127 * halfUnit}
	case gguf.Q6_K:
		return loss{0.1, 32 * 128 * halfUnit}
	case gguf.Q5_K:
		return loss{0.3, 31 * 63 * halfUnit}
	case gguf.Q4_K:
		return loss{0.4, 2 * 63 * 63 * halfUnit}
	case gguf.Q3_K:
		return loss{0.7, 4 * 32 * halfUnit}
	default: // Q2_K
		return loss{1, 2 * 15 * 15 * halfUnit}
	}
}

// requireClose checks that y is x within the loss of t, block by block.
func requireClose(tb testing.TB, t gguf.Type, x, y []float32) {
	tb.Helper()
	n, _ := t.Block()
	l := lossOf(t)
	for ; len(x) > 0; x, y = x[n:], y[n:] {
		most := 0.0
		for _, v := range x[:n] {
			most = max(most, math.Abs(float64(v)))
		}
		if most > 1e12 { // the sums of the searches overflow, and a group may be lost
			continue
		}
		for i, v := range x[:n] {
			if e := math.Abs(float64(v) - float64(y[i])); !(e <= l.share*most+l.floor) {
				require.Failf(tb, "too far", "%v: %v became %v in a block up to %v", t, v, y[i], most)
			}
		}
	}
}

func FuzzQuantise(f *testing.F) {
	seed := func(name string) []byte {
		b := make([]byte, 0, 256*4)
		for _, v := range matrix(f, name)[:256] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	for i := range quant.Types() {
		for _, name := range []string{"bell", "zeros", "outlier", "huge", "subnormal", "equal"} {
			f.Add(uint8(i), seed(name))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		typ := quant.Types()[int(which)%len(quant.Types())]
		n, size := typ.Block()
		x := make([]float32, min(len(b)/4, 1024)/n*n)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		coded := make([]byte, len(x)/n*size)
		if err := quant.Quantise(coded, typ, x); err != nil {
			var bad *quant.ValueError
			require.ErrorAs(t, err, &bad)
			return
		}
		y := make([]float32, len(x))
		require.NoError(t, quant.Dequantise(y, typ, coded))
		requireClose(t, typ, x, y)
	})
}

func FuzzDequantise(f *testing.F) {
	for i, typ := range quant.Types() {
		f.Add(uint8(i), encoded(f, typ, matrix(f, "bell")[:256]))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		typ := quant.Types()[int(which)%len(quant.Types())]
		n, size := typ.Block()
		b = b[:len(b)/size*size]
		require.NoError(t, quant.Dequantise(make([]float32, len(b)/size*n), typ, b))
	})
}
