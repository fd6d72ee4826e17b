package model_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/model"
)

// text returns the ids of text i of a batch: 3 that all share and then i's own.
func text(i, vocab int) []int32 {
	ids := []int32{1, 2, 3}
	for j := range 5 + i*7%40 {
		ids = append(ids, int32((i*31+j*j*17+5)%vocab))
	}
	return ids
}

// TestBitsDoNotDependOnTheBatch computes many texts at once, each a few tokens further in every call than in the last, so
// that first and later parts of long and short ones come together, and compares with each text alone.
func TestBitsDoNotDependOnTheBatch(t *testing.T) {
	t.Parallel()

	for _, name := range append(slices.Clone(presets), "guarded-q8_0", "guarded-q4_k_m", "guarded-f16") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			open := func(cfg model.Config) *model.Model {
				if slices.Contains(presets, name) {
					return generated(t, name, cfg)
				}
				return load(t, tinychat+name+".gguf", cfg)
			}
			one := open(model.Config{})
			v := one.VocabSize()
			cases := []struct{ size, threads, step int }{{1, 2, 64}, {2, 1, 9}, {8, 2, 5}, {17, 3, 1}, {64, 2, 13}}
			if v > 512 {
				cases = cases[:4] // a larger model, of a quantised type
			}
			want := make([][]float32, cases[len(cases)-1].size)
			for i := range want {
				ids := text(i, v)
				want[i] = logits(t, one.NewSequence(), ids, len(ids))
			}
			for _, c := range cases {
				m := open(model.Config{Threads: c.threads})
				shared := m.NewSequence()
				logits(t, shared, text(0, v)[:3], 3)
				got := together(t, m, shared, c.size, c.step)
				for i := range got {
					require.True(t, slices.Equal(want[i][3*v:], got[i]), "text %d of %d, %d threads, steps of %d", i, c.size, c.threads, c.step)
				}
			}
		})
	}
}

// together computes texts 0 to n-1, all forks of a sequence of their first 3 ids, and returns the logits of the others.
func together(t *testing.T, m *model.Model, shared *model.Sequence, n, step int) [][]float32 {
	t.Helper()
	rest, got, seqs := make([][]int32, n), make([][]float32, n), make([]*model.Sequence, n)
	for i := range n {
		rest[i], seqs[i] = text(i, m.VocabSize())[3:], shared.Fork()
	}
	for {
		var parts []model.Part
		var who []int
		for i := range n {
			if k := min(len(rest[i]), step+i%3); k > 0 {
				parts = append(parts, model.Part{Sequence: seqs[i], Tokens: rest[i][:k], Want: model.All})
				rest[i], who = rest[i][k:], append(who, i)
			}
		}
		if len(parts) == 0 {
			return got
		}
		require.NoError(t, m.Compute(t.Context(), parts))
		for j, i := range who {
			require.NoError(t, parts[j].Err)
			got[i] = append(got[i], parts[j].Logits...)
		}
	}
}

func TestBitsOfArchitecturesDoNotDependOnThreadsOrChunks(t *testing.T) {
	t.Parallel()

	for _, name := range presets {
		ids := some(80, 512)
		want := logits(t, generated(t, name, model.Config{}).NewSequence(), ids, 80)
		for _, threads := range []int{2, 4} {
			m := generated(t, name, model.Config{Threads: threads})
			for _, size := range []int{1, 7, 80} {
				require.True(t, slices.Equal(want, logits(t, m.NewSequence(), ids, size)), "%s, %d threads, chunks of %d", name, threads, size)
			}
		}
	}
}

func TestWants(t *testing.T) {
	t.Parallel()

	m := generated(t, "tiny-gemma2", model.Config{Threads: 2})
	v, ids := m.VocabSize(), some(70, m.VocabSize())
	want := logits(t, m.NewSequence(), ids, 70)
	for _, at := range [][]int{{0}, {69}, {0, 1, 63, 64, 69}, {}} {
		s := m.NewSequence()
		parts := []model.Part{{Sequence: s, Tokens: ids, Want: model.Chosen, At: at}}
		require.NoError(t, m.Compute(t.Context(), parts))
		require.Len(t, parts[0].Logits, len(at)*v)
		for i, p := range at {
			require.Equal(t, want[p*v:][:v], parts[0].Logits[i*v:][:v])
		}
		require.Equal(t, 70, s.Len())
	}
	s := m.NewSequence()
	out, err := s.Append(t.Context(), ids[:69], model.None)
	require.NoError(t, err)
	require.Empty(t, out)
	require.Equal(t, want[69*v:], logits(t, s, ids[69:], 1))
}

