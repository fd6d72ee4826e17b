package al

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A kept is a journal in memory that can be held up and can fail.
type kept struct {
	mu    sync.Mutex
	items []int
	gate  chan struct{} // if not nil, every Append takes one
	err   error
	most  int
}

func (k *kept) Append(batch []int) error {
	if k.gate != nil {
		<-k.gate
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	k.items, k.most = append(k.items, batch...), max(k.most, len(batch))
	return nil
}

func TestFeedbackKeepsAndAppliesAll(t *testing.T) {
	t.Parallel()

	journal, applied := &kept{}, []int{}
	f := NewFeedback(journal, func(batch []int) { applied = append(applied, batch...) })
	require.Equal(t, Health{State: Pending}, f.Health())
	require.ErrorIs(t, f.Submit(t.Context(), 1), ErrState)
	require.NoError(t, f.Start())
	require.ErrorIs(t, f.Start(), ErrState)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				if err := f.Submit(context.Background(), g*1000+i, -1); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, f.Stop(t.Context()))
	require.Equal(t, Health{State: Stopped, Seen: 3200}, f.Health())
	require.Equal(t, journal.items, applied)
	require.Len(t, applied, 3200)
	require.ErrorIs(t, f.Submit(t.Context(), 1), ErrState)
	require.NoError(t, f.Stop(t.Context()), "again")
	require.Zero(t, f.held.Load())
}

// Behind a journal that does not get on, submissions are put together, then refused; nothing taken is lost.
func TestFeedbackDegrades(t *testing.T) {
	t.Parallel()

	journal := &kept{gate: make(chan struct{})}
	var applied atomic.Int64
	f := NewFeedback(journal, func(batch []int) { applied.Add(int64(len(batch))) })
	require.NoError(t, f.Start())
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody waits for the journal
	taken, refused := 0, 0
	for refused == 0 {
		some := make([]int, 32)
		for i := range some {
			some[i] = taken + i
		}
		switch err := f.Submit(ctx, some...); {
		case errors.Is(err, ErrBusy):
			refused++
		case err == nil, errors.Is(err, context.Canceled):
			taken += len(some)
		default:
			require.NoError(t, err)
		}
	}
	require.True(t, f.Health().Degraded)
	require.Equal(t, mostHeld, taken)
	close(journal.gate)
	require.NoError(t, f.Stop(t.Context()))
	require.Equal(t, int64(taken), applied.Load())
	slices.Sort(journal.items)
	for i, x := range journal.items {
		require.Equal(t, i, x, "each once")
	}
}

func TestFeedbackOfABrokenJournal(t *testing.T) {
	t.Parallel()

	broken := errors.New("disk full")
	f := NewFeedback(&kept{err: broken}, func([]int) { panic("applied what was not kept") })
	require.NoError(t, f.Start())
	require.ErrorIs(t, f.Submit(t.Context(), 1, 2), broken)
	require.ErrorIs(t, f.Submit(t.Context(), 3), broken, "no more is taken")
	require.ErrorIs(t, f.Health().Err, broken)
	require.NoError(t, f.Stop(t.Context()))
	require.Zero(t, f.held.Load())
	require.NoError(t, NewFeedback(&kept{}, func([]int) {}).Stop(t.Context()), "never started")
}

// What goes back into a pool holds nothing of what was in it, in any field.
func TestPooledObjectsAreEmpty(t *testing.T) {
	t.Parallel()

	secret := "secret"
	p := &parcel[*string]{items: []*string{&secret, &secret}, done: []chan error{make(chan error)}}
	b := &batch[*string]{items: []*string{&secret}, done: []chan error{make(chan error)}}
	p.reset()
	b.reset()
	for _, pooled := range []any{*p, *b} {
		v := reflect.ValueOf(pooled)
		for i := range v.NumField() {
			field := v.Field(i)
			require.Equal(t, reflect.Slice, field.Kind(), "a field of another kind needs its own check")
			require.Zero(t, field.Len())
			for j := range field.Cap() {
				require.True(t, field.Slice(0, field.Cap()).Index(j).IsZero(), "%T.%s", pooled, v.Type().Field(i).Name)
			}
		}
	}
}

