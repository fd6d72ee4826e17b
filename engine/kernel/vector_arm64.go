//go:build !purego

package kernel

var vectorsNEON = vectorFuncs{
	exps: func(x *float32, n int, sub float32) int {
		expsNEON(x, n&^3, sub)
		return n &^ 3
	},
	softCap: func(x *float32, n int, c float32) int {
		softCapNEON(x, n&^3, c)
		return n &^ 3
	},
	top:        topNEON,
	sum:        sumNEON,
	squares:    squaresNEON,
	scaleBy:    scaleByNEON,
	gated:      gatedNEON,
	multiply:   multiplyNEON,
	roundHalf:  roundHalfNEON,
	roundBrain: roundBrainNEON,
}

//go:noescape
func expsNEON(x *float32, n int, sub float32)

//go:noescape
func softCapNEON(x *float32, n int, c float32)

//go:noescape
func topNEON(x *float32, n int) float32

//go:noescape
func sumNEON(x *float32, n int) float64

//go:noescape
func squaresNEON(x *float32, n int) float64

//go:noescape
func scaleByNEON(dst, x, weight *float32, n int, f float32)

//go:noescape
func gatedNEON(e, gate, up *float32, n int)

//go:noescape
func multiplyNEON(x *float32, n int, f float32)

//go:noescape
func roundHalfNEON(dst, x *float32, n int)

//go:noescape
func roundBrainNEON(dst, x *float32, n int)
