package model_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
)

const (
	tinychat = "../../testdata/models/tinychat/"

	// lowMargin is the distance of the two largest logits below which another engine's rounding may choose otherwise.
	lowMargin = 0.05
)

// load reads a model file.
func load(t testing.TB, path string, cfg model.Config) *model.Model {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	require.NoError(t, err)
	m, err := model.Load(f, data, cfg)
	require.NoError(t, err)
	return m
}

// stories returns the folder of the stories260k model, or skips the test.
func stories(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("HALLMARK_TESTDATA")
	if dir == "" {
		t.Skip("HALLMARK_TESTDATA is unset: it names the folder with models/stories260k")
	}
	return filepath.Join(dir, "models", "stories260k")
}

// golden is what another engine answered to a prompt.
type golden struct {
	prompt, ids []int32
	margins     []float64 // of ids; nil: all are above lowMargin
}

// compare runs prompts and returns how many ids were compared and how many there are. It stops comparing a prompt at the
// first id that differs, which must have a low margin.
func compare(t *testing.T, m *model.Model, all []golden) (compared, total int) {
	t.Helper()
	for i, g := range all {
		s := m.NewSequence()
		logits, err := s.Append(t.Context(), g.prompt, model.Last)
		require.NoError(t, err)
		total += len(g.ids)
		for j, want := range g.ids {
			got := sample.Greedy(logits)
			if got != want {
				require.NotNil(t, g.margins, "prompt %d differs at token %d", i, j)
				require.LessOrEqual(t, g.margins[j], lowMargin, "prompt %d differs at token %d", i, j)
				t.Logf("prompt %d: stopped at token %d of margin %.4f", i, j, g.margins[j])
				break
			}
			compared++
			if j+1 < len(g.ids) {
				logits, err = s.Append(t.Context(), []int32{want}, model.Last)
				require.NoError(t, err)
			}
		}
	}
	return compared, total
}

func TestGoldenTinychat(t *testing.T) {
	t.Parallel()

	var file struct {
		Prompts []struct{ IDs []int32 }
		Runs    map[string][]struct {
			IDs     []int32
			Margins []float64
		}
	}
	raw, err := os.ReadFile(tinychat + "golden.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &file))
	require.NotEmpty(t, file.Runs)

	for name, run := range file.Runs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			var all []golden
			for i, r := range run {
				all = append(all, golden{prompt: file.Prompts[i].IDs, ids: r.IDs, margins: r.Margins})
			}
			compared, total := compare(t, load(t, tinychat+name, model.Config{}), all)
			t.Logf("%d of %d tokens compared", compared, total)
			require.GreaterOrEqual(t, compared*10, total*9, "too few tokens compared")
		})
	}
}
