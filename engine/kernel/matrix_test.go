package kernel

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// quantised are the formats of integers.
func quantised() []*format {
	var all []*format
	for i := range formats {
		if formats[i].decode != nil {
			all = append(all, &formats[i])
		}
	}
	return all
}

// halfFields returns where the half floats of a block are.
func halfFields(t gguf.Type) []int {
	switch t {
	case gguf.F16, gguf.Q8_0, gguf.Q4_0, gguf.Q5_0, gguf.IQ4_NL, gguf.IQ4_XS:
		return []int{0}
	case gguf.Q4_1, gguf.Q5_1, gguf.Q4_K, gguf.Q5_K:
		return []int{0, 2}
	case gguf.Q2_K:
		return []int{80, 82}
	case gguf.Q3_K:
		return []int{108}
	case gguf.Q6_K:
		return []int{208}
	default:
		return nil
	}
}

// weights returns random data of type t with scales around 2^-7, of both signs.
func weights(t gguf.Type, rows, cols int) []byte {
	r := rand.New(rand.NewPCG(uint64(t), 2))
	elements, size := t.Block()
	b := make([]byte, rows*cols/elements*size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for at := 0; at < len(b); at += size {
		for _, field := range halfFields(t) {
			binary.LittleEndian.PutUint16(b[at+field:], uint16(0x2000+r.IntN(0x0800)|r.IntN(2)<<15))
		}
		switch t {
		case gguf.F32:
			binary.LittleEndian.PutUint32(b[at:], math.Float32bits(float32(r.NormFloat64())))
		case gguf.BF16:
			binary.LittleEndian.PutUint16(b[at:], uint16(math.Float32bits(float32(r.NormFloat64()))>>16))
		case gguf.MXFP4:
			b[at] = byte(118 + r.IntN(6))
		default:
		}
	}
	return b
}

func matrix(tb testing.TB, t gguf.Type, rows, cols int) Matrix {
	tb.Helper()
	m, err := NewMatrix(t, rows, cols, weights(t, rows, cols))
	require.NoError(tb, err)
	return m
}

// vectors returns n random vectors in the form that m wants.
func vectors(m *Matrix, n int) *Vectors {
	x := NewVectors(n, m.Cols, m.Form())
	copy(x.Data, random(3, n*m.Cols))
	for i := range n {
		x.Quantise(i)
	}
	return x
}

// TestRowsAreWhatTheFormatSays compares with another implementation's values, and with some written by hand.
func TestRowsAreWhatTheFormatSays(t *testing.T) {
	t.Parallel()

	file, err := os.Open("testdata/dequantised.txt")
	require.NoError(t, err)
	defer file.Close()
	seen := map[gguf.Type]int{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if fields[0] == "#" {
			continue
		}
		data, err := hex.DecodeString(fields[1])
		require.NoError(t, err)
		for _, f := range quantised() {
			if !strings.EqualFold(f.typ.String(), fields[0]) {
				continue
			}
			seen[f.typ]++
			cols, _ := f.typ.Block()
			m, err := NewMatrix(f.typ, 1, cols, data)
			require.NoError(t, err)
			row, got := make([]float32, cols), ""
			m.Row(row, 0, NewScratch(cols))
			for _, v := range row {
				got += fmt.Sprintf("%08x", math.Float32bits(v))
			}
			require.Equal(t, fields[2], got, "%v", f.typ)
		}
	}
	for _, f := range quantised() {
		require.Equal(t, 2, seen[f.typ], "%v", f.typ)
	}
}

func TestRowsOfBlocksByHand(t *testing.T) {
	t.Parallel()

	block := func(size int, at map[int][]byte) []byte {
		b := make([]byte, size)
		for i, v := range at {
			copy(b[i:], v)
		}
		return b
	}
	one, half := []byte{0x00, 0x3c}, []byte{0x00, 0x38}
	for _, tt := range []struct {
		typ  gguf.Type
		at   map[int][]byte
		want map[int]float32 // by place
		rest float32
	}{
		{gguf.Q8_0, map[int][]byte{0: half, 2: {0x80, 0x7f}}, map[int]float32{0: -64, 1: 63.5}, 0},
		{gguf.Q4_0, map[int][]byte{0: one, 2: {0xf1}}, map[int]float32{0: -7, 16: 7}, -8},
		{gguf.Q4_1, map[int][]byte{0: one, 2: half, 4: {0xf1}}, map[int]float32{0: 1.5, 16: 15.5}, 0.5},
		{gguf.Q5_0, map[int][]byte{0: one, 2: {0x01, 0, 1, 0}, 6: {0xf1}}, map[int]float32{0: 1, 16: 15}, -16},
		{gguf.Q5_1, map[int][]byte{0: one, 2: half, 4: {0, 0, 1, 0}, 8: {0xf1}}, map[int]float32{0: 1.5, 16: 31.5}, 0.5},
		{gguf.Q2_K, map[int][]byte{80: one, 82: half, 0: {0x23}, 16: {0x07}}, map[int]float32{0: 8, 1: -1, 15: -1, 32: 0}, 0},
		{gguf.Q3_K, map[int][]byte{108: one, 96: {0x01}, 104: {0x02}, 0: {0x05}, 32: {0x0d}}, map[int]float32{0: 1, 1: -4, 15: -4, 32: 32}, 128},
		{gguf.Q4_K, map[int][]byte{0: one, 2: half, 4: {3, 5}, 8: {4}, 16: {0x21}}, map[int]float32{0: 1, 1: -2, 31: -2, 32: 10}, 0},
		{gguf.Q5_K, map[int][]byte{0: one, 2: half, 4: {3, 5}, 8: {4}, 16: {0x02}, 48: {0x21}}, map[int]float32{0: 1, 31: -2, 32: 90}, 0},
		{gguf.Q6_K, map[int][]byte{208: one, 192: {0xff}, 0: {0x21}, 128: {0x03}, 200: {2}, 207: {1}}, map[int]float32{0: -17, 1: 32, 15: 32, 128: -64}, -32},
		{gguf.IQ4_NL, map[int][]byte{0: one, 2: {0xf8}}, map[int]float32{0: 1, 16: 113}, -127},
		{gguf.IQ4_XS, map[int][]byte{0: half, 2: {0x02}, 4: {0x01}, 8: {0xf8}}, map[int]float32{0: 0.5, 16: 56.5, 31: -63.5, 1: -63.5, 32: 2032}, 2032},
		{gguf.MXFP4, map[int][]byte{0: {127}, 1: {0xf1}}, map[int]float32{0: 0.5, 16: -6}, 0},
	} {
		cols, size := tt.typ.Block()
		m, err := NewMatrix(tt.typ, 1, cols, block(size, tt.at))
		require.NoError(t, err)
		row := make([]float32, cols)
		m.Row(row, 0, NewScratch(cols))
		for i, v := range tt.want {
			equal(t, v, row[i], "%v, weight %d", tt.typ, i)
		}
		equal(t, tt.rest, row[cols-1], "%v, the last", tt.typ)
	}
}

// exactRow returns the product of a row and a vector as it was quantised, in float64, and the sum of its terms' sizes.
func exactRow(f *format, row []float32, x *Vectors, v int) (sum, size float64) {
	for i, w := range row {
		y := float64(x.Row(v)[i])
		switch at := v*x.Len + i; f.form {
		case Blocks32:
			y = float64(x.b32.q[at]) * float64(x.b32.block[at/32].d)
		case Blocks256:
			y = float64(x.b256.q[at]) * float64(x.b256.block[at/256].d)
		default:
		}
		sum += float64(w) * y
		size += math.Abs(float64(w) * y)
	}
	return sum, size
}

func TestProductsAgreeWithTheRows(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		const rows, n = 37, 6 // two groups and a rest
		for _, f := range quantised() {
			block, _ := f.typ.Block()
			for _, cols := range []int{block, 768} {
				m := matrix(t, f.typ, rows, cols)
				x, s := vectors(&m, n), NewScratch(cols)
				got, row := make([]float32, n*rows), make([]float32, cols)
				m.Mul(got, x, n, 0, rows, s)
				for r := range rows {
					m.Row(row, r, s)
					for v := range n {
						want, size := exactRow(f, row, x, v)
						// With minima the parts of a weight may be larger than the weight.
						require.InDelta(t, want, got[v*rows+r], 4e-6*size+1e-6, "%v of %d, row %d vector %d", f.typ, cols, r, v)
					}
				}
			}
		}
	})
}

