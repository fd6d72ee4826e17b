package model

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCrewKeepsStep has workers of changing number take many steps; none begins one before all have ended the last.
func TestCrewKeepsStep(t *testing.T) {
	t.Parallel()

	const steps = 50
	var done [steps]atomic.Int32
	var c *crew
	c = newCrew(4, func(int) {
		for i := range steps {
			if i > 0 && int(done[i-1].Load()) != c.size {
				t.Errorf("step %d begins when %d of %d workers have ended the last", i, done[i-1].Load(), c.size)
			}
			done[i].Add(1)
			c.wait()
		}
	})
	for call := range 300 {
		n := 1 + call%4
		for i := range done {
			done[i].Store(0)
		}
		c.run(n)
		for i := range done {
			require.EqualValues(t, n, done[i].Load())
		}
	}
}

// TestCrewEndsWhenNobodyNeedsIt waits for the goroutines' end, calls again, and calls at the moment when they give up.
func TestCrewEndsWhenNobodyNeedsIt(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		c := newCrew(3, func(int) { ran.Add(1) })
		for i := range 20 {
			c.run(3)
			require.EqualValues(t, 3*(i+1), ran.Load())
			synctest.Wait() // they sleep: it waits for ever for a goroutine that spins
			for m := range c.mate {
				require.Equal(t, idle, c.mate[m].state.Load())
			}
			time.Sleep(idleTime * time.Duration(i%3) / 2) // of synctest, which is no waiting
			synctest.Wait()
			for m := range c.mate {
				want := idle
				if i%3 == 2 {
					want = gone
				}
				require.Equal(t, want, c.mate[m].state.Load())
			}
		}
		time.Sleep(2 * idleTime) // of synctest, which is no waiting
	})
}
