package pipeline_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// caseStore calls before for each case that is to be committed.
type caseStore struct {
	pipeline.Store
	before func(id string) error
}

func (s caseStore) AddCase(ctx context.Context, run string, c hallmark.CaseEvidence, e hallmark.Event) error {
	if err := s.before(c.ID); err != nil {
		return err
	}
	return s.Store.AddCase(ctx, run, c, e)
}

// with puts a flow over another view of the bench's store.
func (b *bench) with(t *testing.T, s pipeline.Store) {
	t.Helper()
	c := b.config(b.wake)
	c.Store = s
	var err error
	b.flow, err = pipeline.New(c)
	require.NoError(t, err)
}

func TestCaseIsCommittedBesideTheNextOne(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	began := make(chan int, 8)
	b.onCase = func(_ context.Context, n int) { began <- n }
	b.with(t, caseStore{b.store, func(id string) error {
		if id != "case-0" {
			return nil
		}
		for range 2 { // the second case would never begin if it waited for this one
			select {
			case <-began:
			case <-time.After(10 * time.Second):
				return fmt.Errorf("the next case waits: %w", hallmark.ErrInvalid)
			}
		}
		return nil
	}})
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateServing, v.State, v.Problem)
	require.Equal(t, undisturbedReport(t), v.Report)
}

// The database refuses one case, whichever: the step is put off, and the cases before it are not run again.
func TestCaseThatCannotBeCommitted(t *testing.T) {
	t.Parallel()

	for n := range 5 {
		if testing.Short() && n != 2 {
			continue
		}
		t.Run(fmt.Sprint("case ", n), func(t *testing.T) {
			t.Parallel()

			b := newBench(t)
			failing, failed := fmt.Sprintf("case-%d", n), false
			b.with(t, caseStore{b.store, func(id string) error {
				if id == failing && !failed {
					failed = true
					return fmt.Errorf("disk is busy: %w", hallmark.ErrUnavailable)
				}
				return nil
			}})
			sub := b.submit(t, "good.gguf")
			stop := b.work(t, b.flow.Handlers())
			v, events := b.rest(t, sub)
			stop()
			require.Equal(t, flowStates(hallmark.StateServing), statesOf(events))
			require.Equal(t, undisturbedReport(t), v.Report)
			for i := range 5 {
				id := fmt.Sprintf("case-%d", i)
				switch {
				case i < n:
					require.Equal(t, 1, b.caseRuns[id], id)
				case i == n:
					require.Equal(t, 2, b.caseRuns[id], id)
				default:
					require.LessOrEqual(t, b.caseRuns[id], 2, id) // it may have begun before the failure was known
				}
			}
		})
	}
}
