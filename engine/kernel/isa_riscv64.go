//go:build !purego

package kernel

import (
	"runtime"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// levels are those of this architecture, the quickest first.
var levels = []*level{
	{name: "rvv", has: hasRVV, floatFuncs: floatsRVV, quantFuncs: quantsRVV},
	{name: "rv64g", has: func() bool { return true }, floatFuncs: floatsRV64G},
}

// hasRVV says whether there are vectors as of RISC-V's V extension, version 1.0. Kernels and emulators without the
// riscv_hwprobe system call announce vectors by a bit of the auxiliary vector, though some mean version 0.7 by it, which
// does not know how lanesRVV asks for a vector length and says 0.
func hasRVV() bool { return cpu.RISCV64.HasV || announcesV() && lanesRVV() == lanes }

// announcesV says whether the system's bits of one-letter extensions have that of V.
func announcesV() bool {
	const hwcap, bit = 16, 1 << ('V' - 'A')
	if runtime.GOOS != "linux" {
		return false
	}
	pairs, _ := unix.Auxv()
	for _, p := range pairs {
		if p[0] == hwcap {
			return p[1]&bit != 0
		}
	}
	return false
}

// lanesRVV returns how many of 16 float32 four vector registers take.
//
//go:noescape
func lanesRVV() int
