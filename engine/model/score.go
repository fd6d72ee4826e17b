package model

import (
	"context"
	"fmt"
	"math"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// scoreChunk is how many positions' logits are held at a time.
const scoreChunk = 32

// Score rates a token against the logits before it.
type Score struct {
	LogProb float64 // natural logarithm of the token's probability
	Rank    int     // how many tokens come before it, those with equal logits and lower ids among them
	Mean    float64 // of all tokens' log-probabilities
	StdDev  float64 // of the same
}

// Rate rates a token of the vocabulary. The sums are in float64 in the order of the vocabulary.
func Rate(logits []float32, id int32) Score {
	top, own := logits[0], logits[id]
	for _, v := range logits {
		top = max(top, v)
	}
	rank, total, sum, squares := 0, 0.0, 0.0, 0.0
	for i, v := range logits {
		if v > own || v == own && i < int(id) {
			rank++
		}
		total += float64(kernel.Exp(v - top))
		sum += float64(v)
		squares += float64(float64(v) * float64(v))
	}
	logProb := float64(own-top) - kernel.Log(total)
	n := float64(len(logits))
	mean := sum / n
	return Score{
		LogProb: logProb, Rank: rank,
		Mean:   mean - (float64(own) - logProb), // log-probabilities are logits less one constant
		StdDev: math.Sqrt(max(0, squares/n-float64(mean*mean))),
	}
}

// Score adds tokens and rates each by the logits before it. Those before the first one are the end of before, what the
// sequence's last call returned; without them, which an empty sequence does not have, the first is not rated.
// The errors are those of [Sequence.Append], after which the sequence is what it was.
func (s *Sequence) Score(ctx context.Context, tokens []int32, before []float32) ([]Score, error) {
	vocab := s.m.vocab
	if len(before)%vocab != 0 {
		return nil, fmt.Errorf("%d logits of a vocabulary of %d: %w", len(before), vocab, ErrInput)
	}
	if err := s.m.checkTokens(tokens); err != nil {
		return nil, err
	}
	scores := make([]Score, 0, len(tokens))
	if len(before) > 0 && len(tokens) > 0 {
		scores = append(scores, Rate(before[len(before)-vocab:], tokens[0]))
	}
	start := s.n
	for len(tokens) > 0 {
		n := min(len(tokens), scoreChunk)
		logits, err := s.Append(ctx, tokens[:n], All)
		if err != nil {
			s.Truncate(start)
			return nil, err
		}
		for i, id := range tokens[1:min(n+1, len(tokens))] {
			scores = append(scores, Rate(logits[i*vocab:][:vocab], id))
		}
		tokens = tokens[n:]
	}
	return scores, nil
}
