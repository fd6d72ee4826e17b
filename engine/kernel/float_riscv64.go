//go:build !purego

package kernel

var floatsRVV = floatFuncs{}
