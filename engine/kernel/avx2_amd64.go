//go:build !purego

package kernel

var floatsAVX2 = floatFuncs{
	dotRows: func(dst, w []float32, stride int, x []float32) {
		dotRowsAVX2(&dst[0], &w[0], stride, len(dst), &x[0], len(x))
	},
	addRows: func(out, w []float32, stride int, p []float32) {
		addRowsAVX2(&out[0], &w[0], stride, len(p), &p[0], len(out))
	},
	halves: func(dst []float32, src []byte) { halvesAVX2(&dst[0], &src[0], len(dst)) },
	exps:   func(x []float32) { expAVX2(&x[0], len(x)) },
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