// A lines journal is a file with a line an item.
type lines struct{ f *os.File }

func (l lines) Append(batch []int) error {
	var b strings.Builder
	for _, x := range batch {
		fmt.Fprintln(&b, x)
	}
	_, err := l.f.WriteString(b.String())
	return err
}

// TestFeedbackIsKilled kills a process that submits: everything that it was told is kept is in the file.
func TestFeedbackIsKilled(t *testing.T) {
	if path := os.Getenv("AL_JOURNAL"); path != "" {
		submitForever(path)
	}
	t.Parallel()
	rounds := 3
	if os.Getenv("HALLMARK_FULL") == "1" {
		rounds = 50
	}
	for round := range rounds {
		path := filepath.Join(t.TempDir(), "journal")
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestFeedbackIsKilled$")
		cmd.Env = append(os.Environ(), "AL_JOURNAL="+path)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		acknowledged := map[string]bool{}
		in := bufio.NewScanner(out)
		for len(acknowledged) < 200*(round+1) && in.Scan() {
			acknowledged[in.Text()] = true
		}
		require.NoError(t, cmd.Process.Kill())
		for in.Scan() { // what it said before it died
			acknowledged[in.Text()] = true
		}
		_ = cmd.Wait() // killed
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		found := map[string]bool{}
		for line := range strings.SplitSeq(string(data), "\n") {
			require.False(t, found[line] && line != "", "twice: %s", line)
			found[line] = true
		}
		for line := range acknowledged {
			require.True(t, found[line], "lost %s", line)
		}
	}
}

// submitForever prints each item once it is kept.
func submitForever(path string) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	feedback := NewFeedback(lines{f}, func([]int) {})
	if err := feedback.Start(); err != nil {
		panic(err)
	}
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				x := 1_000_000*(g+1) + i
				if err := feedback.Submit(context.Background(), x); err == nil {
					fmt.Fprintf(os.Stdout, "%d\n", x) // one write a line
				}
			}
		}()
	}
	select {}
}

// BenchmarkFeedback reports items a second of one core, in submissions of 64 items and of one, and how much
// the heap held at most, looked at now and then.
func BenchmarkFeedback(b *testing.B) {
	for _, of := range []struct{ size, goroutines int }{{64, 4}, {1, 4}, {1, 64}} {
		b.Run(fmt.Sprintf("%d_by_%d", of.size, of.goroutines), func(b *testing.B) { benchmarkFeedback(b, of.size, of.goroutines) })
	}
}

func benchmarkFeedback(b *testing.B, size, goroutines int) {
	b.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	count, before := 0, processorTime()
	f := NewFeedback(discard{}, func(batch []int) { count += len(batch) })
	require.NoError(b, f.Start())
	items := make([]int, size)
	var all sync.WaitGroup
	var most uint64
	b.ResetTimer()
	b.ReportAllocs()
	for g := range goroutines {
		all.Go(func() {
			for i := range b.N / goroutines {
				if err := f.Submit(context.Background(), items...); err != nil {
					panic(err)
				}
				if g == 0 && i%65536 == 0 {
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapInuse)
				}
			}
		})
	}
	all.Wait()
	require.NoError(b, f.Stop(b.Context()))
	b.StopTimer()
	require.Equal(b, b.N/goroutines*goroutines*size, count)
	b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "items/s")
	b.ReportMetric(float64(count)/(processorTime()-before).Seconds(), "items/CPU-s")
	b.ReportMetric(float64(most)/(1<<20), "heap-MiB")
}

// processorTime is what this process used, so that a busy machine measures the same.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

type discard struct{}

func (discard) Append([]int) error { return nil }
