//go:build !purego

package kernel

var vectorsNEON = vectorFuncs{}
