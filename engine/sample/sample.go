// Package sample chooses tokens from logits. Its choices are the same on every machine: it uses the arithmetic of package
// kernel and a generator of its own.
package sample

import (
	"cmp"
	"slices"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// Config says how to choose. The zero Config is greedy.
type Config struct {
	// Seed starts the random numbers.
	Seed uint64
	// Temperature divides the logits; the most likely token is taken if it is not above 0.
	Temperature float32
	// TopK keeps that many of the most likely tokens; all if it is not above 0.
	TopK int
	// TopP keeps the most likely tokens until their probabilities reach it; all if it is not between 0 and 1.
	TopP float32
}

// Sampler draws tokens; the same calls give the same tokens. One goroutine uses it at a time.
type Sampler struct {
	cfg   Config
	state uint64
	pool  []candidate
}

type candidate struct {
	id     int32
	weight float64 // e^((logit - the largest) / temperature)
	logit  float32
}

// New returns a sampler at the start of its random numbers.
func New(cfg Config) *Sampler { return &Sampler{cfg: cfg, state: cfg.Seed} }

// Next returns the next token for logits, which are finite and at least one. Equal logits are ordered by id, lowest first.
func (s *Sampler) Next(logits []float32) int32 {
	if !(s.cfg.Temperature > 0) {
		return Greedy(logits)
	}
	kept, total := s.keep(logits)
	draw := float64(s.uniform() * total)
	for _, c := range kept {
		if draw -= c.weight; draw < 0 {
			return c.id
		}
	}
	return kept[len(kept)-1].id
}

// Greedy returns the id of the largest logit, the lowest id among equals.
func Greedy(logits []float32) int32 {
	best := 0
	for i, v := range logits {
		if v > logits[best] {
			best = i
		}
	}
	return int32(best)
}

// keep returns the tokens to draw from, most likely first, and the sum of their weights.
func (s *Sampler) keep(logits []float32) ([]candidate, float64) {
	top := logits[Greedy(logits)]
	s.pool = s.pool[:0]
	for i, v := range logits {
		if w := kernel.Exp((v - top) / s.cfg.Temperature); w > 0 {
			s.pool = append(s.pool, candidate{id: int32(i), weight: float64(w), logit: v})
		}
	}
	kept := s.pool
	slices.SortFunc(kept, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.logit, a.logit), cmp.Compare(a.id, b.id))
	})
	if k := s.cfg.TopK; k > 0 && k < len(kept) {
		kept = kept[:k]
	}
	total := sum(kept)
	if p := s.cfg.TopP; p > 0 && p < 1 {
		limit, reached := float64(float64(p)*total), 0.0
		for i, c := range kept {
			if reached += c.weight; reached >= limit {
				return kept[:i+1], reached
			}
		}
	}
	return kept, total
}

func sum(c []candidate) float64 {
	total := 0.0
	for i := range c {
		total += c[i].weight
	}
	return total
}

// uniform returns a number in [0, 1) with 53 random bits. Source: Steele, Lea and Flood, "Fast splittable pseudorandom
// number generators", 2014 (SplitMix64).
func (s *Sampler) uniform() float64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return float64(float64((z^z>>31)>>11) * 0x1p-53)
}

// LogProb returns the natural logarithm of the probability of token id, which is in the vocabulary.
func LogProb(logits []float32, id int32) float64 {
	top := logits[Greedy(logits)]
	total := 0.0
	for _, v := range logits {
		total += float64(kernel.Exp(v - top))
	}
	return float64(logits[id]-top) - kernel.Log(total)
}
