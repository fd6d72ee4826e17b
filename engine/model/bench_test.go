package model_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/model"
)

// BenchmarkTinychat measures the prefill of 128 tokens and decoding after 64 tokens.
func BenchmarkTinychat(b *testing.B) {
	ids := make([]int32, 128)
	for i := range ids {
		ids[i] = int32(7 * i % 1000)
	}
	for _, name := range []string{"guarded-q8_0", "guarded-q4_k_m", "guarded-f16"} {
		for _, threads := range []int{1, 2} {
			m := load(b, tinychat+name+".gguf", model.Config{Threads: threads})
			s := m.NewSequence()
			step := func(b *testing.B, keep int, ids []int32) {
				b.Helper()
				s.Truncate(keep)
				_, err := s.Append(b.Context(), ids, model.Last)
				require.NoError(b, err)
			}
			b.Run(fmt.Sprintf("prefill/%s/%d", name, threads), func(b *testing.B) {
				for b.Loop() {
					step(b, 0, ids)
				}
				b.ReportMetric(float64(b.N*len(ids))/b.Elapsed().Seconds(), "tokens/s")
			})
			b.Run(fmt.Sprintf("decode/%s/%d", name, threads), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					step(b, 64+b.N%32, ids[:1])
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
			})
		}
	}
}
