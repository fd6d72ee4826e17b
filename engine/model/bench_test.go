package model_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/model"
)

// cpu returns the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTinychat measures the prefill of 128 tokens and decoding of one after 64 to 95, by the clock and by processor time.
func BenchmarkTinychat(b *testing.B) {
	for _, name := range []string{"guarded-q8_0", "guarded-q4_k_m", "guarded-f16"} {
		for _, threads := range []int{1, 2} {
			s := load(b, tinychat+name+".gguf", model.Config{Threads: threads}).NewSequence()
			run := func(b *testing.B, keep int, ids []int32) {
				b.Helper()
				_, err := s.Append(b.Context(), prompt(128), model.Last)
				require.NoError(b, err)
				b.ReportAllocs()
				before, n := cpu(b), 0
				for b.Loop() {
					s.Truncate(keep + min(n, keep)%32)
					_, err := s.Append(b.Context(), ids, model.Last)
					require.NoError(b, err)
					n++
				}
				b.ReportMetric(float64(n*len(ids))/b.Elapsed().Seconds(), "tokens/s")
				b.ReportMetric(float64(n*len(ids))/(cpu(b)-before).Seconds(), "tokens/cpu-s")
			}
			b.Run(fmt.Sprintf("prefill/%s/threads=%d", name, threads), func(b *testing.B) { run(b, 0, prompt(128)) })
			s.Truncate(0)
			b.Run(fmt.Sprintf("decode/%s/threads=%d", name, threads), func(b *testing.B) { run(b, 64, prompt(1)) })
			s.Truncate(0)
		}
	}
}
