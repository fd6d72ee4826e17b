//go:build !purego

package quant

import "golang.org/x/sys/cpu"

var hasF16C = cpu.X86.HasAVX2 && cpu.X86.HasF16C

// n is a positive multiple of 8.
//
//go:noescape
func finiteAVX2(x *float32, n int) bool

// x is of 32 elements.
//
//go:noescape
func extentAVX2(x *float32) (low, high float32)

// x is of 32 elements.
//
//go:noescape
func levelsAVX2(q *[32]uint8, x *float32, l *levels) uint32

// n is a positive multiple of 8.
//
//go:noescape
func halvesAVX2(dst *byte, x *float32, n int)

// n is a positive multiple of 8.
//
//go:noescape
func bfloatsAVX2(dst *byte, x *float32, n int)

// x is of 32 elements.
//
//go:noescape
func e2m1AVX2(q *[32]uint8, x *float32, d float32)

// finiteFast says how many elements are known to be finite.
func finiteFast(x []float32) int {
	if n := len(x) &^ 7; hasAVX2 && n > 0 && finiteAVX2(&x[0], n) {
		return n
	}
	return 0
}

func extentFast(x *[32]float32) (low, high float32, ok bool) {
	if hasAVX2 {
		low, high = extentAVX2(&x[0])
	}
	return low, high, hasAVX2
}

func levelsFast(q *[32]uint8, x *[32]float32, l *levels) (fifth uint32, ok bool) {
	if hasAVX2 {
		fifth = levelsAVX2(q, &x[0], l)
	}
	return fifth, hasAVX2
}

// halvesFast writes the first elements as halves and returns how many.
func halvesFast(dst []byte, x []float32) int {
	n := len(x) &^ 7
	if !hasF16C || n == 0 {
		return 0
	}
	halvesAVX2(&dst[:2*n][0], &x[0], n)
	return n
}

// bfloatsFast writes the first elements as bfloat16 and returns how many.
func bfloatsFast(dst []byte, x []float32) int {
	n := len(x) &^ 7
	if !hasAVX2 || n == 0 {
		return 0
	}
	bfloatsAVX2(&dst[:2*n][0], &x[0], n)
	return n
}

func e2m1Fast(q *[32]uint8, x *[32]float32, d float32) bool {
	if hasAVX2 {
		e2m1AVX2(q, &x[0], d)
	}
	return hasAVX2
}
