//go:build !purego

package kernel

import (
	"unsafe"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

var quantsAVX512 = quantFuncs{
	topBits: quantsAVX2.topBits,
	scale:   quantsAVX2.scale,
	pack:    packAVX512,
	dot:     dotAVX512,
}

// packAVX512 adds a bias to weights, since VPDPBUSD wants one side unsigned; dotAVX512 takes off what that adds.
func packAVX512(f *format, dst, rows []byte, stride, cols, ahead int, c *codes) {
	if pack := packsAVX512[f.typ]; pack != nil {
		weights, _ := f.typ.Block()
		pack(&dst[0], &rows[0], stride, cols/weights, ahead)
		return
	}
	bias, _ := f.bias()
	f.packRows(dst, rows, stride, cols, c, bias)
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
	gguf.Q8_0: packQ8AVX512,
	gguf.Q4_0: packQ4AVX512,
	gguf.Q4_K: packQ4KAVX512,
	gguf.Q6_K: packQ6KAVX512,
}

//go:noescape
func packQ8AVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4AVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ4KAVX512(dst, src *byte, stride, blocks int, ahead int)

//go:noescape
func packQ6KAVX512(dst, src *byte, stride, blocks int, ahead int)

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
