package pipeline

import "sync"

// A Broadcaster wakes everybody who waits for new events. It carries no data: who is woken reads the store, so a slow
// reader loses nothing. The zero value is ready.
type Broadcaster struct {
	mu sync.Mutex
	// wake is closed at the next Wake; nil while nobody waits.
	wake chan struct{}
}

// Wake wakes all who wait now. It never blocks.
func (b *Broadcaster) Wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wake != nil {
		close(b.wake)
		b.wake = nil
	}
}

// next returns a channel that is closed at the next Wake. Take it before reading the store.
func (b *Broadcaster) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wake == nil {
		b.wake = make(chan struct{})
	}
	return b.wake
}
