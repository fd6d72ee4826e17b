//go:build !amd64 || purego

package quant

func affineFast(*frame) bool { return false }

func signedFast(*frame) bool { return false }

func steppedFast(*frame) bool { return false }

func refineFast(*frame) bool { return false }

func cutFast([]uint8, []float32, *rounding) int { return 0 }
