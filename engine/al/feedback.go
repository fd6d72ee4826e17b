package al

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Sizes of the queues of a [Feedback], and of what it holds at most.
const (
	intakeSize  = 1024    // parcels that were submitted
	uploadSize  = 256     // batches to be applied
	batchItems  = 512     // items of a batch, but for the last submission in it
	mostHeld    = 1 << 19 // items taken and not yet applied
	degradedAt  = intakeSize * 8 / 10
	recoveredAt = intakeSize / 2
)

// ErrBusy says that a [Feedback] holds as much as it may. Nothing was taken; try again later.
var ErrBusy = errors.New("feedback is busy, retry")

// A Journal keeps items for good. The file or database behind it is the caller's.
type Journal[T any] interface {
	// Append keeps a batch. When it returns nil, the items outlive the process. Batches come one at a time, and the slice is
	// not to be kept.
	Append(batch []T) error
}

// A Feedback takes items from many goroutines, keeps them in a [Journal], and applies them, to a [Learner] for example, each
// in batches and in one order. Memory is bounded. What [Feedback.Submit] took without an error is in the journal: killing the process
// loses nothing of it, and whoever starts again applies the journal first.
//
// Where submissions come faster than they are kept, the intake fills; from 80 % on they are put together where they arrive,
// and go on as few large ones, until it is half empty.
type Feedback[T any] struct {
	journal Journal[T]
	apply   func(batch []T)

	intake  chan *parcel[T]
	uploads chan *batch[T]
	held    atomic.Int64 // items
	seen    atomic.Uint64
	done    chan struct{} // closed once all was applied

	parcels sync.Pool
	pool    sync.Pool
	waiting sync.Pool // of channels with room for one answer, each empty

	mu       sync.Mutex
	state    State
	err      error      // of the journal, the first; nothing is taken after it
	local    *parcel[T] // what is put together while degraded, to be sent when the intake has room
	degraded bool
}

// A parcel is one submission, or several put together.
type parcel[T any] struct {
	items []T
	done  []chan error // of the submitters, one each
}

// A batch is what the journal gets at a time.
type batch[T any] struct {
	items []T
	done  []chan error
}

// NewFeedback returns a pending feedback; it takes nothing before [Feedback.Start].
func NewFeedback[T any](journal Journal[T], apply func(batch []T)) *Feedback[T] {
	return &Feedback[T]{
		journal: journal, apply: apply, state: Pending, done: make(chan struct{}),
		intake: make(chan *parcel[T], intakeSize), uploads: make(chan *batch[T], uploadSize),
		parcels: sync.Pool{New: func() any { return new(parcel[T]) }}, pool: sync.Pool{New: func() any { return new(batch[T]) }},
		waiting: sync.Pool{New: func() any { return make(chan error, 1) }},
	}
}

// Start begins the work. It is [ErrState] unless the feedback is pending.
func (f *Feedback[T]) Start() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != Pending {
		return fmt.Errorf("starting feedback that is %s: %w", f.state, ErrState)
	}
	f.state = Running
	go f.keep()
	go f.work()
	return nil
}

// Submit takes items, which it copies, and returns once they are kept. It is [ErrBusy] when too much is held already, and
// [ErrState] when the feedback does not run; then nothing was taken. When the context ends first, the items may be kept or not.
func (f *Feedback[T]) Submit(ctx context.Context, items ...T) error {
	n := int64(len(items))
	if f.held.Add(n) > mostHeld {
		f.held.Add(-n)
		return ErrBusy
	}
	kept := f.waiting.Get().(chan error) //nolint:forcetypeassert // the pool's New makes these alone
	if err := f.send(items, kept); err != nil {
		f.waiting.Put(kept)
		f.held.Add(-n)
		return err
	}
	if ctx.Done() == nil { // it never ends: a wait at one channel costs less than one at two
		err := <-kept
		f.waiting.Put(kept)
		return err
	}
	select {
	case err := <-kept:
		f.waiting.Put(kept)
		return err
	case <-ctx.Done(): // its answer may still come: nobody else must wait at it
		return ctx.Err()
	}
}

