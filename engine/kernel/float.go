package kernel

import (
	"encoding/binary"
	"math"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Products with weights of types F32, F16 and BF16. With one vector, weights are converted and multiplied in one pass, which
// memory limits. More are multiplied in tiles of accumulators that registers hold: four rows, up to six vectors, and for each
// pair of them the 16 lanes of rule 2. Many vectors are worth making some rows float32 first, in the order of tiles.

const (
	tileRows    = 4
	tileVectors = 6
	stripRows   = 8  // rows that are float32 at a time
	longStrip   = 32 // the same if vectors have more than mostNear elements, which do not stay near from strip to strip
	mostNear    = 1 << 17
	stripSteps  = 32 // of 16 columns each, multiplied before the next columns of the same rows
	passVectors = 64 // vectors in order at a time

	directVectors = 32 // up to so many, weights are read from the file again for each group rather than made float32 once
	directRows    = 16 // rows that this is done with at a time
)

// floatFuncs are a level's functions of floats. Counts are positive, strides and steps in bytes unless said otherwise.
type floatFuncs struct {
	tile           func(t *floatTile)
	mix            func(m *mix)
	dotRows        func(dst, w *float32, stride, rows int, x *float32, steps int)
	addRows        func(out, w *float32, stride, rows int, p *float32, parts int)
	f32, f16, bf16 storedFuncs
	order          func(dst, src *float32, steps, stride, ahead int) // copies 16 floats a step
	vectorFuncs
}

// storedFuncs are functions of weights of one type.
type storedFuncs struct {
	dots   func(dst *float32, w *byte, stride, rows int, x *float32, steps int)
	spread func(dst *float32, src *byte, steps, stride, ahead int) // makes float32 of 16 weights a step
	direct func(t *floatTile)                                      // tile of two vectors or more with t.stored; may be nil
}

// floatTile is the work of some vectors with fours of rows: dst += products, in steps of 16 elements.
type floatTile struct {
	dst *float32 // [vectors] a stride apart, of fours*tileRows
	acc *float32 // [fours][vectors][tileRows][lanes], between calls of which neither is first nor last
	w   *float32

	stored *byte // in place of w, weights of the file

	x *float32 // [steps] vectorStep apart, of [vectors][lanes]

	dstStride, accStride        int // of a vector; of four rows
	fourStride, rowStride, step int // of w: of four rows, a row and 16 columns
	vectorStep                  int // of x
	vectors, fours, steps       int
	first, last                 bool

	from int // for levels that do a part of the vectors at a time
	half int //nolint:unused // for levels that do half of the lanes at a time, by assembly
}

// mix is the work of adding rows times factors to some outputs.
type mix struct {
	out *float32 // [outputs] a stride apart, of parts*lanes
	p   *float32 // [outputs] a stride apart, of rows
	w   *float32 // [rows] a stride apart

	outStride, pStride, stride int
	rows, parts, outputs       int

	from int // for levels that do a part of the outputs at a time
}

// stored returns the functions for the matrix's weights.
func (m *Matrix) stored() *storedFuncs {
	switch m.format.typ {
	case gguf.F16:
		return &use.f16
	case gguf.BF16:
		return &use.bf16
	default:
		return &use.f32
	}
}

// weight returns weight j of a row.
func (m *Matrix) weight(row []byte, j int) float32 {
	switch m.format.typ {
	case gguf.F16:
		return half(binary.LittleEndian.Uint16(row[2*j:]))
	case gguf.BF16:
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(row[2*j:])) << 16)
	default:
		return math.Float32frombits(binary.LittleEndian.Uint32(row[4*j:]))
	}
}

// floatRow is Row for the types of this file.
func (m *Matrix) floatRow(dst []float32, i int) {
	row, done := m.data[i*m.stride:][:m.stride], 0
	if f := m.stored().spread; f != nil && m.Cols >= lanes {
		done = m.Cols &^ (lanes - 1)
		f(&dst[0], &row[0], done/lanes, 4*lanes, 0)
	}
	for j := done; j < m.Cols; j++ {
		dst[j] = m.weight(row, j)
	}
}

