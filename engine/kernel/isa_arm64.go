//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// levels are those of this architecture, the quickest first. Only products of integers differ.
var levels = []*level{
	{name: "neon-dot", has: hasDot, floatFuncs: floatsNEON, quantFuncs: quantsSDOT},
	{name: "neon", has: hasNEON, floatFuncs: floatsNEON, quantFuncs: quantsNEON},
}

func hasNEON() bool { return cpu.ARM64.HasASIMD }

func hasDot() bool { return hasNEON() && cpu.ARM64.HasASIMDDP }
