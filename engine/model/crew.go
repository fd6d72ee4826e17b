package model

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	patience = 1 << 11                // looks at a variable before others may run meanwhile
	rounds   = 1 << 8                 // times that others may run before a worker sleeps
	idleTime = 100 * time.Millisecond // after which a worker that nobody needs ends
)

// crew is a number of workers, the caller of run among them. The others are goroutines that wait for the next call: for a
// moment awake, then asleep, and that end when none comes.
type crew struct {
	work func(worker int)
	mate []mate // of the caller's; worker i is mate i-1

	// The barrier between steps of a call.
	size    int
	arrived atomic.Int32
	phase   atomic.Uint32
	asleep  atomic.Int32
	mu      sync.Mutex
	next    *sync.Cond // phase has changed; of mu
}

// mate is one goroutine of a crew.
type mate struct {
	state atomic.Int32
	call  chan struct{} // holds one
	loop  func()
}

// The states of a mate.
const (
	gone int32 = iota
	idle
	busy
)

// newCrew returns a crew of n workers that run work.
func newCrew(n int, work func(worker int)) *crew {
	c := &crew{work: work, mate: make([]mate, n-1)}
	c.next = sync.NewCond(&c.mu)
	for i := range c.mate {
		m := &c.mate[i]
		m.call = make(chan struct{}, 1)
		m.loop = func() { c.serve(m, i+1) }
	}
	return c
}

// run does work as workers 0 to n-1 and returns when all have done it. The workers may call wait, all equally often.
func (c *crew) run(n int) {
	c.size = n
	for i := range n - 1 {
		m := &c.mate[i]
		if !m.state.CompareAndSwap(idle, busy) {
			m.state.Store(busy)
			go m.loop()
		}
		m.call <- struct{}{}
	}
	c.work(0)
	c.wait()
}

// serve is a mate's goroutine.
func (c *crew) serve(m *mate, worker int) {
	timer := time.NewTimer(idleTime)
	defer timer.Stop()
	for {
		if !m.called(timer) {
			return
		}
		c.work(worker)
		m.state.Store(idle) // before the caller can start the next call
		c.wait()
	}
}

// called waits for the next call and says whether there is one.
func (m *mate) called(timer *time.Timer) bool {
	for i := range patience + rounds {
		select {
		case <-m.call:
			return true
		default:
		}
		if i >= patience {
			runtime.Gosched()
		}
	}
	timer.Reset(idleTime)
	select {
	case <-m.call:
		return true
	case <-timer.C:
	}
	if m.state.CompareAndSwap(idle, gone) {
		return false
	}
	<-m.call // it came at the last moment
	return true
}

// wait returns when all workers of the call have called it. Steps are short: it looks again for a while before it sleeps.
func (c *crew) wait() {
	size := c.size // once all have arrived, the next call may set it
	if size == 1 {
		return
	}
	phase := c.phase.Load()
	if int(c.arrived.Add(1)) == size {
		c.arrived.Store(0)
		c.phase.Add(1)
		if c.asleep.Load() > 0 {
			c.mu.Lock() // whoever goes to sleep waits already
			c.next.Broadcast()
			c.mu.Unlock()
		}
		return
	}
	for i := range patience + rounds {
		if c.phase.Load() != phase {
			return
		}
		if i >= patience {
			runtime.Gosched()
		}
	}
	c.mu.Lock()
	c.asleep.Add(1)
	for c.phase.Load() == phase {
		c.next.Wait()
	}
	c.asleep.Add(-1)
	c.mu.Unlock()
}