func TestQuantisedVectorsAreNearTheirElements(t *testing.T) {
	t.Parallel()

	x := NewVectors(2, 512, Blocks32|Blocks256)
	copy(x.Data, random(3, 1024))
	x.Quantise(0)
	x.Quantise(1)
	for i, v := range x.Data {
		block := x.Data[i/32*32:][:32]
		d, q := x.b32.block[i/32].d, x.b32.q[i]
		require.InDelta(t, v, d*float32(q), 0.51*float64(largest(block))/127+1e-3*math.Abs(float64(v)))
		block = x.Data[i/256*256:][:256]
		d, q = x.b256.block[i/256].d, x.b256.q[i]
		require.InDelta(t, v, d*float32(q), 0.5001*float64(largest(block))/127)
	}
	for b, y := range x.b32.block {
		require.InDelta(t, sum(x.b32.q[32*b:][:32]), y.sum, 0)
		require.Equal(t, [3]int32{-128 * int32(y.sum), -16 * int32(y.sum), -8 * int32(y.sum)}, y.bias)
	}
	for b, y := range x.b256.block {
		for i := range 16 {
			require.InDelta(t, sum(x.b256.q[256*b+16*i:][:16]), y.sum16[i], 0)
			require.Equal(t, -32*int32(y.sum16[i]), y.bias16[i])
			require.InDelta(t, sum(x.b256.q[256*b+i/2*32:][:32]), y.sum32[i/2], 0)
			require.Equal(t, -128*int32(y.sum32[i/2]), y.bias32[i/2])
		}
	}
}

