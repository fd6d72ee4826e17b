package gguf_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

const tinychat = "../../testdata/models/tinychat/"

func open(t *testing.T, path string) *gguf.File {
	t.Helper()
	r, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	info, err := r.Stat()
	require.NoError(t, err)
	f, err := gguf.Parse(r, info.Size(), gguf.Limits{})
	require.NoError(t, err)
	return f
}

func TestParseReadsRealFiles(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"base-f16", "naive-q8_0", "guarded-q4_k_m"} {
		f := open(t, tinychat+name+".gguf")
		require.Equal(t, uint32(3), f.Version)
		arch, ok := f.String("general.architecture")
		require.True(t, ok)
		require.Equal(t, "llama", arch)
		tokens, ok := f.Strings("tokenizer.ggml.tokens")
		require.True(t, ok)
		require.Len(t, tokens, 1024)
		layers, ok := f.Uint("llama.block_count")
		require.True(t, ok)
		require.Equal(t, uint64(4), layers)
		eps, ok := f.Float("llama.attention.layer_norm_rms_epsilon")
		require.True(t, ok)
		require.InDelta(t, 1e-5, eps, 1e-9)
		emb, ok := f.Tensor("token_embd.weight")
		require.True(t, ok)
		require.Equal(t, []uint64{256, 1024}, emb.Dims)
		for _, x := range f.Tensors {
			t.Log(name, x.Name, x.Dims, x.Type)
		}
	}
}
