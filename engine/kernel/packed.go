package kernel

import (
	"unsafe"
)

// Assembly multiplies Group rows at a time, which it wants side by side ("packed"): a lane of a register is a row. 32 columns
// of a group are a cell of eight times 64 bytes, of which the four bytes 4r to 4r+3 of the j-th are the weights 4j to 4j+3
// of row r; then Group scales, or twice so many if 16 weights have one scale; then as many minima, if the type has them.
// Cells follow each other in order of the columns. Whether the weights' bytes are signed is up to the instruction set.
//
// Packing a group and multiplying it go in turns, strip columns at a time, so that the packed form stays in the first cache.

const (
	strip  = 512 // columns; a multiple of 256
	tile   = 3   // groups that are multiplied together at most
	packed = 64  // vectors whose products with rows that are no whole group are computed at a time

	// Columns at a time of products with one vector that do without packing. Where there are strips for a whole tile there is
	// room for 128 bytes a block of 32 in turn.
	unpacked = 4096

	togetherBytes = 512 << 10
	besideFloats  = 64 << 10 // of a result that caches keep
)

// cellBytes returns the size of a cell.
func (f *format) cellBytes() int {
	floats := 32 / f.sub
	if f.minima {
		floats *= 2
	}
	return Group * (32 + 4*floats)
}

// product is a multiplication of packed rows and vectors, as assembly takes it. All strides are in bytes.
type product struct {
	dst         *float32 // of the first row and the first vector; the products are added to it
	dstStride   int      // to the next vector
	w           *byte
	group       int // to the next group of w
	groups      int // 1 or the level's tile
	blocks      int // of 32 or 256 columns, by the form of the vectors
	q           *int8
	qStride     int
	block       unsafe.Pointer // of block32 or block256
	blockStride int
	n           int // vectors
	bias        int // offset of the bias in a block32

	ahead      *byte // weights of the first group that are wanted next
	aheadLines int   // of 64 bytes, of each group, to be fetched with each four vectors
}

// aligned returns n bytes that start at a multiple of 64, as assembly is quicker with.
func aligned(n int) []byte {
	b := make([]byte, n+63)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) & 63 //nolint:gosec // the address only
	return b[skip:][:n:n]
}

// packing is the working memory of products of packed rows.
type packing struct {
	group []byte    // packed strips of a tile, side by side, so that they fill the first cache evenly
	codes codes     // strips of Group rows
	rest  []byte    // rows that are no whole group, with others to fill it up
	dst   []float32 // sums of a tile, and of those rows
	p     product
}

func newPacking() packing {
	const most = strip / 32 * Group * (32 + 4*4) // cells with two scales and two minima
	w := packing{group: aligned(tile * most), codes: newCodes(Group * strip)}
	w.rest, w.dst = make([]byte, Group*strip*2), make([]float32, packed*Group)
	return w
}

// mulPacked is Mul for quantised weights by way of packed rows.
func (m *Matrix) mulPacked(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	whole := lo + (hi-lo)/Group*Group
	if n < 4 {
		m.mulGroups(dst, x, n, lo, whole, s)
	} else {
		for step, first := m.vectorsTogether(), 0; first < n; first += step {
			m.mulTiles(dst, some{x, first, min(step, n-first)}, lo, whole, s)
		}
	}
	if whole < hi {
		m.mulRest(dst, x, n, whole, hi, s)
	}
}

// mulGroups multiplies whole groups of rows with a few vectors.
func (m *Matrix) mulGroups(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	step := m.columnsFor(n)
	for r := lo; r < hi; r += Group {
		for t := range n {
			clear(dst[t*m.Rows+r:][:Group])
		}
		for col := 0; col < m.Cols; col += step {
			m.mulStrip(dst[r:], m.Rows, some{x, 0, n}, area{row: r, groups: 1, col: col, cols: min(step, m.Cols-col)}, s)
		}
	}
}

