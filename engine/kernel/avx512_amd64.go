//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// packs says whether this machine has what the assembly of this file uses. The results are the same bits without it.
func packs() bool {
	x := &cpu.X86
	return avx2() && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI
}

// pack packs Group rows of type Q8_0.
func pack(dst, rows []byte) {
	packQ8AVX512(&dst[0], &rows[0], len(rows)/Group, len(dst)/packedBlock)
}

// dotPacked multiplies Group packed rows with n vectors: dst[t*stride+i] is that of row i and vector t.
func dotPacked(dst []float32, stride int, w []byte, x *blocks, n int) {
	_ = dst[(n-1)*stride+Group-1]
	dotPackedVNNI(&dst[0], stride, &w[0], len(w)/packedBlock, &x.q[0], &x.d[0], &x.bias[0], n)
}

// Sixteen rows of stride bytes with blocks blocks of 32 weights each, blocks positive; packedBlock bytes a block in dst.
//
//go:noescape
func packQ8AVX512(dst, src *byte, stride, blocks int)

// In floats: stride. blocks and n are positive.
//
//go:noescape
func dotPackedVNNI(dst *float32, stride int, w *byte, blocks int, q *int8, d *float32, bias *int32, n int) //nolint:revive // assembly takes no structures
