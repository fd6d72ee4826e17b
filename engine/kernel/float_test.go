package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// onGo returns what f returns without assembly.
func onGo(f func() []float32) []float32 {
	defer func(before *level) { use = before }(use)
	use = &goLevel
	return f()
}

// atLevel runs f with one of the instruction sets that this machine has.
func atLevel(n uint64, f func()) {
	defer func(before *level) { use = before }(use)
	all := available()
	use = all[n%uint64(len(all))]
	f()
}

// sameFloats requires the same bits, or numbers in neither.
func sameFloats(t *testing.T, want, got []float32, args ...any) {
	t.Helper()
	require.Len(t, got, len(want), args...)
	for i, w := range want {
		if w != w && got[i] != got[i] {
			continue
		}
		if math.Float32bits(w) != math.Float32bits(got[i]) {
			require.Failf(t, "different bits", "element %d: want %x, got %x: %s", i, w, got[i], fmt.Sprint(args...))
		}
	}
}

// wild returns numbers of very different sizes, of which some may not be finite.
func wild(r *rand.Rand, n int) []float32 {
	x := tame(r, n)
	for range r.IntN(3) {
		x[r.IntN(n)] = []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}[r.IntN(3)]
	}
	return x
}

// tame returns numbers of very different sizes, all finite.
func tame(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		switch r.IntN(40) {
		case 0:
			x[i] = math.Float32frombits(r.Uint32() & 0x807fffff) // subnormal
		case 1:
			x[i] = math.Float32frombits(r.Uint32()&0x807fffff | uint32(1+r.IntN(253))<<23)
		case 2:
			x[i] = float32(math.Copysign(0, float64(r.IntN(2))-0.5))
		default:
			x[i] = float32(r.NormFloat64())
		}
	}
	return x
}

func stored(typ gguf.Type, x []float32) []byte {
	var b []byte
	for _, v := range x {
		switch typ {
		case gguf.F32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		case gguf.BF16:
			b = binary.LittleEndian.AppendUint16(b, uint16(math.Float32bits(v)>>16))
		default:
			b = binary.LittleEndian.AppendUint16(b, halfBits(v))
		}
	}
	return b
}

// halfBits returns the half float next to v.
func halfBits(v float32) uint16 {
	v = roundHalf(v)
	sign := uint16(math.Float32bits(v) >> 16 & 0x8000)
	switch f := float32(math.Abs(float64(v))); {
	case f != f:
		return 0x7e00
	case f > 65504:
		return sign | 0x7c00
	case f < 0x1p-14:
		return sign | uint16(f*0x1p24)
	default:
		return sign | uint16(math.Float32bits(f)>>13-112<<10)
	}
}

