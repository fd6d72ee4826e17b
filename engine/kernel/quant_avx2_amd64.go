//go:build !purego

package kernel

var quantsAVX2 = quantFuncs{
	topBits: func(x []float32) uint32 { return topBitsAVX2(&x[0], len(x)) },
	scale:   func(q []int8, x []float32, inv float32) int32 { return scaleAVX2(&q[0], &x[0], len(x), inv) },
}

// n is a positive multiple of 32.
//
//go:noescape
func topBitsAVX2(x *float32, n int) uint32

// n is a positive multiple of 32.
//
//go:noescape
func scaleAVX2(q *int8, x *float32, n int, inv float32) int32
