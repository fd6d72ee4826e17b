//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

var quantsAVX512 = quantFuncs{
	topBits: quantsAVX2.topBits,
	scale:   quantsAVX2.scale,
	quantise32: func(block []block32, q []int8, x []float32) {
		quantise32AVX512(&block[0], &q[0], &x[0], len(block))
	},
	quantise256: func(block []block256, q []int8, x []float32) {
		quantise256AVX512(&block[0], &q[0], &x[0], len(block))
	},
	groups: 3,
	pack:   packAVX512,
	dot:    dotAVX512,
	mul:    &mulsAVX512,
}

// packAVX512 adds a bias to weights, since VPDPBUSD wants one side unsigned; dotAVX512 takes off what that adds.
func packAVX512(f *format, dst, rows []byte, stride, cols, ahead int, _ *codes) { //nolint:revive // the form of pack
	weights, _ := f.typ.Block()
	packsAVX512[f.typ](&dst[0], &rows[0], stride, cols/weights, ahead)
}

// bias returns what is added to packed weights, and where the sums that take it off are in a block32.
func (f *format) bias() (bias byte, offset int) {
	const first = unsafe.Offsetof(block32{}.bias)
	switch {
	case f.minima:
		return 0, 0
	case f.sub == 16:
		return 32, 0
	case f.typ == gguf.Q4_0:
		return 8, int(first + 8)
	case f.typ == gguf.Q5_0:
		return 16, int(first + 4)
	default:
		return 128, int(first)
	}
}

func dotAVX512(f *format, p *product) {
	switch {
	case f.form == Blocks32 && !f.minima:
		_, p.bias = f.bias()
		dot32AVX512(p)
	case f.form == Blocks32:
		dot32MinAVX512(p)
	case f.sub == 32 && !f.minima:
		dot256AVX512(p)
	case f.sub == 32:
		dot256MinAVX512(p)
	case !f.minima:
		dot16AVX512(p)
	default:
		dot16MinAVX512(p)
	}
}

// packsAVX512 pack blocks blocks of Group rows, stride bytes apart; what will be packed soon begins
// ahead bytes further on.
var packsAVX512 = [64]func(dst, src *byte, stride, blocks int, ahead int){
	gguf.Q8_0:   packQ8AVX512,
	gguf.Q4_0:   packQ4AVX512,
	gguf.Q4_1:   packQ4MinAVX512,
	gguf.Q5_0:   packQ5AVX512,
	gguf.Q5_1:   packQ5MinAVX512,
	gguf.Q2_K:   packQ2KAVX512,
	gguf.Q3_K:   packQ3KAVX512,
	gguf.Q4_K:   packQ4KAVX512,
	gguf.Q5_K:   packQ5KAVX512,
	gguf.Q6_K:   packQ6KAVX512,
	gguf.IQ4_NL: packNLAVX512,
	gguf.IQ4_XS: packXSAVX512,
	gguf.MXFP4:  packMXAVX512,
}

//go:noescape
func packQ8AVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4AVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4MinAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ5AVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ5MinAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ2KAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ3KAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4KAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ5KAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ6KAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packNLAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packXSAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packMXAVX512(dst, src *byte, stride, blocks int, ahead int)

var mulsAVX512 = [64]mulFunc{
	gguf.Q8_0:   mulQ8,
	gguf.Q4_0:   mulQ4,
	gguf.Q4_K:   mulQ4KAVX512,
	gguf.Q6_K:   mulQ6KAVX512,
	gguf.Q4_1:   mulQ4Min,
	gguf.Q5_0:   mulQ5AVX512,
	gguf.Q5_1:   mulQ5Min,
	gguf.Q2_K:   mulQ2KAVX512,
	gguf.Q3_K:   mulQ3KAVX512,
	gguf.Q5_K:   mulQ5KAVX512,
	gguf.IQ4_NL: mulNLAVX512,
	gguf.IQ4_XS: mulXSAVX512,
	gguf.MXFP4:  mulMXAVX512,
}

//go:noescape
func mulQ8AVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

// blocks is a multiple of 8.
//
//go:noescape
func mulQ8EightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

func mulQ8(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) { //nolint:revive // the form of mulFunc
	if blocks%8 == 0 {
		mulQ8EightAVX512(dst, src, stride, blocks, ahead, out, q, block)
		return
	}
	mulQ8AVX512(dst, src, stride, blocks, ahead, out, q, block)
}

//go:noescape
func mulQ4AVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

// blocks is a multiple of 8.
//
//go:noescape
func mulQ4EightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ4KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ6KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

func mulQ4(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) { //nolint:revive // the form of mulFunc
	if blocks%8 == 0 {
		mulQ4EightAVX512(dst, src, stride, blocks, ahead, out, q, block)
		return
	}
	mulQ4AVX512(dst, src, stride, blocks, ahead, out, q, block)
}

//go:noescape
func mulQ4MinAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ5AVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ5MinAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ2KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ3KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulQ5KAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulNLAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulXSAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

//go:noescape
func mulMXAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

func mulQ4Min(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) { //nolint:revive // the form of mulFunc
	if blocks%8 == 0 {
		mulQ4MinEightAVX512(dst, src, stride, blocks, ahead, out, q, block)
		return
	}
	mulQ4MinAVX512(dst, src, stride, blocks, ahead, out, q, block)
}

// blocks is a multiple of 8.
//
//go:noescape
func mulQ4MinEightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

func mulQ5Min(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) { //nolint:revive // the form of mulFunc
	if blocks%8 == 0 {
		mulQ5MinEightAVX512(dst, src, stride, blocks, ahead, out, q, block)
		return
	}
	mulQ5MinAVX512(dst, src, stride, blocks, ahead, out, q, block)
}

// blocks is a multiple of 8.
//
//go:noescape
func mulQ5MinEightAVX512(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer) //nolint:revive // assembly takes no structures

// n is the number of blocks, positive.
//
//go:noescape
func quantise32AVX512(block *block32, q *int8, x *float32, n int)

// n is the number of blocks, positive.
//
//go:noescape
func quantise256AVX512(block *block256, q *int8, x *float32, n int)

//go:noescape
func dot32AVX512(p *product)

//go:noescape
func dot32MinAVX512(p *product)

//go:noescape
func dot256AVX512(p *product)

//go:noescape
func dot256MinAVX512(p *product)

//go:noescape
func dot16AVX512(p *product)

//go:noescape
func dot16MinAVX512(p *product)
