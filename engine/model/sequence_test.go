package model_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/model"
)

func prompt(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32((11*i*i + 5) % 1000)
	}
	return ids
}

// logits appends ids in chunks of at most size and returns all logits.
func logits(tb testing.TB, s *model.Sequence, ids []int32, size int) []float32 {
	tb.Helper()
	var all []float32
	for part := range slices.Chunk(ids, size) {
		out, err := s.Append(tb.Context(), part, model.All)
		require.NoError(tb, err)
		all = append(all, out...)
	}
	return all
}

func TestBitsDoNotDependOnThreadsOrChunks(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"guarded-f16", "guarded-q8_0", "guarded-q4_k_m"} {
		ids := prompt(100)
		want := logits(t, load(t, tinychat+name+".gguf", model.Config{}).NewSequence(), ids, len(ids))
		for _, threads := range []int{1, 2, 3} {
			m := load(t, tinychat+name+".gguf", model.Config{Threads: threads})
			last, err := m.NewSequence().Append(t.Context(), ids, model.Last)
			require.NoError(t, err)
			require.True(t, slices.Equal(want[99*m.VocabSize():], last), "%s, %d threads, last logits", name, threads)
			for _, size := range []int{1, 7, 100} {
				if size == 1 && threads > 1 {
					continue // one thread does it all
				}
				got := logits(t, m.NewSequence(), ids, size)
				require.True(t, slices.Equal(want, got), "%s, %d threads, chunks of %d", name, threads, size)
			}
		}
	}
}

func TestSequencesOfOneModelRunAtTheSameTime(t *testing.T) {
	t.Parallel()

	m := load(t, tinychat+"guarded-q8_0.gguf", model.Config{Threads: 2})
	base := m.NewSequence()
	ids := prompt(70)
	logits(t, base, ids[:40], 40)
	want := logits(t, m.NewSequence(), ids, 70)[40*m.VocabSize():]
	var forks []*model.Sequence
	for range 4 {
		forks = append(forks, base.Fork())
	}
	var wg sync.WaitGroup
	for _, s := range forks {
		wg.Go(func() {
			if got := logits(t, s.Fork(), ids[40:], 30); !slices.Equal(want, got) {
				t.Error("a fork gives other bits")
			}
		})
	}
	wg.Wait()
}

func TestForkAndTruncate(t *testing.T) {
	t.Parallel()

	m := load(t, tinychat+"guarded-q8_0.gguf", model.Config{})
	ids, other := prompt(80), prompt(90)[50:]
	want := logits(t, m.NewSequence(), ids, 80)
	v := m.VocabSize()

	s := m.NewSequence()
	logits(t, s, ids[:50], 50)
	computed := m.Computed()
	f := s.Fork()
	require.Equal(t, 50, f.Len())
	require.Equal(t, computed, m.Computed(), "a fork computes nothing")

	require.Equal(t, want[50*v:], logits(t, f, ids[50:], 30), "the fork goes on")
	g := s.Fork()
	s.Truncate(5)
	logits(t, s, other, 40)
	require.Equal(t, want[50*v:], logits(t, g, ids[50:], 30), "the fork does not see what the original writes")
	s.Truncate(0)
	logits(t, s, ids[:50], 50)
	logits(t, s, other, 40)
	require.Equal(t, 90, s.Len())
	f.Truncate(60)
	require.Equal(t, want[60*v:], logits(t, f, ids[60:], 20), "what the original wrote does not show")
	s.Truncate(33)
	require.Equal(t, 33, s.Len())
	require.Equal(t, want[33*v:], logits(t, s, ids[33:], 47), "nor what the fork wrote")
	require.Equal(t, computed+30+40+30+50+40+20+47, m.Computed())
	s.Truncate(100)
	require.Equal(t, 80, s.Len())
	s.Truncate(-1)
	require.Zero(t, s.Len())
}

func TestEmbeddingsInPlaceOfTokens(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"guarded-q4_k_m", "guarded-f16"} {
		m := load(t, tinychat+name+".gguf", model.Config{})
		ids := prompt(20)
		var emb []float32
		for _, id := range ids {
			e := m.Embedding(id)
			require.Len(t, e, m.EmbeddingSize())
			emb = append(emb, e...)
		}
		got, err := m.NewSequence().AppendEmbeddings(t.Context(), emb, 20, model.All)
		require.NoError(t, err)
		require.Equal(t, logits(t, m.NewSequence(), ids, 20), got)

		last, err := m.NewSequence().Append(t.Context(), ids, model.Last)
		require.NoError(t, err)
		require.Equal(t, got[19*m.VocabSize():], last)
		require.Nil(t, m.Embedding(-1))
		require.Nil(t, m.Embedding(1024))
	}
}

