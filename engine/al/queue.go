package al

import (
	"fmt"
	"slices"
	"sync"
)

// A Queue ranks items for a person's review: what is most uncertain and least like what was reviewed, and no more than a few
// of a kind. A decision teaches the learner at once. Safe for concurrent use.
type Queue[T any] struct {
	learner *Learner[T]
	cluster func(T) string
	limit   int

	mu       sync.Mutex
	open     []queued[T]
	reviewed []Vector       // the latest mostReviewed
	next     int            // where the next of them goes, once there are so many
	counts   map[string]int // reviewed items by cluster
}

type queued[T any] struct {
	id      string
	item    T
	vector  Vector
	nearest float64 // squared distance to what was reviewed; from zero where nothing was
}

// mostReviewed bounds what a queue remembers of what was reviewed.
const mostReviewed = 1024

// NewQueue returns an empty queue. Of a cluster at most limit items are shown before those of others.
func NewQueue[T any](learner *Learner[T], cluster func(T) string, limit int) *Queue[T] {
	return &Queue[T]{learner: learner, cluster: cluster, limit: max(1, limit), counts: map[string]int{}}
}

// Add puts an item into the queue; one whose id is there is not added again.
func (q *Queue[T]) Add(id string, item T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if slices.ContainsFunc(q.open, func(o queued[T]) bool { return o.id == id }) {
		return
	}
	v := make(Vector, q.learner.extract.Dim())
	extract(q.learner.extract, v, item)
	o := queued[T]{id, item, v, dot(v, v)}
	for i, r := range q.reviewed {
		if d := distance2(v, r); i == 0 || d < o.nearest {
			o.nearest = d
		}
	}
	q.open = append(q.open, o)
}

// Remove takes an item out of the queue that nobody has to decide on any more.
func (q *Queue[T]) Remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = slices.DeleteFunc(q.open, func(o queued[T]) bool { return o.id == id })
}

// A Ranked is an item and why it stands where it does.
type Ranked[T any] struct {
	ID         string
	Item       T
	Novelty    float64 // squared distance to the nearest item reviewed or ranked before, over the largest; 1 for the first
	Uncertain  float64 // entropy of the prediction over that of a coin
	Prediction Prediction
}

// Next returns up to n items in the order in which they should be reviewed: greedy k-center by novelty times uncertainty over
// what was reviewed and ranked before. Items of a cluster over its limit come last.
func (q *Queue[T]) Next(n int) []Ranked[T] {
	q.mu.Lock()
	defer q.mu.Unlock()
	snapshot, counts := q.learner.Snapshot(), make(map[string]int)
	left := slices.Clone(q.open)
	nearest := make([]float64, len(left))
	ranked := make([]Ranked[T], len(left))
	for i, o := range left {
		counts[q.cluster(o.item)] = q.counts[q.cluster(o.item)]
		nearest[i] = o.nearest
		p := snapshot.Predict(o.item)
		ranked[i] = Ranked[T]{ID: o.id, Item: o.item, Uncertain: entropy(p.Mean) / entropy(0.5), Prediction: p}
	}
	scale := 1e-300
	for _, d := range nearest {
		scale = max(scale, d)
	}
	var out []Ranked[T]
	taken := make([]bool, len(left))
	for len(out) < min(n, len(left)) {
		best := q.best(left, ranked, nearest, taken, counts)
		taken[best] = true
		counts[q.cluster(left[best].item)]++
		ranked[best].Novelty = nearest[best] / scale
		out = append(out, ranked[best])
		first := len(out) == 1 && len(q.reviewed) == 0
		for i := range left {
			if d := distance2(left[i].vector, left[best].vector); first || d < nearest[i] {
				nearest[i] = d
			}
		}
		if first { // until now distances were from nothing
			scale = max(1e-300, slices.Max(nearest))
		}
	}
	return out
}

// best is the place of the item that comes next.
func (q *Queue[T]) best(left []queued[T], ranked []Ranked[T], nearest []float64, taken []bool, counts map[string]int) int {
	best, within := -1, false
	for i := range left {
		if taken[i] {
			continue
		}
		inside := counts[q.cluster(left[i].item)] < q.limit
		const floor = 0.05 // what is certain comes late, not never
		value := float64(nearest[i] * max(ranked[i].Uncertain, floor))
		if best < 0 || inside && !within || inside == within && value > float64(nearest[best]*max(ranked[best].Uncertain, floor)) {
			best, within = i, inside
		}
	}
	return best
}

// Decide takes a person's decision on an item of the queue and teaches it to the learner.
func (q *Queue[T]) Decide(id string, positive bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := slices.IndexFunc(q.open, func(o queued[T]) bool { return o.id == id })
	if at < 0 {
		return fmt.Errorf("reviewing %.80q: it is not in the queue: %w", id, ErrState)
	}
	o := q.open[at]
	if err := q.learner.Learn(Label[T]{o.item, positive}); err != nil {
		return err
	}
	q.open = slices.Delete(q.open, at, at+1)
	q.remember(o.vector)
	q.counts[q.cluster(o.item)]++
	return nil
}

// remember keeps what was reviewed, in the place of the oldest if there is too much of it.
func (q *Queue[T]) remember(v Vector) {
	first := len(q.reviewed) == 0
	if len(q.reviewed) < mostReviewed {
		q.reviewed = append(q.reviewed, v)
	} else {
		q.reviewed[q.next] = v
		q.next = (q.next + 1) % mostReviewed
	}
	for i := range q.open {
		if d := distance2(q.open[i].vector, v); first || d < q.open[i].nearest {
			q.open[i].nearest = d
		}
	}
}
