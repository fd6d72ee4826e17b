package gguf_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// raw builds files that the writer refuses to write.
type raw []byte

func (b raw) u32(v ...uint32) raw {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, x)
	}
	return b
}

func (b raw) u64(v ...uint64) raw {
	for _, x := range v {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

func (b raw) str(s string) raw { return append(b.u64(uint64(len(s))), s...) }

// head begins a file of version 3.
func head(tensors, keys uint64) raw { return raw("GGUF").u32(3).u64(tensors, keys) }

// tensor adds a tensor's description.
func (b raw) tensor(name string, typ uint32, off uint64, dims ...uint64) raw {
	return b.str(name).u32(uint32(len(dims))).u64(dims...).u32(typ).u64(off)
}

// data pads to 32 bytes and adds n bytes of tensor data.
func (b raw) data(n int) raw {
	return append(b, make([]byte, (32-len(b)%32)%32+n)...)
}

type pattern struct {
	file raw
	kind error
	text string // part of the message
}

const huge = 1 << 63

// malformed returns one minimal file per way to break the format.
func malformed() map[string]pattern {
	invalid, unsupported, limit := gguf.ErrInvalid, gguf.ErrUnsupported, gguf.ErrLimit
	key := func(name string) raw { return head(0, 1).str(name) }
	return map[string]pattern{
		"empty":                          {nil, invalid, "0 bytes left"},
		"magic alone":                    {raw("GGUF"), invalid, "0 bytes left"},
		"other magic":                    {raw("GGML").u32(3).u64(0, 0), invalid, "not a GGUF"},
		"zip":                            {raw("PK\x03\x04 and so on and so on"), invalid, "not a GGUF"},
		"version 0":                      {raw("GGUF").u32(0).u64(0, 0), unsupported, "version 0"},
		"version 1":                      {raw("GGUF").u32(1).u64(0, 0), unsupported, "version 1"},
		"version 4":                      {raw("GGUF").u32(4).u64(0, 0), unsupported, "version 4"},
		"big-endian":                     {raw("GGUF").u32(0x03000000).u64(0, 0), unsupported, "big-endian"},
		"counts cut off":                 {raw("GGUF").u32(3).u64(1), invalid, "header"},
		"2^63 keys":                      {head(0, huge), limit, "9223372036854775808 keys"},
		"2^64-1 keys":                    {head(0, math.MaxUint64), limit, "keys"},
		"more keys than bytes":           {head(0, 4000), invalid, "4000 items"},
		"2^63 tensors":                   {head(huge, 0), limit, "9223372036854775808 tensors"},
		"2^64-1 tensors":                 {head(math.MaxUint64, 0), limit, "tensors"},
		"tensors whose sizes wrap":       {head(math.MaxUint64/33+2, 0), limit, "tensors"},
		"more tensors than bytes":        {head(1000, 0), invalid, "1000 items"},
		"key of 2^63 bytes":              {head(0, 1).u64(huge).u64(0, 0), invalid, "9223372036854775808 items"},
		"key of 2^64-1 bytes":            {head(0, 1).u64(math.MaxUint64).u64(0, 0), invalid, "items"},
		"key longer than the file":       {head(0, 1).u64(100).u64(0, 0), invalid, "100 items"},
		"empty key":                      {key("").u32(4, 1).u64(0), invalid, "empty name"},
		"key with NUL":                   {key("a\x00b").u32(4, 1), invalid, "control"},
		"key with an escape sequence":    {key("\x1b[2J").u32(4, 1), invalid, `\x1b`},
		"key of bad UTF-8":               {key("a\xffb").u32(4, 1), invalid, "UTF-8"},
		"key twice":                      {head(0, 2).str("a").u32(4, 1).str("a").u32(4, 1), invalid, "twice"},
		"unknown value type":             {key("a").u32(13, 0), invalid, "value type 13"},
		"value type 2^32-1":              {key("a").u32(math.MaxUint32, 0), invalid, "value type"},
		"string of 2^63 bytes":           {key("a").u32(8).u64(huge), invalid, "items"},
		"string longer than the file":    {key("a").u32(8).u64(9), invalid, "9 items"},
		"value cut off":                  {key("abc").u32(10, 1), invalid, "8 items"},
		"truth value 2":                  {append(key("a").u32(7), 2, 0), invalid, "neither 0 nor 1"},
		"array of 2^62":                  {key("a").u32(9, 4).u64(1 << 62), invalid, "items"},
		"array of 2^63 strings":          {key("a").u32(9, 8).u64(huge), invalid, "items"},
		"array of 2^64-1 bytes":          {key("a").u32(9, 0).u64(math.MaxUint64), invalid, "items"},
		"array longer than the file":     {key("a").u32(9, 5).u64(3).u64(0), invalid, "3 items of 4"},
		"array of arrays":                {key("a").u32(9, 9).u64(1).u32(9, 9).u64(1), unsupported, "array of arrays"},
		"array of unknown type":          {key("a").u32(9, 77).u64(1).u64(0), invalid, "unknown type 77"},
		"array with truth value 3":       {append(key("a").u32(9, 7).u64(2), 1, 3), invalid, "neither 0 nor 1"},
		"string in an array too long":    {key("a").u32(9, 8).u64(1).u64(1 << 40), invalid, "items"},
		"alignment 0":                    {key("general.alignment").u32(4, 0), invalid, "alignment 0"},
		"alignment 1":                    {key("general.alignment").u32(4, 1), invalid, "alignment 1"},
		"alignment 48":                   {key("general.alignment").u32(4, 48), invalid, "alignment 48"},
		"alignment 2^31":                 {key("general.alignment").u32(4, 1<<31), limit, "alignment"},
		"alignment of another type":      {key("general.alignment").u32(10).u64(32), invalid, "not a uint32"},
		"alignment as text":              {key("general.alignment").u32(8).str("32"), invalid, "not a uint32"},
		"no dimensions":                  {head(1, 0).tensor("t", 0, 0).data(64), invalid, "0 dimensions"},
		"9 dimensions":                   {head(1, 0).tensor("t", 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1).data(64), invalid, "9 dimensions"},
		"5 dimensions":                   {head(1, 0).tensor("t", 0, 0, 1, 1, 1, 1, 1).data(64), invalid, "5 dimensions"},
		"2^32-1 dimensions":              {head(1, 0).str("t").u32(math.MaxUint32).u64(1, 0, 0, 0), invalid, "dimensions"},
		"dimension 0":                    {head(1, 0).tensor("t", 0, 0, 4, 0).data(64), invalid, "dimension 1 is 0"},
		"shape that overflows":           {head(1, 0).tensor("t", 0, 0, 1<<42+1, 1<<42+1).data(64), invalid, "overflows"},
		"shape that wraps to 0":          {head(1, 0).tensor("t", 0, 0, 1<<32, 1<<30).data(64), invalid, "overflows"},
		"shape that wraps halfway":       {head(1, 0).tensor("t", 0, 0, 1<<32, 1<<31, 1).data(64), invalid, "overflows"},
		"row over the file":              {head(1, 0).tensor("t", 0, 0, 1<<42+1).data(64), invalid, "past the file"},
		"row not of whole blocks":        {head(1, 0).tensor("t", 8, 0, 33).data(64), invalid, "blocks of 32"},
		"unknown tensor type":            {head(1, 0).tensor("t", 4000, 0, 32).data(64), unsupported, "type 4000"},
		"tensor type -1":                 {head(1, 0).tensor("t", math.MaxUint32, 0, 32).data(64), unsupported, "type 4294967295"},
		"withdrawn tensor type":          {head(1, 0).tensor("t", 4, 0, 32).data(64), unsupported, "Q4_2"},
		"tensor offset past the end":     {head(1, 0).tensor("t", 0, 1<<20, 4).data(64), invalid, "past the file"},
		"tensor offset 2^64-32":          {head(1, 0).tensor("t", 0, math.MaxUint64-31, 4).data(64), invalid, "past the file"},
		"tensor one byte past the end":   {head(1, 0).tensor("t", 24, 0, 65).data(64), invalid, "past the file"},
		"tensor without data":            {head(1, 0).tensor("t", 24, 0, 1).data(0), invalid, "past the file"},
		"tensor in the padding":          {head(1, 0).tensor("t", 24, 0, 1), invalid, "past the file"},
		"offset not aligned":             {head(1, 0).tensor("t", 0, 4, 4).data(64), invalid, "not a multiple"},
		"tensors at the same place":      {head(2, 0).tensor("s", 0, 0, 4).tensor("t", 0, 0, 4).data(64), invalid, "overlaps"},
		"tensors that overlap":           {head(2, 0).tensor("s", 0, 32, 4).tensor("t", 0, 0, 9).data(64), invalid, "overlaps"},
		"tensor twice":                   {head(2, 0).tensor("t", 0, 0, 4).tensor("t", 0, 32, 4).data(64), invalid, "twice"},
		"tensor without a name":          {head(1, 0).tensor("", 0, 0, 4).data(64), invalid, "empty name"},
		"tensor name with NUL":           {head(1, 0).tensor("a\x00", 0, 0, 4).data(64), invalid, "control"},
		"tensor name of 65 bytes":        {head(1, 0).tensor(strings.Repeat("n", 65), 0, 0, 4).data(64), limit, "65 bytes"},
		"tensor description cut off":     {head(1, 0).str("abcdefghijklmn").u32(4).u64(1, 1), invalid, "8 items"},
		"tensor name longer than a file": {head(1, 0).u64(huge).u64(0, 0, 0, 0), invalid, "items"},
	}
}

func parse(b []byte) (*gguf.File, error) {
	return gguf.Parse(bytes.NewReader(b), int64(len(b)), gguf.Limits{})
}

func TestMalformedFilesAreRefused(t *testing.T) {
	t.Parallel()

	for name, p := range malformed() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := parse(p.file)
			require.ErrorIs(t, err, p.kind)
			require.ErrorContains(t, err, p.text)
			var bad *gguf.ParseError
			require.ErrorAs(t, err, &bad)
			require.NotContains(t, err.Error(), "\x1b", "messages hold no raw bytes of the file")
			require.NotContains(t, err.Error(), "\x00")
		})
	}
}

