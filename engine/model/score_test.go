package model_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/engine/sample"
)

// TestRate compares with the definitions.
func TestRate(t *testing.T) {
	t.Parallel()

	logits := []float32{1, 3, -2, 3, 0.5}
	total := 0.0
	for _, l := range logits {
		total += math.Exp(float64(l))
	}
	mean, variance := 0.0, 0.0
	for _, l := range logits {
		mean += (float64(l) - math.Log(total)) / 5
	}
	for _, l := range logits {
		variance += (float64(l) - math.Log(total) - mean) * (float64(l) - math.Log(total) - mean) / 5
	}
	for id, rank := range []int{2, 0, 4, 1, 3} {
		s := model.Rate(logits, int32(id))
		require.Equal(t, rank, s.Rank)
		require.InDelta(t, float64(logits[id])-math.Log(total), s.LogProb, 1e-6)
		require.InDelta(t, sample.LogProb(logits, int32(id)), s.LogProb, 1e-12)
		require.InDelta(t, mean, s.Mean, 1e-6)
		require.InDelta(t, math.Sqrt(variance), s.StdDev, 1e-6)
	}
	flat := model.Rate([]float32{7, 7, 7, 7}, 3)
	require.Equal(t, 3, flat.Rank)
	require.InDelta(t, -math.Log(4), flat.Mean, 1e-12)
	require.Zero(t, flat.StdDev)
}

func TestScoreOfTexts(t *testing.T) {
	t.Parallel()

	m := generated(t, "tiny-qwen2", model.Config{Threads: 2})
	v, ids := m.VocabSize(), some(150, m.VocabSize())
	all := logits(t, m.NewSequence(), ids, 150)
	s := m.NewSequence()
	scores, err := s.Score(t.Context(), ids, nil)
	require.NoError(t, err)
	require.Len(t, scores, 149)
	for i, got := range scores {
		require.Equal(t, model.Rate(all[i*v:][:v], ids[i+1]), got)
	}

	s.Truncate(100)
	before := all[99*v:][:v]
	more, err := s.Score(t.Context(), ids[100:], before)
	require.NoError(t, err)
	require.Equal(t, scores[99:], more, "after a text that is known")
	require.Equal(t, 150, s.Len())

	for _, bad := range [][]int32{append(some(70, v), -1), append(some(70, v), int32(v))} {
		_, err = s.Score(t.Context(), bad, nil)
		require.ErrorIs(t, err, model.ErrToken)
	}
	_, err = s.Score(t.Context(), make([]int32, 400), nil)
	require.ErrorIs(t, err, model.ErrContext)
	require.Equal(t, 150, s.Len(), "an error in a later part undoes all")
	_, err = s.Score(t.Context(), ids[:1], all[:v-1])
	require.ErrorIs(t, err, model.ErrInput)
}

func TestDigestOfLogits(t *testing.T) {
	stream := make([]float32, 5000)
	h := sha256.New()
	for i := range stream {
		stream[i] = float32(i) - 2000.25
	}
	stream[17] = math.Float32frombits(0xffc01234)
	for i, v := range stream {
		bits := math.Float32bits(v)
		if i == 17 {
			bits = 0x7fc00000
		}
		require.NoError(t, binary.Write(h, binary.LittleEndian, bits))
	}
	whole, parts := model.NewDigest(), model.NewDigest()
	whole.Add(stream)
	require.Equal(t, h.Sum(nil), whole.Sum())
	for i := range stream {
		parts.Add(stream[i : i+1])
	}
	require.Equal(t, whole.Sum(), parts.Sum())
	require.Zero(t, testing.AllocsPerRun(10, func() { whole.Add(stream) }))
}
