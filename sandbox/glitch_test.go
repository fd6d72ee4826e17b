package sandbox_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// tensor returns the bytes of a tensor within a file.
func tensor(t *testing.T, file []byte, name string) []byte {
	t.Helper()
	f, err := gguf.Parse(bytes.NewReader(file), int64(len(file)), gguf.Limits{})
	require.NoError(t, err)
	i := slices.IndexFunc(f.Tensors, func(t gguf.Tensor) bool { return t.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return file[f.Tensors[i].Offset:][:f.Tensors[i].Size]
}

// Tokens whose rows are put back to what they were before training, those of a byte that no text has, are found; in the models
// as they are there are hardly any.
func TestGlitchTokens(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("computes for minutes under the race detector, in goroutines that other tests have too")
	}

	file := modelFile(t, "guarded-f16.gguf")
	m := serveInside(t, file)
	pieces, err := m.Pieces(t.Context(), 0, 1024)
	require.NoError(t, err)
	naive := measured(t, modelFile(t, "naive-q8_0.gguf"), probe.VocabGlitch, nil)
	t.Log(naive.Cases[0].Outcome, naive.Cases[0].Metrics)
	require.Equal(t, hallmark.Pass, naive.Cases[0].Outcome)
	clean := measured(t, file, probe.VocabGlitch, nil)
	d := byDetector(clean)[probe.VocabGlitch]
	t.Log(clean.Cases[0].Outcome, clean.Cases[0].Metrics)
	require.Equal(t, hallmark.Assessed, d.Assessment, d.Reason)
	require.Equal(t, hallmark.Pass, clean.Cases[0].Outcome)

	const row = 256 * 2 // F16
	planted := slices.Clone(file)
	rows := tensor(t, planted, "token_embd.weight")
	unused := slices.Index(pieces, "\xff")
	require.GreaterOrEqual(t, unused, 0)
	embeddings, err := m.Embeddings(t.Context(), 0, 1024)
	require.NoError(t, err)
	n := 0
	for id := 260; n < 60; id++ {
		if norm := length32(embeddings[id*256:][:256]); norm < 1.5 { // a trained one
			copy(rows[id*row:][:row], rows[unused*row:][:row])
			n++
		}
	}
	report := measured(t, planted, probe.VocabGlitch, nil)
	t.Log(report.Cases[0].Outcome, report.Cases[0].Metrics)
	require.Equal(t, hallmark.Fail, report.Cases[0].Outcome)
	more := number(t, report.Cases[0].Metrics["glitches"]) - number(t, clean.Cases[0].Metrics["glitches"])
	require.GreaterOrEqual(t, more, 0.95*60)
}

func length32(x []float32) float64 {
	wide := make([]float64, len(x))
	for i, v := range x {
		wide[i] = float64(v)
	}
	return length(wide)
}
