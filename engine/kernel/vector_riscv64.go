//go:build !purego

package kernel

var vectorsRVV = vectorFuncs{
	exps:     expsRVV,
	softCap:  softCapRVV,
	top:      topRVV,
	sum:      sumRVV,
	squares:  squaresRVV,
	scaleBy:  scaleByRVV,
	gated:    gatedRVV,
	multiply: multiplyRVV,

	roundHalf:  roundHalfRVV,
	roundBrain: roundBrainRVV,
}

//go:noescape
func expsRVV(x *float32, n int, sub float32) int

//go:noescape
func softCapRVV(x *float32, n int, c float32) int

//go:noescape
func topRVV(x *float32, n int) float32

//go:noescape
func sumRVV(x *float32, n int) float64

//go:noescape
func squaresRVV(x *float32, n int) float64

//go:noescape
func scaleByRVV(dst, x, weight *float32, n int, f float32)

//go:noescape
func gatedRVV(e, gate, up *float32, n int)

//go:noescape
func multiplyRVV(x *float32, n int, f float32)

//go:noescape
func roundHalfRVV(dst, x *float32, n int)

//go:noescape
func roundBrainRVV(dst, x *float32, n int)