func TestTruncatedFilesAreRefused(t *testing.T) {
	t.Parallel()

	whole, err := os.ReadFile(tinychat + "guarded-q4_k_m.gguf")
	require.NoError(t, err)
	f, err := parse(whole)
	require.NoError(t, err)
	last := f.Tensors[len(f.Tensors)-1]
	require.LessOrEqual(t, last.Offset+last.Size, int64(len(whole)))
	cuts := []int{0, 3, 4, 7, 8, 15, 23, 24, 30, int(f.DataOffset) - 1, int(f.DataOffset), int(last.Offset), int(last.Offset+last.Size) - 1}
	for i := 1; i <= 10; i++ {
		cuts = append(cuts, int(f.DataOffset)*i/11, int(f.DataOffset)+(int(last.Offset)-int(f.DataOffset))*i/11)
	}
	for _, n := range cuts {
		_, err := parse(whole[:n])
		require.ErrorIs(t, err, gguf.ErrInvalid, "cut to %d of %d bytes", n, len(whole))

		_, err = gguf.Parse(bytes.NewReader(whole[:n]), int64(len(whole)), gguf.Limits{})
		if int64(n) < f.DataOffset {
			require.Error(t, err, "shorter than it was said to be: %d of %d bytes", n, len(whole))
		}
	}
	small := smallFile(t)
	for n := range len(small) {
		_, err := parse(small[:n])
		require.ErrorIs(t, err, gguf.ErrInvalid, "cut to %d of %d bytes", n, len(small))
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()

	b := head(2, 3).str("key1").u32(8).str("0123456789").str("key2").u32(9, 0).u64(5)
	b = append(b, 1, 2, 3, 4, 5).str("general.alignment").u32(4, 64)
	b = b.tensor("tensor", 24, 0, 1).tensor("other", 24, 64, 1)
	b = append(b, make([]byte, 64-len(b)%64+65)...)
	within := gguf.Limits{HeaderBytes: int64(len(b)), Keys: 3, KeyBytes: 17, StringBytes: 10, ArrayLen: 5, Tensors: 2, NameBytes: 6, Alignment: 64}
	_, err := gguf.Parse(bytes.NewReader(b), int64(len(b)), within)
	require.NoError(t, err)
	for name, change := range map[string]func(*gguf.Limits){
		"header":    func(l *gguf.Limits) { l.HeaderBytes = 100 },
		"keys":      func(l *gguf.Limits) { l.Keys-- },
		"key":       func(l *gguf.Limits) { l.KeyBytes-- },
		"string":    func(l *gguf.Limits) { l.StringBytes-- },
		"array":     func(l *gguf.Limits) { l.ArrayLen-- },
		"tensors":   func(l *gguf.Limits) { l.Tensors-- },
		"name":      func(l *gguf.Limits) { l.NameBytes-- },
		"alignment": func(l *gguf.Limits) { l.Alignment-- },
	} {
		lim := within
		change(&lim)
		_, err := gguf.Parse(bytes.NewReader(b), int64(len(b)), lim)
		require.ErrorIs(t, err, gguf.ErrLimit, name)
	}
}

// smallFile is a valid file with a value of every type.
func smallFile(tb testing.TB) []byte {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, gguf.Write(&b, entries(), []gguf.Content{
		{Name: "a", Dims: []uint64{3, 2}, Type: gguf.F32, Data: bytes.Repeat([]byte{1}, 24)},
		{Name: "b", Dims: []uint64{64}, Type: gguf.Q8_0, Data: bytes.Repeat([]byte{2}, 68)},
	}))
	return b.Bytes()[:len(b.Bytes())-28] // without the last padding, so that every cut breaks it
}

