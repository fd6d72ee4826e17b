package al

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// A Scorer is a cheap guess at an item's outcome, such as how the previous version did on it.
type Scorer[T any] interface {
	// Score returns a logit: 0 says nothing, 3 that a positive is likely, -3 that it is not. How far scores are to be believed
	// is learned with everything else.
	Score(item T) float64
}

// Kind says what a draw is for.
type Kind string

// The kinds. Only estimate draws may enter a rate.
const (
	EstimateDraw Kind = "estimate"
	HuntDraw     Kind = "hunt"
)

// A Draw is one decision to look at an item.
type Draw struct {
	Item int // place in the pool
	Kind Kind
	// Probability is the chance that the draw had, among the items that it could have been: of an estimate all that no
	// estimate drew before, of a hunt all whose outcome is not known.
	Probability float64
	Batch       int
	Surrogate   [sha256.Size]byte // digest of the committee that chose
}

// Config tells a [Controller] how to choose. Extract is required.
type Config[T any] struct {
	Seed    uint64
	Extract FeatureExtractor[T]
	// Score is a guess from elsewhere, a warm start. Optional.
	Score Scorer[T]
	// Part names the part of the pool that an item is in, of whose rate there is an estimate too. Optional.
	Part func(item T) string
	// Hunt chooses what hunting draws look at. Optional; PerCost of Likely to the power of 4 if nil.
	Hunt QueryStrategy[T]
	// Prior is the share of positives that is expected before anything is seen; 0.1 if zero.
	Prior float64
	// EstimateShare is the share of the cost that goes to estimate draws; 0.2 if zero.
	EstimateShare float64
	// Epsilon is the share of uniform draws among those for the estimate, 0.1 to 1; 0.1 if zero. It bounds weights.
	Epsilon float64
	// Stops end the run before the budget does, if one of them says so after a batch. Optional.
	Stops []Stop
	// Diversity of the draws of a batch, 0 to 1; see [Batch].
	Diversity float64
}

// Check returns every problem of the configuration, or nil.
func (c Config[T]) Check() error {
	var errs []error
	if c.Extract == nil || c.Extract.Dim() < 1 {
		errs = append(errs, errors.New("there is no extractor of features"))
	}
	if c.Prior < 0 || c.Prior >= 1 {
		errs = append(errs, fmt.Errorf("prior %v is not in (0, 1)", c.Prior))
	}
	if c.EstimateShare < 0 || c.EstimateShare > 1 {
		errs = append(errs, fmt.Errorf("share of estimate draws %v is not in 0..1", c.EstimateShare))
	}
	if c.Epsilon != 0 && (c.Epsilon < 0.1 || c.Epsilon > 1) {
		errs = append(errs, fmt.Errorf("epsilon %v is not in 0.1..1", c.Epsilon))
	}
	if c.Diversity < 0 || c.Diversity > 1 {
		errs = append(errs, fmt.Errorf("diversity %v is not in 0..1", c.Diversity))
	}
	return errors.Join(errs...)
}

// A Controller spends a budget on the items of a pool. Not for concurrent use.
type Controller[T any] struct {
	cfg       Config[T]
	items     []entry[T]
	committee *Committee
	batch     int
	spent     [2]int   // cost of estimate and hunt draws
	parts     []string // that items are in
	drawn     []estimated
	log       []Draw
	history   []Progress
	random    *Random
}

// estimated is a draw of the estimate: the item, and the sums of the guesses of all that could be drawn, by part.
type estimated struct {
	item    int
	sample  Sample // without outcome and sum
	guesses []float64
}

// entry is an item and what is known of it.
type entry[T any] struct {
	item     T
	part     int
	cost     int
	vector   Vector
	sparse   sparse
	drawn    bool // by the estimate
	pending  Kind // of the draw whose outcome is not yet told
	known    bool
	positive bool
}

