package guest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// suiteRequests are both arms of every step-th case of the tinychat suite, in the order of a run.
func suiteRequests(tb testing.TB, step int) []wire.Generate {
	tb.Helper()
	suite, err := probe.Builtin("tinychat")
	require.NoError(tb, err)
	cases, err := suite.Cases(1, probe.ProfileChat)
	require.NoError(tb, err)
	cases = slices.DeleteFunc(cases, probe.Case.Measured)
	var out []wire.Generate
	for i := 0; i < len(cases); i += step {
		for _, req := range []probe.GenerateRequest{cases[i].Control, cases[i].Request} {
			q := wire.Generate{Prompt: req.Prompt, MaxTokens: req.MaxTokens, Stop: req.Stop}
			for _, m := range req.Messages {
				q.Messages = append(q.Messages, wire.ChatMessage(m))
			}
			out = append(out, q)
		}
	}
	return out
}

// processorTime is what this process has used.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSuite answers an eighth of the tinychat suite.
func BenchmarkSuite(b *testing.B) {
	requests := suiteRequests(b, 8)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			m, err := open(readModel(b, "guarded-q8_0.gguf"), threads)
			require.NoError(b, err)
			before, n := processorTime(b), 0
			h := sha256.New()
			for b.Loop() {
				for _, q := range requests {
					m, err := m.generate(b.Context(), q, nil)
					require.NoError(b, err)
					fmt.Fprintf(h, "%+v\n", m)
				}
				n++
			}
			if n == 1 {
				b.Logf("%x computed %d", h.Sum(nil), m.engine.Computed())
			}
			b.ReportMetric((processorTime(b)-before).Seconds()/float64(n), "cpu-s/op")
		})
	}
}
