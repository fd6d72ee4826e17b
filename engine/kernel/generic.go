//go:build !amd64 || purego

package kernel

// Machines without assembly compute everything by the definitions.

func dotRowsFast(_, _ []float32, _ int, _ []float32) bool { return false }

func addRowsFast(_, _ []float32, _ int, _ []float32) bool { return false }

func halvesFast(_ []float32, _ []byte) bool { return false }

func packs() bool { return false }

func pack(_, _ []byte) {}

func dotPacked(_ []float32, _ int, _ []byte, _ *blocks, _ int) {}

func dotQ8Fast(_ *[batch]float32, _ []byte, _ []int8, _ []float32) bool { return false }

func dotUnpackedFast(_ []int32, _ []uint64, _ []int8) bool { return false }

func unpackQ4KFast(_ *[64]uint64, _ *[128]byte, _ uint64) bool { return false }

func unpackQ6KFast(_ *[64]uint64, _ *[210]byte) bool { return false }

func expsFast(_ []float32) int { return 0 }

func topBitsFast(_ []float32) (uint32, bool) { return 0, false }

func scaleFast(_ []int8, _ []float32, _ float32) (int32, bool) { return 0, false }
