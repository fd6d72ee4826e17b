package kernel

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// benchISA makes the level of the environment's HALLMARK_ISA the one in use.
func benchISA(b *testing.B) {
	b.Helper()
	require.NoError(b, SetISA(os.Getenv("HALLMARK_ISA")))
	b.Cleanup(func() { require.NoError(b, SetISA("")) })
}

// cpuTime returns the CPU time of the calling thread, which other processes change less than they change the time of day.
func cpuTime() time.Duration {
	const thread = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, thread, uintptr(unsafe.Pointer(&t)), 0); err != 0 {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// perSecond runs f and reports how many units it does in a second of CPU time.
func perSecond(b *testing.B, units float64, name string, f func()) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := cpuTime()
	for b.Loop() {
		f()
	}
	b.ReportMetric(units/1e9*float64(b.N)/(cpuTime()-start).Seconds(), name)
}

// BenchmarkGEMM multiplies 2048 x 2048 weights as they lie in the file with 512 vectors, and reports 1e9 operations a second.
func BenchmarkGEMM(b *testing.B) { benchVectors(b, 512) }

// BenchmarkFew does so with 8 vectors, as with as many texts under way: then packing is much of the time.
func BenchmarkFew(b *testing.B) { benchVectors(b, 8) }

func benchVectors(b *testing.B, n int) {
	b.Helper()
	benchISA(b)
	const rows, cols = 2048, 2048
	for i := range formats {
		f := &formats[i]
		b.Run(f.typ.String(), func(b *testing.B) {
			m := matrix(b, f.typ, rows, cols)
			x, s := vectors(&m, n), NewScratch(cols)
			dst := make([]float32, n*rows)
			perSecond(b, float64(2*rows*cols*n), "GOPS", func() { m.Mul(dst, x, n, 0, rows, s) })
		})
	}
}

// BenchmarkGEMV multiplies 256 MiB of weights with one vector, and reports 1e9 bytes of weights a second.
func BenchmarkGEMV(b *testing.B) {
	benchISA(b)
	const cols, most = 2048, 256 << 20
	for i := range formats {
		f := &formats[i]
		b.Run(f.typ.String(), func(b *testing.B) {
			elements, size := f.typ.Block()
			stride := cols / elements * size
			m := matrix(b, f.typ, 64, cols)
			m.Rows = most / stride &^ 63
			data := make([]byte, m.Rows*stride)
			for at := 0; at < len(data); at += len(m.data) {
				copy(data[at:], m.data)
			}
			m.data = data
			x, s := vectors(&m, 1), NewScratch(cols)
			dst := make([]float32, m.Rows)
			perSecond(b, float64(len(data)), "GB/s", func() { m.Mul(dst, x, 1, 0, m.Rows, s) })
		})
	}
}

// BenchmarkQuantise brings a vector of 4096 elements into blocks, and reports 1e9 elements a second.
func BenchmarkQuantise(b *testing.B) {
	benchISA(b)
	const cols = 4096
	for name, form := range map[string]Form{"blocks of 32": Blocks32, "blocks of 256": Blocks256} {
		b.Run(name, func(b *testing.B) {
			x := NewVectors(1, cols, form)
			copy(x.Data, random(1, cols))
			perSecond(b, cols, "Gelements/s", func() { x.Quantise(0) })
		})
	}
}

// BenchmarkPeak reports what the machine could do: sums of 8-bit products, in 1e9 operations a second, and reading memory, in
// 1e9 bytes a second.
func BenchmarkPeak(b *testing.B) {
	const rounds, size = 1 << 16, 256 << 20
	memory := make([]uint64, size/8)
	for i := range memory {
		memory[i] = uint64(i)
	}
	b.Run("sums", func(b *testing.B) { perSecond(b, peakOperations*rounds, "GOPS", func() { peak(rounds) }) })
	b.Run("reading", func(b *testing.B) { perSecond(b, size, "GB/s", func() { readAll(memory) }) })
}
