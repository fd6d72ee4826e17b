package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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

func (j *memoryJournal) Size() int64 { return 0 }

func (j *memoryJournal) Restart([]byte) error { return errors.New("it is never long") }

func startedLearning(t *testing.T, j *memoryJournal) *Learning {
	t.Helper()
	l := NewLearning(j, 1<<30, slog.New(slog.DiscardHandler))
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

	again := NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler))
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

// openLearning opens the file's journal and learns what it holds.
func openLearning(t *testing.T, path string, limit int64) (*Learning, *store.Journal) {
	t.Helper()
	j, err := store.OpenJournal(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = j.Close() }) // tests close it too
	l := NewLearning(j, limit, slog.New(slog.DiscardHandler))
	require.NoError(t, j.Replay(l.ReplaySnapshot, l.Replay))
	return l, j
}

// The journal does not grow for ever, and whatever is in it when the process dies, a snapshot and what followed, comes to the
// same knowledge, bit for bit, as all that was ever told.
func TestLearningBeginsItsJournalAnew(t *testing.T) {
	t.Parallel()

	const limit = 1 << 20
	dir := t.TempDir()
	path := filepath.Join(dir, "journal")
	l, j := openLearning(t, path, limit)
	whole := NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler)) // learns the same from a journal that is never begun anew
	require.NoError(t, l.Start())
	longest, restarts, last := int64(0), 0, int64(0)
	for n := range uint64(120) {
		var source hallmark.Digest
		binary.LittleEndian.PutUint64(source[:], n)
		outcomes := someOutcomes(source, 160)
		if n%5 == 0 {
			outcomes = nil
			for i := range 6 {
				outcomes = append(outcomes, outcome{
					Source: source, Kind: reviewOutcome, ID: fmt.Sprint("finding ", i), Detector: fmt.Sprint("d", n%7), Rule: fmt.Sprint("rule ", n%11), Severity: hallmark.SeverityHigh, Positive: (n+uint64(i))%3 == 0,
				})
			}
		}
		require.NoError(t, l.tell(t.Context(), source, outcomes))
		whole.learn(outcomes)
		info, err := os.Stat(path)
		require.NoError(t, err)
		longest = max(longest, info.Size())
		begun := info.Size() < last
		last = info.Size()
		if begun {
			restarts++
		}
		if begun || n == 60 || n == 119 { // dies here, the journal as it is
			copied := filepath.Join(dir, fmt.Sprint("dies at ", n))
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(copied, content, 0o600))
			again, _ := openLearning(t, copied, limit)
			requireSameKnowledge(t, whole, again)
			require.NoError(t, again.Start())
			require.NoError(t, again.tell(t.Context(), source, outcomes))
			require.Zero(t, again.Health().Taken, "known, from the snapshot too")
			require.NoError(t, again.Stop(t.Context()))
		}
	}
	t.Logf("begun anew %d times, at most %d bytes", restarts, longest)
	require.GreaterOrEqual(t, restarts, 2)
	require.Less(t, longest, int64(limit+limit/8), "the limit and a batch")
	require.False(t, l.Health().Growing)
	require.NoError(t, l.Stop(t.Context()))
	require.NoError(t, j.Close())
}