func largest(x []float32) float32 { return math.Float32frombits(topBits(x)) }

func sum(q []int8) (s int) {
	for _, v := range q {
		s += int(v)
	}
	return s
}

// same requires the same bits; numbers that are none may differ.
func same(t *testing.T, want, got []float32, args ...any) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if want[i] != want[i] {
			isNaN(t, got[i], args...)
			continue
		}
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			equal(t, want[i], got[i], append([]any{fmt.Sprintf("element %d: %v", i, args[0])}, args[1:]...)...)
		}
	}
}

// mulDefined is Mul for quantised weights by the definition.
func (m *Matrix) mulDefined(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	for r := lo; r < hi; r++ {
		m.format.decodeRow(&s.codes, m.data[r*m.stride:][:m.stride], m.Cols)
		for t := range n {
			dst[t*m.Rows+r] = m.format.dot(&s.codes, x, t)
		}
	}
}

// differ compares products of a matrix, packed or not, with their definition.
func differ(t *testing.T, m *Matrix, x *Vectors, n int) {
	t.Helper()
	s := NewScratch(m.Cols)
	want, got := make([]float32, n*m.Rows), make([]float32, n*m.Rows)
	m.mulDefined(want, x, n, 0, m.Rows, s)
	name := fmt.Sprintf("%v, %d rows of %d, %d vectors", m.format.typ, m.Rows, m.Cols, n)
	m.Mul(got, x, n, 0, m.Rows, s)
	same(t, want, got, name)
	clear(got)
	for lo := 0; lo < m.Rows; lo += 19 { // starts that are no group's
		m.Mul(got, x, n, lo, min(lo+19, m.Rows), s)
	}
	same(t, want, got, name+" in parts")
	clear(got)
	m.Pack(1)
	if size := m.PackedSize(); size > 0 {
		require.Len(t, m.packed, size)
	}
	m.Mul(got, x, n, 0, m.Rows, s)
	same(t, want, got, name+" packed")
}

