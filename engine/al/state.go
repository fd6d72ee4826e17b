package al

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// A LearnerState is all that a [Learner] knows, to be written down and taken up again. JSON keeps every bit of it.
type LearnerState struct {
	Seed    uint64           `json:"seed"`
	Seen    uint64           `json:"seen"` // labels
	Members []SurrogateState `json:"members"`
}

// A SurrogateState is the weights of one member of a committee: a mean and a precision for each place of a vector, the bias
// and the score.
type SurrogateState struct {
	Mean      []float64 `json:"mean"`
	Precision []float64 `json:"precision"`
}

// ErrForeign says that a state is of something else, or damaged.
var ErrForeign = errors.New("state of something else")

// State returns what is known now.
func (l *Learner[T]) State() LearnerState {
	c := l.Snapshot().committee
	s := LearnerState{Seed: c.seed, Seen: c.seen}
	for _, m := range c.members {
		s.Members = append(s.Members, SurrogateState{slices.Clone(m.mean), slices.Clone(m.precision)})
	}
	return s
}

// Restore takes up a state: what is learned from then on has the effect that it would have had on the learner whose state it
// was, bit for bit. It is [ErrForeign] if that learner had another seed or other vectors, and nothing is taken up then.
func (l *Learner[T]) Restore(s LearnerState) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.snapshot.Load().committee.clone()
	if s.Seed != c.seed || len(s.Members) != len(c.members) {
		return fmt.Errorf("learner of seed %d and %d members, want seed %d and %d: %w", s.Seed, len(s.Members), c.seed, len(c.members), ErrForeign)
	}
	for i, m := range s.Members {
		if len(m.Mean) != len(c.members[i].mean) || len(m.Precision) != len(m.Mean) {
			return fmt.Errorf("member %d has %d means and %d precisions, want %d: %w", i, len(m.Mean), len(m.Precision), len(c.members[i].mean), ErrForeign)
		}
		if slices.ContainsFunc(m.Mean, unusable) || slices.ContainsFunc(m.Precision, func(x float64) bool { return unusable(x) || x < looseWeights }) {
			return fmt.Errorf("member %d has a weight that no learner comes to: %w", i, ErrForeign)
		}
		c.members[i] = &Surrogate{mean: slices.Clone(m.Mean), precision: slices.Clone(m.Precision)}
	}
	c.seen = s.Seen
	l.snapshot.Store(&Snapshot[T]{l.extract, c})
	return nil
}

func unusable(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// A QueueState is what a [Queue] remembers of what was reviewed. What waits is not in it: it is added again.
type QueueState struct {
	Reviewed []SparseState  `json:"reviewed"`
	Next     int            `json:"next"`
	Counts   map[string]int `json:"counts"` // by cluster
}

// A SparseState is a vector by its places that are not zero.
type SparseState struct {
	At []int32   `json:"at"`
	X  []float64 `json:"x"`
}

// State returns what is remembered now.
func (q *Queue[T]) State() QueueState {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := QueueState{Next: q.next, Counts: maps.Clone(q.counts)}
	for _, v := range q.reviewed {
		places := newSparse(v)
		s.Reviewed = append(s.Reviewed, SparseState{places.at, places.x})
	}
	return s
}

// Restore takes up a state, in an empty queue. It is [ErrForeign] if it does not fit, and [ErrState] if something waits.
func (q *Queue[T]) Restore(s QueueState) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) > 0 {
		return fmt.Errorf("restoring a queue in which %d items wait: %w", len(q.open), ErrState)
	}
	if len(s.Reviewed) > mostReviewed || s.Next < 0 || s.Next >= mostReviewed {
		return fmt.Errorf("queue of %d reviewed items, the next at %d: %w", len(s.Reviewed), s.Next, ErrForeign)
	}
	reviewed := make([]Vector, len(s.Reviewed))
	for i, places := range s.Reviewed {
		v := make(Vector, q.learner.extract.Dim())
		for k, at := range places.At {
			if int(at) < 0 || int(at) >= len(v) || k >= len(places.X) || unusable(places.X[k]) {
				return fmt.Errorf("reviewed item %d has a feature that no item has: %w", i, ErrForeign)
			}
			v[at] = places.X[k]
		}
		reviewed[i] = v
	}
	counts := make(map[string]int, len(s.Counts))
	for cluster, n := range s.Counts {
		counts[cluster] = max(0, n)
	}
	q.reviewed, q.next, q.counts = reviewed, s.Next, counts
	return nil
}
