package kernel

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Group is the number of rows that a product is quickest in: split work at multiples of it.
const Group = 16

// batch is the number of rows that are unpacked at a time; it divides Group.
const batch = 8

// packedBlock is the size of a block of Group packed rows, in bytes.
const packedBlock = 576

// Matrix is a matrix of weights in the layout of the file; the bytes are read in place.
type Matrix struct {
	Rows, Cols int

	typ    gguf.Type
	stride int // bytes a row
	data   []byte
	packed []byte // whole groups of rows, if Pack made them
}

// NewMatrix returns the matrix of rows times cols weights of type t in data, which it keeps and never writes to. A type that
// the engine does not compute with is gguf.ErrUnsupported, a wrong length gguf.ErrInvalid.
func NewMatrix(t gguf.Type, rows, cols int, data []byte) (Matrix, error) {
	switch t {
	case gguf.F32, gguf.F16, gguf.Q8_0, gguf.Q4_K, gguf.Q6_K:
	default:
		return Matrix{}, fmt.Errorf("weights of type %v (supported: F32, F16, Q8_0, Q4_K, Q6_K): %w", t, gguf.ErrUnsupported)
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
	return Matrix{Rows: rows, Cols: cols, typ: t, stride: len(data) / rows, data: data}, nil
}

// Pack makes a copy of the weights, as large as they are, that products are quicker with. It changes no bit of a product,
// and does nothing for types and machines that have no such layout.
func (m *Matrix) Pack() {
	if m.typ != gguf.Q8_0 || !packs() {
		return
	}
	group := packedBlock * (m.Cols / 32)
	m.packed = make([]byte, m.Rows/Group*group)
	for i := range m.Rows / Group {
		pack(m.packed[i*group:][:group], m.data[i*Group*m.stride:][:Group*m.stride])
	}
}

// Size returns the size of the weights in bytes.
func (m *Matrix) Size() int { return len(m.data) }

// Form returns the form that vectors must have for [Matrix.Mul].
func (m *Matrix) Form() Form {
	switch m.typ {
	case gguf.Q8_0:
		return Blocks32
	case gguf.Q4_K, gguf.Q6_K:
		return Blocks256
	case gguf.F16:
		return Half
	default:
		return Float
	}
}

// Row sets dst to the weights of row i; len(dst) is Cols.
func (m *Matrix) Row(dst []float32, i int, s *Scratch) {
	row := m.data[i*m.stride:][:m.stride]
	switch m.typ {
	case gguf.F32, gguf.F16:
		m.floatRow(dst, i)
	case gguf.Q8_0:
		for b := 0; b < len(dst)/32; b++ {
			blk := (*[34]byte)(row[34*b:])
			d := half(binary.LittleEndian.Uint16(blk[:]))
			for j, q := range blk[2:] {
				dst[32*b+j] = float32(d * float32(int8(q)))
			}
		}
	default:
		m.rowK(dst, row, s)
	}
}

// floatRow is Row for types F32 and F16.
func (m *Matrix) floatRow(dst []float32, i int) {
	row := m.data[i*m.stride:][:m.stride]
	if m.typ == gguf.F16 {
		halves(dst, row)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(row[4*i:]))
	}
}

// rowK dequantises a row of a K type.
func (m *Matrix) rowK(dst []float32, row []byte, s *Scratch) {
	u := s.u.row(0, m.Cols)
	m.unpack(&u, row)
	for i := range dst {
		b, in32 := i/256, i%32
		v := u.w[i/32*8+in32%2*4+in32/8] >> (16 * (in32 % 8 / 2))
		dst[i] = float32(u.d[b] * float32(int16(v)))
		if m.typ == gguf.Q4_K {
			dst[i] -= float32(u.low[b] * float32(u.minima[i/32]))
		}
	}
}

func (m *Matrix) unpack(u *unpacked, row []byte) {
	if m.typ == gguf.Q4_K {
		unpackQ4K(u, row)
	} else {
		unpackQ6K(u, row)
	}
}

// Scratch is the working memory of one worker's products.
type Scratch struct {
	rows   []float32 // batch of them
	u      unpacked  // batch rows
	sums   []int32
	packed []byte // Group rows
}

// NewScratch returns memory for matrices of up to cols columns.
func NewScratch(cols int) *Scratch {
	n := batch * (cols / 256)
	u := unpacked{w: make([]uint64, 64*n), d: make([]float32, n), low: make([]float32, n), minima: make([]int32, 8*n)}
	return &Scratch{rows: make([]float32, batch*cols), u: u, sums: make([]int32, n), packed: make([]byte, packedBlock*(cols/32))}
}

// Mul sets dst[t*Rows+r] to the product of row r and vector t of x, for t < n and lo <= r < hi. x has the matrix's form.
func (m *Matrix) Mul(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	switch m.typ {
	case gguf.Q8_0:
		m.mulQ8(dst, x, n, lo, hi, s.packed)
	case gguf.Q4_K, gguf.Q6_K:
		m.mulK(dst, x, n, lo, hi, s)
	case gguf.F16:
		m.mulFloat(dst, x.half, n, lo, hi, s.rows)
	default:
		m.mulFloat(dst, x.Data, n, lo, hi, s.rows)
	}
}

