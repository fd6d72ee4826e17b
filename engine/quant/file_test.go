package quant_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/engine/quant/testdata/small"
)

func source(tb testing.TB, name string) []byte {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, small.Write(&b, name))
	return b.Bytes()
}

func file(tb testing.TB, src []byte, o quant.Options) ([]byte, error) {
	tb.Helper()
	var b bytes.Buffer
	err := quant.File(tb.Context(), &b, bytes.NewReader(src), int64(len(src)), o)
	return b.Bytes(), err
}

// TestFilesAreLlamaCpps compares digests of whole files with those of llama-quantize of llama.cpp v0.5.0, which
// tools/quantpeer/files.sh printed.
func TestFilesAreLlamaCpps(t *testing.T) {
	t.Parallel()

	golden, err := os.ReadFile("testdata/files.txt")
	require.NoError(t, err)
	sources, types := map[string][]byte{}, map[string]bool{}
	for _, name := range small.Names() {
		sources[name] = source(t, name)
	}
	for line := range strings.Lines(string(golden)) {
		f := strings.Fields(line)
		require.Len(t, f, 3)
		typ, err := quant.ParseFileType(f[0])
		require.NoError(t, err)
		types[f[0]] = true
		got, err := file(t, sources[f[1]], quant.Options{FileType: typ})
		require.NoError(t, err)
		sum := sha256.Sum256(got)
		require.Equal(t, f[2], hex.EncodeToString(sum[:]), "%s %s", f[0], f[1])
	}
	require.Len(t, types, len(quant.FileTypes()), "a file type without digests")
}

// big has one tensor of many parts; its elements are about 1, but for those that change says otherwise.
func big(tb testing.TB, change map[int]float32) []byte {
	tb.Helper()
	const rows, row = 3000, 256
	x := small.Bell(rows * row)
	for i := range x {
		x[i] /= 8190
	}
	for i, v := range change {
		x[i] = v
	}
	data := make([]byte, 2*len(x))
	require.NoError(tb, quant.Quantise(data, gguf.BF16, x))
	var out bytes.Buffer
	require.NoError(tb, gguf.Write(&out, []gguf.Entry{{Key: "general.architecture", Value: "llama"}, {Key: "general.alignment", Value: uint32(64)}}, []gguf.Content{
		{Name: "a.weight", Dims: []uint64{row, rows}, Type: gguf.BF16, Data: data},
		{Name: "b_norm.weight", Dims: []uint64{3}, Type: gguf.F32, Data: make([]byte, 12)},
	}))
	return out.Bytes()
}

func TestThreadsDoNotChangeTheFile(t *testing.T) {
	t.Parallel()

	src := big(t, nil)
	want, err := file(t, src, quant.Options{FileType: quant.Q4_K_M, Threads: 1})
	require.NoError(t, err)
	for _, threads := range []int{2, 3, 7, 0} {
		got, err := file(t, src, quant.Options{FileType: quant.Q4_K_M, Threads: threads})
		require.NoError(t, err)
		require.Equal(t, sha256.Sum256(want), sha256.Sum256(got), "%d threads", threads)
	}
	f, err := gguf.Parse(bytes.NewReader(want), int64(len(want)), gguf.Limits{})
	require.NoError(t, err)
	require.Equal(t, uint64(64), f.Alignment)
	n, ok := f.Uint("general.file_type")
	require.True(t, ok)
	require.Equal(t, uint64(quant.Q4_K_M), n)
}

func TestProgress(t *testing.T) {
	t.Parallel()

	var seen []quant.Progress
	_, err := file(t, big(t, nil), quant.Options{FileType: quant.Q8_0, Threads: 2, Progress: func(p quant.Progress) { seen = append(seen, p) }})
	require.NoError(t, err)
	require.Len(t, seen, 13, "12 parts of one tensor, 1 of the other")
	require.Equal(t, quant.Progress{Tensor: "a.weight", From: gguf.BF16, To: gguf.Q8_0, Done: 65536, Total: 768003}, seen[0])
	require.Equal(t, quant.Progress{Tensor: "b_norm.weight", From: gguf.F32, To: gguf.F32, Done: 768003, Total: 768003}, seen[12])
}

