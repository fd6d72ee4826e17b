//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// levels are those of this architecture, the quickest first.
var levels = []*level{
	{name: "avx512", has: hasAVX512, floatFuncs: floatsAVX512, quantFuncs: quantsAVX512},
	{name: "avx2", has: hasAVX2, floatFuncs: floatsAVX2, quantFuncs: quantsAVX2},
}

func hasAVX2() bool { return cpu.X86.HasAVX2 && cpu.X86.HasF16C && cpu.X86.HasFMA }

func hasAVX512() bool {
	x := &cpu.X86
	return hasAVX2() && x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512VNNI && x.HasAVX512VBMI
}
