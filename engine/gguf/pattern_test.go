package gguf_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// attacks names the files of [malformed] by the pattern of attack that they stand for. Patterns that are missing here are about
// what a model does with a valid file, and are tested in engine/model.
var attacks = map[string][]string{
	"1 counts":                           {"2^63 keys", "2^64-1 keys", "2^63 tensors", "2^64-1 tensors", "more keys than bytes", "more tensors than bytes"},
	"2 counts whose memory wraps":        {"tensors whose sizes wrap"},
	"3 sizes that wrap":                  {"shape that overflows", "shape that wraps to 0", "shape that wraps halfway", "row over the file"},
	"4 lengths":                          {"key of 2^63 bytes", "string of 2^63 bytes", "string longer than the file", "array of 2^62", "array of 2^63 strings", "array of 2^64-1 bytes", "array of arrays"},
	"5 dimensions":                       {"5 dimensions", "9 dimensions", "2^32-1 dimensions", "no dimensions"},
	"6 tensor types":                     {"unknown tensor type", "tensor type -1", "withdrawn tensor type"},
	"7 alignment":                        {"alignment 0", "alignment 1", "alignment 48", "alignment 2^31", "alignment of another type", "alignment as text"},
	"9 data outside of the file":         {"tensor offset past the end", "tensor offset 2^64-32", "tensor one byte past the end", "tensor without data", "tensor in the padding"},
	"10 places of tensors":               {"tensors at the same place", "tensors that overlap", "offset not aligned"},
	"12 lengths of texts":                {"string in an array too long", "key of 2^64-1 bytes", "tensor name longer than a file"},
	"13 names":                           {"key twice", "tensor twice", "key with NUL", "key of bad UTF-8", "key with an escape sequence", "tensor name with NUL", "tensor name of 65 bytes", "empty key", "tensor without a name"},
	"14 beginnings":                      {"empty", "magic alone", "other magic", "zip", "big-endian", "version 0", "version 1", "version 4", "counts cut off", "value cut off", "tensor description cut off"},
	"15 rows and blocks":                 {"row not of whole blocks", "dimension 0"},
	"unknown types of metadata, besides": {"unknown value type", "value type 2^32-1", "array of unknown type", "truth value 2", "array with truth value 3"},
}

// TestAttacksEndBeforeTensorData gives each file a megabyte of tensor data. No read begins behind the header, and the answer
// does not depend on what the data is.
func TestAttacksEndBeforeTensorData(t *testing.T) {
	t.Parallel()

	files := malformed()
	lengthens := 0
	for attack, names := range attacks {
		for _, name := range names {
			p, ok := files[name]
			require.True(t, ok, "%s: %s", attack, name)
			_, err := parse(p.file)
			require.ErrorIs(t, err, p.kind, "%s: %s", attack, name)
			var texts []string
			for _, data := range []byte{0x00, 0xff} {
				r := &recorder{b: append(slices.Clone(p.file), bytes.Repeat([]byte{data}, 1<<20)...)}
				_, err := gguf.Parse(r, int64(len(r.b)), gguf.Limits{})
				require.LessOrEqual(t, r.start, int64(len(p.file)), name)
				require.LessOrEqual(t, r.end, int64(len(p.file)+64<<10), name)
				if errors.Is(err, p.kind) && strings.Contains(err.Error(), p.text) {
					texts = append(texts, err.Error())
				}
			}
			if len(texts) < 2 {
				lengthens++ // the file's fault is that it ends
				continue
			}
			require.Equal(t, texts[0], texts[1], "%s: %s", attack, name)
		}
	}
	require.Less(t, lengthens, 20)
}

// recorder notes the last place where a read began and ended.
type recorder struct {
	b          []byte
	start, end int64
}

func (r *recorder) ReadAt(p []byte, off int64) (int, error) {
	r.start, r.end = max(r.start, off), max(r.end, off+int64(len(p)))
	return bytes.NewReader(r.b).ReadAt(p, off)
}

// TestPlacesOfTensors is pattern 10 where it is no fault: tensors in another order than their data, bytes between and behind
// them. The scanner reports what belongs to no tensor.
func TestPlacesOfTensors(t *testing.T) {
	t.Parallel()

	b := head(2, 0).tensor("s", 0, 128, 4).tensor("t", 0, 0, 4).data(300)
	f, err := parse(b)
	require.NoError(t, err)
	require.Equal(t, []string{"t", "s"}, []string{f.Tensors[0].Name, f.Tensors[1].Name})
	require.Equal(t, f.DataOffset+128, f.Tensors[1].Offset)
}

// endless is a file of any size: a header and zeros.
type endless []byte

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(e)) {
		copy(p, e[off:])
	}
	return len(p), nil
}