// NewController takes the items and their expected costs, which are at least 1.
func NewController[T any](cfg Config[T], items []T, cost func(T) int) (*Controller[T], error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Hunt == nil {
		cfg.Hunt = PerCost[T]{Likely[T]{Power: 4}}
	}
	orDefault := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
	}
	orDefault(&cfg.Prior, 0.1)
	orDefault(&cfg.EstimateShare, 0.2)
	orDefault(&cfg.Epsilon, 0.1)
	dim := cfg.Extract.Dim()
	c := &Controller[T]{cfg: cfg, committee: NewCommittee(dim, cfg.Prior, cfg.Seed), random: NewRandom(cfg.Seed, "controller")}
	for _, item := range items {
		e := entry[T]{item: item, cost: max(1, cost(item)), vector: make(Vector, dim)}
		cfg.Extract.Extract(e.vector, item)
		score := 0.0
		if cfg.Score != nil {
			score = cfg.Score.Score(item)
		}
		e.sparse = bias(newSparse(e.vector), dim, score)
		e.part = c.part(item)
		c.items = append(c.items, e)
	}
	return c, nil
}

// part returns the place of an item's part.
func (c *Controller[T]) part(item T) int {
	name := ""
	if c.cfg.Part != nil {
		name = c.cfg.Part(item)
	}
	i := slices.Index(c.parts, name)
	if i < 0 {
		i, c.parts = len(c.parts), append(c.parts, name)
	}
	return i
}

// SelectNext draws up to k items that together are expected to cost at most budget: estimate draws while they are behind
// their share of the cost, hunt draws otherwise. It returns nothing when nothing that fits is left, or a criterion of
// the configuration ends the run. The outcome of every item
// drawn must be told with [Controller.Observe] before the next call; one that an earlier draw looked at costs nothing again
// and is not asked for: Observed tells.
func (c *Controller[T]) SelectNext(budget, k int) ([]Draw, error) {
	for i := range c.items {
		if c.items[i].pending != "" {
			return nil, fmt.Errorf("item %d was drawn and its outcome not told", i)
		}
	}
	if c.stopped() {
		return nil, nil
	}
	kind, share := EstimateDraw, float64(float64(c.spent[0]+c.spent[1]+1)*c.cfg.EstimateShare)
	if float64(c.spent[0]) >= share {
		kind = HuntDraw
	}
	draws := c.draw(kind, budget, k)
	if len(draws) == 0 {
		kind = map[Kind]Kind{EstimateDraw: HuntDraw, HuntDraw: EstimateDraw}[kind]
		draws = c.draw(kind, budget, k)
	}
	if len(draws) > 0 {
		c.batch++
	}
	c.log = append(c.log, draws...)
	return draws, nil
}

// stopped asks the criteria for an early end.
func (c *Controller[T]) stopped() bool {
	if len(c.cfg.Stops) == 0 || c.batch == 0 {
		return false
	}
	c.history = append(c.history, c.Progress())
	for _, stop := range c.cfg.Stops {
		if stop.Done(c.history) {
			return true
		}
	}
	return false
}

// draw is one batch of a kind.
func (c *Controller[T]) draw(kind Kind, budget, k int) []Draw {
	pool, places := c.pool(kind)
	if len(places) == 0 {
		return nil
	}
	if kind == HuntDraw {
		return c.hunt(pool, places, budget, k)
	}
	return c.estimate(pool, places, budget, k)
}

// pool returns the candidates of a kind of draw and their places.
func (c *Controller[T]) pool(kind Kind) (Pool[T], []int) {
	p := Pool[T]{Random: c.random}
	var places []int
	for i := range c.items {
		e := &c.items[i]
		if e.known {
			p.Known = append(p.Known, e.vector)
		}
		if kind == HuntDraw && e.known || kind == EstimateDraw && e.drawn {
			continue
		}
		places = append(places, i)
		p.Candidates = append(p.Candidates, Candidate[T]{Item: e.item, Cost: e.cost, Vector: e.vector, Prediction: c.committee.predict(e.sparse)})
	}
	return p, places
}

func (c *Controller[T]) hunt(pool Pool[T], places []int, budget, k int) []Draw {
	at, q := Batch(pool, c.cfg.Hunt.Probabilities(pool), k, c.cfg.Diversity)
	var draws []Draw
	digest := c.committee.Digest()
	for i, a := range at {
		e := &c.items[places[a]]
		if e.cost > budget {
			continue // a cheaper one may still fit
		}
		budget -= e.cost
		e.pending = HuntDraw
		draws = append(draws, Draw{Item: places[a], Kind: HuntDraw, Probability: q[i], Batch: c.batch, Surrogate: digest})
	}
	return draws
}