// mild returns numbers whose sums are finite, of which none is left out by rounding.
func mild(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

var floatTypes = []gguf.Type{gguf.F32, gguf.F16, gguf.BF16}

// floatShape is a product with a matrix of floats.
type floatShape struct {
	typ                 gguf.Type
	rows, cols, vectors int
}

// checkFloatMatrix compares products of a matrix with their definition, and all vectors at once with one after the other.
func checkFloatMatrix(t *testing.T, r *rand.Rand, numbers func(*rand.Rand, int) []float32, shape floatShape) {
	t.Helper()
	rows, cols, n := shape.rows, shape.cols, shape.vectors
	m, err := NewMatrix(shape.typ, rows, cols, stored(shape.typ, numbers(r, rows*cols)))
	require.NoError(t, err)
	v := NewVectors(n, cols, m.Form())
	copy(v.Data, numbers(r, n*cols))
	for i := range n {
		v.Quantise(i)
	}
	s := NewScratch(cols)
	mul := func() []float32 {
		dst := make([]float32, n*rows)
		m.Mul(dst, v, n, 0, rows, s)
		return dst
	}
	name := fmt.Sprint(shape)
	want := onGo(mul)
	sameFloats(t, want, mul(), name)

	part := make([]float32, n*rows)
	at := rows / 3
	m.Mul(part, v, n, at, rows, s)
	m.Mul(part, v, n, 0, at, s)
	sameFloats(t, want, part, name, ", in two parts")

	one := NewVectors(1, cols, m.Form())
	dst := make([]float32, rows)
	for i := range n {
		copy(one.Data, v.Row(i))
		one.Quantise(0)
		m.Mul(dst, one, 1, 0, rows, s)
		sameFloats(t, want[i*rows:][:rows], dst, name, ", one by one")
	}
	row, wantRow := make([]float32, cols), make([]float32, cols)
	m.Row(row, rows-1, s)
	onGo(func() []float32 {
		m.Row(wantRow, rows-1, s)
		return nil
	})
	sameFloats(t, wantRow, row, name, ", a row")
}

func TestFloatMatrixEqualsItsDefinition(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 240 {
			rows, cols, n := 1+r.IntN(70), 1+r.IntN(100), 1+r.IntN(14)
			switch i % 4 {
			case 1:
				cols = 16 * (1 + r.IntN(40))
			case 2:
				cols = stripSteps*lanes*r.IntN(3) + r.IntN(40) + 1
			case 3:
				n, rows = passVectors+r.IntN(20), 1+r.IntN(9)
			}
			numbers := mild
			switch i % 5 {
			case 0:
				numbers = wild
			case 1:
				numbers = tame
			}
			checkFloatMatrix(t, r, numbers, floatShape{floatTypes[i%3], rows, cols, n})
		}
		checkFloatMatrix(t, r, mild, floatShape{gguf.F16, longStrip + 5, mostNear/passVectors + 40, passVectors + 6})
	})
}

func FuzzFloatMatrix(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint8(3), uint16(20), uint8(4))
	f.Add(uint64(2), uint8(1), uint8(16), uint16(512), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, typ, rows uint8, cols uint16, n uint8) {
		r := rand.New(rand.NewPCG(seed, 0))
		rs, cs, vs := int(rows%80)+1, int(cols%1200)+1, int(n%30)+1
		numbers := []func(*rand.Rand, int) []float32{mild, mild, tame, wild}[seed/3%4]
		atLevel(seed, func() { checkFloatMatrix(t, r, numbers, floatShape{floatTypes[typ%3], rs, cs, vs}) })
	})
}

// checkRows compares DotRows and AddRows with their definitions at an alignment of shift floats.
func checkRows(t *testing.T, r *rand.Rand, rows, n, gap, shift int) {
	t.Helper()
	numbers := mild
	if r.IntN(3) == 0 {
		numbers = wild
	}
	w, x, p := numbers(r, shift+rows*(n+gap))[shift:], numbers(r, shift+n)[shift:], numbers(r, shift+rows)[shift:]
	want, got := make([]float32, rows), make([]float32, rows)
	for i := range want {
		want[i] = dotGeneric(w[i*(n+gap):][:n], x)
	}
	DotRows(got, w, n+gap, x)
	sameFloats(t, want, got, "DotRows of ", rows, n)

	sum := append([]float32(nil), x...)
	addRowsGeneric(sum, w, n+gap, p)
	AddRows(x, w, n+gap, p)
	sameFloats(t, sum, x, "AddRows of ", rows, n)
}

func TestRowsEqualTheirDefinition(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		r := rand.New(rand.NewPCG(3, 2))
		for n := 1; n < 300; n++ {
			checkRows(t, r, 1+n%11, n, n%4, n%5)
		}
	})
}

func FuzzRows(f *testing.F) {
	f.Add(uint64(1), uint8(9), uint16(64), uint8(0), uint8(1))
	f.Fuzz(func(t *testing.T, seed uint64, rows uint8, n uint16, gap, shift uint8) {
		atLevel(seed, func() {
			checkRows(t, rand.New(rand.NewPCG(seed, 0)), int(rows%40)+1, int(n%700)+1, int(gap%20), int(shift%16))
		})
	})
}

