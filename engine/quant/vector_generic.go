//go:build !amd64 || purego

package quant

func finiteFast([]float32) int { return 0 }

func extentFast(*[32]float32) (low, high float32, ok bool) { return 0, 0, false }

func levelsFast(*[32]uint8, *[32]float32, *levels) (fifth uint32, ok bool) { return 0, false }

func halvesFast([]byte, []float32) int { return 0 }

func bfloatsFast([]byte, []float32) int { return 0 }

func e2m1Fast(*[32]uint8, *[32]float32, float32) bool { return false }