func TestWrongCallsLeaveTheSequenceAsItWas(t *testing.T) {
	t.Parallel()

	m := load(t, tinychat+"guarded-q8_0.gguf", model.Config{Context: 48})
	require.Equal(t, 48, m.Context())
	require.Equal(t, 4, m.Layers())
	ids := prompt(48)
	want := logits(t, m.NewSequence(), ids, 48)
	s := m.NewSequence()
	logits(t, s, ids[:40], 40)

	for _, bad := range [][]int32{{-1}, {1024}, {1, 2, math.MaxInt32}} {
		_, err := s.Append(t.Context(), bad, model.Last)
		require.ErrorIs(t, err, model.ErrToken)
	}
	_, err := s.Append(t.Context(), nil, model.Last)
	require.ErrorIs(t, err, model.ErrInput)
	_, err = s.Append(t.Context(), ids[:9], model.Last)
	require.ErrorIs(t, err, model.ErrContext)
	for _, n := range []int{-1, 0, 1, 3, 1 << 62} {
		_, err = s.AppendEmbeddings(t.Context(), make([]float32, 2*256), n, model.Last)
		require.ErrorIs(t, err, model.ErrInput)
	}
	_, err = s.AppendEmbeddings(t.Context(), slices.Repeat([]float32{float32(math.NaN())}, 256), 1, model.Last)
	require.ErrorIs(t, err, model.ErrNotFinite)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.Append(ctx, ids[40:], model.Last)
	require.ErrorIs(t, err, context.Canceled)

	require.Equal(t, 40, s.Len())
	require.Equal(t, want[40*m.VocabSize():], logits(t, s, ids[40:], 8))
}

// TestCancellationStopsACall cancels while the last positions of a call are computed.
func TestCancellationStopsACall(t *testing.T) {
	t.Parallel()

	for _, threads := range []int{1, 2} {
		m := load(t, tinychat+"guarded-q8_0.gguf", model.Config{Threads: threads})
		s := m.NewSequence()
		before := m.Computed()
		_, err := s.Append(&dyingContext{Context: t.Context(), done: make(chan struct{})}, prompt(200), model.Last)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, s.Len())
		require.Equal(t, before, m.Computed())
	}
}

// dyingContext is canceled just after it has been asked twice for its error, which happens once for 128 positions.
type dyingContext struct {
	context.Context
	done  chan struct{}
	asked int
}

func (c *dyingContext) Done() <-chan struct{} { return c.done }

func (c *dyingContext) Err() error {
	switch c.asked++; c.asked {
	case 1:
		return nil
	case 2:
		close(c.done)
		return nil
	default:
		return context.Canceled
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	m := load(t, tinychat+"guarded-q4_k_m.gguf", model.Config{Threads: 2})
	s := m.NewSequence()
	logits(t, s, prompt(70), 70)
	ctx, next := t.Context(), []int32{5}
	require.Zero(t, testing.AllocsPerRun(20, func() {
		if s.Len() > 90 {
			s.Truncate(70)
		}
		if _, err := s.Append(ctx, next, model.Last); err != nil {
			t.Error(err)
		}
	}))
}

// tiny returns a model with one block: 64 wide, two heads, one key-value head, 8 tokens.
func tiny() ([]gguf.Entry, []gguf.Content) {
	tensor := func(name string, dims ...uint64) gguf.Content {
		n := uint64(4)
		for _, d := range dims {
			n *= d
		}
		return gguf.Content{Name: name, Dims: dims, Type: gguf.F32, Data: make([]byte, n)}
	}
	meta := []gguf.Entry{
		{Key: "general.architecture", Value: "llama"},
		{Key: "llama.block_count", Value: uint32(1)},
		{Key: "llama.context_length", Value: uint32(16)},
		{Key: "llama.embedding_length", Value: uint32(64)},
		{Key: "llama.feed_forward_length", Value: uint32(96)},
		{Key: "llama.attention.head_count", Value: uint32(2)},
		{Key: "llama.attention.head_count_kv", Value: uint32(1)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: float32(1e-5)},
		{Key: "llama.rope.freq_base", Value: float32(10000)},
		{Key: "llama.rope.dimension_count", Value: uint32(32)},
		{Key: "llama.vocab_size", Value: uint32(8)},
		{Key: "tokenizer.ggml.tokens", Value: []string{"a", "b", "c", "d", "e", "f", "g", "h"}},
	}
	return meta, []gguf.Content{
		tensor("token_embd.weight", 64, 8), tensor("output_norm.weight", 64),
		tensor("blk.0.attn_norm.weight", 64), tensor("blk.0.attn_q.weight", 64, 64), tensor("blk.0.attn_k.weight", 64, 32),
		tensor("blk.0.attn_v.weight", 64, 32), tensor("blk.0.attn_output.weight", 64, 64), tensor("blk.0.ffn_norm.weight", 64),
		tensor("blk.0.ffn_gate.weight", 64, 96), tensor("blk.0.ffn_up.weight", 64, 96), tensor("blk.0.ffn_down.weight", 96, 64),
	}
}

func build(tb testing.TB, meta []gguf.Entry, tensors []gguf.Content) (*gguf.File, []byte) {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, gguf.Write(&b, meta, tensors))
	f, err := gguf.Parse(bytes.NewReader(b.Bytes()), int64(b.Len()), gguf.Limits{})
	require.NoError(tb, err)
	return f, b.Bytes()
}

