//go:build !purego

package quant

import "golang.org/x/sys/cpu"

var hasAVX2 = cpu.X86.HasAVX2

// The twins of the searches. They give the same bits, and no product is fused.

//go:noescape
func affineAVX2(f *frame)

//go:noescape
func signedAVX2(f *frame)

//go:noescape
func refineAVX2(f *frame)

//go:noescape
func steppedAVX2(f *frame, thresholds *[15]threshold)

// n is a positive multiple of 8.
//
//go:noescape
func cutAVX2(q *uint8, x *float32, n int, r *rounding)

// threshold is a number halfway between two steps, and their distance.
type threshold struct{ at, gap column }

// thresholds are those of [steps]: v is nearest to the first step plus the gaps of all thresholds that are not above it.
var thresholds = func() (t [15]threshold) {
	for i := range t {
		for lane := range lanes {
			t[i].at[lane] = (steps[i] + steps[i+1]) / 2
			t[i].gap[lane] = steps[i+1] - steps[i]
		}
	}
	return t
}()

func affineFast(f *frame) bool {
	if hasAVX2 {
		affineAVX2(f)
	}
	return hasAVX2
}

func signedFast(f *frame) bool {
	if hasAVX2 {
		signedAVX2(f)
	}
	return hasAVX2
}

func refineFast(f *frame) bool {
	if hasAVX2 {
		refineAVX2(f)
	}
	return hasAVX2
}

func steppedFast(f *frame) bool {
	if hasAVX2 {
		steppedAVX2(f, &thresholds)
	}
	return hasAVX2
}

// cutFast does what [rounding.cut] does for the first elements and returns how many.
func cutFast(q []uint8, x []float32, r *rounding) int {
	n := len(x) &^ 7
	if !hasAVX2 || n == 0 {
		return 0
	}
	cutAVX2(&q[:n][0], &x[0], n, r)
	return n
}
