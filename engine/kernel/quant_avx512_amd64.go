//go:build !purego

package kernel

var quantsAVX512 = quantsAVX2
