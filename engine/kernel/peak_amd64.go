//go:build !purego

package kernel

// For benchmarks, which cannot have assembly of their own.

// Sixteen independent VPDPBUSD a round, of 128 operations each.
//
//go:noescape
func peakAVX512(rounds int)

// n is a positive multiple of 256.
//
//go:noescape
func readAVX512(p *uint64, n int)
