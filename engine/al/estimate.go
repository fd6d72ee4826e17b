package al

import (
	"cmp"
	"slices"
)

// The part of a [Controller] that estimates. Its rate is unbiased whatever outcomes and costs are, since all that a draw's
// estimate of the total is made of is fixed before the draw: who may be drawn and with what chances, the guesses, the weight
// of the draw, and whether it is the last. No draw that was made is given up for what it would cost.

// A plan says how many estimate draws there will be.
type plan struct {
	now     int       // in the next batch
	left    int       // with those after it: as many as now if it is the last
	reserve int       // of the budget, which hunts leave
	chances []float64 // of candidates, in each draw
}

// plan tells how many draws the share of the estimate is expected to be enough for, by what is known now. A batch is small
// enough for whatever is drawn to fit the budget, and it is the last if nothing might fit after it.
func (c *Controller[T]) plan(pool Pool[T], budget, k int) plan {
	var p plan
	if c.ended || len(pool.Candidates) == 0 {
		return p
	}
	p.chances = c.chances(pool)
	var costs []int
	all, mean := 0, 0.0
	for i := range pool.Candidates {
		cost := pool.Candidates[i].Cost
		costs = append(costs, cost)
		all += cost
		mean += float64(p.chances[i] * float64(cost))
	}
	slices.SortFunc(costs, func(a, b int) int { return b - a })
	most := 0 // of what the batch might cost
	for p.now < min(k, len(costs)) && most+costs[p.now] <= budget {
		most += costs[p.now]
		p.now++
	}
	if p.now == 0 {
		return p
	}
	share := float64(float64(c.spent[0]+c.spent[1]+budget)*c.cfg.EstimateShare) - float64(c.spent[0])
	p.left = max(1, min(len(costs), int(share/c.paid(mean)+0.5)))
	if c.paid(float64(all)) <= float64(budget) {
		p.left = len(costs) // all will be looked at
	}
	if p.now >= p.left {
		p.now = p.left
	} else if most+costs[p.now] > budget {
		p.left = p.now
	}
	p.reserve = max(int(share), costs[0])
	return p
}

// paid is what an expected cost comes to, by what was paid so far.
func (c *Controller[T]) paid(cost float64) float64 {
	return float64(cost*float64(c.spent[0]+c.spent[1]+1)) / float64(c.expected+1)
}

// chances are those of [deviation], mixed with uniform ones.
func (c *Controller[T]) chances(pool Pool[T]) []float64 {
	chances := each(pool, func(candidate *Candidate[T]) float64 { return deviation(candidate.Mean) })
	for i, q := range chances {
		chances[i] = float64((1-c.cfg.Epsilon)*q) + c.cfg.Epsilon/float64(len(chances))
	}
	return chances
}

// deviation is how far a guess p is expected to be off, the root of p(1-p), with a twentieth of doubt in what is thought to
// be sure: few items are, so that such guesses are the least tried. Chances in proportion make the estimate's variance the least.
func deviation(p float64) float64 {
	const sure = 0.95
	return root(float64(p * (1 - float64(sure*p))))
}

// estimate draws a batch: one of each stratum, where the strata hold items of like predictions and have about the same chance.
// The guesses are the predictions.
func (c *Controller[T]) estimate(pool Pool[T], places []int, p plan) []Draw {
	hunted, sums := c.hunted(), make([]float64, len(c.parts))
	for i, at := range places {
		sums[c.items[at].part] += pool.Candidates[i].Mean
	}
	var draws []Draw
	digest := c.model.digest()
	cut := strata(pool, p)
	floor := 1.0
	for _, stratum := range cut {
		for _, q := range stratum {
			if q > 0 {
				floor = min(floor, float64(q*float64(len(places)))/float64(p.now))
			}
		}
	}
	for j, stratum := range cut {
		i := c.pick(stratum)
		e, guess := &c.items[places[i]], pool.Candidates[i].Mean
		e.kind = EstimateDraw
		c.drawn = append(c.drawn, estimated{
			item: places[i], hunted: hunted, guesses: sums,
			sample: Sample{Q: stratum[i], Floor: floor, Guess: guess, Left: len(places) - j, Planned: p.left - j, Strata: p.now},
		})
		draws = append(draws, Draw{Item: places[i], Kind: EstimateDraw, Probability: stratum[i], Batch: c.batch, Surrogate: digest})
	}
	c.ended = p.now > 0 && p.now == p.left
	return draws
}

// strata cuts the candidates, in the order of their predictions, into as many strata as the batch has draws, and returns the
// chances within each.
func strata[T any](pool Pool[T], p plan) [][]float64 {
	order := make([]int, len(p.chances))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(pool.Candidates[b].Mean, pool.Candidates[a].Mean) })
	strata := make([][]float64, p.now)
	rest := 1.0
	for j := range strata {
		after := p.now - j - 1 // strata, which need an item each
		chances, share, sum := make([]float64, len(p.chances)), rest/float64(after+1), 0.0
		for first := true; len(order) > after && (first || after == 0 || sum+p.chances[order[0]]/2 < share); first = false {
			chances[order[0]] = p.chances[order[0]]
			sum += p.chances[order[0]]
			order = order[1:]
		}
		rest -= sum
		strata[j] = normal(chances)
	}
	return strata
}

// hunted counts the positives that hunts found, by part.
func (c *Controller[T]) hunted() []int {
	n := make([]int, len(c.parts))
	for i := range c.items {
		if e := &c.items[i]; e.kind == HuntDraw && e.positive {
			n[e.part]++
		}
	}
	return n
}

// Rate is the share, of all items of the pool, of those that are positive and in a part of it, by the estimate's draws: what
// hunts found is counted as what it is, and says nothing of the rest. The empty name is that of the whole pool.
func (c *Controller[T]) Rate(part string) Rate {
	samples, hunted, open := c.samples(part)
	return Estimate(samples, len(c.items), hunted, open)
}

// samples are the draws of the estimate as those of a part, and how many positives hunts found in it and items are open at the end.
func (c *Controller[T]) samples(part string) (samples []Sample, hunted, open int) {
	in := func(p int) bool { return part == "" || c.parts[p] == part }
	samples = make([]Sample, len(c.drawn))
	for i, d := range c.drawn {
		e, s := &c.items[d.item], d.sample
		s.Positive = e.positive && in(e.part)
		if !in(e.part) {
			s.Guess = 0
		}
		for p, sum := range d.guesses {
			if in(p) {
				s.Guesses += sum
				s.Hunted += d.hunted[p]
			}
		}
		samples[i] = s
	}
	for p, n := range c.hunted() {
		if in(p) {
			hunted += n
		}
	}
	for i := range c.items {
		if e := &c.items[i]; !e.known && in(e.part) {
			open++
		}
	}
	return samples, hunted, open
}
