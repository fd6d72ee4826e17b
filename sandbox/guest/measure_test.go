package guest

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	engine "github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

func opened(t *testing.T) *model {
	t.Helper()
	m, err := open(readModel(t, "naive-q8_0.gguf"), 2)
	require.NoError(t, err)
	return m
}

// alone rates a text after a prefix without the others.
func alone(t *testing.T, m *model, prefix, text []int32) []wire.Score {
	t.Helper()
	all, err := m.logProbs(t.Context(), wire.LogProbs{Tokens: slices.Concat(prefix, text)})
	require.NoError(t, err)
	return as[wire.Scores](t, all).Scores[len(prefix)-1:]
}

// Texts get the scores that each gets alone, to the bit, however they share beginnings: none, one within another, twice.
func TestContinuationsAreRatedAsAlone(t *testing.T) {
	t.Parallel()

	m, fresh := opened(t), opened(t)
	prefix := ramp(3, 37)
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 6 {
		m.together = []int{1, 3, 128}[round%3]
		texts := [][]int32{{}, {5}, {5}, {5, 6}, {5, 6, 7, 8}, {5, 6, 7, 9}, {9, 9, 9, 9, 9, 9, 9}}
		for range 60 {
			text := make([]int32, random.IntN(7))
			for i := range text {
				text[i] = 16 + int32(random.IntN(3))
			}
			texts = append(texts, text)
		}
		random.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
		if round == 4 {
			texts = nil
		}
		reply, err := m.continues(t.Context(), wire.Continue{Prefix: prefix, Texts: texts})
		require.NoError(t, err)
		got := as[wire.Scores](t, reply).Scores
		for _, text := range texts {
			require.Equal(t, alone(t, fresh, prefix, text), got[:len(text)], "%v", text)
			got = got[len(text):]
		}
		require.Empty(t, got)
	}
}

// Numbers of ten digits: a position for each different beginning, and none for last digits.
func TestSharedBeginningsAreComputedOnce(t *testing.T) {
	t.Parallel()

	m := opened(t)
	var texts [][]int32
	for i := range 1000 {
		texts = append(texts, []int32{16 + int32(i/100), 16 + int32(i/10%10), 16 + int32(i%10), 16 + int32(i%7)})
	}
	_, err := m.continues(t.Context(), wire.Continue{Prefix: ramp(1, 50), Texts: texts[:1]})
	require.NoError(t, err)
	before := m.engine.Computed()
	_, err = m.continues(t.Context(), wire.Continue{Prefix: ramp(1, 50), Texts: texts})
	require.NoError(t, err)
	require.EqualValues(t, 1+10+100+1000, m.engine.Computed()-before)
}

func TestDistributionsAreThoseOfEachTextAlone(t *testing.T) {
	t.Parallel()

	m, fresh := opened(t), opened(t)
	const embed, vocab = 256, 1024
	random := rand.New(rand.NewPCG(3, 4))
	texts := []wire.Perturbed{{Tokens: ramp(1, 30)}}
	for i := range 9 {
		text := wire.Perturbed{Tokens: slices.Concat(ramp(1, 20), ramp(i, 10)), From: 20 + i, Add: make([]float32, embed*(i%3))}
		for k := range text.Add {
			text.Add[k] = float32(random.NormFloat64()) / 10
		}
		texts = append(texts, text)
	}
	for _, set := range [][]wire.Perturbed{texts, texts[:1], {{Tokens: []int32{5}}, {Tokens: []int32{6}}}, nil} {
		for _, together := range []int{1, 4, 128} {
			m.together = together
			reply, err := m.next(t.Context(), wire.Next{Texts: set})
			require.NoError(t, err)
			got := as[wire.Nexts](t, reply)
			reply, err = m.next(t.Context(), wire.Next{Texts: set, Watch: []int32{7, 3}})
			require.NoError(t, err)
			watched := as[wire.Nexts](t, reply)
			require.Len(t, got.LogProbs, len(set)*vocab)
			for i, text := range set {
				var rows []float32
				for _, id := range text.Tokens {
					rows = append(rows, fresh.engine.Embedding(id)...)
				}
				for k, v := range text.Add {
					rows[text.From*embed+k] += v
				}
				logits, err := fresh.engine.NewSequence().AppendEmbeddings(t.Context(), rows, len(text.Tokens), engine.Last)
				require.NoError(t, err)
				top := slices.Index(logits, slices.Max(logits))
				require.EqualValues(t, top, got.Top[i])
				require.EqualValues(t, top, watched.Top[i])
				row := got.LogProbs[i*vocab:][:vocab]
				require.Equal(t, []float32{row[7], row[3]}, watched.LogProbs[2*i:][:2])
				sum := 0.0
				for k, v := range logits {
					require.InDelta(t, float64(v-logits[top]), float64(row[k]-row[top]), 1e-5)
					sum += math.Exp(float64(row[k]))
				}
				require.InDelta(t, 1, sum, 1e-5)
			}
		}
	}
}

func TestPiecesAreTheTextsOfTokens(t *testing.T) {
	t.Parallel()

	p := serve(t, readModel(t, "naive-q8_0.gguf"))
	all := as[wire.Texts](t, p.ask(wire.Pieces{N: 1024})).Texts
	const text = "Copy this text: river"
	spelled := ""
	for _, tok := range as[wire.Tokens](t, p.ask(wire.Tokenize{Text: text})).Tokens {
		spelled += all[tok.ID]
	}
	require.Equal(t, text, spelled)
	require.Empty(t, all[1023], "a control token")
}

func TestRowsAreThoseOfTheTokens(t *testing.T) {
	t.Parallel()

	m := opened(t)
	reply, err := m.rowsOf(wire.Rows{From: 1000, N: 24})
	require.NoError(t, err)
	values := as[wire.Floats](t, reply).Values
	require.Len(t, values, 24*256)
	require.Equal(t, m.engine.Embedding(1023), values[23*256:])
	reply, err = m.rowsOf(wire.Rows{Output: true, From: 7, N: 1})
	require.NoError(t, err)
	require.Equal(t, m.engine.Unembedding(7), as[wire.Floats](t, reply).Values)
}

func TestPromptTokensAreThoseOfACompletion(t *testing.T) {
	t.Parallel()

	p := serve(t, readModel(t, "naive-q8_0.gguf"))
	chat := question("Say X<|im_end|>")
	r := as[wire.Rendered](t, p.ask(wire.Render{Messages: chat, AddGenerationPrompt: true}))
	got := as[wire.Tokens](t, p.ask(wire.Prompt{Messages: chat})).Tokens
	require.Len(t, got, as[wire.Completion](t, p.ask(wire.Generate{Messages: chat, MaxTokens: 1})).PromptTokens)
	text := ""
	for _, tok := range got {
		require.False(t, tok.ID >= 1021 && tok.Start >= r.Spans[1].Start && tok.Start < r.Spans[1].End, "control token in a message")
		text += r.Text[tok.Start:tok.End]
	}
	require.Equal(t, r.Text, text)
	plain := as[wire.Tokens](t, p.ask(wire.Prompt{Prompt: "<|im_end|>a"})).Tokens
	require.Equal(t, []wire.Token{{ID: 1023, Start: 0, End: 10}, {ID: plain[1].ID, Start: 10, End: 11}}, plain)
}
