//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// avx2 says whether this machine has what the assembly uses. The results are the same bits without it.
func avx2() bool { return cpu.X86.HasAVX2 && cpu.X86.HasF16C }

// dotRowsFast is [DotRows] for len(x) a positive multiple of 16.
func dotRowsFast(dst, w []float32, stride int, x []float32) bool {
	if avx2() {
		dotRowsAVX2(&dst[0], &w[0], stride, len(dst), &x[0], len(x))
	}
	return avx2()
}

// addRowsFast is [AddRows] for len(out) a positive multiple of 32.
func addRowsFast(out, w []float32, stride int, p []float32) bool {
	if avx2() {
		addRowsAVX2(&out[0], &w[0], stride, len(p), &p[0], len(out))
	}
	return avx2()
}

// halvesFast is halves for len(dst) a positive multiple of 8.
func halvesFast(dst []float32, src []byte) bool {
	if avx2() {
		halvesAVX2(&dst[0], &src[0], len(dst))
	}
	return avx2()
}

// dotQ8Fast is dotQ8Generic for the rows of w, which are batch in number.
func dotQ8Fast(dst *[batch]float32, w []byte, q []int8, d []float32) bool {
	if avx2() {
		dotQ8AVX2(&dst[0], &w[0], len(w)/batch, len(d), &q[0], &d[0])
	}
	return avx2()
}

func dotUnpackedFast(sums []int32, w []uint64, x []int8) bool {
	if avx2() {
		nb := len(x) / 256
		dotUnpackedAVX2(&sums[0], &w[0], &x[0], nb, len(sums)/nb)
	}
	return avx2()
}

// unpackQ4KFast unpacks the 128 bytes of a super-block, with its eight scales.
func unpackQ4KFast(w *[64]uint64, q *[128]byte, scales uint64) bool {
	if avx2() {
		unpackQ4KAVX2(&w[0], &q[0], scales)
	}
	return avx2()
}

// unpackQ6KFast unpacks the weights of a super-block.
func unpackQ6KFast(w *[64]uint64, block *[210]byte) bool {
	if avx2() {
		unpackQ6KAVX2(&w[0], &block[0])
	}
	return avx2()
}

// In floats: stride, n. n is a positive multiple of 16.
//
//go:noescape
func dotRowsAVX2(dst, w *float32, stride, rows int, x *float32, n int)

// In floats: stride, n. n is a positive multiple of 32, rows positive.
//
//go:noescape
func addRowsAVX2(out, w *float32, stride, rows int, p *float32, n int)

// n is a positive multiple of 8.
//
//go:noescape
func halvesAVX2(dst *float32, src *byte, n int)

// Eight rows of stride bytes with blocks blocks of 32 weights each, blocks positive.
//
//go:noescape
func dotQ8AVX2(dst *float32, w *byte, stride, blocks int, q *int8, d *float32)

// blocks and rows are positive.
//
//go:noescape
func dotUnpackedAVX2(sums *int32, w *uint64, x *int8, blocks, rows int)

//go:noescape
func unpackQ4KAVX2(w *uint64, q *byte, scales uint64)

//go:noescape
func unpackQ6KAVX2(w *uint64, block *byte)