// TestQuantisedAssemblyEqualsItsDefinition takes all that there is of rows, columns and vectors.
func TestQuantisedAssemblyEqualsItsDefinition(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		for _, f := range quantised() {
			block, _ := f.typ.Block()
			for i, rows := range []int{1, 5, 15, 16, 17, 31, 32, 47, 48, 49, 64, 100, 131} {
				cols := block * (1 + i*i*32/block%40)
				m := matrix(t, f.typ, rows, cols)
				n := 1 + i
				differ(t, &m, vectors(&m, n), n)
				m = matrix(t, f.typ, rows, cols)
				differ(t, &m, vectors(&m, 1), 1)
			}
		}
	})
}

// TestLongRowsEqualTheirDefinition has rows of whole super-blocks for every type, shorter and longer than what is multiplied
// with one vector at a time.
func TestLongRowsEqualTheirDefinition(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		for _, f := range quantised() {
			for _, cols := range []int{256, 768, unpacked + 512} {
				m := matrix(t, f.typ, Group+3, cols)
				differ(t, &m, vectors(&m, 1), 1)
			}
		}
	})
}

// TestExtremesAgree fills blocks and vectors with what is largest, smallest and not a number.
func TestExtremesAgree(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		halves := []uint16{0x0000, 0x8000, 0x0001, 0x03ff, 0x7bff, 0xfbff, 0x3c00, 0x7c00, 0xfc00, 0x7e00}
		elements := []float32{127, -127, 0, 1e30, -1e-30, 0x1p-140, float32(math.Inf(1)), float32(math.NaN())}
		for _, f := range quantised() {
			block, size := f.typ.Block()
			const blocks = 8
			fill := []byte{0x00, 0x77, 0x7f, 0x80, 0xff} // 0x77 is the largest of type MXFP4
			rows, cols := len(fill)*len(halves)+2, block*blocks
			data := make([]byte, rows*blocks*size)
			for at := range data {
				data[at] = fill[at/(blocks*size)%len(fill)]
			}
			for at := 0; at < len(data); at += size {
				for k, field := range halfFields(f.typ) {
					binary.LittleEndian.PutUint16(data[at+field:], halves[(at/size/(len(fill)*blocks)*(1+2*k)+k)%len(halves)])
				}
			}
			m, err := NewMatrix(f.typ, rows, cols, data)
			require.NoError(t, err)
			x := NewVectors(len(elements), cols, m.Form())
			for i, v := range elements {
				for j := range cols {
					x.Row(i)[j] = v
				}
				x.Row(i)[cols-1] = 1
				x.Quantise(i)
			}
			differ(t, &m, x, len(elements))
			m.packed, m.packedFor = nil, nil
			differ(t, &m, x, 1)
		}
	})
}

// fenced returns at least n bytes of whole pages between two that cannot be read.
func fenced(t *testing.T, n int) []byte {
	t.Helper()
	page := os.Getpagesize()
	size := (n + page - 1) / page * page
	memory, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(memory)) })
	require.NoError(t, syscall.Mprotect(memory[:page], syscall.PROT_NONE))
	require.NoError(t, syscall.Mprotect(memory[page+size:], syscall.PROT_NONE))
	return memory[page:][:size]
}

// TestProductsReadNothingBesideTheirWeights ends the process if they do: the weights of a file may begin or end with a page.
func TestProductsReadNothingBesideTheirWeights(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		const cols = 512
		for i := range formats {
			for _, rows := range []int{16, 48, 53} {
				data := weights(formats[i].typ, rows, cols)
				memory := fenced(t, len(data))
				for _, place := range [][]byte{memory[:len(data)], memory[len(memory)-len(data):]} {
					copy(place, data)
					m, err := NewMatrix(formats[i].typ, rows, cols, place)
					require.NoError(t, err)
					x, s := vectors(&m, 5), NewScratch(cols)
					for _, n := range []int{1, 2, 5} {
						m.Mul(make([]float32, n*rows), x, n, 0, rows, s)
					}
					m.Row(make([]float32, cols), rows-1, s)
					m.Pack(1)
				}
			}
		}
	})
}