// floatScratch is the working memory of one worker's products.
type floatScratch struct {
	t     floatTile
	strip int       // rows that are float32 at a time
	x     []float32 // vectors by groups: [steps][vectors of a group][lanes]
	w     []float32 // [strip/tileRows][stripSteps][tileRows][lanes], or a row
	acc   []float32 // by groups: [strip/tileRows][vectors of a group][tileRows][lanes]
	out   []float32 // [vectors][strip]
}

// mulFloat is Mul for the types of this file.
func (m *Matrix) mulFloat(dst []float32, v *Vectors, n, lo, hi int, s *floatScratch) {
	f, x := m.stored(), v.floats(m.format.form)
	switch {
	case n == 0 || lo >= hi:
	case f.dots == nil:
		m.mulFloatGeneric(dst, x, n, lo, hi, s)
	case n == 1 && m.Cols%lanes == 0:
		f.dots(&dst[lo], &m.data[lo*m.stride], m.stride, hi-lo, &x[0], m.Cols/lanes)
	case n <= directVectors && m.Cols%lanes == 0 && f.direct != nil:
		m.mulDirect(dst, x, n, lo, hi, s)
	default:
		for ; n > 0; n -= passVectors {
			m.mulFloatTiles(dst, x, min(n, passVectors), lo, hi, s)
			dst, x = dst[min(n, passVectors)*m.Rows:], x[min(n, passVectors)*m.Cols:]
		}
	}
}

// mulFloatGeneric is the definition.
func (m *Matrix) mulFloatGeneric(dst, x []float32, n, lo, hi int, s *floatScratch) {
	row := grown(&s.w, m.Cols)
	for r := lo; r < hi; r++ {
		m.floatRow(row, r)
		for t := range n {
			dst[t*m.Rows+r] = dotGeneric(row, x[t*m.Cols:][:m.Cols])
		}
	}
}

// grown returns the first n elements of a slice, which it makes longer where need be.
func grown(p *[]float32, n int) []float32 {
	if len(*p) < n {
		*p = make([]float32, max(n, 2*len(*p)))
	}
	return (*p)[:n]
}

// mulDirect multiplies a few vectors, which memory limits too.
func (m *Matrix) mulDirect(dst, x []float32, n, lo, hi int, s *floatScratch) {
	f, steps := m.stored(), m.Cols/lanes
	order(grown(&s.x, n*m.Cols), x, n, m.Cols)
	t := &s.t
	*t = floatTile{
		fourStride: tileRows * m.stride, rowStride: m.stride, step: lanes * (m.stride / m.Cols),
		dstStride: 4 * m.Rows, steps: steps, first: true, last: true,
	}
	for ; lo+tileRows <= hi; lo += tileRows * t.fours {
		t.fours, t.stored = min(directRows, hi-lo)/tileRows, &m.data[lo*m.stride]
		for g, at := 0, 0; at < n; g++ {
			t.vectors = groupOf(g, n)
			t.vectorStep = 4 * lanes * t.vectors
			t.x, t.dst = &s.x[at*m.Cols], &dst[at*m.Rows+lo]
			f.direct(t)
			at += t.vectors
		}
	}
	for v := 0; v < n && lo < hi; v++ { // less than four rows
		f.dots(&dst[v*m.Rows+lo], &m.data[lo*m.stride], m.stride, hi-lo, &x[v*m.Cols], steps)
	}
}