// vectorsTogether returns how many vectors are multiplied with all rows before the next are. If the rows need no packing,
// these are as many as stay in the second cache.
func (m *Matrix) vectorsTogether() int {
	if m.packedFor != use {
		return 1 << 30
	}
	return max(64, togetherBytes/m.Cols&^3)
}

// mulTiles multiplies whole groups of rows with vectors. Where dst is large the sums of a tile are kept side by side until they
// are done: there they are as far apart as there are rows, often a power of two, for which caches have few places.
func (m *Matrix) mulTiles(dst []float32, v some, lo, hi int, s *Scratch) {
	dst = dst[v.first*m.Rows:][:v.n*m.Rows]
	aside := len(dst) > besideFloats
	for lo < hi {
		groups := 1
		if hi-lo >= use.groups*Group {
			groups = use.groups
		}
		rows := groups * Group
		sums, stride := dst[lo:], m.Rows
		if aside {
			sums, stride = s.packing.sums(v.n*rows), rows
			clear(sums)
		} else {
			for t := range v.n {
				clear(sums[t*stride:][:rows])
			}
		}
		for col := 0; col < m.Cols; col += strip {
			m.mulStrip(sums, stride, v, area{row: lo, groups: groups, col: col, cols: min(strip, m.Cols-col)}, s)
		}
		if aside {
			for t := range v.n {
				copy(dst[t*m.Rows+lo:][:rows], sums[t*rows:])
			}
		}
		lo += rows
	}
}

// sums returns memory for n sums.
func (p *packing) sums(n int) []float32 {
	if len(p.dst) < n {
		p.dst = make([]float32, n)
	}
	return p.dst[:n]
}

// columnsFor returns how many columns are multiplied with n vectors at a time.
func (m *Matrix) columnsFor(n int) int {
	if n == 1 && m.mulOne() != nil {
		return unpacked
	}
	return strip
}

// mulOne returns the function for products with one vector, or nil.
func (m *Matrix) mulOne() mulFunc {
	if use.mul == nil {
		return nil
	}
	return use.mul[m.format.typ]
}

// area is a part of a matrix: so many groups of rows from row on, and so many columns from col on.
type area struct{ row, groups, col, cols int }

// some is n vectors of x from first on.
type some struct {
	x        *Vectors
	first, n int
}

// mulStrip adds the products of a part of the matrix and vectors to dst, in which those of two vectors are stride apart.
func (m *Matrix) mulStrip(dst []float32, stride int, v some, a area, s *Scratch) {
	r, col, cols := a.row, a.col, a.cols
	cells := cols / 32 * m.format.cellBytes()
	p := &s.packing.p
	p.dst, p.dstStride = &dst[0], 4*stride
	if m.packedFor == use && v.n >= m.packedLeast && r%Group == 0 {
		p.group = m.Cols / 32 * m.format.cellBytes()
		at := r/Group*p.group + col/32*m.format.cellBytes()
		p.w = &m.packed[at]
		next := at + cells
		if col+cols == m.Cols {
			next += (a.groups - 1) * p.group
		}
		p.fetch(m.packed, next, cells, a.groups, v.n)
		m.format.multiply(p, v, a)
		p.aheadLines = 0
		return
	}
	p.group, p.w = cells, &s.packing.group[0]
	if mul := m.mulOne(); mul != nil && v.n == 1 {
		p.vectors(m.format, v, col, cols)
		rows, ahead := m.strip(m.data[r*m.stride:], m.stride, col, cols)
		weights, _ := m.format.typ.Block()
		mul(p.w, &rows[0], m.stride, cols/weights, ahead, p.dst, p.q, p.block)
		return
	}
	for g := range a.groups {
		m.packStrip(s.packing.group[g*cells:][:cells], m.data[(r+g*Group)*m.stride:], m.stride, col, cols, s)
	}
	m.format.multiply(p, v, a)
}

// fetch has size bytes of each group from w[at] on fetched while n vectors are multiplied.
func (p *product) fetch(w []byte, at, size, groups, n int) {
	if at+(groups-1)*p.group+size > len(w) || n < 4 {
		return
	}
	p.ahead = &w[at]
	p.aheadLines = (size/64 + n/4 - 1) / (n / 4)
}

