package sample_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/sample"
)

// logs returns logits that make the probabilities p.
func logs(p ...float64) []float32 {
	l := make([]float32, len(p))
	for i, v := range p {
		l[i] = float32(math.Log(v)) + 3
	}
	return l
}

// count draws n tokens and returns how often each came.
func count(cfg sample.Config, logits []float32, n int) []float64 {
	s := sample.New(cfg)
	c := make([]float64, len(logits))
	for range n {
		c[s.Next(logits)] += 1 / float64(n)
	}
	return c
}

func TestGreedyTakesTheLowestOfEquals(t *testing.T) {
	t.Parallel()

	logits := []float32{1, 5, 5, -2, 5}
	require.Equal(t, int32(1), sample.Greedy(logits))
	for _, temperature := range []float32{0, -1, float32(math.NaN())} {
		require.Equal(t, int32(1), sample.New(sample.Config{Seed: 9, Temperature: temperature}).Next(logits))
	}
	require.Equal(t, int32(0), sample.Greedy([]float32{-3}))
	require.Equal(t, int32(1), sample.New(sample.Config{Temperature: 0x1p-149}).Next([]float32{1, 2, 1.9}), "a tiny temperature is greedy")
}

func TestDrawsFollowTheProbabilities(t *testing.T) {
	t.Parallel()

	const n, off = 40000, 0.01
	logits := logs(0.1, 0.4, 0.2, 0.3)
	require.InDeltaSlice(t, []float64{0.1, 0.4, 0.2, 0.3}, count(sample.Config{Temperature: 1}, logits, n), off)
	half := []float64{math.Sqrt(0.1), math.Sqrt(0.4), math.Sqrt(0.2), math.Sqrt(0.3)}
	total := half[0] + half[1] + half[2] + half[3]
	for i := range half {
		half[i] /= total
	}
	require.InDeltaSlice(t, half, count(sample.Config{Temperature: 2}, logits, n), off)
	require.InDeltaSlice(t, []float64{0, 4. / 7, 0, 3. / 7}, count(sample.Config{Temperature: 1, TopK: 2}, logits, n), off)
	require.InDeltaSlice(t, []float64{0, 4. / 9, 2. / 9, 3. / 9}, count(sample.Config{Temperature: 1, TopP: 0.75}, logits, n), off)
	require.InDeltaSlice(t, []float64{0, 4. / 7, 0, 3. / 7}, count(sample.Config{Temperature: 1, TopP: 0.6}, logits, n), off)
	require.InDeltaSlice(t, []float64{0, 1, 0, 0}, count(sample.Config{Temperature: 1, TopP: 0.6, TopK: 1}, logits, 100), 1e-9)
	require.InDeltaSlice(t, []float64{0.1, 0.4, 0.2, 0.3}, count(sample.Config{Temperature: 1, TopP: 1, TopK: 9}, logits, n), off)
	require.InDeltaSlice(t, []float64{0.5, 0, 0.5}, count(sample.Config{Temperature: 1, TopK: 2}, []float32{7, -1e30, 7}, n), off, "equal logits are kept by id")
}

func TestSeedsDecide(t *testing.T) {
	t.Parallel()

	logits := make([]float32, 1000)
	draw := func(seed uint64) []int32 {
		s := sample.New(sample.Config{Seed: seed, Temperature: 1})
		var ids []int32
		for range 8 {
			ids = append(ids, s.Next(logits))
		}
		return ids
	}
	first := draw(1)
	require.Equal(t, first, draw(1))
	require.NotEqual(t, first, draw(2))
	// 1000 times the first outputs of SplitMix64 for seed 0, e220a8397b1dcdaf and so on, over 2^64.
	require.Equal(t, []int32{883, 431, 26, 970}, draw(0)[:4])
}

func TestLogProb(t *testing.T) {
	t.Parallel()

	p := []float64{0.1, 0.4, 0.2, 0.3}
	for i, v := range p {
		require.InDelta(t, math.Log(v), sample.LogProb(logs(p...), int32(i)), 1e-6)
	}
	require.InDelta(t, -1e30, sample.LogProb([]float32{0, -1e30}, 1), 1e24)
}
