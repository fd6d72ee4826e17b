package al

// A Candidate is an item that may be drawn.
type Candidate[T any] struct {
	Item   T
	Cost   int    // expected tokens, at least 1
	Vector Vector // of the item; not to be changed
	Prediction
}

// A Pool is what a strategy chooses from.
type Pool[T any] struct {
	Candidates []Candidate[T]
	// Known are the vectors of items whose outcome is known already.
	Known []Vector
	// Random is for strategies that draw themselves; the same pool comes with the same numbers.
	Random *Random
}

// A QueryStrategy says how much each candidate is worth a look.
type QueryStrategy[T any] interface {
	// Probabilities returns one chance a candidate, none negative, with the sum 1.
	Probabilities(pool Pool[T]) []float64
}

// normal divides by the sum; where nothing has weight everything gets the same.
func normal(weights []float64) []float64 {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	for i := range weights {
		if total > 0 {
			weights[i] /= total
		} else {
			weights[i] = 1 / float64(len(weights))
		}
	}
	return weights
}

func each[T any](pool Pool[T], weight func(c *Candidate[T]) float64) []float64 {
	weights := make([]float64, len(pool.Candidates))
	for i := range weights {
		weights[i] = weight(&pool.Candidates[i])
	}
	return normal(weights)
}

// Uncertainty prefers items whose outcome is least certain. Its three measures differ in how fast they fall off; Entropy is
// the default.
//
// Source: B. Settles, "Active learning literature survey", University of Wisconsin TR 1648 (2009).
type Uncertainty[T any] struct{ Measure Measure }

// Measure is one of uncertainty.
type Measure int

// The measures.
const (
	Entropy         Measure = iota // that of the outcome
	LeastConfidence                // chance of the less likely outcome
	Margin                         // one minus the distance of the two chances
)

// Probabilities implements [QueryStrategy].
func (u Uncertainty[T]) Probabilities(pool Pool[T]) []float64 {
	return each(pool, func(c *Candidate[T]) float64 {
		less := min(c.Mean, 1-c.Mean)
		switch u.Measure {
		case LeastConfidence:
			return less
		case Margin:
			return 1 - (1 - float64(2*less))
		default:
			return entropy(c.Mean)
		}
	})
}

// Disagreement prefers items on which the committee's members disagree: by the entropy of their votes or, with KL, by their
// mean divergence from the committee's mean.
//
// Sources: H. S. Seung, M. Opper, H. Sompolinsky, "Query by committee", COLT 1992; A. McCallum, K. Nigam, ICML 1998 (KL).
type Disagreement[T any] struct{ KL bool }

// Probabilities implements [QueryStrategy].
func (d Disagreement[T]) Probabilities(pool Pool[T]) []float64 {
	return each(pool, func(c *Candidate[T]) float64 {
		votes, own := 0.0, 0.0
		for _, p := range c.Votes {
			if p >= 0.5 {
				votes++
			}
			own += entropy(p)
		}
		if d.KL { // mean KL to the mean = entropy of the mean - mean entropy
			return max(0, entropy(c.Mean)-own/Members)
		}
		return entropy(votes / Members)
	})
}

// Likely prefers items that are likely to be positive: what a hunt wants once it knows something. The chance is that of a
// positive to a power: the higher, the less is left to exploring.
type Likely[T any] struct{ Power int }

// Probabilities implements [QueryStrategy].
func (l Likely[T]) Probabilities(pool Pool[T]) []float64 {
	return each(pool, func(c *Candidate[T]) float64 {
		w := c.Mean
		for range l.Power - 1 {
			w = float64(w * c.Mean)
		}
		return w
	})
}

// Thompson draws a member of the committee and an error of its prediction again and again, and gives each item the share of
// draws in which it was the likeliest positive: what is uncertain gets a chance.
//
// Source: W. R. Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika 25 (1933).
type Thompson[T any] struct {
	// Draws is how many; 64 if zero.
	Draws int
}

// Probabilities implements [QueryStrategy].
func (t Thompson[T]) Probabilities(pool Pool[T]) []float64 {
	draws := t.Draws
	if draws == 0 {
		draws = 64
	}
	weights := make([]float64, len(pool.Candidates))
	for range draws {
		member := pool.Random.Uint64() % Members
		best, top := -1, 0.0
		for i := range pool.Candidates {
			c := &pool.Candidates[i]
			if z := Logit(c.Votes[member]) + float64(c.Spread*pool.Random.Normal()); best < 0 || z > top {
				best, top = i, z
			}
		}
		if best >= 0 {
			weights[best]++
		}
	}
	return normal(weights)
}