// FuzzProducts compares products of arbitrary bytes at all levels with their definition.
func FuzzProducts(f *testing.F) {
	for i := range quantised() {
		f.Add(byte(i), byte(17+i), byte(2), byte(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, which, rows, blocks, n byte, seed uint64) {
		all := quantised()
		typ := all[int(which)%len(all)].typ
		r := rand.New(rand.NewPCG(seed, 9))
		height, width, count := 1+int(rows)%70, 1+int(blocks)%9, 1+int(n)%11
		block, size := typ.Block()
		data := make([]byte, height*width*size)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		m, err := NewMatrix(typ, height, width*block, data)
		require.NoError(t, err)
		x := NewVectors(count, m.Cols, m.Form())
		for i := range x.Data {
			x.Data[i] = float32(math.Ldexp(r.NormFloat64(), int(seed%64)-32))
		}
		if seed%5 == 0 {
			x.Data[r.IntN(len(x.Data))] = math.Float32frombits(r.Uint32())
		}
		for i := range count {
			x.Quantise(i)
		}
		defer func() { require.NoError(t, SetISA("")) }()
		for _, l := range available() {
			require.NoError(t, SetISA(l.name))
			differ(t, &m, x, count)
		}
	})
}

// TestQuantisingIsTheSameEverywhere compares the forms of vectors.
func TestQuantisingIsTheSameEverywhere(t *testing.T) { //nolint:paralleltest // changes the package
	make32 := func() *Vectors {
		const n = 40
		x := NewVectors(n, 512, Blocks32|Blocks256)
		for i := range n {
			for j, v := range random(uint64(i), 512) {
				x.Row(i)[j] = float32(math.Ldexp(float64(v), 4*i*(j/32%2)-60))
			}
		}
		x.Row(3)[100], x.Row(4)[300], x.Row(5)[0] = float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32
		clear(x.Row(6)[:256])
		for i, top := range []float32{0x1p-99, 0x1p-100, 0x0.ffffffp-100, 0x1p-110, 0x1p-149} { // around what counts as 0
			for j := range x.Row(8 + i) {
				x.Row(8 + i)[j] = float32(math.Copysign(float64(top), float64(1-j%2*2)))
			}
		}
		for j := range x.Row(7) { // ties
			x.Row(7)[j] = float32(j%255) - 127 + 0.5*float32(j%2)
		}
		for i := range n {
			x.Quantise(i)
		}
		return x
	}
	defer func() { require.NoError(t, SetISA("")) }()
	require.NoError(t, SetISA("go"))
	want := make32()
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		got := make32()
		require.Equal(t, want.b32.q, got.b32.q)
		require.Equal(t, want.b256.q, got.b256.q)
		for i, y := range want.b32.block {
			g := got.b32.block[i]
			same(t, []float32{y.d, y.sum}, []float32{g.d, g.sum}, "block %d", i)
			require.Equal(t, y.bias, g.bias)
		}
		for i, y := range want.b256.block {
			g := got.b256.block[i]
			same(t, []float32{y.d}, []float32{g.d}, "block %d", i)
			y.d, g.d = 0, 0
			require.Equal(t, y, g)
		}
	})
}

func TestNewMatrixRefuses(t *testing.T) {
	t.Parallel()

	_, err := NewMatrix(gguf.Type(18), 1, 256, make([]byte, 98))
	require.ErrorIs(t, err, gguf.ErrUnsupported)
	require.ErrorContains(t, err, "IQ3_XXS")
	for _, f := range quantised() {
		require.ErrorContains(t, err, f.typ.String())
	}
	_, err = NewMatrix(gguf.Q8_0, 1, 32, make([]byte, 33))
	require.ErrorIs(t, err, gguf.ErrInvalid)
	_, err = NewMatrix(gguf.Q8_0, 1, 31, make([]byte, 33))
	require.ErrorIs(t, err, gguf.ErrInvalid)
	_, err = NewMatrix(gguf.F32, 0, 4, nil)
	require.ErrorIs(t, err, gguf.ErrInvalid)
}