// packStrip packs columns of Group rows that are stride bytes apart.
func (m *Matrix) packStrip(dst, rows []byte, stride, col, cols int, s *Scratch) {
	rows, ahead := m.strip(rows, stride, col, cols)
	use.pack(m.format, dst, rows, stride, cols, ahead, &s.packing.codes)
}

// strip returns columns of Group rows, from the first row's to the last row's end, and how far ahead from there is an equal
// share of the first quarter of the next group, by the order of memory.
func (m *Matrix) strip(rows []byte, stride, col, cols int) (part []byte, ahead int) {
	weights, size := m.format.typ.Block()
	at := col / weights * size
	return rows[at : (Group-1)*stride+at+cols/weights*size], Group*stride + (Group/4-1)*at
}

// multiply adds to p.dst the products of packed groups, of a part of a matrix, and vectors.
func (f *format) multiply(p *product, v some, a area) {
	groups, col, cols := a.groups, a.col, a.cols
	if groups > 1 {
		p.groups = groups
		fours := v.n &^ 3
		p.vectors(f, some{v.x, v.first, fours}, col, cols)
		use.dot(f, p)
		if fours == v.n {
			return
		}
		p.dst = (*float32)(unsafe.Add(unsafe.Pointer(p.dst), fours*p.dstStride)) //nolint:gosec // within dst
		v.first, v.n = v.first+fours, v.n-fours
	}
	p.vectors(f, v, col, cols)
	p.groups = 1
	for g := range groups {
		if g > 0 {
			p.w = (*byte)(unsafe.Add(unsafe.Pointer(p.w), p.group))        //nolint:gosec // within what is packed
			p.dst = (*float32)(unsafe.Add(unsafe.Pointer(p.dst), 4*Group)) //nolint:gosec // within dst
		}
		use.dot(f, p)
	}
}

// vectors sets what p says of vectors: cols columns from col on.
func (p *product) vectors(f *format, v some, col, cols int) {
	x, t := v.x, v.first
	p.n, p.qStride = v.n, x.Len
	if f.form == Blocks32 {
		p.blocks, p.blockStride = cols/32, x.Len/32*int(unsafe.Sizeof(block32{}))
		p.q, p.block = &x.b32.q[t*x.Len+col], unsafe.Pointer(&x.b32.block[(t*x.Len+col)/32]) //nolint:gosec // for assembly
		return
	}
	p.blocks, p.blockStride = cols/256, x.Len/256*int(unsafe.Sizeof(block256{}))
	p.q, p.block = &x.b256.q[t*x.Len+col], unsafe.Pointer(&x.b256.block[(t*x.Len+col)/256]) //nolint:gosec // for assembly
}

// mulRest is mulPacked for less than a group of rows. The group is filled up with copies of the last row, and its products
// are computed elsewhere, since dst may belong to others there.
func (m *Matrix) mulRest(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	w, p := &s.packing, &s.packing.p
	weights, size := m.format.typ.Block()
	for from := 0; from < n; from += packed {
		count := min(packed, n-from)
		clear(w.dst[:count*Group])
		for col := 0; col < m.Cols; col += strip {
			cols := min(strip, m.Cols-col)
			bytes := cols / weights * size
			for r := range Group {
				row := min(lo+r, hi-1)
				copy(w.rest[r*bytes:][:bytes], m.data[row*m.stride+col/weights*size:])
			}
			use.pack(m.format, w.group[:cols/32*m.format.cellBytes()], w.rest[:Group*bytes], bytes, cols, 0, &w.codes)
			p.w, p.group = &w.group[0], 0
			p.dst, p.dstStride = &w.dst[0], 4*Group
			m.format.multiply(p, some{x, from, count}, area{groups: 1, col: col, cols: cols})
		}
		for t := range count {
			copy(dst[(from+t)*m.Rows+lo:][:hi-lo], w.dst[t*Group:])
		}
	}
}
