package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	osexec "os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// liveJobs returns the kinds of the jobs that are not finished, in the order of their insertion.
func liveJobs(t *testing.T, s *Store) []string {
	t.Helper()
	rows, err := s.db.QueryContext(t.Context(), "SELECT kind FROM river_job WHERE finalized_at IS NULL ORDER BY id")
	require.NoError(t, err)
	defer rows.Close()
	var kinds []string
	for rows.Next() {
		var k string
		require.NoError(t, rows.Scan(&k))
		kinds = append(kinds, k)
	}
	require.NoError(t, rows.Err())
	return kinds
}

// work runs the handlers until stop is called, which waits.
func work(t *testing.T, s *Store, handlers map[string]Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Work(ctx, WorkConfig{Handlers: handlers, Parallel: 2}) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// idle waits until no job is left but those of the kinds in but.
func idle(t *testing.T, s *Store, but ...string) {
	t.Helper()
	require.Eventually(t, func() bool { return slices.Equal(liveJobs(t, s), but) }, 20*time.Second, 5*time.Millisecond)
}

// step is a change that moves sub from one state to another.
func step(sub hallmark.Submission, from, to hallmark.State, next string) *hallmark.Change {
	c := &hallmark.Change{
		From: from, Version: hallmark.Version{Digest: sub.Model, Submission: sub.ID, State: to},
		Events: []hallmark.Event{{Submission: sub.ID, Kind: hallmark.EventState, State: to}},
	}
	if next != "" {
		c.Next = &hallmark.Job{Kind: next, Submission: sub.ID}
	}
	return c
}

func states(t *testing.T, s *Store, sub hallmark.Submission) []hallmark.State {
	t.Helper()
	events, err := s.Events(t.Context(), sub.ID, 0, 1000)
	require.NoError(t, err)
	var all []hallmark.State
	for _, e := range events {
		if e.Kind == hallmark.EventState {
			all = append(all, e.State)
		}
	}
	return all
}

func TestWorkRunsJobsInTurn(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	sub := submit(t, s, 1)
	end := make(chan hallmark.Job, 1)
	stop := work(t, s, map[string]Handler{
		"first": func(context.Context, hallmark.Job) (*hallmark.Change, error) {
			c := step(sub, hallmark.StateSubmitted, hallmark.StateFingerprinted, "second")
			c.Next.Try = 7
			c.Delay = time.Millisecond
			return c, nil
		},
		"second": func(_ context.Context, job hallmark.Job) (*hallmark.Change, error) {
			end <- job
			return step(sub, hallmark.StateFingerprinted, hallmark.StateScanned, ""), nil
		},
	})
	require.Equal(t, hallmark.Job{Kind: "second", Submission: sub.ID, Try: 7}, <-end)
	idle(t, s)
	stop()
	require.Equal(t, []hallmark.State{hallmark.StateSubmitted, hallmark.StateFingerprinted, hallmark.StateScanned}, states(t, s, sub))
	require.Empty(t, liveJobs(t, s))
}

func TestErrorsOfSteps(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		err   error
		tries int64
	}{
		"unavailable is tried again": {fmt.Errorf("chain: %w", hallmark.ErrUnavailable), 3},
		"conflict is tried again":    {fmt.Errorf("state: %w", hallmark.ErrConflict), 3},
		"anything else ends the job": {errors.New("strange"), 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := open(t, t.TempDir())
			one, other := submit(t, s, 1), submit(t, s, 2)
			var tries atomic.Int64
			done := make(chan struct{}, 2)
			stop := work(t, s, map[string]Handler{"first": func(_ context.Context, job hallmark.Job) (*hallmark.Change, error) {
				if job.Submission == one.ID && tries.Add(1) < 3 {
					if tt.tries == 1 {
						done <- struct{}{}
					}
					return nil, tt.err
				}
				done <- struct{}{}
				return nil, nil //nolint:nilnil // nothing to write
			}})
			<-done
			<-done
			idle(t, s)
			stop()
			require.Equal(t, tt.tries, tries.Load())
			require.Equal(t, []hallmark.State{hallmark.StateSubmitted}, states(t, s, other))
		})
	}
}

// A change that cannot be written leaves its job undone: effect and completion are one transaction.
func TestEffectAndCompletionAreOne(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	sub := submit(t, s, 1)
	tries := make(chan struct{}, 10)
	var n atomic.Int64
	stop := work(t, s, map[string]Handler{"first": func(context.Context, hallmark.Job) (*hallmark.Change, error) {
		defer func() { tries <- struct{}{} }()
		if n.Add(1) == 1 {
			return step(sub, hallmark.StateScanned, hallmark.StateTested, ""), nil // it is not scanned: ErrConflict
		}
		return step(sub, hallmark.StateSubmitted, hallmark.StateFingerprinted, "never"), nil
	}})
	<-tries
	<-tries
	idle(t, s, "never")
	stop()
	require.Equal(t, []hallmark.State{hallmark.StateSubmitted, hallmark.StateFingerprinted}, states(t, s, sub))
}

