package kernel

import (
	"fmt"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Group is the number of rows that a product is quickest in: split work at multiples of it.
const Group = 16

// Matrix is a matrix of weights in the layout of the file; the bytes are read in place.
type Matrix struct {
	Rows, Cols int

	format *format
	stride int // bytes a row
	data   []byte

	packed      []byte // whole groups of rows, if Pack made them
	packedFor   *level // whose layout that is
	packedLeast int    // vectors that it is quicker for
}

// NewMatrix returns the matrix of rows times cols weights of type t in data, which it keeps and never writes to. A type that
// the engine does not compute with is gguf.ErrUnsupported, a wrong length gguf.ErrInvalid.
func NewMatrix(t gguf.Type, rows, cols int, data []byte) (Matrix, error) {
	f := formatOf(t)
	if f == nil {
		return Matrix{}, fmt.Errorf("weights of type %v (supported: %s): %w", t, supported(), gguf.ErrUnsupported)
	}
	if rows < 1 || cols < 1 {
		return Matrix{}, fmt.Errorf("%d rows of %d weights: %w", rows, cols, gguf.ErrInvalid)
	}
	size, err := t.Bytes([]uint64{uint64(cols), uint64(rows)})
	if err != nil {
		return Matrix{}, err
	}
	if size != uint64(len(data)) {
		return Matrix{}, fmt.Errorf("%d bytes for %d rows of %d weights of type %v, which take %d: %w", len(data), rows, cols, t, size, gguf.ErrInvalid)
	}
	return Matrix{Rows: rows, Cols: cols, format: f, stride: len(data) / rows, data: data}, nil
}

// Pack makes a copy of the weights that products with least vectors or more are quicker with, where this machine has such a
// layout: one vector waits for weights and not for their layout, unless they are in caches. It changes no bit of a product.
func (m *Matrix) Pack(least int) {
	size := m.PackedSize()
	if size == 0 {
		return
	}
	s := NewScratch(m.Cols)
	group := size / (m.Rows / Group)
	m.packed, m.packedFor, m.packedLeast = aligned(size), use, least
	for i := range m.Rows / Group {
		for col := 0; col < m.Cols; col += strip {
			at := i*group + col/32*m.format.cellBytes()
			m.packStrip(m.packed[at:(i+1)*group], m.data[i*Group*m.stride:], m.stride, col, min(strip, m.Cols-col), s)
		}
	}
}

// PackedSize returns the size in bytes of the copy that [Matrix.Pack] makes, 0 where it makes none.
func (m *Matrix) PackedSize() int {
	if m.format == nil || m.format.decode == nil || use.dot == nil {
		return 0
	}
	return m.Rows / Group * (m.Cols / 32 * m.format.cellBytes())
}

// Size returns the size of the weights in bytes.
func (m *Matrix) Size() int { return len(m.data) }

// Form returns the form that vectors must have for [Matrix.Mul]; no matrix needs any.
func (m *Matrix) Form() Form {
	if m.format == nil {
		return Float
	}
	return m.format.form
}

// Row sets dst to the weights of row i; len(dst) is Cols.
func (m *Matrix) Row(dst []float32, i int, s *Scratch) {
	if m.format.decode == nil {
		m.floatRow(dst, i)
		return
	}
	m.format.row(dst, m.data[i*m.stride:][:m.stride], &s.codes)
}

// Scratch is the working memory of one worker's products.
type Scratch struct {
	floats floatScratch
	codes  codes    // one row
	words  []uint64 // of all vectors, for products without assembly
	sums   []int32  // of one row and one vector, for the same
	packing
}

// NewScratch returns memory for matrices of up to cols columns.
func NewScratch(cols int) *Scratch {
	return &Scratch{codes: newCodes(cols), packing: newPacking()}
}

// Mul sets dst[t*Rows+r] to the product of row r and vector t of x, for t < n and lo <= r < hi. x has the matrix's form.
func (m *Matrix) Mul(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	switch {
	case m.format.decode == nil:
		m.mulFloat(dst, x, n, lo, hi, &s.floats)
	case use.dot == nil:
		m.mulWords(dst, x, n, lo, hi, s)
	default:
		m.mulPacked(dst, x, n, lo, hi, s)
	}
}
