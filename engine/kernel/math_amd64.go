//go:build !purego

package kernel

// expsFast does exps for the first elements of x and returns their number.
func expsFast(x []float32) int {
	n := len(x) &^ 3
	if n == 0 || !avx2() {
		return 0
	}
	expAVX2(&x[0], n)
	return n
}

// topBitsFast is topBits for len(x) a multiple of 32.
func topBitsFast(x []float32) (uint32, bool) {
	if len(x) == 0 || !avx2() {
		return 0, false
	}
	return topBitsAVX2(&x[0], len(x)), true
}

// scaleFast is scale for len(x) a multiple of 32.
func scaleFast(q []int8, x []float32, inv float32) (int32, bool) {
	if len(x) == 0 || !avx2() {
		return 0, false
	}
	return scaleAVX2(&q[0], &x[0], len(x), inv), true
}

// n is a positive multiple of 4.
//
//go:noescape
func expAVX2(x *float32, n int)

// n is a positive multiple of 32.
//
//go:noescape
func topBitsAVX2(x *float32, n int) uint32

// n is a positive multiple of 32.
//
//go:noescape
func scaleAVX2(q *int8, x *float32, n int, inv float32) int32