func TestStopEndsRunningJobsAndTheNextServerDoesThem(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	sub := submit(t, s, 1)
	running := make(chan struct{})
	stop := work(t, s, map[string]Handler{"first": func(ctx context.Context, _ hallmark.Job) (*hallmark.Change, error) {
		close(running)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	<-running
	stop()
	require.NoError(t, s.Close())

	s = open(t, dir)
	again := make(chan struct{})
	stop = work(t, s, map[string]Handler{"first": func(context.Context, hallmark.Job) (*hallmark.Change, error) {
		close(again)
		return step(sub, hallmark.StateSubmitted, hallmark.StateFingerprinted, ""), nil
	}})
	<-again
	idle(t, s)
	stop()
	require.Equal(t, []hallmark.State{hallmark.StateSubmitted, hallmark.StateFingerprinted}, states(t, s, sub))
}

func TestPanicInAStepIsNotTheServersEnd(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	sub := submit(t, s, 1)
	var tries atomic.Int64
	done := make(chan struct{})
	stop := work(t, s, map[string]Handler{"first": func(context.Context, hallmark.Job) (*hallmark.Change, error) {
		if tries.Add(1) == 1 {
			panic("a bug")
		}
		close(done)
		return step(sub, hallmark.StateSubmitted, hallmark.StateFingerprinted, ""), nil
	}})
	<-done
	idle(t, s)
	stop()
}

func TestWorkConfigThatCannotBe(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	ok := map[string]Handler{"first": nil}
	for name, c := range map[string]WorkConfig{
		"kind of one letter": {Handlers: map[string]Handler{"x": nil}, Parallel: 1},
		"no workers":         {Handlers: ok},
		"negative poll":      {Handlers: ok, Parallel: 1, Poll: -1},
	} {
		require.ErrorIs(t, s.Work(t.Context(), c), hallmark.ErrInvalid, name)
	}
}

// childDir makes the test binary a server that is killed in the middle of a job.
const childDir = "HALLMARK_STORE_TEST_DIR"

// child journals one case, says so, and hangs until it is killed.
func child(dir string) error {
	ctx := context.Background()
	s, err := Open(ctx, Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return s.Work(ctx, WorkConfig{Parallel: 1, Handlers: map[string]Handler{"first": func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
		c := hallmark.CaseEvidence{CaseResult: hallmark.CaseResult{ID: "case 1"}}
		if err := s.AddCase(ctx, "run", c, hallmark.Event{Submission: job.Submission, Kind: hallmark.EventCase}); err != nil {
			return nil, err
		}
		fmt.Println("running")
		<-ctx.Done()
		return nil, ctx.Err()
	}}})
}

func TestKilledServerIsResumed(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	sub := submit(t, s, 1)
	require.NoError(t, s.Close())

	for kills := range 3 {
		killInJob(t, dir)
		start := time.Now()
		s, err = Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		done, err := s.BeginRun(t.Context(), sub.ID, "run")
		require.NoError(t, err)
		require.Len(t, done, 1, "the acknowledged case is there once")

		resumed := make(chan time.Duration)
		stop := work(t, s, map[string]Handler{"first": func(ctx context.Context, _ hallmark.Job) (*hallmark.Change, error) {
			resumed <- time.Since(start)
			if kills < 2 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return step(sub, hallmark.StateSubmitted, hallmark.StateFingerprinted, ""), nil
		}})
		took := <-resumed
		t.Logf("kill %d: job runs again %v after the restart", kills+1, took.Round(time.Millisecond))
		if kills == 2 {
			idle(t, s)
		}
		stop()
		require.NoError(t, s.Close())
	}
	s = open(t, dir)
	require.Equal(t, []hallmark.State{hallmark.StateSubmitted, hallmark.StateFingerprinted}, states(t, s, sub))
	require.Empty(t, liveJobs(t, s))
}

// killInJob starts a server in a process of its own and kills it when its job says that it runs.
func killInJob(t *testing.T, dir string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := osexec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "running", strings.TrimSpace(line))
	require.NoError(t, cmd.Process.Kill())
	_, _ = io.Copy(io.Discard, out)
	require.Error(t, cmd.Wait(), "killed")
}

// While as many slow jobs run as may, others wait, but quick ones do not.
func TestSlowJobsDoNotHoldUpQuickOnes(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	submit(t, s, 1)
	two := submit(t, s, 2)
	c := step(two, hallmark.StateSubmitted, hallmark.StateFingerprinted, "quick")
	require.NoError(t, s.Apply(t.Context(), *c))
	ctx, cancel := context.WithCancel(t.Context())
	var slow atomic.Int64
	end, quick := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.Work(ctx, WorkConfig{Parallel: 1, Handlers: map[string]Handler{
			"first": func(_ context.Context, job hallmark.Job) (*hallmark.Change, error) {
				if !job.Slow || slow.Add(1) > 1 {
					return nil, errors.New("two slow jobs at a time")
				}
				<-end
				slow.Add(-1)
				return nil, nil //nolint:nilnil // nothing to write
			},
			"quick": func(context.Context, hallmark.Job) (*hallmark.Change, error) {
				close(quick)
				return nil, nil //nolint:nilnil // nothing to write
			},
		}})
	}()
	<-quick
	close(end)
	idle(t, s)
	cancel()
	require.NoError(t, <-done)
	var failed int
	require.NoError(t, s.db.QueryRowContext(t.Context(), "SELECT count(*) FROM river_job WHERE state <> 'completed'").Scan(&failed))
	require.Zero(t, failed)
}
