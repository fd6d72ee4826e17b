//go:build !purego

package kernel

var floatsNEON = floatFuncs{}