func TestBadModelsAreRefused(t *testing.T) {
	t.Parallel()

	invalid, unsupported, limit := gguf.ErrInvalid, gguf.ErrUnsupported, gguf.ErrLimit
	nan := float32(math.NaN())
	type test struct {
		key   string
		value any // nil: the key is absent
		kind  error
		text  string
	}
	tests := []test{
		{"general.architecture", nil, invalid, "general.architecture"},
		{"general.architecture", "gpt-neox\x1b", unsupported, `"gpt-neox\x1b"; supported: llama`},
		{"general.architecture", uint32(3), invalid, "general.architecture"},
		{"llama.block_count", nil, invalid, "block_count is missing"},
		{"llama.block_count", uint32(0), invalid, "block_count is 0"},
		{"llama.block_count", uint32(2), invalid, "blk.1.attn_norm.weight is missing"},
		{"llama.block_count", uint32(math.MaxUint32), limit, "block_count is 4294967295"},
		{"llama.block_count", "1", invalid, "not an integer"},
		{"llama.block_count", int32(-1), invalid, "not an integer"},
		{"llama.block_count", []uint32{1}, invalid, "not an integer"},
		{"llama.context_length", nil, invalid, "context_length"},
		{"llama.context_length", uint32(0), invalid, "context_length is 0"},
		{"llama.context_length", uint32(1 << 31), limit, "context_length is 2147483648"},
		{"llama.context_length", uint64(1 << 63), limit, "context_length"},
		{"llama.embedding_length", uint32(0), invalid, "embedding_length is 0"},
		{"llama.embedding_length", uint32(128), invalid, "token_embd.weight has shape [64 8]"},
		{"llama.embedding_length", uint32(65), invalid, "does not divide"},
		{"llama.embedding_length", uint32(1 << 30), limit, "embedding_length"},
		{"llama.feed_forward_length", uint32(64), invalid, "ffn_down.weight has shape"},
		{"llama.attention.head_count", uint32(0), invalid, "head_count is 0"},
		{"llama.attention.head_count", uint32(3), invalid, "does not divide"},
		{"llama.attention.head_count", uint32(4), invalid, "dimension_count 32"},
		{"llama.attention.head_count", uint32(1 << 20), limit, "head_count"},
		{"llama.attention.head_count_kv", uint32(0), invalid, "head_count_kv is 0"},
		{"llama.attention.head_count_kv", uint32(4), invalid, "do not divide"},
		{"llama.attention.head_count_kv", nil, invalid, "attn_k.weight has shape"},
		{"llama.attention.key_length", uint32(64), invalid, "shape"},
		{"llama.attention.value_length", uint32(16), unsupported, "values of 16"},
		{"llama.attention.layer_norm_rms_epsilon", nil, invalid, "epsilon is missing"},
		{"llama.attention.layer_norm_rms_epsilon", nan, invalid, "epsilon is NaN"},
		{"llama.attention.layer_norm_rms_epsilon", float32(-1), invalid, "epsilon is -1"},
		{"llama.rope.freq_base", nan, invalid, "freq_base is NaN"},
		{"llama.rope.freq_base", float32(math.Inf(1)), invalid, "freq_base is +Inf"},
		{"llama.rope.freq_base", float32(0), invalid, "freq_base is 0"},
		{"llama.rope.freq_base", uint32(7), invalid, "floating-point"},
		{"llama.rope.dimension_count", uint32(0), invalid, "dimension_count is 0"},
		{"llama.rope.dimension_count", uint32(31), invalid, "odd"},
		{"llama.rope.dimension_count", uint32(34), invalid, "more than a head"},
		{"llama.rope.scaling.type", "dynamic", unsupported, `"dynamic"`},
		{"llama.expert_count", uint32(8), unsupported, "8 experts"},
		{"llama.vocab_size", uint32(9), invalid, "vocab_size is 9"},
		{"tokenizer.ggml.tokens", []string{"a"}, invalid, "1 tokens"},
	}
	for i, tt := range tests {
		t.Run(fmt.Sprint(i, " ", tt.key), func(t *testing.T) {
			t.Parallel()

			meta, tensors := tiny()
			meta = slices.DeleteFunc(meta, func(e gguf.Entry) bool { return e.Key == tt.key })
			if tt.value != nil {
				meta = append(meta, gguf.Entry{Key: tt.key, Value: tt.value})
			}
			f, data := build(t, meta, tensors)
			_, err := model.Load(f, data, model.Config{})
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, tt.text)
		})
	}
}

