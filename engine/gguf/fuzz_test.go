package gguf_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// fuzzLimits has a small header, so that what it may cost is soon reached.
var fuzzLimits = gguf.Limits{HeaderBytes: 512 << 10, Alignment: 4096}

// FuzzReader holds what must be true of any bytes; see sound.
func FuzzReader(f *testing.F) {
	for _, p := range malformed() {
		f.Add([]byte(p.file))
	}
	small := smallFile(f)
	for i := range small {
		f.Add(small[:i])
	}
	f.Add(small)
	f.Fuzz(sound)
}

// FuzzReaderFields changes one number of a valid file of 1 KiB, and perhaps its length.
func FuzzReaderFields(f *testing.F) {
	small := smallFile(f)
	numbers := fields(f, small)
	for i := range numbers {
		f.Add(uint16(i), uint64(1)<<63, uint16(len(small)))
	}
	f.Fuzz(func(t *testing.T, which uint16, value uint64, size uint16) {
		b := numbers[int(which)%len(numbers)].set(small, value)
		sound(t, b[:min(int(size), len(b))])
	})
}

// TestEveryFieldAtItsLimits is FuzzReaderFields with all that is likely to go wrong.
func TestEveryFieldAtItsLimits(t *testing.T) { //nolint:paralleltest // measures memory
	small := smallFile(t)
	numbers := fields(t, small)
	require.Greater(t, len(numbers), 120)
	accepted := 0
	for _, x := range numbers {
		old := x.get(small)
		values := []uint64{0, 1, 2, 3, 7, old - 1, old + 1, old << 1, old | 1<<31, 1<<16 - 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<42 + 1, 1 << 62, 1<<63 - 1, 1 << 63, 1<<64 - 32, 1<<64 - 1}
		for _, v := range values {
			b := x.set(small, v)
			sound(t, b)
			if _, err := parse(b); err == nil {
				accepted++
			}
		}
	}
	require.NotZero(t, accepted, "values may be anything")
	require.Less(t, accepted, len(numbers)*10)
}

// sound requires of any bytes: no panic, memory within bounds, and a typed error or a file whose tensors are disjoint, inside
// and the same again when they are written.
func sound(t *testing.T, b []byte) {
	t.Helper()
	var file *gguf.File
	var err error
	cost := allocated(func() { file, err = gguf.Parse(bytes.NewReader(b), int64(len(b)), fuzzLimits) })
	require.LessOrEqual(t, cost, uint64(2*fuzzLimits.HeaderBytes))
	require.LessOrEqual(t, cost, uint64(4<<10+50*len(b)))
	if err != nil {
		var bad *gguf.ParseError
		require.ErrorAs(t, err, &bad)
		require.Contains(t, []error{gguf.ErrInvalid, gguf.ErrUnsupported, gguf.ErrLimit}, bad.Kind)
		return
	}
	end := file.DataOffset
	require.LessOrEqual(t, end, int64(len(b)))
	for _, x := range file.Tensors {
		require.GreaterOrEqual(t, x.Offset, end, x.Name)
		require.Positive(t, x.Size)
		require.Zero(t, x.Offset%int64(file.Alignment))
		end = x.Offset + x.Size
		got, ok := file.Tensor(x.Name)
		require.True(t, ok)
		require.Equal(t, x, *got)
	}
	require.LessOrEqual(t, end, int64(len(b)))
	for _, key := range file.Keys() {
		v, ok := file.Value(key)
		require.True(t, ok)
		require.LessOrEqual(t, len(v.Text(64)), 4096)
		file.Uint(key)
		file.Float(key)
		file.Ints(key)
		file.Floats(key)
	}
	written := rewrite(t, file, b)
	again, err := parse(written)
	require.NoError(t, err)
	requireSame(t, file, again)
	third, err := parse(rewrite(t, again, written))
	require.NoError(t, err)
	require.Equal(t, again, third, "what was written is written as it is")
}

// requireSame compares files in all but version, gaps between tensors and what follows them.
func requireSame(t *testing.T, want, got *gguf.File) {
	t.Helper()
	require.Equal(t, want.Keys(), got.Keys())
	for _, key := range want.Keys() {
		v, _ := want.Value(key)
		w, _ := got.Value(key)
		require.Equal(t, v, w, key)
	}
	require.Equal(t, want.Alignment, got.Alignment)
	require.Len(t, got.Tensors, len(want.Tensors))
	for i, x := range want.Tensors {
		y := got.Tensors[i]
		x.Offset, y.Offset = 0, 0
		require.Equal(t, x, y)
	}
}

// rewrite writes what was parsed.
func rewrite(t *testing.T, f *gguf.File, b []byte) []byte {
	t.Helper()
	var meta []gguf.Entry
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		meta = append(meta, gguf.Entry{Key: key, Value: v})
	}
	var tensors []gguf.Content
	for _, x := range f.Tensors {
		tensors = append(tensors, gguf.Content{Name: x.Name, Dims: x.Dims, Type: x.Type, Data: b[x.Offset:][:x.Size]})
	}
	var out bytes.Buffer
	require.NoError(t, gguf.Write(&out, meta, tensors))
	return out.Bytes()
}

// field is a number of a file: its bytes [at, at+size).
type field struct{ at, size int }

func (x field) get(b []byte) uint64 {
	var le [8]byte
	copy(le[:], b[x.at:x.at+x.size])
	return binary.LittleEndian.Uint64(le[:])
}

// set returns a copy of b with another number.
func (x field) set(b []byte, v uint64) []byte {
	var le [8]byte
	binary.LittleEndian.PutUint64(le[:], v)
	out := bytes.Clone(b)
	copy(out[x.at:x.at+x.size], le[:])
	return out
}

// walker finds the numbers of a valid file, without the reader under test.
type walker struct {
	b  []byte
	at int
	to []field
}

func (w *walker) number(size int) uint64 {
	x := field{w.at, size}
	w.to = append(w.to, x)
	w.at += size
	return x.get(w.b)
}

func (w *walker) text() { w.at += int(w.number(8)) }

// value walks a value of that type, numbered as in the format's description.
func (w *walker) value(typ uint64) {
	switch typ {
	case 8:
		w.text()
	case 9:
		elem := w.number(4)
		for range w.number(8) {
			w.value(elem)
		}
	default:
		w.number(map[uint64]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}[typ])
	}
}

// fields returns all numbers of the header of a valid file.
func fields(tb testing.TB, b []byte) []field {
	tb.Helper()
	w := &walker{b: b}
	w.number(4) // magic
	w.number(4) // version
	tensors, keys := w.number(8), w.number(8)
	for range keys {
		w.text()
		w.value(w.number(4))
	}
	for range tensors {
		w.text()
		for range w.number(4) {
			w.number(8)
		}
		w.number(4)
		w.number(8)
	}
	f, err := parse(b)
	require.NoError(tb, err)
	require.Less(tb, f.DataOffset-int64(w.at), int64(f.Alignment), "the header ends there")
	return w.to
}
