package kernel

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	ceiling "github.com/hallmark-ml/hallmark/engine/kernel/testdata/peak"
)

// rate runs f, which returns operations and bytes, and reports both by processor time, which other work on the machine
// disturbs less than the clock.
func rate(b *testing.B, f func() (operations, bytes float64)) {
	b.Helper()
	used := func() float64 {
		var u syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
	}
	f()
	b.ReportAllocs()
	before, operations, bytes := used(), 0.0, 0.0
	for b.Loop() {
		o, n := f()
		operations, bytes = operations+o, bytes+n
	}
	seconds := used() - before
	if operations > 0 {
		b.ReportMetric(operations/seconds/1e9, "GFLOPS")
	}
	if bytes > 0 {
		b.ReportMetric(bytes/seconds/1e9, "GB/s")
	}
}

// BenchmarkFloatPeak measures the most that products can reach.
func BenchmarkFloatPeak(b *testing.B) {
	b.Run("fma", func(b *testing.B) {
		rate(b, func() (float64, float64) { return ceiling.FMA(100000), 0 })
	})
	b.Run("read", func(b *testing.B) {
		data := make([]byte, 512<<20)
		for i := 0; i < len(data); i += 4096 {
			data[i] = 1
		}
		rate(b, func() (float64, float64) {
			ceiling.Read(data)
			return 0, float64(len(data))
		})
	})
}

// BenchmarkFloat multiplies a matrix of 256 MB with one vector, and one that caches hold with many.
func BenchmarkFloat(b *testing.B) {
	for _, typ := range floatTypes {
		for _, n := range []int{1, 2, 4, 8, 64} {
			const cols = 2048
			rows := 2048
			if n < 8 {
				rows = 256 << 20 / cols / 2
			}
			b.Run(fmt.Sprintf("%v/vectors=%d", typ, n), func(b *testing.B) {
				_, size := typ.Block()
				m, err := NewMatrix(typ, rows, cols, make([]byte, rows*cols*size))
				require.NoError(b, err)
				for i := range m.data {
					m.data[i] = 0x3c
				}
				x := NewVectors(n, cols, m.Form())
				for i := range n {
					copy(x.Row(i), random(uint64(i), cols))
					x.Quantise(i)
				}
				dst, s := make([]float32, n*rows), NewScratch(cols)
				rate(b, func() (float64, float64) {
					m.Mul(dst, x, n, 0, rows, s)
					return 2 * float64(n) * float64(rows) * cols, float64(m.Size())
				})
			})
		}
	}
}

// BenchmarkAttention computes the last 64 positions of 512 for the 8 query heads of a key-value head.
func BenchmarkAttention(b *testing.B) {
	const head, page, group, length, last = 64, 32, 8, 512, 64
	keys, values := make([][]float32, length/page), make([][]float32, length/page)
	for p := range keys {
		keys[p], values[p] = random(uint64(p), page*head), random(uint64(p), page*head)
	}
	var queries []Query
	operations := 0.0
	for t := length - last; t < length; t++ {
		for range group {
			queries = append(queries, Query{Q: random(uint64(t), head), Out: make([]float32, head), To: t + 1})
			operations += 4 * head * float64(t+1)
		}
	}
	a := NewAttention(head, page, 0.125, 0)
	rate(b, func() (float64, float64) {
		a.Run(queries, keys, values)
		return operations, 0
	})
}