func TestHiddenStatesAndAdditions(t *testing.T) {
	t.Parallel()

	for _, name := range []string{"tiny-llama", "tiny-gemma3"} {
		m := generated(t, name, model.Config{Threads: 2})
		e, last, ids := m.EmbeddingSize(), m.Layers()-1, some(70, m.VocabSize())
		hidden := func(want model.Want, add ...model.Addition) (*model.Hidden, []float32) {
			h := &model.Hidden{Layers: []int{model.Input, 0, last}, At: []int{0, 40, 66, 69}}
			parts := []model.Part{
				{Sequence: m.NewSequence(), Tokens: ids[:5]},
				{Sequence: m.NewSequence(), Tokens: ids, Want: want, Hidden: h, Add: add},
			}
			require.NoError(t, m.Compute(t.Context(), parts))
			require.Len(t, h.Values, 3*4*e)
			return h, parts[1].Logits
		}
		h, plain := hidden(model.Last)
		require.Equal(t, m.Embedding(ids[40]), h.Values[e:2*e])
		other, _ := hidden(model.None)
		require.Equal(t, h.Values, other.Values, "hidden states do not depend on which logits are wanted")

		// The last hidden state, normed, times the output matrix is the logit.
		got, err := m.NewSequence().Append(t.Context(), ids, model.Last)
		require.NoError(t, err)
		require.Equal(t, got, plain)

		vector := make([]float32, e)
		vector[3] = 1
		steered, _ := hidden(model.Last, model.Addition{Layer: 0, From: 40, To: 67, Vector: vector})
		require.Equal(t, h.Values[:4*e], steered.Values[:4*e], "the input is the same")
		for i, moved := range []bool{false, true, true, false} {
			at := (4+i)*e + 3
			require.InDelta(t, map[bool]float32{true: 1}[moved], steered.Values[at]-h.Values[at], 1e-5)
		}
		require.Equal(t, h.Values[8*e:9*e], steered.Values[8*e:9*e], "what comes before is the same")
		require.NotEqual(t, h.Values[11*e:], steered.Values[11*e:], "what comes after is not")

		_, logitsIn := hidden(model.Last, model.Addition{Layer: model.Input, To: 70, Vector: vector})
		var embeddings []float32
		for _, id := range ids {
			row := m.Embedding(id)
			row[3]++
			embeddings = append(embeddings, row...)
		}
		got, err = m.NewSequence().AppendEmbeddings(t.Context(), embeddings, 70, model.Last)
		require.NoError(t, err)
		require.Equal(t, got, logitsIn, "adding to embeddings is the same as other embeddings")
	}
}

func TestWrongPartsAreRefused(t *testing.T) {
	t.Parallel()

	m := generated(t, "tiny-llama", model.Config{})
	other := generated(t, "tiny-llama", model.Config{})
	a, b := m.NewSequence(), m.NewSequence()
	ids := []int32{1, 2, 3}
	vector := make([]float32, m.EmbeddingSize())
	for name, tt := range map[string]struct {
		part model.Part
		kind error
	}{
		"no sequence":    {model.Part{Tokens: ids}, model.ErrInput},
		"other model":    {model.Part{Sequence: other.NewSequence(), Tokens: ids}, model.ErrInput},
		"twice":          {model.Part{Sequence: a, Tokens: ids}, model.ErrInput},
		"nothing":        {model.Part{Sequence: b}, model.ErrInput},
		"both":           {model.Part{Sequence: b, Tokens: ids, Embeddings: vector}, model.ErrInput},
		"part of a row":  {model.Part{Sequence: b, Embeddings: vector[1:]}, model.ErrInput},
		"token":          {model.Part{Sequence: b, Tokens: []int32{1, -1}}, model.ErrToken},
		"too long":       {model.Part{Sequence: b, Tokens: make([]int32, 513)}, model.ErrContext},
		"want":           {model.Part{Sequence: b, Tokens: ids, Want: 7}, model.ErrInput},
		"position":       {model.Part{Sequence: b, Tokens: ids, Want: model.Chosen, At: []int{3}}, model.ErrInput},
		"order":          {model.Part{Sequence: b, Tokens: ids, Want: model.Chosen, At: []int{1, 1}}, model.ErrInput},
		"layer":          {model.Part{Sequence: b, Tokens: ids, Hidden: &model.Hidden{Layers: []int{2}}}, model.ErrInput},
		"hidden at":      {model.Part{Sequence: b, Tokens: ids, Hidden: &model.Hidden{At: []int{-1}}}, model.ErrInput},
		"added layer":    {model.Part{Sequence: b, Tokens: ids, Add: []model.Addition{{Layer: 2, Vector: vector}}}, model.ErrInput},
		"added range":    {model.Part{Sequence: b, Tokens: ids, Add: []model.Addition{{To: 4, Vector: vector}}}, model.ErrInput},
		"added numbers":  {model.Part{Sequence: b, Tokens: ids, Add: []model.Addition{{To: 1, Vector: vector[1:]}}}, model.ErrInput},
		"negative range": {model.Part{Sequence: b, Tokens: ids, Add: []model.Addition{{From: -1, Vector: vector}}}, model.ErrInput},
	} {
		err := m.Compute(t.Context(), []model.Part{{Sequence: a, Tokens: ids}, tt.part})
		require.ErrorIs(t, err, tt.kind, name)
		require.ErrorContains(t, err, "part 1", name)
		require.Zero(t, a.Len())
	}
	require.ErrorIs(t, m.Compute(t.Context(), nil), model.ErrInput)
	require.NoError(t, m.Compute(t.Context(), []model.Part{{Sequence: a, Tokens: ids}, {Sequence: b, Tokens: ids}}), "nothing is left of the errors")
}

