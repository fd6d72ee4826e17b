package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/store"
)

// A memoryJournal keeps records, waits for its gate if it has one, and fails if told to.
type memoryJournal struct {
	mu      sync.Mutex
	records [][]byte
	gate    chan struct{} // nil: do not wait
	entered chan struct{} // nil: say nothing
	err     error
}

func (j *memoryJournal) Append(records [][]byte) error {
	if j.entered != nil {
		j.entered <- struct{}{}
	}
	if j.gate != nil {
		<-j.gate
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	for _, r := range records {
		j.records = append(j.records, append([]byte(nil), r...))
	}
	return nil
}

func startedLearning(t *testing.T, j *memoryJournal) *Learning {
	t.Helper()
	l := NewLearning(j)
	require.Equal(t, "pending", l.Health().State)
	require.NoError(t, l.Start())
	t.Cleanup(func() { require.NoError(t, l.Stop(context.WithoutCancel(t.Context()))) })
	return l
}

func someOutcomes(source hallmark.Digest, n int) []outcome {
	var all []outcome
	for i := range n {
		all = append(all, outcome{Source: source, Kind: caseOutcome, ID: fmt.Sprint("case ", i), Detector: "inject.direct", Positive: i%2 == 0})
	}
	return all
}

// However many tell of a source at once, it is written and learned once.
func TestSourceIsToldOnce(t *testing.T) {
	t.Parallel()

	j := new(memoryJournal)
	l := startedLearning(t, j)
	source := hallmark.Digest{1}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := l.tell(context.WithoutCancel(t.Context()), source, someOutcomes(source, 40)); err != nil {
				panic(err)
			}
		})
	}
	all.Wait()
	require.Len(t, j.records, 40)
	require.Equal(t, LearningHealth{State: "running", Taken: 40, Learned: 40}, l.Health())
	require.NoError(t, l.tell(t.Context(), source, someOutcomes(source, 40)))
	require.Len(t, j.records, 40)

	again := NewLearning(new(memoryJournal))
	require.NoError(t, again.Replay(j.records))
	require.EqualValues(t, 40, again.Health().Learned)
	o := outcome{Kind: caseOutcome, Detector: "inject.direct"}
	require.Equal(t, l.cases.Snapshot().Predict(o), again.cases.Snapshot().Predict(o), "the same knowledge, bit for bit")
	require.NoError(t, again.Start())
	require.NoError(t, again.tell(t.Context(), source, someOutcomes(source, 40)), "known from the journal")
	require.Zero(t, again.Health().Taken)
	require.NoError(t, again.Stop(t.Context()))
	require.Error(t, again.Replay([][]byte{[]byte(`{"unknown":1}`)}))
}

// Whoever leaves while the journal is busy does not know whether it was kept; telling again settles it.
func TestTellingIsAbandoned(t *testing.T) {
	t.Parallel()

	j := &memoryJournal{gate: make(chan struct{}), entered: make(chan struct{}, 8)}
	l := startedLearning(t, j)
	source := hallmark.Digest{1}
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- l.tell(context.WithoutCancel(ctx), source, someOutcomes(source, 3)) }()
	<-j.entered
	cancel()
	require.ErrorIs(t, l.tell(ctx, source, someOutcomes(source, 3)), context.Canceled)
	close(j.gate)
	require.NoError(t, <-first)
	require.NoError(t, l.tell(t.Context(), source, someOutcomes(source, 3)))
	require.Len(t, j.records, 3)
}

// A journal that takes no more makes everything unavailable, visibly, and nothing is learned that was not kept.
func TestLearningOfABrokenJournal(t *testing.T) {
	t.Parallel()

	j := &memoryJournal{err: errors.New("disk full")}
	l := startedLearning(t, j)
	for n := range 3 {
		source := hallmark.Digest{byte(n + 1)}
		err := l.tell(t.Context(), source, someOutcomes(source, 2))
		require.ErrorIs(t, err, hallmark.ErrUnavailable)
		require.ErrorContains(t, err, "disk full")
	}
	require.ErrorContains(t, l.Health().Err, "disk full")
	require.Zero(t, l.Health().Learned)
}

// BenchmarkLearning tells runs of 1,000 cases from four goroutines, through the file and into the learners.
func BenchmarkLearning(b *testing.B) {
	j, err := store.OpenJournal(filepath.Join(b.TempDir(), "journal"))
	require.NoError(b, err)
	l := NewLearning(j)
	require.NoError(b, j.Replay(l.Replay))
	require.NoError(b, l.Start())
	var next atomic.Uint64
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := next.Add(1); n <= uint64(b.N); n = next.Add(1) {
				var source hallmark.Digest
				binary.LittleEndian.PutUint64(source[:], n)
				if err := l.tell(context.WithoutCancel(b.Context()), source, someOutcomes(source, 1000)); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "items/s")
	require.NoError(b, l.Stop(b.Context()))
	require.NoError(b, j.Close())
}