func TestValuesThatCannotBeWrittenAreLocated(t *testing.T) {
	t.Parallel()

	for _, typ := range []quant.FileType{quant.AllF32, quant.F16, quant.BF16, quant.Q8_0, quant.Q6_K} { // BF16 is a copy
		_, err := file(t, big(t, map[int]float32{700000: 1e30, 700001: 1e30}), quant.Options{FileType: typ})
		switch typ {
		case quant.AllF32, quant.BF16, quant.Q6_K: // whose group becomes 0
			require.NoError(t, err, typ)
		default:
			var bad *quant.ValueError
			require.ErrorAs(t, err, &bad, typ)
			require.ErrorIs(t, err, quant.ErrRange)
			require.ErrorContains(t, err, "a.weight")
			require.Equal(t, 700000, bad.Index, typ)
		}
	}
	src := big(t, nil)
	f, err := gguf.Parse(bytes.NewReader(src), int64(len(src)), gguf.Limits{})
	require.NoError(t, err)
	for _, at := range []int{5, 699999} {
		bad := bytes.Clone(src)
		copy(bad[f.Tensors[0].Offset+2*int64(at):], []byte{0xc0, 0x7f})
		for _, typ := range []quant.FileType{quant.AllF32, quant.BF16, quant.Q4_K_S} {
			_, err := file(t, bad, quant.Options{FileType: typ, Threads: 3})
			var value *quant.ValueError
			require.ErrorAs(t, err, &value, typ)
			require.ErrorIs(t, err, quant.ErrNotFinite)
			require.Equal(t, at, value.Index, typ)
			require.True(t, math.IsNaN(float64(value.Value)))
		}
	}
}

func TestSourcesOfOtherTypes(t *testing.T) {
	t.Parallel()

	src, err := file(t, source(t, "grouped"), quant.Options{FileType: quant.Q8_0})
	require.NoError(t, err)
	_, err = file(t, src, quant.Options{FileType: quant.Q4_0})
	require.ErrorIs(t, err, quant.ErrType)
	require.ErrorContains(t, err, "from Q8_0 to")
	again, err := file(t, src, quant.Options{FileType: quant.Q8_0})
	require.NoError(t, err)
	require.Equal(t, sha256.Sum256(src), sha256.Sum256(again), "copied")

	_, err = file(t, src, quant.Options{FileType: 999})
	require.ErrorIs(t, err, quant.ErrType)
	_, err = file(t, src[:100], quant.Options{})
	require.ErrorIs(t, err, gguf.ErrInvalid)
	_, err = quant.ParseFileType("Q9_Z")
	require.ErrorIs(t, err, quant.ErrType)
	short, err := quant.ParseFileType("q5_k")
	require.NoError(t, err)
	require.Equal(t, quant.Q5_K_M, short)
}

func TestCancelledBetweenParts(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	src, parts := big(t, nil), 0
	err := quant.File(ctx, io.Discard, bytes.NewReader(src), int64(len(src)), quant.Options{FileType: quant.Q8_0, Threads: 1, Progress: func(quant.Progress) {
		parts++
		cancel()
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 4, parts, "those that were made at the same time")
}

type fullDisk struct{ left int }

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.left -= len(b); d.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestErrorsOfReaderAndWriter(t *testing.T) {
	t.Parallel()

	src := big(t, nil)
	for _, room := range []int{0, 100000, 1000000} {
		err := quant.File(t.Context(), &fullDisk{room}, bytes.NewReader(src), int64(len(src)), quant.Options{FileType: quant.F16})
		require.ErrorIs(t, err, io.ErrShortWrite, room)
	}
	err := quant.File(t.Context(), io.Discard, bytes.NewReader(src[:len(src)-500000]), int64(len(src)), quant.Options{FileType: quant.F16})
	require.ErrorIs(t, err, io.EOF)
}