func entries() []gguf.Entry {
	return []gguf.Entry{
		{"general.alignment", uint32(32)},
		{"u8", uint8(200)},
		{"i8", int8(-100)},
		{"u16", uint16(60000)},
		{"i16", int16(-30000)},
		{"u32", uint32(4e9)},
		{"i32", int32(-2e9)},
		{"u64", uint64(1 << 63)},
		{"i64", int64(math.MinInt64)},
		{"f32", float32(0.5)},
		{"f64", 0.25},
		{"yes", true},
		{"no", false},
		{"text", "grüße"},
		{"au8", []uint8{1, 255}},
		{"ai8", []int8{-1, 127}},
		{"au16", []uint16{65535}},
		{"ai16", []int16{-32768}},
		{"au32", []uint32{1 << 31}},
		{"ai32", []int32{-1, 2}},
		{"au64", []uint64{7, math.MaxUint64}},
		{"ai64", []int64{-7}},
		{"af32", []float32{1.5, -2}},
		{"af64", []float64{1e300}},
		{"abool", []bool{true, false}},
		{"atext", []string{"", "x\x00y"}},
	}
}

func TestWriteThenParse(t *testing.T) {
	t.Parallel()

	b := smallFile(t)
	f, err := parse(b)
	require.NoError(t, err)
	for _, e := range entries() {
		v, ok := f.Value(e.Key)
		require.True(t, ok, e.Key)
		switch want := e.Value.(type) {
		case bool:
			got, ok := f.Bool(e.Key)
			require.True(t, ok && got == want, e.Key)
		case string:
			got, ok := f.String(e.Key)
			require.True(t, ok && got == want, e.Key)
		case []string:
			got, ok := f.Strings(e.Key)
			require.True(t, ok)
			require.Equal(t, want, got)
		case []float32:
			got, ok := f.Floats(e.Key)
			require.True(t, ok)
			require.Equal(t, want, got)
		case float32, float64:
			got, ok := f.Float(e.Key)
			require.True(t, ok)
			require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
		case uint8, uint16, uint32, uint64:
			got, ok := f.Uint(e.Key)
			require.True(t, ok)
			require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
		case int8, int16, int32, int64:
			got, ok := f.Int(e.Key)
			require.True(t, ok)
			require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
			_, ok = f.Uint(e.Key)
			require.False(t, ok, "negative")
		case []uint8, []int8, []uint16, []int16, []uint32, []int32, []int64:
			got, ok := f.Ints(e.Key)
			require.True(t, ok)
			require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
		default:
			require.Equal(t, gguf.Array, v.Type)
			require.NotZero(t, v.Len)
		}
	}
	_, ok := f.Ints("au64")
	require.False(t, ok, "an element does not fit")
	for _, key := range []string{"absent", "text"} {
		_, ok = f.Uint(key)
		require.False(t, ok)
		_, ok = f.Int(key)
		require.False(t, ok)
		_, ok = f.Float(key)
		require.False(t, ok)
		_, ok = f.Bool(key)
		require.False(t, ok)
		_, ok = f.Strings(key)
		require.False(t, ok)
	}
	old := bytes.Clone(b)
	old[4] = 2
	f, err = parse(old)
	require.NoError(t, err)
	require.Equal(t, uint32(2), f.Version)
	require.Equal(t, b, smallFile(t), "equal arguments give equal bytes")
	require.Equal(t, b, rewrite(t, f, old)[:len(b)], "writing what was parsed gives it back")

	require.Error(t, gguf.Write(&bytes.Buffer{}, []gguf.Entry{{"x", struct{}{}}}, nil))
	require.Error(t, gguf.Write(&bytes.Buffer{}, []gguf.Entry{{"general.alignment", uint32(24)}}, nil))
	require.Error(t, gguf.Write(&bytes.Buffer{}, nil, []gguf.Content{{Name: "t", Dims: []uint64{4}, Data: make([]byte, 15)}}))
}

