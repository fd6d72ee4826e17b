//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

var quantsRVV = quantFuncs{
	topBits: func(x []float32) uint32 { return topBitsRVV(&x[0], len(x)) },
	scale:   func(q []int8, x []float32, inv float32) int32 { return scaleRVV(&q[0], &x[0], len(x), inv) },
	pack:    packRVV,
	dot:     dotRVV,
	groups:  1,
}

// packsRVV pack blocks blocks of Group rows, stride bytes apart.
var packsRVV = [64]func(dst, src *byte, stride, blocks int){
	gguf.Q8_0:   packQ8RVV,
	gguf.Q4_0:   packQ4RVV,
	gguf.Q4_1:   packQ4MinRVV,
	gguf.Q5_0:   packQ5RVV,
	gguf.Q5_1:   packQ5MinRVV,
	gguf.Q2_K:   packQ2KRVV,
	gguf.Q3_K:   packQ3KRVV,
	gguf.Q4_K:   packQ4KRVV,
	gguf.Q5_K:   packQ5KRVV,
	gguf.Q6_K:   packQ6KRVV,
	gguf.IQ4_NL: packNLRVV,
	gguf.IQ4_XS: packXSRVV,
	gguf.MXFP4:  packMXRVV,
}

// packRVV makes of every f.sub columns as many times 16 bytes, a signed weight of each row, then the rows' scales, then
// their minima if there are any.
func packRVV(f *format, dst, rows []byte, stride, cols, _ int, _ *codes) { //nolint:revive // the form of pack
	weights, _ := f.typ.Block()
	packsRVV[f.typ](&dst[0], &rows[0], stride, cols/weights)
}

// productRVV is the work of up to four vectors with a packed group.
type productRVV struct {
	dst         *float32
	dstStride   int
	w           *byte
	q           *int8
	qStride     int
	block       unsafe.Pointer
	blockStride int
	blocks      int
	sub         int  // columns with a scale
	sums        int  // in a block256, where the sums of so many integers begin
	wide        bool // eight products could exceed 16 bits, which those of 6 bits do not: 8*32*127
	minima      bool
}

// dotRVV multiplies one group, p.groups being 1.
func dotRVV(f *format, p *product) {
	c := productRVV{
		w: p.w, dstStride: p.dstStride, qStride: p.qStride, blockStride: p.blockStride, blocks: p.blocks,
		sub: f.sub, sums: int(unsafe.Offsetof(block256{}.sum32)), wide: f.bits == 8, minima: f.minima,
	}
	if f.sub == 16 {
		c.sums = int(unsafe.Offsetof(block256{}.sum16))
	}
	for t, many := 0, 4; t < p.n; t += many {
		if p.n-t < many {
			many = 1
		}
		c.dst = (*float32)(unsafe.Add(unsafe.Pointer(p.dst), t*p.dstStride)) //nolint:gosec // within dst
		c.q = (*int8)(unsafe.Add(unsafe.Pointer(p.q), t*p.qStride))          //nolint:gosec // within the vectors
		c.block = unsafe.Add(p.block, t*p.blockStride)
		switch {
		case f.form == Blocks32 && many == 4:
			dot32x4RVV(&c)
		case f.form == Blocks32:
			dot32x1RVV(&c)
		case many == 4:
			dot256x4RVV(&c)
		default:
			dot256x1RVV(&c)
		}
	}
}

//go:noescape
func packQ8RVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ4RVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ4MinRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ5RVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ5MinRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ2KRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ3KRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ4KRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ5KRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packQ6KRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packNLRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packXSRVV(dst, src *byte, stride, blocks int)

//go:noescape
func packMXRVV(dst, src *byte, stride, blocks int)

//go:noescape
func dot32x1RVV(p *productRVV)

//go:noescape
func dot32x4RVV(p *productRVV)

//go:noescape
func dot256x1RVV(p *productRVV)

//go:noescape
func dot256x4RVV(p *productRVV)

// n is a positive multiple of 32.
//
//go:noescape
func topBitsRVV(x *float32, n int) uint32

// n is a positive multiple of 32.
//
//go:noescape
func scaleRVV(q *int8, x *float32, n int, inv float32) int32
