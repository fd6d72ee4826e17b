package token_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/token"
)

func BenchmarkEncode(b *testing.B) {
	text, err := os.ReadFile(tinychat + "README.md")
	require.NoError(b, err)
	for _, name := range []string{"llama-spm", "llama-bpe", "gpt-2"} {
		b.Run(name, func(b *testing.B) {
			tok := open(b, testdata(b, "vocab/ggml-vocab-"+name+".gguf"))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tok.Encode(string(text), token.EncodeOptions{})
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	data, err := os.ReadFile(tinychat + "guarded-q4_k_m.gguf")
	require.NoError(b, err)
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	require.NoError(b, err)
	for b.Loop() {
		_, err := token.New(f)
		require.NoError(b, err)
	}
}