func TestNotANumberStaysVisible(t *testing.T) {
	t.Parallel()

	for i := range formats {
		typ := formats[i].typ
		m := matrix(t, typ, 8, 256)
		x := NewVectors(1, 256, m.Form())
		copy(x.Data, random(1, 256))
		x.Data[200] = float32(math.NaN())
		x.Quantise(0)
		got := make([]float32, 8)
		m.Mul(got, x, 1, 0, 8, NewScratch(256))
		for i := range got {
			require.False(t, Finite(got[i:i+1]), "%v", typ)
		}
	}
	require.True(t, Finite([]float32{0, -1, math.MaxFloat32}))
}

// dot is the definition of the product of a row of quantised weights and vector t of x (rule 2 of the package comment).
func (f *format) dot(c *codes, x *Vectors, t int) float32 {
	if f.form == Blocks32 {
		n := x.Len / 32
		return f.dot32(c, x.b32.q[t*x.Len:][:x.Len], x.b32.block[t*n:][:n])
	}
	n := x.Len / 256
	return f.dot256(c, x.b256.q[t*x.Len:][:x.Len], x.b256.block[t*n:][:n])
}

func (f *format) dot32(c *codes, x []int8, block []block32) float32 {
	acc := float32(0)
	for b := range block {
		y := &block[b]
		isum := dotInts(c.q[32*b:][:32], x[32*b:][:32])
		acc = fma(float32(c.s[b]*y.d), float32(isum), acc)
		if f.minima {
			acc = fma(float32(c.m[b]*y.d), y.sum, acc)
		}
	}
	return acc
}

func (f *format) dot256(c *codes, x []int8, block []block256) float32 {
	acc := float32(0)
	for b := range block {
		y := &block[b]
		sums := y.sum32[:]
		if f.sub == 16 {
			sums = y.sum16[:]
		}
		t := float32(0)
		for j, sum := range sums {
			at := b*len(sums) + j
			isum := dotInts(c.q[f.sub*at:][:f.sub], x[f.sub*at:][:f.sub])
			t = fma(c.s[at], float32(isum), t)
			if f.minima {
				t = fma(-c.m[at], sum, t)
			}
		}
		acc = fma(y.d, t, acc)
	}
	return acc
}

// dotInts is exact: 32 products of 8 bits each.
func dotInts(a, b []int8) int32 {
	b = b[:len(a)]
	sum := int32(0)
	for i, v := range a {
		sum += int32(v) * int32(b[i])
	}
	return sum
}

// Rows that are packed are multiplied with so many vectors at a time; what is left may be fewer than a tile takes. Sums are
// kept aside for the many and not for the rest.
func TestManyVectorsAreAsOneByOne(t *testing.T) { //nolint:paralleltest // the level must not change meanwhile
	const rows, cols, n = 1040 + 8, 8192, 66
	for _, typ := range []gguf.Type{gguf.Q8_0, gguf.Q4_K} {
		m := matrix(t, typ, rows, cols)
		x, s := vectors(&m, n), NewScratch(cols)
		want := make([]float32, n*rows)
		for i := range n {
			one := NewVectors(1, cols, m.Form())
			copy(one.Data, x.Data[i*cols:][:cols])
			one.Quantise(0)
			m.Mul(want[i*rows:][:rows], one, 1, 0, rows, s)
		}
		m.Pack(1)
		if m.packedFor != nil {
			require.Less(t, m.vectorsTogether(), n)
			require.Greater(t, m.vectorsTogether()*rows, besideFloats)
		}
		got := make([]float32, n*rows)
		m.Mul(got, x, n, 0, rows, s)
		require.Equal(t, want, got, typ)
	}
}

// TestNoTypeIsTakenApartForOneVector holds the levels whose assembly reads all types where they lie to that.
func TestNoTypeIsTakenApartForOneVector(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		if !strings.HasPrefix(ISA(), "avx") {
			return
		}
		for _, f := range quantised() {
			m := Matrix{format: f}
			require.NotNil(t, m.mulOne(), "%v", f.typ)
			require.Equal(t, unpacked, m.columnsFor(1), "%v", f.typ)
		}
	})
}