// Density weighs another strategy's chances by how typical an item is: the cosine of its vector and the pool's mean.
//
// Source: B. Settles, M. Craven, "An analysis of active learning strategies for sequence labeling tasks", EMNLP 2008.
type Density[T any] struct{ Of QueryStrategy[T] }

// Probabilities implements [QueryStrategy].
func (d Density[T]) Probabilities(pool Pool[T]) []float64 {
	weights := d.Of.Probabilities(pool)
	if len(weights) == 0 {
		return weights
	}
	mean := make(Vector, len(pool.Candidates[0].Vector))
	norms := make([]float64, len(weights))
	for i := range pool.Candidates {
		v := pool.Candidates[i].Vector
		if norms[i] = root(dot(v, v)); norms[i] > 0 {
			for j, x := range v {
				mean[j] += x / norms[i]
			}
		}
	}
	for i := range weights {
		if norms[i] > 0 {
			weights[i] = float64(weights[i] * max(0, dot(mean, pool.Candidates[i].Vector)/norms[i]))
		}
	}
	return normal(weights)
}

// KCenter prefers items far from everything known: in proportion to the squared distance to the nearest known vector, which
// in a batch covers the pool as greedy k-center does (see [Batch]).
//
// Sources: O. Sener, S. Savarese, "Active learning for convolutional neural networks: a core-set approach", ICLR 2018;
// D. Arthur, S. Vassilvitskii, "k-means++", SODA 2007.
type KCenter[T any] struct{}

// Probabilities implements [QueryStrategy].
func (KCenter[T]) Probabilities(pool Pool[T]) []float64 {
	return each(pool, func(c *Candidate[T]) float64 {
		if len(pool.Known) == 0 {
			return dot(c.Vector, c.Vector)
		}
		nearest := distance2(c.Vector, pool.Known[0])
		for _, v := range pool.Known[1:] {
			nearest = min(nearest, distance2(c.Vector, v))
		}
		return nearest
	})
}

// Badge prefers items with a large gradient if the likelier outcome were the true one: both uncertain and, by their vector,
// informative. With [Batch], which spreads draws, a batch is diverse in the sense of BADGE.
//
// Source: J. T. Ash et al., "Deep batch active learning by diverse, uncertain gradient lower bounds", ICLR 2020.
type Badge[T any] struct{}

// Probabilities implements [QueryStrategy].
func (Badge[T]) Probabilities(pool Pool[T]) []float64 {
	return each(pool, func(c *Candidate[T]) float64 {
		g := min(c.Mean, 1-c.Mean)
		return float64(float64(g*g) * dot(c.Vector, c.Vector))
	})
}

// PerCost divides another strategy's chances by what an item is expected to cost: the most for a token.
type PerCost[T any] struct{ Of QueryStrategy[T] }

// Probabilities implements [QueryStrategy].
func (p PerCost[T]) Probabilities(pool Pool[T]) []float64 {
	weights := p.Of.Probabilities(pool)
	for i := range weights {
		weights[i] /= float64(max(1, pool.Candidates[i].Cost))
	}
	return normal(weights)
}

func dot(a, b Vector) float64 {
	sum := 0.0
	for i, x := range a {
		if x != 0 {
			sum += float64(x * b[i])
		}
	}
	return sum
}

func distance2(a, b Vector) float64 {
	sum := 0.0
	for i, x := range a {
		d := x - b[i]
		sum += float64(d * d)
	}
	return sum
}

// Batch draws k of the pool's candidates by the chances, without one twice, and returns their places and the chance that each
// draw had. After each draw the others' chances shrink by their likeness to it, diversity 0 not at all, 1 to nothing for
// an equal vector.
func Batch[T any](pool Pool[T], chances []float64, k int, diversity float64) (at []int, q []float64) {
	weights := append([]float64(nil), chances...)
	var norms []float64
	if diversity > 0 && k > 1 {
		norms = make([]float64, len(weights))
		for i := range norms {
			v := pool.Candidates[i].Vector
			norms[i] = root(dot(v, v))
		}
	}
	for range min(k, len(weights)) {
		i := pool.Random.draw(weights)
		if i < 0 {
			break
		}
		at, q = append(at, i), append(q, weights[i])
		weights[i] = 0
		if len(at) == k {
			break
		}
		drawn := newSparse(pool.Candidates[i].Vector)
		for j := range norms {
			if weights[j] > 0 {
				like := drawn.dot(pool.Candidates[j].Vector) / max(float64(norms[i]*norms[j]), 1e-300)
				weights[j] = float64(weights[j] * (1 - float64(diversity*max(0, min(1, like)))))
			}
		}
		normal(weights)
	}
	return at, q
}

// dot is the product with a vector.
func (s sparse) dot(v Vector) float64 {
	sum := 0.0
	for i, at := range s.at {
		sum += float64(s.x[i] * v[at])
	}
	return sum
}
