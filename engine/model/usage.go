package model

import (
	"sync/atomic"
	"time"
)

// Usage is what a model has done and holds.
type Usage struct {
	Positions uint64        // computed since the model was loaded, by all sequences
	Calls     uint64        // that computed them
	Wall      time.Duration // of the calls, added up; calls at the same time count each
	Weights   int64         // bytes of the file's weights that a call reads
	Working   int64         // bytes of buffers and of pages that are kept for later
}

// counters are a model's. They are apart from the weights, which nobody writes to.
type counters struct{ positions, calls, nanoseconds atomic.Uint64 }

func (c *counters) begin() time.Time { return time.Now() }

func (c *counters) end(start time.Time, positions int) {
	c.positions.Add(uint64(positions))
	c.calls.Add(1)
	c.nanoseconds.Add(uint64(max(0, time.Since(start))))
}

// Computed returns how many positions have been computed since the model was loaded, by all sequences.
func (m *Model) Computed() uint64 { return m.computed.positions.Load() }

// Usage returns what the model has done and holds. The keys and values of sequences are not in it, see [Sequence.Size].
func (m *Model) Usage() Usage {
	u := Usage{Positions: m.computed.positions.Load(), Calls: m.computed.calls.Load(), Wall: time.Duration(m.computed.nanoseconds.Load())}
	for _, w := range m.matrices() {
		u.Weights += int64(w.Size())
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.idle {
		u.Working += int64(4 * r.floats)
	}
	u.Working += int64(len(m.spare)) * 2 * 4 * int64(m.pageFloats())
	return u
}

// PositionSize returns the memory of a position's keys and values in bytes.
func (m *Model) PositionSize() int { return 2 * 4 * m.pageFloats() / pageLen }
