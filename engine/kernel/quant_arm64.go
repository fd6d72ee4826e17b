//go:build !purego

package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

var (
	quantsSDOT = quantFuncs{topBits: topBits32NEON, scale: scale32NEON, pack: packNEON, dot: dotSDOT, mul: &mulsSDOT, groups: 1}
	quantsNEON = quantFuncs{topBits: topBits32NEON, scale: scale32NEON, pack: packNEON, dot: dotNEON, mul: &mulsNEON, groups: 1}
)

func topBits32NEON(x []float32) uint32 { return topBitsNEON(&x[0], len(x)) }

func scale32NEON(q []int8, x []float32, inv float32) int32 {
	return scaleNEON(&q[0], &x[0], len(x), inv)
}

// packNEON takes rows of rare types apart by the definition, and leaves to assembly what is slowest then.
func packNEON(f *format, dst, rows []byte, stride, cols, _ int, c *codes) { //nolint:revive // the form of pack
	weights, _ := f.typ.Block()
	blocks := cols / weights
	switch f.typ {
	case gguf.Q8_0:
		packQ8NEON(&dst[0], &rows[0], stride, blocks)
	case gguf.Q4_0:
		packQ4NEON(&dst[0], &rows[0], stride, blocks)
	case gguf.Q4_1:
		packQ4MinNEON(&dst[0], &rows[0], stride, blocks)
	case gguf.Q5_0:
		packQ5NEON(&dst[0], &rows[0], stride, blocks)
	case gguf.Q5_1:
		packQ5MinNEON(&dst[0], &rows[0], stride, blocks)
	case gguf.IQ4_NL:
		packNLNEON(&dst[0], &rows[0], stride, blocks, &uneven[0])
	case gguf.Q4_K:
		packQ4KNEON(&dst[0], &rows[0], stride, blocks)
	case gguf.Q5_K:
		packQ5KNEON(&dst[0], &rows[0], stride, blocks)
	case gguf.Q6_K:
		packQ6KNEON(&dst[0], &rows[0], stride, blocks)
	default:
		f.packScales(dst, rows, stride, cols, c)
		columnsNEON(&dst[0], &c.q[0], cols, cols/32, f.cellBytes())
	}
}

// quantKernels multiply one group of rows, by way of the formats that differ for them.
type quantKernels struct {
	plain32, min32, plain256, min256, plain16, min16 func(p *product)
}

func (k *quantKernels) of(f *format) func(p *product) {
	switch {
	case f.form == Blocks32 && !f.minima:
		return k.plain32
	case f.form == Blocks32:
		return k.min32
	case f.sub == 32 && !f.minima:
		return k.plain256
	case f.sub == 32:
		return k.min256
	case !f.minima:
		return k.plain16
	default:
		return k.min16
	}
}

var (
	onesSDOT  = quantKernels{dot32SDOT, dot32MinSDOT, dot256SDOT, dot256MinSDOT, dot16SDOT, dot16MinSDOT}
	foursSDOT = quantKernels{dot32x4SDOT, dot32Minx4SDOT, dot256x4SDOT, dot256Minx4SDOT, dot16x4SDOT, dot16Minx4SDOT}
	onesNEON  = quantKernels{dot32NEON, dot32MinNEON, dot256WideNEON, dot256MinNEON, dot16NEON, dot16MinNEON}
)

// dotSDOT takes vectors by fours, and what is left one by one.
func dotSDOT(f *format, p *product) {
	four, rest := p.n&^3, p.n&3
	if p.n = four; four > 0 {
		foursSDOT.of(f)(p)
	}
	if p.n = rest; rest > 0 { // and only then, since pointers must not go past the end
		p.dst = (*float32)(unsafe.Add(unsafe.Pointer(p.dst), four*p.dstStride)) //nolint:gosec // within dst
		p.q = (*int8)(unsafe.Add(unsafe.Pointer(p.q), four*p.qStride))          //nolint:gosec // within the vectors
		p.block = unsafe.Add(p.block, four*p.blockStride)
		onesSDOT.of(f)(p)
	}
}

// dotNEON knows the types whose sums need more than 16 bits sooner.
func dotNEON(f *format, p *product) {
	if f.typ == gguf.Q8_0 || f.typ == gguf.IQ4_NL {
		dot32WideNEON(p)
		return
	}
	onesNEON.of(f)(p)
}