// estimate draws without replacement among what no estimate drew: the chances are those of the roots of the predictions, mixed
// with uniform ones. (Those of the root of p(1-p) would make the variance a little less, and find fewer positives.) The guesses
// are the predictions; what is known is guessed as what it is.
func (c *Controller[T]) estimate(pool Pool[T], places []int, budget, k int) []Draw {
	weights, guesses, sums := c.guesses(pool, places)
	var draws []Draw
	digest := c.committee.Digest()
	for range min(k, len(places)) {
		chances, floor := c.chances(weights, places)
		i := c.random.draw(chances)
		e := &c.items[places[i]]
		if !e.known && e.cost > budget {
			break // leaving it out would change the chances: the estimate ends here
		}
		c.drawn = append(c.drawn, estimated{places[i], Sample{Q: chances[i], Floor: floor, Guess: guesses[i]}, slices.Clone(sums)})
		weights[i], e.drawn = 0, true
		sums[e.part] -= guesses[i]
		if !e.known {
			budget -= e.cost
			e.pending = EstimateDraw
		}
		draws = append(draws, Draw{Item: places[i], Kind: EstimateDraw, Probability: chances[i], Batch: c.batch, Surrogate: digest})
	}
	return draws
}

// guesses returns, for each candidate of the estimate, its weight in the draw and its guess, and the guesses' sums by part.
func (c *Controller[T]) guesses(pool Pool[T], places []int) (weights, guesses, sums []float64) {
	const doubt = 0.01
	sums = make([]float64, len(c.parts))
	for i, at := range places {
		e := &c.items[at]
		guess, weight := pool.Candidates[i].Mean, pool.Candidates[i].Mean
		switch {
		case e.known && e.positive:
			guess, weight = 1, 1-doubt
		case e.known:
			guess, weight = 0, doubt
		}
		guesses = append(guesses, guess)
		sums[e.part] += guess
		weights = append(weights, root(weight))
	}
	return weights, guesses, sums
}

// chances mixes weights with uniform chances. floor is the least chance of an item that is not known, times how many are left.
func (c *Controller[T]) chances(weights []float64, places []int) (chances []float64, floor float64) {
	total, left := 0.0, 0
	for _, w := range weights {
		if w > 0 {
			total, left = total+w, left+1
		}
	}
	chances, floor = make([]float64, len(weights)), 1.0
	for i, w := range weights {
		if w > 0 {
			chances[i] = float64((1-c.cfg.Epsilon)*w)/total + c.cfg.Epsilon/float64(left)
			if !c.items[places[i]].known {
				floor = min(floor, float64(chances[i]*float64(left)))
			}
		}
	}
	return chances, floor
}

// Observed reports whether the outcome of an item is known.
func (c *Controller[T]) Observed(item int) bool { return c.items[item].known }

// An Outcome is what a look at an item gave, and what it cost.
type Outcome struct {
	Positive bool
	Cost     int
}

// Observe tells the outcome of an item that was drawn.
func (c *Controller[T]) Observe(item int, o Outcome) error {
	if item < 0 || item >= len(c.items) || c.items[item].pending == "" {
		return fmt.Errorf("item %d was not drawn, or its outcome was told", item)
	}
	e := &c.items[item]
	if e.pending == EstimateDraw {
		c.spent[0] += o.Cost
	} else {
		c.spent[1] += o.Cost
	}
	e.pending, e.known, e.positive = "", true, o.Positive
	c.committee.learn(e.sparse, o.Positive)
	return nil
}

// Log returns all draws in order.
func (c *Controller[T]) Log() []Draw { return c.log }

// Rate is the share, of all items of the pool, of those that are positive and in a part of it, by the estimate's draws. The empty
// name is that of the whole pool.
func (c *Controller[T]) Rate(part string) Rate {
	samples := make([]Sample, len(c.drawn))
	for i, d := range c.drawn {
		e := &c.items[d.item]
		in := part == "" || c.parts[e.part] == part
		s := d.sample
		s.Positive = e.positive && in
		if !in {
			s.Guess = 0
		}
		for p, sum := range d.guesses {
			if part == "" || c.parts[p] == part {
				s.Guesses += sum
			}
		}
		samples[i] = s
	}
	return Estimate(samples, len(c.items))
}