func TestReadErrorsAreNotTheFilesFault(t *testing.T) {
	t.Parallel()

	broken := brokenReader{}
	_, err := gguf.Parse(broken, 1<<20, gguf.Limits{})
	require.ErrorIs(t, err, os.ErrPermission)
	require.NotErrorIs(t, err, gguf.ErrInvalid)
}

type brokenReader struct{}

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, os.ErrPermission }

func TestWriteFillsTensors(t *testing.T) {
	t.Parallel()

	bytesOf := func(b []byte) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := w.Write(b)
			return err
		}
	}
	tensors := []gguf.Content{
		{Name: "a", Dims: []uint64{3}, Type: gguf.F32, Data: bytes.Repeat([]byte{1}, 12)},
		{Name: "b", Dims: []uint64{2, 2}, Type: gguf.F16, Data: bytes.Repeat([]byte{2}, 8)},
	}
	var want, got bytes.Buffer
	require.NoError(t, gguf.Write(&want, nil, tensors))
	for i := range tensors {
		tensors[i].Fill, tensors[i].Data = bytesOf(tensors[i].Data), nil
	}
	require.NoError(t, gguf.Write(&got, nil, tensors))
	require.Equal(t, want.Bytes(), got.Bytes())

	tensors[0].Fill = bytesOf(make([]byte, 11))
	require.ErrorIs(t, gguf.Write(io.Discard, nil, tensors), gguf.ErrInvalid)
	tensors[0].Fill = func(io.Writer) error { return io.ErrUnexpectedEOF }
	require.ErrorIs(t, gguf.Write(io.Discard, nil, tensors), io.ErrUnexpectedEOF)
}

func TestWriteKeepsTheAlignmentThatWasRead(t *testing.T) {
	t.Parallel()

	tensors := []gguf.Content{
		{Name: "a", Dims: []uint64{3}, Type: gguf.F32, Data: make([]byte, 12)},
		{Name: "b", Dims: []uint64{3}, Type: gguf.F32, Data: make([]byte, 12)},
	}
	var want, got bytes.Buffer
	require.NoError(t, gguf.Write(&want, []gguf.Entry{{Key: "general.alignment", Value: uint32(128)}}, tensors))
	f, err := parse(want.Bytes())
	require.NoError(t, err)
	v, ok := f.Value("general.alignment")
	require.True(t, ok)
	require.NoError(t, gguf.Write(&got, []gguf.Entry{{Key: "general.alignment", Value: v}}, tensors))
	require.Equal(t, want.Bytes(), got.Bytes())
}