// While many tell at once, batches are kept that are not learned yet: a snapshot waits for them.
func TestJournalBeginsAnewUnderLoad(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "journal")
	l, j := openLearning(t, path, 10_000)
	require.NoError(t, l.Start())
	const tellers, each, size = 8, 60, 40
	var all sync.WaitGroup
	for teller := range byte(tellers) {
		all.Go(func() {
			for n := range byte(each) {
				source := hallmark.Digest{1, teller, n}
				if err := l.tell(context.WithoutCancel(t.Context()), source, someOutcomes(source, size)); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, l.Stop(t.Context()))
	require.NoError(t, j.Close())
	again, _ := openLearning(t, path, 10_000)
	requireSameKnowledge(t, l, again)
	require.EqualValues(t, tellers*each*size, again.Health().Learned)
	require.Len(t, again.order, tellers*each)
}

// FuzzReplaySnapshot takes up whatever a file holds, or refuses it.
func FuzzReplaySnapshot(f *testing.F) {
	text, err := NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler)).snapshot(0)
	require.NoError(f, err)
	f.Add(text)
	f.Add([]byte(`{"cases":{"seed":1,"seen":1,"members":[{"mean":[1e999],"precision":[]}]},"queue":{"reviewed":[{"at":[-1],"x":[]}],"next":-1},"sources":"AAAA"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler))
		if l.ReplaySnapshot(text) == nil {
			require.NoError(t, l.Replay([][]byte{[]byte(`{"source":"","kind":"review","id":"x","detector":"d","positive":true}`)}))
			require.NotNil(t, l.queue.State())
		}
	})
}

// requireSameKnowledge compares all that is known, and what is made of it.
func requireSameKnowledge(t *testing.T, want, got *Learning) {
	t.Helper()
	require.Equal(t, want.Health().Learned, got.Health().Learned)
	require.Equal(t, want.cases.Snapshot().Digest(), got.cases.Snapshot().Digest())
	require.Equal(t, want.reviews.Snapshot().Digest(), got.reviews.Snapshot().Digest())
	require.Equal(t, want.queue.State(), got.queue.State())
	require.Equal(t, want.order, got.order)
}

// A journal that cannot be begun anew grows on, visibly, and is tried again; nothing is lost.
func TestLearningOfAJournalThatStaysLong(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "journal")
	l, _ := openLearning(t, path, 10_000)
	require.NoError(t, os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700))
	require.NoError(t, l.Start())
	tell := func(n byte) {
		t.Helper()
		source := hallmark.Digest{n}
		require.NoError(t, l.tell(t.Context(), source, someOutcomes(source, 100)))
	}
	tell(1)
	tell(2)
	require.True(t, l.Health().Growing)
	require.NoError(t, l.Health().Err)
	require.NoError(t, os.RemoveAll(path+".new"))
	tell(3)
	tell(4)
	require.False(t, l.Health().Growing)
	require.NoError(t, l.Stop(t.Context()))
	again, _ := openLearning(t, path, 10_000)
	require.EqualValues(t, 400, again.Health().Learned)
}

// Sources are known up to a limit; the oldest are forgotten first.
func TestOldestSourcesAreForgotten(t *testing.T) {
	t.Parallel()

	l := NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler))
	digest := func(n int) (d hallmark.Digest) {
		binary.LittleEndian.PutUint64(d[:], uint64(n))
		return d
	}
	for n := range mostSources + 10 {
		l.remember(digest(n))
		l.remember(digest(n))
	}
	require.Len(t, l.known, mostSources)
	require.Len(t, l.order, mostSources)
	require.False(t, l.known[digest(9)])
	require.True(t, l.known[digest(10)])

	text, err := l.snapshot(0)
	require.NoError(t, err)
	require.Less(t, len(text), 16<<20, "a quarter of what a journal takes")
	again := NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler))
	require.NoError(t, again.ReplaySnapshot(text))
	require.Equal(t, l.order, again.order)
}

func TestSnapshotsThatAreRefused(t *testing.T) {
	t.Parallel()

	text, err := NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler)).snapshot(0)
	require.NoError(t, err)
	require.NoError(t, NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler)).ReplaySnapshot(text))
	for _, bad := range []string{"", "{}", `{"cases":1}`, strings.Replace(string(text), `"seen":0`, `"seed":0`, 1), strings.Replace(string(text), `"seed":1`, `"seed":7`, 1)} {
		require.Error(t, NewLearning(new(memoryJournal), 1<<30, slog.New(slog.DiscardHandler)).ReplaySnapshot([]byte(bad)), "%.80s", bad)
	}
}

// BenchmarkLearning tells runs of 1,000 cases from four goroutines, through the file and into the learners.
func BenchmarkLearning(b *testing.B) {
	j, err := store.OpenJournal(filepath.Join(b.TempDir(), "journal"))
	require.NoError(b, err)
	l := NewLearning(j, 1<<30, slog.New(slog.DiscardHandler))
	require.NoError(b, j.Replay(l.ReplaySnapshot, l.Replay))
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
