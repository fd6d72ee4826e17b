package al

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// State is where something that runs is in its life. It goes from pending to stopped and never back.
type State string

// The states.
const (
	Pending  State = "pending"
	Running  State = "running"
	Stopping State = "stopping"
	Stopped  State = "stopped"
)

// A Health is how a [Learner] or a [Feedback] does.
type Health struct {
	State State
	// Degraded says that a queue is over 80 % full: items are summed up before they go on.
	Degraded bool
	Seen     uint64 // items taken
	// Err is why it does not do its work, if it does not.
	Err error
}

// ErrState says that something was asked that its state does not allow.
var ErrState = errors.New("not in the state for it")

// A Learner learns outcomes while others predict: readers take the latest snapshot and never wait. Writers wait for one
// another. A learner is [Running] from the start until [Learner.Stop].
type Learner[T any] struct {
	extract  FeatureExtractor[T]
	snapshot atomic.Pointer[Snapshot[T]]

	mu      sync.Mutex // one writer
	stopped bool
}

// A Snapshot is what a learner knew at one time. It never changes.
type Snapshot[T any] struct {
	extract   FeatureExtractor[T]
	committee *Committee
}

// NewLearner returns a learner that expects a share of prior positives before it has seen any.
func NewLearner[T any](extract FeatureExtractor[T], prior float64, seed uint64) *Learner[T] {
	l := &Learner[T]{extract: extract}
	l.snapshot.Store(&Snapshot[T]{extract, NewCommittee(extract.Dim(), prior, seed)})
	return l
}

// Snapshot returns what is known now. It never blocks.
func (l *Learner[T]) Snapshot() *Snapshot[T] { return l.snapshot.Load() }

// A Label is an item and its outcome.
type Label[T any] struct {
	Item     T
	Positive bool
}

// Learn adds labels; when it returns, every new snapshot has them, all or none. It is [ErrState] once the learner stopped.
func (l *Learner[T]) Learn(labels ...Label[T]) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return fmt.Errorf("learning %d labels: learner is stopped: %w", len(labels), ErrState)
	}
	next := &Snapshot[T]{l.extract, l.snapshot.Load().committee.clone()}
	for _, label := range labels {
		next.committee.learn(next.sparse(label.Item), label.Positive)
	}
	l.snapshot.Store(next)
	return nil
}

// Stop ends learning; predictions go on.
func (l *Learner[T]) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
}

// Health tells the state and how many labels were learned.
func (l *Learner[T]) Health() Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := Health{State: Running, Seen: l.Snapshot().committee.seen}
	if l.stopped {
		h.State = Stopped
	}
	return h
}

// Predict tells the chance of an item.
func (s *Snapshot[T]) Predict(item T) Prediction { return s.committee.predict(s.sparse(item)) }

// Digest is that of the committee.
func (s *Snapshot[T]) Digest() [32]byte { return s.committee.Digest() }

func (s *Snapshot[T]) sparse(item T) sparse {
	v := make(Vector, s.extract.Dim())
	extract(s.extract, v, item)
	return bias(newSparse(v), len(v), 0)
}