// Rows of the commonest types are multiplied as they are.
var (
	mulsSDOT = [64]mulFunc{gguf.Q8_0: mulQ8SDOT, gguf.Q4_0: mulQ4SDOT, gguf.Q4_K: mulQ4KSDOT, gguf.Q6_K: mulQ6KSDOT}
	mulsNEON = [64]mulFunc{gguf.Q8_0: mulQ8NEON, gguf.Q4_0: mulQ4NEON, gguf.Q4_K: mulQ4KNEON, gguf.Q6_K: mulQ6KNEON}
)

// n is a positive multiple of 32.
//
//go:noescape
func topBitsNEON(x *float32, n int) uint32

// n is a positive multiple of 32.
//
//go:noescape
func scaleNEON(q *int8, x *float32, n int, inv float32) int32

// p.n is positive, and a multiple of 4 for those of four vectors.
//
//go:noescape
func dot32SDOT(p *product)

//go:noescape
func dot32MinSDOT(p *product)

//go:noescape
func dot256SDOT(p *product)

//go:noescape
func dot256MinSDOT(p *product)

//go:noescape
func dot16SDOT(p *product)

//go:noescape
func dot16MinSDOT(p *product)

//go:noescape
func dot32x4SDOT(p *product)

//go:noescape
func dot32Minx4SDOT(p *product)

//go:noescape
func dot256x4SDOT(p *product)

//go:noescape
func dot256Minx4SDOT(p *product)

//go:noescape
func dot16x4SDOT(p *product)

//go:noescape
func dot16Minx4SDOT(p *product)

//go:noescape
func dot32WideNEON(p *product)

//go:noescape
func dot32NEON(p *product)

//go:noescape
func dot32MinNEON(p *product)

//go:noescape
func dot256WideNEON(p *product)

//go:noescape
func dot256MinNEON(p *product)

//go:noescape
func dot16NEON(p *product)

//go:noescape
func dot16MinNEON(p *product)

// Brings the signed bytes of Group rows, stride apart, into cells of cell bytes.
//
//go:noescape
func columnsNEON(dst *byte, q *int8, stride, blocks, cell int)

// Packs blocks blocks of Group rows, stride bytes apart. The same for the other types.
//
//go:noescape
func packQ8NEON(dst, src *byte, stride, blocks int)

//go:noescape
func packQ4NEON(dst, src *byte, stride, blocks int)

//go:noescape
func packQ4MinNEON(dst, src *byte, stride, blocks int)

//go:noescape
func packQ5NEON(dst, src *byte, stride, blocks int)

//go:noescape
func packQ5MinNEON(dst, src *byte, stride, blocks int)

//go:noescape
func packQ4KNEON(dst, src *byte, stride, blocks int)

//go:noescape
func packQ5KNEON(dst, src *byte, stride, blocks int)

//go:noescape
func packQ6KNEON(dst, src *byte, stride, blocks int)

//go:noescape
func packNLNEON(dst, src *byte, stride, blocks int, table *int8)

// Multiplies Group rows, stride bytes apart, with one vector; what is wanted soon begins ahead bytes further on. The same for the other types.
//
//go:noescape
func mulQ8SDOT(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

//go:noescape
func mulQ4SDOT(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

//go:noescape
func mulQ4KSDOT(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

//go:noescape
func mulQ6KSDOT(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

//go:noescape
func mulQ8NEON(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

//go:noescape
func mulQ4NEON(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

//go:noescape
func mulQ4KNEON(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

//go:noescape
func mulQ6KNEON(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // the form of mul

// packScales takes apart Group rows of cols weights, which are stride bytes apart. It puts scales and minima where they
// belong in the cells of dst, and leaves the weights of all rows in c.q, one row after the other.
func (f *format) packScales(dst, rows []byte, stride, cols int, c *codes) {
	cell, n := f.cellBytes(), 32/f.sub
	row := *c
	for r := range Group {
		row.q = c.q[r*cols:]
		f.decodeRow(&row, rows[r*stride:], cols)
		for i := range cols / 32 {
			out := dst[i*cell+512:][:cell-512]
			for k := range n {
				putFloat(out[4*(Group*k+r):], c.s[n*i+k])
				if f.minima {
					putFloat(out[4*(Group*(n+k)+r):], c.m[n*i+k])
				}
			}
		}
	}
}

func putFloat(b []byte, v float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(v)) }
