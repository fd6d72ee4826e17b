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
	// Probability is the chance that the draw had, among the items that it could have been: all whose outcome is not known.
	Probability float64
	Batch       int
	Surrogate   [sha256.Size]byte // digest of the model that chose
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
	cfg      Config[T]
	items    []entry[T]
	model    *mixture
	batch    int
	spent    [2]int   // cost of estimate and hunt draws
	expected int      // cost of them
	parts    []string // that items are in
	drawn    []estimated
	ended    bool // the last draw of the estimate was made
	log      []Draw
	history  []Progress
	random   *Random
	pick     func(weights []float64) int // one draw of an estimate
}

// estimated is a draw of the estimate: the item, and by part how many positives hunts had found and the sums of the guesses of
// all that could be drawn.
type estimated struct {
	item    int
	sample  Sample // without outcome, positives and sum
	hunted  []int
	guesses []float64
}

// entry is an item and what is known of it.
type entry[T any] struct {
	item     T
	part     int
	cost     int
	vector   Vector
	features guessed
	kind     Kind // of its draw; empty if there was none
	known    bool
	positive bool
}

// pending reports an item that was drawn and whose outcome is not told.
func (e *entry[T]) pending() bool { return e.kind != "" && !e.known }

// NewController takes the items and their expected costs, which are at least 1.
func NewController[T any](cfg Config[T], items []T, cost func(T) int) (*Controller[T], error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cost == nil {
		return nil, errors.New("there is no cost of items")
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
	c := &Controller[T]{cfg: cfg, model: newMixture(cfg), random: NewRandom(cfg.Seed, "controller")}
	c.pick = c.random.draw
	for _, item := range items {
		e := entry[T]{item: item, cost: max(1, cost(item)), vector: make(Vector, dim)}
		extract(cfg.Extract, e.vector, item)
		e.features.alone = bias(newSparse(e.vector), dim, 0)
		if cfg.Score != nil {
			e.features.with = bias(newSparse(e.vector), dim, cfg.Score.Score(item))
		}
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

// SelectNext draws up to k items that together are expected to cost at most budget, what is left to spend: estimate draws while
// they are behind their share of the cost, hunt draws otherwise, which leave what the estimate still needs. It returns nothing
// when nothing that fits is left, or a criterion of the configuration ends the run. The outcome of every item drawn must be
// told with [Controller.Observe] before the next call.
func (c *Controller[T]) SelectNext(budget, k int) ([]Draw, error) {
	for i := range c.items {
		if c.items[i].pending() {
			return nil, fmt.Errorf("item %d was drawn and its outcome not told", i)
		}
	}
	if c.stopped() {
		return nil, nil
	}
	pool, places := c.pool()
	p := c.plan(pool, budget, k)
	share := float64(float64(c.spent[0]+c.spent[1]+1) * c.cfg.EstimateShare)
	var draws []Draw
	if float64(c.spent[0]) >= share || p.now == 0 {
		draws = c.hunt(pool, places, budget-p.reserve, k)
	}
	if len(draws) == 0 {
		draws = c.estimate(pool, places, p)
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

// pool returns the items whose outcome is not known and their places.
func (c *Controller[T]) pool() (Pool[T], []int) {
	p := Pool[T]{Random: c.random}
	var places []int
	for i := range c.items {
		e := &c.items[i]
		if e.known {
			p.Known = append(p.Known, e.vector)
			continue
		}
		places = append(places, i)
		p.Candidates = append(p.Candidates, Candidate[T]{Item: e.item, Cost: e.cost, Vector: e.vector, Prediction: c.model.predict(e.part, e.features)})
	}
	return p, places
}

func (c *Controller[T]) hunt(pool Pool[T], places []int, budget, k int) []Draw {
	if len(places) == 0 {
		return nil
	}
	at, q := Batch(pool, c.cfg.Hunt.Probabilities(pool), k, c.cfg.Diversity)
	var draws []Draw
	digest := c.model.digest()
	for i, a := range at {
		e := &c.items[places[a]]
		if e.cost > budget {
			continue // a cheaper one may still fit
		}
		budget -= e.cost
		e.kind = HuntDraw
		draws = append(draws, Draw{Item: places[a], Kind: HuntDraw, Probability: q[i], Batch: c.batch, Surrogate: digest})
	}
	return draws
}

// An Outcome is what a look at an item gave, and what it cost.
type Outcome struct {
	Positive bool
	Cost     int
}

// Observe tells the outcome of an item that was drawn.
func (c *Controller[T]) Observe(item int, o Outcome) error {
	if item < 0 || item >= len(c.items) || !c.items[item].pending() {
		return fmt.Errorf("item %d was not drawn, or its outcome was told", item)
	}
	e := &c.items[item]
	if e.kind == EstimateDraw {
		c.spent[0] += o.Cost
	} else {
		c.spent[1] += o.Cost
	}
	c.expected += e.cost
	e.known, e.positive = true, o.Positive
	c.model.learn(e.part, e.features, o.Positive)
	return nil
}

// Log returns all draws in order.
func (c *Controller[T]) Log() []Draw { return c.log }