func TestBadTensorsAreRefused(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		change func([]gguf.Content) []gguf.Content
		kind   error
		text   string
	}{
		"missing":      {func(c []gguf.Content) []gguf.Content { return c[:10] }, gguf.ErrInvalid, "ffn_down.weight is missing"},
		"no embedding": {func(c []gguf.Content) []gguf.Content { return c[1:] }, gguf.ErrInvalid, "token_embd.weight"},
		"shape": {func(c []gguf.Content) []gguf.Content {
			c[3].Dims = []uint64{32, 128}
			return c
		}, gguf.ErrInvalid, "attn_q.weight has shape [32 128]"},
		"type": {func(c []gguf.Content) []gguf.Content {
			c[3].Type, c[3].Data = gguf.Type(24), c[3].Data[:64*64]
			return c
		}, gguf.ErrUnsupported, "attn_q.weight: weights of type I8 (supported: F32, F16, "},
		"norm type": {func(c []gguf.Content) []gguf.Content {
			c[1].Type, c[1].Data = gguf.F16, c[1].Data[:128]
			return c
		}, gguf.ErrUnsupported, "output_norm.weight has type F16"},
		"unused": {func(c []gguf.Content) []gguf.Content {
			return append(c, gguf.Content{Name: "blk.0.attn_q_norm.weight", Dims: []uint64{32}, Data: make([]byte, 128)})
		}, gguf.ErrUnsupported, `"blk.0.attn_q_norm.weight"`},
		"output": {func(c []gguf.Content) []gguf.Content {
			return append(c, gguf.Content{Name: "output.weight", Dims: []uint64{64, 7}, Data: make([]byte, 4*64*7)})
		}, gguf.ErrInvalid, "output.weight has shape"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			meta, tensors := tiny()
			f, data := build(t, meta, tt.change(tensors))
			_, err := model.Load(f, data, model.Config{})
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, tt.text)
		})
	}

	meta, tensors := tiny()
	f, data := build(t, meta, tensors)
	_, err := model.Load(f, data[:len(data)-1], model.Config{})
	require.ErrorIs(t, err, gguf.ErrInvalid)
	_, err = model.Load(f, data, model.Config{Threads: -1, Context: -1})
	require.ErrorContains(t, err, "threads")
	require.ErrorContains(t, err, "context")

	m, err := model.Load(f, data, model.Config{})
	require.NoError(t, err)
	out, err := m.NewSequence().Append(t.Context(), []int32{0, 7}, model.All)
	require.NoError(t, err)
	require.Equal(t, make([]float32, 16), out, "a model of zeros")

	copy(data[f.Tensors[0].Offset:], []byte{0, 0, 0xc0, 0x7f})
	_, err = m.NewSequence().Append(t.Context(), []int32{0}, model.Last)
	require.ErrorIs(t, err, model.ErrNotFinite, "weights that are not numbers")
}
