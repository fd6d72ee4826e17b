//go:build !purego

package kernel

// n is a positive multiple of 4.
//
//go:noescape
func expAVX2(x *float32, n int)
