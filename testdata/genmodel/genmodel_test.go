package genmodel_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/quant"
	"github.com/hallmark-ml/hallmark/engine/template"
	"github.com/hallmark-ml/hallmark/testdata/genmodel"
)

func write(t *testing.T, s genmodel.Spec) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, s.Write(&b))
	return b.Bytes()
}

func parse(t *testing.T, b []byte) *gguf.File {
	t.Helper()
	f, err := gguf.Parse(bytes.NewReader(b), int64(len(b)), gguf.Limits{})
	require.NoError(t, err)
	return f
}

// TestBytesAreTheSameEverywhere pins the models: a benchmark or a matrix of results is about these bytes.
func TestBytesAreTheSameEverywhere(t *testing.T) {
	t.Parallel()

	for name, want := range map[string]string{
		"tiny-llama":           "99279c5fccfeaee3",
		"tiny-qwen2":           "abb27bb5db6e4724",
		"tiny-qwen3":           "40a7082937787149",
		"tiny-phi3":            "d6089bccd210002a",
		"tiny-gemma2":          "e883032301af78c5",
		"tiny-gemma3":          "c697e1fa9498de23",
		"tiny-llama-frequency": "f971cbfc1f474a4d",
		"tiny-phi3-longrope":   "fb3785f697ee2858",
	} {
		s, ok := genmodel.Preset(name)
		require.True(t, ok)
		sum := sha256.Sum256(write(t, s))
		require.Equal(t, want, hex.EncodeToString(sum[:8]), name)
	}
}

func TestTypesHoldTheSameWeights(t *testing.T) {
	t.Parallel()

	s, _ := genmodel.Preset("tiny-llama")
	s.Layers, s.Vocab = 1, 300
	weights := func(typ gguf.Type) []float32 {
		s.Type = typ
		b := write(t, s)
		x, ok := parse(t, b).Tensor("blk.0.attn_q.weight")
		require.True(t, ok)
		require.Equal(t, typ, x.Type)
		out := make([]float32, x.Dims[0]*x.Dims[1])
		require.NoError(t, quant.Dequantise(out, typ, b[x.Offset:x.Offset+x.Size]))
		return out
	}
	exact := weights(gguf.F32)
	for _, typ := range quant.Types() {
		sum, rest := 0.0, 0.0
		for i, v := range weights(typ) {
			d := float64(v - exact[i])
			sum, rest = sum+float64(exact[i])*float64(exact[i]), rest+d*d
		}
		require.InDelta(t, 1./256, sum/float64(len(exact)), 1e-4, "the mean square is one over the columns")
		require.Less(t, rest, 0.12*sum, "%v", typ) // Q2_K is the roughest
	}
}

func TestRowsThatAreNoWholeBlocks(t *testing.T) {
	t.Parallel()

	s, _ := genmodel.Preset("tiny-llama")
	s.Layers, s.FF, s.Type = 1, 288, gguf.Q4_K
	f := parse(t, write(t, s))
	for name, want := range map[string]gguf.Type{"blk.0.ffn_up.weight": gguf.Q4_K, "blk.0.ffn_down.weight": gguf.F16, "blk.0.ffn_norm.weight": gguf.F32} {
		x, ok := f.Tensor(name)
		require.True(t, ok)
		require.Equal(t, want, x.Type, name)
	}
}

func TestTokenizerIsCopied(t *testing.T) {
	t.Parallel()

	s, _ := genmodel.Preset("tiny-llama")
	other := s
	other.Vocab = 300
	s.Tokenizer, s.Vocab = parse(t, write(t, other)), 0
	f := parse(t, write(t, s))
	words, ok := f.Strings("tokenizer.ggml.tokens")
	require.True(t, ok)
	require.Len(t, words, 300)
	x, ok := f.Tensor("token_embd.weight")
	require.True(t, ok)
	require.Equal(t, []uint64{256, 300}, x.Dims)
}

func TestChatTemplate(t *testing.T) {
	t.Parallel()

	s, _ := genmodel.Preset("tiny-llama")
	s.Layers, s.Chat = 1, true
	text, ok := parse(t, write(t, s)).String("tokenizer.chat_template")
	require.True(t, ok)
	parsed, err := template.Parse(text)
	require.NoError(t, err)
	out, err := parsed.Render(template.Input{
		Messages: []template.Message{{Role: "system", Content: "be"}, {Role: "user", Content: "hi"}}, AddGenerationPrompt: true, BOS: "<s>", EOS: "</s>",
	}, template.Budget{})
	require.NoError(t, err)
	require.Equal(t, "<s>system\nbe</s>\n<s>user\nhi</s>\n<s>assistant\n", out.Text)
	require.Len(t, out.Spans, 2)
}

func TestWordsAreDistinct(t *testing.T) {
	t.Parallel()

	s, _ := genmodel.Preset("tiny-llama")
	s.Layers, s.Vocab, s.Embed, s.Heads, s.KVHeads = 1, 40000, 2, 1, 1
	words, _ := parse(t, write(t, s)).Strings("tokenizer.ggml.tokens")
	require.Len(t, words, 40000)
	seen := map[string]bool{}
	for _, w := range words {
		require.False(t, seen[w], w)
		seen[w] = true
	}
}

func TestPresetsAreSound(t *testing.T) {
	t.Parallel()

	for _, name := range genmodel.Presets() {
		s, _ := genmodel.Preset(name)
		require.NoError(t, s.WithDefaults().Check(), name)
	}
}

func TestCheckReportsEveryProblem(t *testing.T) {
	t.Parallel()

	s := genmodel.Spec{Arch: "gpt", Embed: 4, Layers: 0, Heads: 3, KVHeads: 2, Head: 3, FF: 1, Vocab: 2, Window: 1, LongRope: true, Frequency: true, Type: 24}
	err := s.WithDefaults().Check()
	for _, part := range []string{`"gpt"`, "below 1", "divide", "odd", "vocabulary", "longrope", "frequency", "window", "I8"} {
		require.ErrorContains(t, err, part)
	}
	require.Error(t, s.Write(&bytes.Buffer{}))
	s, _ = genmodel.Preset("tiny-phi3")
	s.Head = 32
	require.ErrorContains(t, s.WithDefaults().Check(), "head size = embedding")
}
