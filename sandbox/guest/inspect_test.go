package guest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/kernel"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

func TestInspectDescribesTheHeader(t *testing.T) {
	t.Parallel()

	got := as[wire.Inspection](t, serve(t, readModel(t, "guarded-q8_0.gguf")).ask(wire.Inspect{}))
	require.Equal(t, 3, got.Version)
	require.EqualValues(t, 32, got.Alignment)
	require.Empty(t, got.Refusal)
	require.Contains(t, got.Template, "<|im_start|>")
	require.Equal(t, wire.MetaEntry{Key: "general.architecture", Type: "string", Value: "llama"}, got.Metadata[0])
	require.Len(t, got.Tensors, 38)
	require.Equal(t, got.DataStart, got.Tensors[0].Offset)
	values := map[string]string{}
	for _, e := range got.Metadata {
		values[e.Key] = e.Value
	}
	require.Equal(t, `1024 of string: ["!", "\"", "#", "$", "%", "&", "'", "(", ...]`, values["tokenizer.ggml.tokens"])
	require.Equal(t, "10000", values["llama.rope.freq_base"])
}

// vocabularyOnly is tinychat without weights.
func vocabularyOnly(t *testing.T) []byte {
	t.Helper()
	file := readModel(t, "guarded-q8_0.gguf")
	f, err := gguf.Parse(bytes.NewReader(file), int64(len(file)), gguf.Limits{})
	require.NoError(t, err)
	var entries []gguf.Entry
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		entries = append(entries, gguf.Entry{Key: key, Value: v})
	}
	var b bytes.Buffer
	require.NoError(t, gguf.Write(&b, entries, nil))
	return b.Bytes()
}

func TestAVocabularyIsEnoughToTokenizeAndInspect(t *testing.T) {
	t.Parallel()

	p := serve(t, vocabularyOnly(t))
	require.NotEmpty(t, as[wire.Tokens](t, p.ask(wire.Tokenize{Text: "river"})).Tokens)
	require.Contains(t, as[wire.Inspection](t, p.ask(wire.Inspect{})).Refusal, "token_embd.weight")
	require.Equal(t, wire.FailModel, as[wire.Failure](t, p.ask(wire.Load{})).Kind)
	require.Equal(t, wire.FailModel, as[wire.Failure](t, serve(t, []byte("nonsense")).ask(wire.Inspect{})).Kind)
}

func TestLogitsOfAPrefixAreNotComputedAgain(t *testing.T) {
	t.Parallel()

	m, err := open(readModel(t, "guarded-q8_0.gguf"), 1)
	require.NoError(t, err)
	tokens := ramp(3, 60)
	whole, err := m.logits(t.Context(), wire.Logits{Tokens: tokens, Positions: []int32{10, 40, 59}})
	require.NoError(t, err)
	before := m.engine.Computed()
	again, err := m.logits(t.Context(), wire.Logits{Tokens: tokens, Positions: []int32{40, 59}})
	require.NoError(t, err)
	require.EqualValues(t, 20, m.engine.Computed()-before, "positions 40 to 59")
	require.Equal(t, whole.(wire.Floats).Values[1024:], again.(wire.Floats).Values)
}

func TestInstructionSetsAreForcedBeforeTheModelIsLoaded(t *testing.T) { //nolint:paralleltest // changes the kernels' level
	defer func() { require.NoError(t, kernel.SetISA("")) }()
	want := as[wire.Floats](t, serve(t, readModel(t, "guarded-q8_0.gguf")).ask(wire.Logits{Tokens: []int32{1, 2}, Positions: []int32{1}}))

	p := serve(t, readModel(t, "guarded-q8_0.gguf"))
	refused := as[wire.Failure](t, p.ask(wire.Load{ISA: "mmx"}))
	require.Equal(t, wire.FailRequest, refused.Kind)
	require.Contains(t, refused.Text, "this machine has")
	as[wire.Loaded](t, p.ask(wire.Load{ISA: "go"}))
	require.Equal(t, "go", kernel.ISA())
	require.Equal(t, want, p.ask(wire.Logits{Tokens: []int32{1, 2}, Positions: []int32{1}}))
	require.Contains(t, as[wire.Failure](t, p.ask(wire.Load{ISA: "go"})).Text, "is loaded")
}