// send puts items into the intake, or to those that wait for it.
func (f *Feedback[T]) send(items []T, kept chan error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	if f.state != Running {
		return fmt.Errorf("feedback is %s: %w", f.state, ErrState)
	}
	switch waiting := len(f.intake); {
	case waiting >= degradedAt:
		f.degraded = true
	case waiting <= recoveredAt:
		f.degraded = false
	}
	p := f.local
	if p == nil {
		p = f.parcels.Get().(*parcel[T]) //nolint:forcetypeassert // the pool's New makes these alone
	}
	p.items, p.done = append(p.items, items...), append(p.done, kept)
	f.local = p
	if !f.degraded || len(p.items) >= batchItems {
		f.hand()
	}
	return nil
}

// hand moves what is put together into the intake if there is room. f.mu is held.
func (f *Feedback[T]) hand() {
	if f.local == nil {
		return
	}
	select {
	case f.intake <- f.local:
		f.local = nil
	default: // the keeper fetches it
	}
}

// keep makes batches of parcels, appends them to the journal and tells the submitters.
func (f *Feedback[T]) keep() {
	defer close(f.uploads)
	for p := range f.intake {
		b := f.pool.Get().(*batch[T]) //nolint:forcetypeassert // the pool's New makes these alone
		f.join(b, p)
		// Those that were told of the batch before submit again now, and so share this one: each switch from one goroutine to
		// another costs more than all that is done for an item.
		runtime.Gosched()
		f.gather(b)
		err := f.append(b.items)
		for _, done := range b.done {
			done <- err
		}
		if err != nil {
			f.held.Add(-int64(len(b.items)))
			b.reset()
			f.pool.Put(b)
			continue
		}
		f.uploads <- b
	}
}

// gather moves what waits in the intake into a batch.
func (f *Feedback[T]) gather(b *batch[T]) {
	for len(b.items) < batchItems {
		select {
		case p, ok := <-f.intake:
			if !ok {
				return
			}
			f.join(b, p)
		default:
			return
		}
	}
}

// append keeps items in the journal, unless it failed before. What was put together meanwhile goes into the intake.
func (f *Feedback[T]) append(items []T) error {
	f.mu.Lock()
	err := f.err
	if f.state == Running {
		f.hand()
	}
	f.mu.Unlock()
	if err != nil {
		return err
	}
	if err = f.journal.Append(items); err != nil {
		err = fmt.Errorf("keeping %d items: %w", len(items), err)
		f.mu.Lock()
		f.err = err
		f.mu.Unlock()
	}
	return err
}

// join moves a parcel into a batch.
func (f *Feedback[T]) join(b *batch[T], p *parcel[T]) {
	b.items, b.done = append(b.items, p.items...), append(b.done, p.done...)
	p.reset()
	f.parcels.Put(p)
}

// work applies batches.
func (f *Feedback[T]) work() {
	defer close(f.done)
	for b := range f.uploads {
		f.apply(b.items)
		f.seen.Add(uint64(len(b.items)))
		f.held.Add(-int64(len(b.items)))
		b.reset()
		f.pool.Put(b)
	}
	f.mu.Lock()
	f.state = Stopped
	f.mu.Unlock()
}

// reset leaves nothing of the items in what is used again.
func (p *parcel[T]) reset() {
	clear(p.items[:cap(p.items)])
	clear(p.done[:cap(p.done)])
	p.items, p.done = p.items[:0], p.done[:0]
}

func (b *batch[T]) reset() {
	clear(b.items[:cap(b.items)])
	clear(b.done[:cap(b.done)])
	b.items, b.done = b.items[:0], b.done[:0]
}

// Stop ends the feedback: nothing more is taken, and everything taken is kept and applied before it returns. When the context
// ends first it returns its error, and the work goes on.
func (f *Feedback[T]) Stop(ctx context.Context) error {
	f.mu.Lock()
	switch f.state {
	case Pending:
		f.state = Stopped
		close(f.done)
	case Running:
		f.state = Stopping
		last := f.local
		f.local = nil
		go func() { // the intake may be full
			if last != nil {
				f.intake <- last
			}
			close(f.intake)
		}()
	default:
	}
	f.mu.Unlock()
	select {
	case <-f.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Health tells how the feedback does.
func (f *Feedback[T]) Health() Health {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Health{State: f.state, Degraded: f.degraded, Seen: f.seen.Load(), Err: f.err}
}
