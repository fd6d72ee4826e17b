//go:build !purego

package kernel

var vectorsAVX512 = vectorFuncs{
	exps: func(x *float32, n int, sub float32) int {
		expsAVX512(x, n, sub)
		return n
	},
	softCap: func(x *float32, n int, c float32) int {
		softCapAVX512(x, n, c)
		return n
	},
	top:        topAVX512,
	sum:        sumAVX512,
	squares:    squaresAVX512,
	scaleBy:    scaleByAVX512,
	gated:      gatedAVX512,
	multiply:   multiplyAVX512,
	roundHalf:  roundHalfAVX2,
	roundBrain: roundBrainAVX2,
}

//go:noescape
func expsAVX512(x *float32, n int, sub float32)

//go:noescape
func softCapAVX512(x *float32, n int, c float32)

//go:noescape
func topAVX512(x *float32, n int) float32

//go:noescape
func sumAVX512(x *float32, n int) float64

//go:noescape
func squaresAVX512(x *float32, n int) float64

//go:noescape
func scaleByAVX512(dst, x, weight *float32, n int, f float32)

//go:noescape
func gatedAVX512(e, gate, up *float32, n int)

//go:noescape
func multiplyAVX512(x *float32, n int, f float32)
