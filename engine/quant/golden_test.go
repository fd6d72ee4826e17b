package quant_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/engine/quant/testdata/small"
)

const rows, columns = 4, 512

// matrix returns a matrix of rows x columns that tools/quantpeer/peer.c knows by the same name.
func matrix(tb testing.TB, name string) []float32 {
	tb.Helper()
	x := small.Bell(rows * columns)
	for i, v := range x {
		switch name {
		case "bell":
			x[i] = v * 0x1p-16
		case "zeros":
			x[i] = 0
		case "outlier":
			x[i] = v * 0x1p-16
			if i%columns == 77 {
				x[i] = 100
			}
		case "huge":
			x[i] = v * 4
		case "subnormal":
			x[i] = v * 0x1p-145
		case "equal":
			x[i] = 0.3
		case "ties":
			x[i] = float32(int(v)%49) * 0.25
		default:
			tb.Fatal(name)
		}
	}
	return x
}

func typeNamed(tb testing.TB, name string) gguf.Type {
	tb.Helper()
	for _, t := range quant.Types() {
		if t.String() == name {
			return t
		}
	}
	tb.Fatal(name)
	return 0
}

func encoded(tb testing.TB, t gguf.Type, x []float32) []byte {
	tb.Helper()
	n, size := t.Block()
	dst := make([]byte, len(x)/n*size)
	require.NoError(tb, quant.Quantise(dst, t, x), t)
	return dst
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// TestBytesAreLlamaCpps compares digests with those of llama.cpp v0.5.0 (ggml-base for x86-64), which tools/quantpeer/golden.sh printed.
func TestBytesAreLlamaCpps(t *testing.T) {
	t.Parallel()

	golden, err := os.ReadFile("testdata/peer.txt")
	require.NoError(t, err)
	seen := map[string]bool{}
	for line := range strings.Lines(string(golden)) {
		f := strings.Fields(line)
		require.Len(t, f, 4)
		seen[f[0]] = true
		typ, x := typeNamed(t, f[0]), matrix(t, f[1])
		coded := encoded(t, typ, x)
		require.Equal(t, f[2], digest(coded), "%s %s", f[0], f[1])

		require.NoError(t, quant.Dequantise(x, typ, coded))
		var floats []byte
		for _, v := range x {
			floats = binary.LittleEndian.AppendUint32(floats, math.Float32bits(v))
		}
		require.Equal(t, f[3], digest(floats), "%s %s, back to floats", f[0], f[1])
	}
	require.Len(t, seen, len(quant.Types()), "a type without digests")
}

func TestRowsDoNotDependOnEachOther(t *testing.T) {
	t.Parallel()

	x := matrix(t, "outlier")
	for _, typ := range quant.Types() {
		var single []byte
		for i := range rows {
			single = append(single, encoded(t, typ, x[i*columns:][:columns])...)
		}
		require.Equal(t, encoded(t, typ, x), single, typ)
	}
}

func TestValuesThatNoTypeHolds(t *testing.T) {
	t.Parallel()

	for name, v := range map[string]float32{
		"not a number": float32(math.NaN()), "infinite": float32(math.Inf(1)), "minus infinite": float32(math.Inf(-1)),
	} {
		for _, typ := range quant.Types() {
			x := matrix(t, "bell")
			x[700] = v
			n, size := typ.Block()
			err := quant.Quantise(make([]byte, len(x)/n*size), typ, x)
			require.ErrorIs(t, err, quant.ErrNotFinite, "%s %v", name, typ)
			var bad *quant.ValueError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, 700, bad.Index)
		}
	}
}

// TestValuesOverTheScale has one element that is too large for the half floats of the type.
func TestValuesOverTheScale(t *testing.T) {
	t.Parallel()

	tests := map[gguf.Type]float32{
		gguf.F16: 65520, gguf.BF16: math.MaxFloat32, gguf.Q4_0: -1e6, gguf.Q4_1: -1e5, gguf.Q5_0: 3e6, gguf.Q5_1: -1e5, gguf.Q8_0: 1e7,
		gguf.Q2_K: 1e9, gguf.Q4_K: 1e9, gguf.Q5_K: 1e9, gguf.IQ4_NL: 1e8, gguf.MXFP4: 0x1p-126,
	}
	for typ, v := range tests {
		x := make([]float32, 3*256)
		x[520] = v
		n, size := typ.Block()
		err := quant.Quantise(make([]byte, len(x)/n*size), typ, x)
		require.ErrorIs(t, err, quant.ErrRange, typ)
		var bad *quant.ValueError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, 520/n*n, bad.Index, typ)
		require.InDelta(t, v, bad.Value, 0)
	}
}

func TestLengthsAndTypesThatAreRefused(t *testing.T) {
	t.Parallel()

	x := make([]float32, 256)
	require.ErrorIs(t, quant.Quantise(make([]byte, 34), gguf.Q8_0, x[:33]), quant.ErrShape)
	require.ErrorIs(t, quant.Quantise(make([]byte, 33), gguf.Q8_0, x[:32]), quant.ErrShape)
	require.ErrorIs(t, quant.Dequantise(x[:32], gguf.Q8_0, make([]byte, 35)), quant.ErrShape)
	require.ErrorIs(t, quant.Dequantise(x[:31], gguf.Q8_0, make([]byte, 34)), quant.ErrShape)
	require.ErrorIs(t, quant.Quantise(make([]byte, 66), gguf.Type(16), x), quant.ErrType)
	require.ErrorIs(t, quant.Dequantise(x, gguf.Type(999), nil), quant.ErrType)
	require.NoError(t, quant.Quantise(nil, gguf.Q6_K, nil))
}
