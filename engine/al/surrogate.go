package al

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
)

// Members is the size of a [Committee].
const Members = 16

// Precisions of every weight before anything was seen: it is expected to be within 1, or within a half.
const (
	// looseWeights let each outcome count at once.
	looseWeights = 1.0
	// tightWeights are for items of which a guess from elsewhere tells: single outcomes do not overthrow it.
	tightWeights = 4.0
)

// sparse is a vector's places that are not zero.
type sparse struct {
	at []int32
	x  []float64
}

func newSparse(v Vector) sparse {
	var s sparse
	for i, x := range v {
		if x != 0 {
			s.at, s.x = append(s.at, int32(i)), append(s.x, x)
		}
	}
	return s
}

// A Surrogate is an online logistic model with a diagonal Laplace approximation: each weight has a mean and a precision,
// and an observation moves the mean by its gradient over the precision, which grows by the curvature.
type Surrogate struct {
	mean, precision []float64
}

// NewSurrogate returns a model of vectors of length dim that knows nothing: every chance is a half, and every weight has the
// precision.
func NewSurrogate(dim int, precision float64) *Surrogate {
	s := &Surrogate{mean: make([]float64, dim), precision: make([]float64, dim)}
	for i := range s.precision {
		s.precision[i] = precision
	}
	return s
}

// score returns the logit of a vector's chance and its variance.
func (s *Surrogate) score(v sparse) (mean, variance float64) {
	for i, at := range v.at {
		mean += float64(s.mean[at] * v.x[i])
		variance += float64(v.x[i]*v.x[i]) / s.precision[at]
	}
	return mean, variance
}

// update learns one outcome with a weight.
func (s *Surrogate) update(v sparse, positive, weight float64) {
	z, _ := s.score(v)
	p := sigmoid(z)
	curvature := float64(float64(p*(1-p)) * weight)
	gradient := float64((positive - p) * weight)
	for i, at := range v.at {
		s.precision[at] += float64(curvature * float64(v.x[i]*v.x[i]))
		s.mean[at] += float64(gradient*v.x[i]) / s.precision[at]
	}
}

func (s *Surrogate) clone() *Surrogate {
	return &Surrogate{mean: slices.Clone(s.mean), precision: slices.Clone(s.precision)}
}

// A Committee is [Members] surrogates that weigh the same observations differently, by bootstrap: where they disagree,
// little is known. Methods that only read may run concurrently.
type Committee struct {
	members [Members]*Surrogate
	seed    uint64
	seen    uint64 // observations
}

// NewCommittee returns a committee for vectors of length dim whose last place, the bias, is always 1 in what it learns, and
// whose chance is prior where nothing was seen. The prior of a weight is its mean: that of scores, see [Scorer], is 1.
func NewCommittee(dim int, prior float64, seed uint64) *Committee {
	return newCommittee(dim, prior, seed, looseWeights)
}

func newCommittee(dim int, prior float64, seed uint64, precision float64) *Committee {
	c := &Committee{seed: seed}
	for m := range c.members {
		c.members[m] = NewSurrogate(dim+2, precision)
		c.members[m].mean[dim] = Logit(prior)
		c.members[m].mean[dim+1], c.members[m].precision[dim+1] = 1, looseWeights // a guess from elsewhere may be worth nothing
	}
	return c
}

// bias completes features: a constant, and the score in units of its logit.
func bias(v sparse, dim int, score float64) sparse {
	v.at, v.x = append(slices.Clip(v.at), int32(dim)), append(slices.Clip(v.x), 1)
	if score != 0 {
		v.at, v.x = append(v.at, int32(dim+1)), append(v.x, score)
	}
	return v
}

// learn adds one outcome. Member m counts it as often as a Poisson draw of mean 1 says, which depends on the seed, the
// member and the ordinal of the observation.
//
//nolint:revive // positive is what was observed, not what to do
func (c *Committee) learn(v sparse, positive bool) {
	y := 0.0
	if positive {
		y = 1
	}
	c.seen++
	for m, member := range c.members {
		if w := poisson(mix(c.seed ^ mix(c.seen<<8|uint64(m)))); w > 0 {
			member.update(v, y, w)
		}
	}
}

// poisson turns 64 random bits into a draw of mean 1, at most 6.
func poisson(u uint64) float64 {
	x, p, sum := float64(float64(u>>11)*0x1p-53), 0.36787944117144233, 0.36787944117144233
	k := 0.0
	for x >= sum && k < 6 {
		k++
		p /= k
		sum += p
	}
	return k
}

// A Prediction is what a committee thinks of one item.
type Prediction struct {
	Mean   float64          // chance of a positive, the mean over the members
	Spread float64          // standard deviation of the logit, by the Laplace approximation
	Votes  [Members]float64 // every member's chance
}

func (c *Committee) predict(v sparse) Prediction {
	var p Prediction
	spread := 0.0
	for m, member := range c.members {
		z, variance := member.score(v)
		p.Votes[m] = sigmoid(z)
		p.Mean += p.Votes[m]
		spread += variance
	}
	p.Mean /= Members
	p.Spread = root(spread / Members)
	return p
}

func (c *Committee) clone() *Committee {
	n := *c
	for m, member := range c.members {
		n.members[m] = member.clone()
	}
	return &n
}

// Digest is the SHA-256 of all weights: two committees with the same digest draw alike.
func (c *Committee) Digest() [sha256.Size]byte {
	h := sha256.New()
	var b []byte
	for _, member := range c.members {
		b = b[:0]
		for i, w := range member.mean {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(w))
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(member.precision[i]))
		}
		h.Write(b)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
