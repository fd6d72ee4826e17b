package al

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// A mixture predicts by two committees where there is a guess from elsewhere: one that starts from it, and one that knows
// nothing of it. How much each is believed in a part of the pool depends on how likely they held the outcomes seen there, and
// by half as much on those seen elsewhere: a guess that is right in one part may be wrong in another.
//
// Source: V. Vovk, "Aggregating strategies", COLT 1990, with the logarithmic loss: the weights are those of Bayes' rule.
type mixture struct {
	guessed *Committee // nil without a guess
	alone   *Committee
	ahead   []float64 // by part: the logarithm of how much likelier the first held the outcomes than the second
	total   float64
}

// newMixture is that of a pool, where some guess is to be had or none.
func newMixture[T any](cfg Config[T]) *mixture {
	m := &mixture{alone: NewCommittee(cfg.Extract.Dim(), cfg.Prior, cfg.Seed)}
	if cfg.Score != nil {
		m.guessed = newCommittee(cfg.Extract.Dim(), cfg.Prior, cfg.Seed, tightWeights)
	}
	return m
}

// belief is the weight of the committee that starts from the guess.
func (m *mixture) belief(part int) float64 {
	const first, elsewhere = 1.3862943611198906, 0.5 // 4 to 1 before anything is seen
	if m.guessed == nil {
		return 0
	}
	here := 0.0
	if part < len(m.ahead) {
		here = m.ahead[part]
	}
	return sigmoid(first + here + float64(elsewhere*(m.total-here)))
}

func (m *mixture) predict(part int, v guessed) Prediction {
	p := m.alone.predict(v.alone)
	if m.guessed == nil {
		return p
	}
	w, g := m.belief(part), m.guessed.predict(v.with)
	p.Mean = float64(w*g.Mean) + float64((1-w)*p.Mean)
	p.Spread = float64(w*g.Spread) + float64((1-w)*p.Spread)
	for i := range p.Votes {
		p.Votes[i] = float64(w*g.Votes[i]) + float64((1-w)*p.Votes[i])
	}
	return p
}

// learn adds one outcome.
func (m *mixture) learn(part int, v guessed, positive bool) {
	if m.guessed != nil {
		for len(m.ahead) <= part {
			m.ahead = append(m.ahead, 0)
		}
		gain := likelihood(m.guessed.predict(v.with).Mean, positive) - likelihood(m.alone.predict(v.alone).Mean, positive)
		m.ahead[part] += gain
		m.total += gain
		m.guessed.learn(v.with, positive)
	}
	m.alone.learn(v.alone, positive)
}

// likelihood is the logarithm of the chance of an outcome; none is thought surer than 99 %.
//
//nolint:revive // positive is what was observed, not what to do
func likelihood(p float64, positive bool) float64 {
	const sure = 0.99
	if !positive {
		p = 1 - p
	}
	return log(max(1-sure, min(sure, p)))
}

// digest is the SHA-256 of all that predictions depend on.
func (m *mixture) digest() [sha256.Size]byte {
	d := m.alone.Digest()
	if m.guessed == nil {
		return d
	}
	other := m.guessed.Digest()
	b := append(d[:], other[:]...)
	for _, x := range append([]float64{m.total}, m.ahead...) {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	return sha256.Sum256(b)
}

// guessed are an item's features with the guess and without.
type guessed struct{ with, alone sparse }
