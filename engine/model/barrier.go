package model

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// barrier holds workers back until all have arrived. It may be used again at once.
type barrier struct {
	arrived atomic.Int32
	phase   atomic.Uint32

	mu   sync.Mutex
	next *sync.Cond // phase has changed; of mu
}

func newBarrier() *barrier {
	b := &barrier{}
	b.next = sync.NewCond(&b.mu)
	return b
}

// wait returns when n workers have called it. Steps between barriers are short: it looks again a few times before it sleeps.
func (b *barrier) wait(n int) {
	if n == 1 {
		return
	}
	phase := b.phase.Load()
	if int(b.arrived.Add(1)) == n {
		b.arrived.Store(0)
		b.mu.Lock()
		b.phase.Add(1)
		b.mu.Unlock()
		b.next.Broadcast()
		return
	}
	for range 64 {
		if b.phase.Load() != phase {
			return
		}
		runtime.Gosched()
	}
	b.mu.Lock()
	for b.phase.Load() == phase {
		b.next.Wait()
	}
	b.mu.Unlock()
}
