//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

var quantsAVX2 = quantFuncs{
	topBits: func(x []float32) uint32 { return topBitsAVX2(&x[0], len(x)) },
	scale:   func(q []int8, x []float32, inv float32) int32 { return scaleAVX2(&q[0], &x[0], len(x), inv) },
	groups:  1,
	pack:    packAVX2,
	dot:     dotAVX2,
	mul:     &mulsAVX2,
}

var mulsAVX2 = [64]mulFunc{
	gguf.Q8_0:   mulQ8AVX2,
	gguf.Q4_0:   mulQ4AVX2,
	gguf.Q4_1:   mulQ4MinAVX2,
	gguf.Q5_0:   mulQ5AVX2,
	gguf.Q5_1:   mulQ5MinAVX2,
	gguf.Q2_K:   mulQ2KAVX2,
	gguf.Q3_K:   mulQ3KAVX2,
	gguf.Q4_K:   mulQ4KAVX2,
	gguf.Q5_K:   mulQ5KAVX2,
	gguf.Q6_K:   mulQ6KAVX2,
	gguf.IQ4_NL: mulNLAVX2,
	gguf.IQ4_XS: mulXSAVX2,
	gguf.MXFP4:  mulMXAVX2,
}

func packAVX2(f *format, dst, rows []byte, stride, cols, ahead int, _ *codes) { //nolint:revive // the form of pack
	weights, _ := f.typ.Block()
	packsAVX2[f.typ](&dst[0], &rows[0], stride, cols/weights, ahead)
}

func dotAVX2(f *format, p *product) {
	switch {
	case f.form == Blocks32 && !f.minima:
		dot32AVX2(p)
	case f.form == Blocks32:
		dot32MinAVX2(p)
	case f.sub == 32 && !f.minima:
		dot256AVX2(p)
	case f.sub == 32:
		dot256MinAVX2(p)
	case !f.minima:
		dot16AVX2(p)
	default:
		dot16MinAVX2(p)
	}
}

//go:noescape
func dot32AVX2(p *product)

//go:noescape
func dot32MinAVX2(p *product)

//go:noescape
func dot256AVX2(p *product)

//go:noescape
func dot256MinAVX2(p *product)

//go:noescape
func dot16AVX2(p *product)

//go:noescape
func dot16MinAVX2(p *product)

// n is a positive multiple of 32.
//
//go:noescape
func topBitsAVX2(x *float32, n int) uint32

// n is a positive multiple of 32.
//
//go:noescape
func scaleAVX2(q *int8, x *float32, n int, inv float32) int32

//go:noescape
func mulQ8AVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ4AVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ4KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ6KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ4MinAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ5AVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ5MinAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ2KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ3KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ5KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulNLAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulXSAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulMXAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

// packsAVX2 pack as packsAVX512 do; weights are signed.
var packsAVX2 = [64]func(dst, src *byte, stride, blocks int, ahead int){
	gguf.Q8_0:   packQ8AVX2,
	gguf.Q4_0:   packQ4AVX2,
	gguf.Q4_1:   packQ4MinAVX2,
	gguf.Q5_0:   packQ5AVX2,
	gguf.Q5_1:   packQ5MinAVX2,
	gguf.Q2_K:   packQ2KAVX2,
	gguf.Q3_K:   packQ3KAVX2,
	gguf.Q4_K:   packQ4KAVX2,
	gguf.Q5_K:   packQ5KAVX2,
	gguf.Q6_K:   packQ6KAVX2,
	gguf.IQ4_NL: packNLAVX2,
	gguf.IQ4_XS: packXSAVX2,
	gguf.MXFP4:  packMXAVX2,
}

//go:noescape
func packQ8AVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4AVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4MinAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ5AVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ5MinAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ2KAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ3KAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4KAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ5KAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ6KAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packNLAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packXSAVX2(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packMXAVX2(dst, src *byte, stride, blocks int, ahead int)