// TestBrokenPartHarmsNoOther gives one sequence of a batch input that is not a number.
func TestBrokenPartHarmsNoOther(t *testing.T) {
	t.Parallel()

	m := generated(t, "tiny-qwen3", model.Config{Threads: 2})
	ids := some(10, 512)
	want := slices.Clone(logits(t, m.NewSequence(), ids, 10))
	broken, whole := m.NewSequence(), m.NewSequence()
	parts := []model.Part{
		{Sequence: broken, Embeddings: slices.Repeat([]float32{float32(math.NaN())}, 3*m.EmbeddingSize())},
		{Sequence: whole, Tokens: ids, Want: model.All},
	}
	require.NoError(t, m.Compute(t.Context(), parts))
	require.ErrorIs(t, parts[0].Err, model.ErrNotFinite)
	require.Nil(t, parts[0].Logits)
	require.Zero(t, broken.Len())
	require.NoError(t, parts[1].Err)
	require.Equal(t, want, parts[1].Logits)
	require.Equal(t, want, logits(t, broken, ids, 10))
}

func TestCancellationLeavesAllSequences(t *testing.T) {
	t.Parallel()

	m := generated(t, "tiny-gemma2", model.Config{Threads: 2})
	var parts []model.Part
	for range 30 {
		parts = append(parts, model.Part{Sequence: m.NewSequence(), Tokens: some(5, 512)})
	}
	err := m.Compute(&dyingContext{Context: t.Context(), done: make(chan struct{})}, parts)
	require.ErrorIs(t, err, context.Canceled)
	for _, p := range parts {
		require.Zero(t, p.Sequence.Len())
		require.Nil(t, p.Logits)
	}
	require.NoError(t, m.Compute(t.Context(), parts))
}

func TestReleasedMemoryIsUsedAgain(t *testing.T) {
	m := generated(t, "tiny-llama", model.Config{})
	ids := some(90, 512)
	want := slices.Clone(logits(t, m.NewSequence(), ids, 90))
	base := m.NewSequence()
	logits(t, base, ids[:50], 50)
	for range 3 {
		a, b := base.Fork(), base.Fork()
		logits(t, a, some(40, 300), 40)
		a.Release()
		require.Zero(t, a.Len())
		require.Equal(t, want[50*512:], logits(t, b, ids[50:], 40), "what was released does not show")
		b.Release()
	}
	require.Positive(t, m.Usage().Working)
	base.Truncate(40)
	require.Equal(t, want[40*512:], logits(t, base, ids[40:], 50))
}

// TestBatchAllocatesNothing decodes with many sequences at once, over borders of pages.
func TestBatchAllocatesNothing(t *testing.T) {
	for _, name := range []string{"tiny-gemma2", "tiny-phi3-longrope"} {
		m := generated(t, name, model.Config{Threads: 2})
		parts, ctx := make([]model.Part, 20), t.Context()
		for i := range parts {
			s := m.NewSequence()
			logits(t, s, some(70+i, 512), 64)
			parts[i] = model.Part{Sequence: s, Tokens: []int32{int32(i)}}
		}
		step := func() {
			for i := range parts {
				if s := parts[i].Sequence; s.Len() > 100 {
					s.Truncate(60)
				}
			}
			if err := m.Compute(ctx, parts); err != nil {
				t.Error(err)
			}
		}
		for range 60 {
			step()
		}
		require.Zero(t, testing.AllocsPerRun(100, step), name)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()

	m := generated(t, "tiny-qwen2", model.Config{Threads: 2})
	s := m.NewSequence()
	for range 3 {
		logits(t, s, some(10, 512), 10)
	}
	_, err := s.Append(t.Context(), []int32{-1}, model.Last)
	require.Error(t, err)
	u := m.Usage()
	require.EqualValues(t, 30, u.Positions)
	require.EqualValues(t, 3, u.Calls)
	require.Positive(t, u.Wall)
	require.Positive(t, u.Weights)
	require.Positive(t, u.Working)
	require.EqualValues(t, 30, m.Computed())
}