// TestFloatProductsAreAccurate compares with float64.
func TestFloatProductsAreAccurate(t *testing.T) {
	t.Parallel()

	const cols = 4096
	w, x := random(5, 4*cols), random(6, cols)
	got := make([]float32, 4)
	DotRows(got, w, cols, x)
	for i, g := range got {
		want, size := 0.0, 0.0
		for j, v := range x {
			p := float64(w[i*cols+j]) * float64(v)
			want, size = want+p, size+math.Abs(p)
		}
		require.InDelta(t, want, g, 1e-7*size)
	}
}

// attended is attention by its definition.
func attended(a *Attention, q Query, keys, values [][]float32) []float32 {
	x, out := make([]float32, q.To-q.From), make([]float32, a.head)
	for i := range x {
		p := q.From + i
		x[i] = dotGeneric(keys[p/a.page][p%a.page*a.head:][:a.head], q.Q)
	}
	Scale(x, a.scale)
	if a.cap != 0 {
		SoftCap(x, a.cap)
	}
	f := SoftMax(x)
	for i := range x {
		p := q.From + i
		addRowsGeneric(out, values[p/a.page][p%a.page*a.head:][:a.head], a.head, x[i:i+1])
	}
	Scale(out, f)
	return out
}

// checkAttention compares queries that end at most spread positions before one another, and see up to window positions, with
// the definition. What a page holds behind the last position is not a number.
func checkAttention(t *testing.T, r *rand.Rand, a *Attention, length, spread, window int) {
	t.Helper()
	numbers := mild
	if r.IntN(4) == 0 {
		numbers = tame
	}
	pages := (length + a.page - 1) / a.page
	keys, values := make([][]float32, pages), make([][]float32, pages)
	for p := range pages {
		keys[p], values[p] = numbers(r, a.page*a.head), numbers(r, a.page*a.head)
	}
	for i := length % a.page * a.head; i > 0 && i < a.page*a.head; i++ {
		keys[pages-1][i], values[pages-1][i] = float32(math.NaN()), float32(math.NaN())
	}
	queries := make([]Query, 1+r.IntN(17))
	for j := range queries {
		to := max(1, length-r.IntN(spread+1))
		queries[j] = Query{Q: numbers(r, a.head), Out: wild(r, a.head), From: max(0, to-1-r.IntN(window)), To: to}
		if j%2 == 1 {
			queries[j].From, queries[j].To = queries[j-1].From, queries[j-1].To
		}
	}
	a.Run(queries, keys, values)
	for j, q := range queries {
		want := onGo(func() []float32 { return attended(a, q, keys, values) })
		sameFloats(t, want, q.Out, "query ", j, q.From, q.To)
	}
}

func TestAttentionEqualsItsDefinition(t *testing.T) { //nolint:paralleltest // changes the package
	forEachISA(t, func(t *testing.T) {
		t.Helper()
		r := rand.New(rand.NewPCG(4, 4))
		for i := range 150 {
			a := NewAttention([]int{64, 128, 96, 80, 16, 8, 20}[i%7], []int{32, 32, 8, 6}[i%4], 0.125, []float32{0, 3}[i%2])
			length := 1 + r.IntN(200)
			checkAttention(t, r, a, length, []int{0, 8, 200}[i%3], []int{1, 40, 1000}[i/3%3])
		}
	})
}

func FuzzAttention(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint16(100), uint8(5), uint16(300))
	f.Fuzz(func(t *testing.T, seed uint64, head uint8, length uint16, spread uint8, window uint16) {
		a := NewAttention(4*(int(head%40)+1), 32, 0.25, 0)
		atLevel(seed, func() {
			checkAttention(t, rand.New(rand.NewPCG(seed, 0)), a, int(length%500)+1, int(spread), int(window%600)+1)
		})
	})
}
