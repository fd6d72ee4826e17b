//go:build !purego

package kernel

// peakOperations are the 8-bit multiplications and additions of a round of peak.
const peakOperations = 16 * 128

// peak does as many of them as it can.
func peak(rounds int) {
	if hasAVX512() {
		peakAVX512(rounds)
	}
}

// readAll reads memory as quickly as it can.
func readAll(memory []uint64) {
	if hasAVX512() {
		readAVX512(&memory[0], len(memory)*8)
	}
}