// mulFloat multiplies rows of floats: some are made float32 at a time, and then used for all vectors.
func (m *Matrix) mulFloat(dst, x []float32, n, lo, hi int, rows []float32) {
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
	if len(dst)%8 == 0 && len(dst) > 0 && halvesFast(dst, src) {
		return
	}
	for i := range dst {
		dst[i] = half(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

func (m *Matrix) mulQ8(dst []float32, x *Vectors, n, lo, hi int, scratch []byte) {
	nb := m.Cols / 32
	r := lo
	for ; packs() && r+Group <= hi; r += Group {
		w := scratch[:packedBlock*nb]
		if m.packed != nil {
			w = m.packed[r/Group*len(w):][:len(w)]
		} else {
			pack(w, m.data[r*m.stride:][:Group*m.stride])
		}
		dotPacked(dst[r:], m.Rows, w, x.b32, n)
	}
	for ; r+batch <= hi; r += batch {
		w := m.data[r*m.stride:][:batch*m.stride]
		for t := range n {
			q, d := x.b32.q[t*m.Cols:][:m.Cols], x.b32.d[t*nb:][:nb]
			out := (*[batch]float32)(dst[t*m.Rows+r:])
			if !dotQ8Fast(out, w, q, d) {
				for i := range out {
					out[i] = dotQ8Generic(w[i*m.stride:][:m.stride], q, d)
				}
			}
		}
	}
	for ; r < hi; r++ {
		for t := range n {
			dst[t*m.Rows+r] = dotQ8Generic(m.data[r*m.stride:][:m.stride], x.b32.q[t*m.Cols:][:m.Cols], x.b32.d[t*nb:][:nb])
		}
	}
}

// dotQ8Generic is the definition of the product of a row of type Q8_0 and a vector in blocks of 32.
// Source: block_q8_0 of the GGUF format: a half float and 32 bytes.
func dotQ8Generic(w []byte, q []int8, d []float32) float32 {
	acc := float32(0)
	for b, dx := range d {
		blk, x := (*[34]byte)(w[34*b:]), (*[32]int8)(q[32*b:])
		var s0, s1 int32
		for i := 0; i < 32; i += 4 {
			s0 += int32(int8(blk[2+i])) * int32(x[i])
			s1 += int32(int8(blk[3+i])) * int32(x[i+1])
			s0 += int32(int8(blk[4+i])) * int32(x[i+2])
			s1 += int32(int8(blk[5+i])) * int32(x[i+3])
		}
		acc += float32(float32(half(binary.LittleEndian.Uint16(blk[:]))*dx) * float32(s0+s1))
	}
	return acc
}

// mulK multiplies rows of type Q4_K or Q6_K: some are unpacked at a time, and then used for all vectors.
func (m *Matrix) mulK(dst []float32, x *Vectors, n, lo, hi int, s *Scratch) {
	nb := m.Cols / 256
	for ; lo < hi; lo += batch {
		k := min(batch, hi-lo)
		for i := range k {
			u := s.u.row(i, m.Cols)
			m.unpack(&u, m.data[(lo+i)*m.stride:][:m.stride])
		}
		sums := s.sums[:k*nb]
		for t := range n {
			dotUnpacked(sums, s.u.w, x.b256.q[t*m.Cols:][:m.Cols])
			out := dst[t*m.Rows+lo:][:k]
			if m.typ == gguf.Q4_K {
				foldMinima(out, sums, &s.u, x.b256.d[t*nb:][:nb], x.b256.sums[8*t*nb:][:8*nb])
			} else {
				fold(out, sums, s.u.d, x.b256.d[t*nb:][:nb])
			}
		}
	}
}

// fold turns integer products of super-blocks, [len(out)][len(dx)], into products of rows, with scales d and dx.
func fold(out []float32, sums []int32, d, dx []float32) {
	nb := len(dx)
	for i := range out {
		acc := float32(0)
		for b, f := range dx {
			acc += float32(float32(d[i*nb+b]*f) * float32(sums[i*nb+b]))
		}
		out[i] = acc
	}
}

// foldMinima is fold for type Q4_K; xs are sums of 32 elements.
func foldMinima(out []float32, sums []int32, u *unpacked, dx []float32, xs []int32) {
	nb := len(dx)
	for i := range out {
		acc := float32(0)
		for b, f := range dx {
			at := i*nb + b
			low := dotMinima((*[8]int32)(u.minima[8*at:]), (*[8]int32)(xs[8*b:]))
			acc += float32(float32(u.d[at]*f) * float32(sums[at]))
			acc -= float32(float32(u.low[at]*f) * float32(low))
		}
		out[i] = acc
	}
}

func dotMinima(m, s *[8]int32) int32 {
	return m[0]*s[0] + m[1]*s[1] + m[2]*s[2] + m[3]*s[3] + m[4]*s[4] + m[5]*s[5] + m[6]*s[6] + m[7]*s[7]
}
