package kernel

import (
	"encoding/binary"
	"math"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// batch is the number of rows of half floats that are made float32 at a time.
const batch = 8

// floatRow is Row for floats.
func (m *Matrix) floatRow(dst []float32, i int) {
	row := m.data[i*m.stride:][:m.stride]
	if m.format.typ == gguf.F16 {
		halves(dst, row)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
	}
}

// mulFloats is Mul for floats: some rows are made float32 at a time, and then used for all vectors.
func (m *Matrix) mulFloats(dst []float32, v *Vectors, n, lo, hi int, rows []float32) {
	x := v.Data
	if m.format.form == Half {
		x = v.half
	}
	for ; lo < hi; lo += batch {
		k := min(batch, hi-lo)
		for i := range k {
			m.floatRow(rows[i*m.Cols:][:m.Cols], lo+i)
		}
		for t := range n {
			DotRows(dst[t*m.Rows+lo:][:k], rows, m.Cols, x[t*m.Cols:][:m.Cols])
		}
	}
}

// halves sets dst to the half floats in src.
func halves(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	if use.halves != nil && len(dst)%8 == 0 && len(dst) > 0 {
		use.halves(dst, src)
		return
	}
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(src[2*i:]))
	}
}
