//go:build !purego

package kernel

var vectorsAVX2 = vectorFuncs{
	exps: func(x *float32, n int, sub float32) int {
		expsAVX2(x, n&^3, sub)
		return n &^ 3
	},
	softCap: func(x *float32, n int, c float32) int {
		softCapAVX2(x, n&^3, c)
		return n &^ 3
	},
	top:        topAVX2,
	sum:        sumAVX2,
	squares:    squaresAVX2,
	scaleBy:    scaleByAVX2,
	gated:      gatedAVX2,
	multiply:   multiplyAVX2,
	roundHalf:  roundHalfAVX2,
	roundBrain: roundBrainAVX2,
}

//go:noescape
func expsAVX2(x *float32, n int, sub float32)

//go:noescape
func softCapAVX2(x *float32, n int, c float32)

//go:noescape
func topAVX2(x *float32, n int) float32

//go:noescape
func sumAVX2(x *float32, n int) float64

//go:noescape
func squaresAVX2(x *float32, n int) float64

//go:noescape
func scaleByAVX2(dst, x, weight *float32, n int, f float32)

//go:noescape
func gatedAVX2(e, gate, up *float32, n int)

//go:noescape
func multiplyAVX2(x *float32, n int, f float32)

//go:noescape
func roundHalfAVX2(dst, x *float32, n int)

//go:noescape
func roundBrainAVX2(dst, x *float32, n int)
