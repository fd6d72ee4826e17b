// Package peak measures what the machine can do at most, to compare kernels with.
package peak

// FMA does n times 24 fused multiply-adds of 16 floats; it returns how many additions and multiplications that is, or 0
// where the machine has no AVX-512.
func FMA(n int) float64 { return fma(n) }

// Read reads b, whose length is a multiple of 16384.
func Read(b []byte) { read(b) }
