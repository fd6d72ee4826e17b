// Package sample chooses tokens from logits. Its choices are the same on every machine: it uses the arithmetic of package
// kernel and a generator of its own.
//
// The chain is fixed: allowed tokens, penalties, temperature, top-k, top-p, min-p, draw. Likelihood orders tokens by
// logit and equal logits by id, lowest first. Weights are integers, so that a sum of them does not depend on its order
// and tokens need not be sorted: the bound of the kept ones is found by counting.
package sample

import (
	"math"
	"math/bits"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

const (
	// one is the weight of the most likely token. 2^21 tokens of it fit in 64 bits.
	one = 1 << 42
	// faint is the logarithm below which a weight is less than 1/one and counts as none.
	faint = -30
)

// Sampler draws the tokens of one sequence; the same calls give the same tokens. One goroutine uses it at a time.
type Sampler struct {
	cfg    Config
	state  uint64
	window window
	pool   []candidate
	work   []float32
	counts counts
}

// candidate is a token that may be drawn.
type candidate struct {
	id     int32
	key    uint32 // orders as the logits do
	weight uint64 // e^((logit - the largest) / temperature) * one
}

// New returns a sampler at the start of its random numbers, for a configuration that passes Check. Of one that does not,
// values out of range leave their step out.
func New(cfg Config) *Sampler {
	s := &Sampler{cfg: cfg, state: cfg.Seed}
	if cfg.penalises() {
		size := cfg.PenaltyWindow
		if size <= 0 || size > maxPenaltyWindow {
			size = defaultPenaltyWindow
		}
		s.window.ids = make([]int32, 0, size)
	}
	return s
}

// Observe tells the penalties about tokens that Next did not choose, such as those of the prompt.
func (s *Sampler) Observe(ids ...int32) {
	for _, id := range ids {
		s.window.add(id)
	}
}

// Next returns the next token for logits, of which there is at least one, and remembers it for the penalties. A logit
// that is not a number is as negative infinity: chosen only if there is nothing else.
func (s *Sampler) Next(logits []float32) int32 {
	id, _ := s.next(logits, nil)
	return id
}

// NextOf is Next among the allowed tokens: id is allowed if bit id%64 of allowed[id/64] is set. It returns false, and
// remembers nothing, if no token is.
func (s *Sampler) NextOf(logits []float32, allowed []uint64) (int32, bool) {
	if allowed == nil {
		return 0, false
	}
	return s.next(logits, allowed)
}

func (s *Sampler) next(logits []float32, allowed []uint64) (int32, bool) {
	logits = s.penalise(logits)
	best := Greedy(logits)
	if allowed != nil {
		if best = greedyOf(logits, allowed); best < 0 {
			return 0, false
		}
	}
	if s.cfg.Temperature > 0 && logits[best] > float32(math.Inf(-1)) {
		s.collect(logits, logits[best], allowed)
		best = s.draw()
	}
	s.window.add(best)
	return best, true
}

// Greedy returns the id of the largest logit, the lowest id among equals.
func Greedy(logits []float32) int32 {
	best, top := 0, float32(math.Inf(-1))
	for i, v := range logits {
		if v > top {
			best, top = i, v
		}
	}
	return int32(best)
}

// greedyOf is Greedy among the allowed tokens; -1 if there are none.
func greedyOf(logits []float32, allowed []uint64) int32 {
	best, top := int32(-1), float32(math.Inf(-1))
	for w, word := range allowed {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			if i >= len(logits) {
				return best
			}
			if v := logits[i]; v > top || best < 0 {
				best = int32(i)
				if v == v { // the first one may be not a number
					top = v
				}
			}
		}
	}
	return best
}

// collect fills the pool, in order of ids, with the tokens whose weight can be more than nothing.
func (s *Sampler) collect(logits []float32, top float32, allowed []uint64) {
	s.pool = s.pool[:0]
	least := float32(faint * s.cfg.Temperature)
	if allowed == nil {
		bound := s.bound(logits)
		s.pool = s.pool[:0]
		for i, v := range logits {
			if v >= bound && (v-top >= least || v == top) {
				s.pool = append(s.pool, candidate{int32(i), key(v), 1})
			}
		}
		return
	}
	for w, word := range allowed {
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			if i >= len(logits) {
				return
			}
			if v := logits[i]; v-top >= least || v == top {
				s.pool = append(s.pool, candidate{int32(i), key(v), 1})
			}
		}
	}
}

// block is how many logits [Sampler.bound] looks at together.
const block = 64

// bound returns a logit that no top-k token is below: the k-th largest of the maxima of blocks, since k tokens at least are
// not below that.
func (s *Sampler) bound(logits []float32) float32 {
	lowest, k := float32(math.Inf(-1)), s.cfg.TopK
	if k <= 0 || 2*k > len(logits)/block {
		return lowest
	}
	for at := 0; at < len(logits); at += block {
		top := lowest
		for _, v := range logits[at:min(at+block, len(logits))] {
			if v > top {
				top = v
			}
		}
		s.pool = append(s.pool, candidate{key: key(top), weight: 1})
	}
	least := ^uint32(0)
	for _, c := range s.counts.cut(s.pool, uint64(k)) {
		least = min(least, c.key)
	}
	return logit(least)
}

// draw takes the steps from temperature to the end on the pool.
func (s *Sampler) draw() int32 {
	if k := s.cfg.TopK; k > 0 && k < len(s.pool) {
		s.pool = s.counts.cut(s.pool, uint64(k))
	}
	s.weigh()
	total := sum(s.pool)
	if p := s.cfg.TopP; p > 0 && p < 1 {
		s.pool = s.counts.cut(s.pool, max(1, uint64(float64(float64(p)*float64(total)))))
		total = sum(s.pool)
	}
	if p := s.cfg.MinP; p > 0 && p <= 1 {
		least := uint64(float32(p * one))
		for i := range s.pool {
			if s.pool[i].weight < least {
				total -= s.pool[i].weight
				s.pool[i].weight = 0
			}
		}
	}
	at, _ := bits.Mul64(s.random(), total)
	for _, c := range s.pool {
		if at < c.weight {
			return c.id
		}
		at -= c.weight
	}
	return s.pool[len(s.pool)-1].id // not reached: at is below the sum
}

// weigh sets the weights of the pool.
func (s *Sampler) weigh() {
	if cap(s.work) < len(s.pool) {
		s.work = make([]float32, cap(s.pool))
	}
	top := uint32(0)
	for _, c := range s.pool {
		top = max(top, c.key)
	}
	work, largest := s.work[:len(s.pool)], logit(top)
	for i, c := range s.pool {
		work[i] = 0
		if c.key != top { // infinity less infinity is not a number
			work[i] = (logit(c.key) - largest) / s.cfg.Temperature
		}
	}
	kernel.Exps(work)
	for i, e := range work {
		s.pool[i].weight = uint64(float32(e * one))
	}
}

// random returns 64 random bits. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014
// (SplitMix64).
func (s *Sampler) random() uint64 {
	s.state += 0x9e3779b97f4a7c15
	z := s.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
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