// TestLengthsOverThirtyTwoBits is pattern 12 in files that have so many bytes: no length is taken for a smaller or negative one.
func TestLengthsOverThirtyTwoBits(t *testing.T) {
	t.Parallel()

	tokens := func() raw { return head(0, 1).str("tokenizer.ggml.tokens").u32(9, 8) }
	for name, b := range map[string]raw{
		"token of 2^31 bytes":      tokens().u64(1, 1<<31),
		"token of 2^32+4 bytes":    tokens().u64(1, 1<<32+4),
		"2^31 tokens":              tokens().u64(1 << 31),
		"2^32+1 tokens":            tokens().u64(1<<32 + 1),
		"2^22+1 tokens":            tokens().u64(1<<22 + 1),
		"16 MiB and one":           head(0, 1).str("a").u32(8).u64(16<<20 + 1),
		"2^31 scores":              head(0, 1).str("tokenizer.ggml.scores").u32(9, 6).u64(1 << 31),
		"key of 2^31 bytes":        head(0, 1).u64(1 << 31),
		"name of 2^32+1 bytes":     head(1, 0).u64(1<<32 + 1),
		"template of 2^31-1 bytes": head(0, 1).str("tokenizer.chat_template").u32(8).u64(1<<31 - 1),
	} {
		_, err := gguf.Parse(endless(b), 1<<40, gguf.Limits{})
		require.ErrorIs(t, err, gguf.ErrLimit, name)
	}
	b := head(1, 0).tensor("t", 0, 0, 1<<20, 1<<16)
	f, err := gguf.Parse(endless(b), 1<<40, gguf.Limits{})
	require.NoError(t, err, "tensors may be large")
	require.Equal(t, int64(1)<<38, f.Tensors[0].Size)
}

// TestMemoryFollowsTheBytes gives headers that claim much and hold little.
func TestMemoryFollowsTheBytes(t *testing.T) { //nolint:paralleltest // measures memory
	for name, p := range malformed() {
		cost := allocated(func() { _, _ = parse(p.file) })
		require.Less(t, cost, uint64(4<<10), name)
	}
	many := head(0, 1).str("a").u32(9, 8).u64(1 << 20)
	many = append(many, make([]byte, 8<<20)...) // 2^20 empty strings
	require.Less(t, allocated(func() { _, _ = parse(many) }), uint64(3*len(many)))
}

// TestMemoryIsAtMostTwiceTheHeader gives headers that are as full as the limits allow of one thing each, and of everything.
func TestMemoryIsAtMostTwiceTheHeader(t *testing.T) { //nolint:paralleltest // measures memory
	const most = 16 << 20
	keys := func(n int, value func(raw) raw) raw {
		b := raw{}
		for i := range n {
			b = value(b.str(string([]rune{'a', rune(0x100 + i)})))
		}
		return b
	}
	one := func(b raw) raw { return append(b.u32(0), 7) }
	tensors := func(n int) raw {
		b := raw{}
		for i := range n {
			b = b.tensor(strings.Repeat("n", 58)+string([]rune{rune(0x100 + i%256), rune(0x100 + i/256)}), 24, uint64(32*i), 1, 1, 1, 1)
		}
		return b
	}
	strs := func(n, size int) func(raw) raw {
		return func(b raw) raw {
			b = b.u32(9, 8).u64(uint64(n))
			for range n {
				b = b.str(strings.Repeat("x", size))
			}
			return b
		}
	}
	with := func(tensors, keys uint64, parts ...raw) raw {
		return append(head(tensors, keys), slices.Concat(parts...)...)
	}
	for name, b := range map[string]raw{
		"keys":          with(0, 4096, keys(4096, one)),
		"tensors":       with(65536, 0, tensors(65536)),
		"empty strings": with(0, 1, keys(1, strs(2_000_000, 0))),
		"short strings": with(0, 1, keys(1, strs(1_500_000, 1))),
		"words":         with(0, 1, keys(1, strs(900_000, 9))),
		"long strings":  with(0, 1, keys(1, strs(400, 33<<10))),
		"one string":    with(0, 1, keys(1, func(b raw) raw { return b.u32(8).str(strings.Repeat("x", most-100)) })),
		"one array":     with(0, 1, keys(1, func(b raw) raw { return append(b.u32(9, 0).u64(4<<20), make([]byte, 4<<20)...) })),
		"everything":    with(65536, 4096, keys(4095, one), strs(800_000, 0)(raw{}.str("b")), tensors(65536)),
	} {
		for _, limit := range []int64{512 << 10, 4 << 20, most} {
			var err error
			cost := allocated(func() {
				_, err = gguf.Parse(endless(b), 1<<40, gguf.Limits{HeaderBytes: limit})
			})
			require.LessOrEqual(t, cost, uint64(2*limit), name)
			t.Logf("%s: a header of %d bytes, of %d allowed, costs %d: %v", name, len(b), limit, cost, err)
			if limit == most {
				require.NoError(t, err, name)
			} else if err != nil {
				require.ErrorIs(t, err, gguf.ErrLimit)
			}
		}
	}
}

// allocated returns the bytes that f takes from the allocator, all in all, which is more than it ever holds. No other test may
// run meanwhile.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
