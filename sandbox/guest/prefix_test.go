package guest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/batch"
	engine "github.com/hallmark-ml/hallmark/engine/model"
)

// ramp returns n tokens that begin at from.
func ramp(from, n int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32((from + 7*i) % 1000)
	}
	return out
}

func TestMemoryChangesNoAnswer(t *testing.T) {
	t.Parallel()

	m, err := open(readModel(t, "guarded-q8_0.gguf"), 1)
	require.NoError(t, err)
	fresh, err := open(readModel(t, "guarded-q8_0.gguf"), 1)
	require.NoError(t, err)
	for _, q := range suiteRequests(t, 60) {
		want, err := fresh.generate(t.Context(), q, nil)
		require.NoError(t, err)
		fresh.texts, err = batch.New(fresh.engine, batch.Config{})
		require.NoError(t, err)
		got, err := m.generate(t.Context(), q, nil)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Less(t, m.engine.Computed(), fresh.engine.Computed()*9/10)
}

// lastLogits are those after the last token.
func lastLogits(t *testing.T, m *model, tokens []int32) []float32 {
	t.Helper()
	var last []float32
	require.NoError(t, m.rows(t.Context(), tokens, len(tokens)-1, func(_ int, row []float32) { last = slices.Clone(row) }))
	return last
}

// A prompt takes over the beginning that it shares with an earlier one, all of it and nothing after it, whatever was
// written to either since.
func TestPromptsGoOnFromTheLongestCommonBeginning(t *testing.T) {
	t.Parallel()

	m, err := open(readModel(t, "guarded-q8_0.gguf"), 1)
	require.NoError(t, err)
	long := ramp(1, 70)
	other := append(append([]int32(nil), long[:45]...), ramp(500, 30)...)
	for _, step := range []struct {
		prompt   []int32
		computed int
	}{
		{long, 70},
		{other, 30},
		{ramp(2, 40), 40},
		{long, 1},      // the last token's logits are wanted
		{long[:50], 1}, // and so are they of one in the middle
		{other, 1},
		{append(append([]int32(nil), long[:69]...), 3, 4), 2},
		{long[:1], 1},
	} {
		want, err := m.engine.NewSequence().Append(t.Context(), step.prompt, engine.Last)
		require.NoError(t, err)
		before := m.engine.Computed()
		require.Equal(t, want, lastLogits(t, m, step.prompt))
		text := m.memory.texts[len(m.memory.texts)-1]
		require.Equal(t, step.prompt, text.tokens)
		require.EqualValues(t, step.computed, m.engine.Computed()-before)
		_, err = text.extend(t.Context(), []int32{9, 8}, engine.Last) // an answer
		require.NoError(t, err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()

	m, err := open(readModel(t, "guarded-q8_0.gguf"), 1)
	require.NoError(t, err)
	for i := range mostRemembered + 9 {
		lastLogits(t, m, ramp(i, 1))
	}
	require.Len(t, m.memory.texts, mostRemembered)

	size := func() int {
		n := 0
		for _, t := range m.memory.texts[:len(m.memory.texts)-1] {
			n += t.seq.Size()
		}
		return n
	}
	for i := range 30 {
		lastLogits(t, m, ramp(i, 500))
		require.LessOrEqual(t, size(), leastMemory)
	}
	require.Greater(t, size(), leastMemory*9/10)
	require.Less(t, len(m.memory.texts), 30)
	require.Equal(t, ramp(28, 500), m.memory.texts[len(m.memory.texts)-2].tokens, "the latest stay")
}