func (m *Matrix) mulFloatTiles(dst, x []float32, n, lo, hi int, s *floatScratch) {
	steps := (m.Cols + lanes - 1) / lanes
	order(grown(&s.x, n*steps*lanes), x, n, m.Cols)
	s.strip = stripRows
	if n*m.Cols > mostNear {
		s.strip = longStrip
	}
	for ; lo < hi; lo += s.strip {
		if k := min(s.strip, hi-lo); k%tileRows == 0 {
			m.mulFloatStrip(dst[lo:], m.Rows, n, lo, k, s)
		} else { // tiles of four rows would write too far
			out := grown(&s.out, n*s.strip)
			m.mulFloatStrip(out, s.strip, n, lo, k, s)
			for t := range n {
				copy(dst[t*m.Rows+lo:][:k], out[t*s.strip:])
			}
		}
	}
}

// groupOf returns the number of vectors in group g of those that n vectors are multiplied in.
func groupOf(g, n int) int {
	groups := (n + tileVectors - 1) / tileVectors
	return (g+1)*n/groups - g*n/groups
}

// order brings vectors in the order of tiles. What lacks to whole steps becomes 0.
func order(dst, x []float32, n, cols int) {
	steps := (cols + lanes - 1) / lanes
	for g, at := 0, 0; at < n; g++ {
		v := groupOf(g, n)
		for j := range v {
			to, from := dst[(at*steps+j)*lanes:], x[(at+j)*cols:][:cols]
			if cols >= lanes {
				use.order(&to[0], &from[0], cols/lanes, 4*lanes*v, 0)
			}
			if rest := cols % lanes; rest > 0 {
				last := to[(steps-1)*v*lanes:][:lanes]
				clear(last[copy(last, from[cols-rest:]):])
			}
		}
		at += v
	}
}

// mulFloatStrip multiplies up to s.strip rows from lo on with the vectors in s.x: dst[t*stride+i] is that of row lo+i.
func (m *Matrix) mulFloatStrip(dst []float32, stride, n, lo, k int, s *floatScratch) {
	const four = stripSteps * tileRows * lanes // floats of four rows
	steps := (m.Cols + lanes - 1) / lanes
	w, acc := grown(&s.w, s.strip*stripSteps*lanes), grown(&s.acc, n*s.strip*lanes)
	t := &s.t
	*t = floatTile{
		w: &w[0], fourStride: 4 * four, rowStride: 4 * lanes, step: 4 * tileRows * lanes,
		dstStride: 4 * stride, fours: (k + tileRows - 1) / tileRows,
	}
	for from := 0; from < steps; from += stripSteps {
		t.steps = min(stripSteps, steps-from)
		t.first, t.last = from == 0, from+t.steps == steps
		for i := range k {
			m.spread(w[i/tileRows*four+i%tileRows*lanes:], lo+i, from, t.steps, s.strip)
		}
		for g, at := 0, 0; at < n; g++ {
			t.vectors = groupOf(g, n)
			t.vectorStep, t.accStride = 4*lanes*t.vectors, 4*tileRows*lanes*t.vectors
			t.x, t.acc, t.dst = &s.x[(at*steps+from*t.vectors)*lanes], &acc[at*s.strip*lanes], &dst[at*stride]
			use.tile(t)
			at += t.vectors
		}
	}
}

// spread makes float32 of steps times 16 weights of row i, tileRows*lanes floats apart. What the last step lacks becomes -0,
// since adding -0 times 0 changes no sum, of whatever sign.
func (m *Matrix) spread(dst []float32, i, from, steps, strip int) {
	row := m.data[i*m.stride:][:m.stride]
	full := min(steps, m.Cols/lanes-from)
	if full > 0 {
		size := lanes * (m.stride / m.Cols) // of a step
		ahead := steps * size
		if (from+steps)*lanes >= m.Cols { // the beginning of a row of the next strip
			ahead = strip*m.stride - from*size
		}
		m.stored().spread(&dst[0], &row[from*size], full, 4*tileRows*lanes, ahead)
	}
	if full < steps {
		last, at := dst[full*tileRows*lanes:][:lanes], (from+full)*lanes
		for j := range last {
			last[j] = math.Float32frombits(1 << 31)
			if at+j < m.Cols {
				last[j] = m.weight(row, at+j)
			}
		}
	}
}
