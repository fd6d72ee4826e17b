package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// Every effect outside the database fails once, before it took place or after it, and the version gets where it gets
// without a fault, with each effect there once. All at once here, and one by one with HALLMARK_FULL=1.
func TestEachEffectFailsOnce(t *testing.T) {
	t.Parallel()

	ops := []string{
		"fingerprint", "add file", "scan model", "scan dataset", "plan", "test", "put", "get", "sign", "append", "checkpoint",
		"proof", "key list", "anchor", "status", "admit",
	}
	sets := map[string][]string{"all": ops}
	if os.Getenv("HALLMARK_FULL") == "1" {
		for _, op := range ops {
			sets[op] = []string{op}
		}
	}
	for name, set := range sets {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, applied %v", name, after), func(t *testing.T) {
				t.Parallel()

				b := newBench(t)
				sub := b.submit(t, "good.gguf")
				for _, op := range set {
					b.faults[op] = fault{kind: hallmark.ErrUnavailable, after: after}
				}
				stop := b.work(t, b.flow.Handlers())
				v, events := b.rest(t, sub)
				stop()
				require.Empty(t, b.faults, "every fault was met")
				require.Equal(t, flowStates(hallmark.StateServing), statesOf(events))
				require.Empty(t, v.Problem, "the problem is over")
				b.checkAttested(t, v)
				b.checkCasesRanOnce(t)
				require.Equal(t, undisturbedReport(t), v.Report)
			})
		}
	}
}

func (b *bench) checkCasesRanOnce(t *testing.T) {
	t.Helper()
	require.Len(t, b.caseRuns, b.cases)
	for id, n := range b.caseRuns {
		require.Equal(t, 1, n, id)
	}
}

// undisturbedReport is the digest of the report that the fake suite gives for good.gguf.
func undisturbedReport(t *testing.T) hallmark.Digest {
	t.Helper()
	w := newWorld()
	target := pipeline.Target{Artifact: hallmark.Artifact{Digest: hallmark.DigestOf([]byte("weights of good.gguf"))}}
	result, err := fakeSandbox{w}.Test(t.Context(), pipeline.TestRequest{
		Target: target, OnCase: func(hallmark.CaseEvidence, int, int) error { return nil },
	})
	require.NoError(t, err)
	text, err := hallmark.CanonicalJSON(result.Report)
	require.NoError(t, err)
	return hallmark.DigestOf(text)
}

// A server dies behind each step, when the step has had its effects but nothing is committed.
func TestServerDiesBehindEachStep(t *testing.T) {
	t.Parallel()

	kinds := jobKinds()
	if testing.Short() { // the race detector makes SQLite ten times slower
		kinds = []string{pipeline.JobTest, pipeline.JobPublish, pipeline.JobServe}
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()

			b := newBench(t)
			sub := b.submit(t, "good.gguf")
			died := make(chan struct{})
			var once sync.Once
			handlers := b.flow.Handlers()
			step := handlers[kind]
			handlers[kind] = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
				if _, err := step(ctx, job); err != nil {
					return nil, err
				}
				once.Do(func() { close(died) })
				<-ctx.Done()
				return nil, ctx.Err()
			}
			stop := b.work(t, handlers)
			<-died
			stop()
			require.NoError(t, b.store.Close())

			b.open(t)
			require.NoError(t, b.flow.Restore(t.Context()))
			stop = b.work(t, b.flow.Handlers())
			v, events := b.rest(t, sub)
			stop()
			require.Equal(t, flowStates(hallmark.StateServing), statesOf(events))
			b.checkAttested(t, v)
			b.checkCasesRanOnce(t)
			require.Equal(t, undisturbedReport(t), v.Report)
		})
	}
}

func jobKinds() []string {
	return []string{
		pipeline.JobFingerprint, pipeline.JobScan, pipeline.JobTest, pipeline.JobDecide, pipeline.JobSign, pipeline.JobPublish,
		pipeline.JobAnchor, pipeline.JobServe,
	}
}

// A server dies in the middle of a run; the next one does the other cases and the report is the same.
func TestServerDiesBehindEachCase(t *testing.T) {
	t.Parallel()

	cases := []int{0, 2, 4}
	if testing.Short() {
		cases = cases[1:2]
	}
	for _, n := range cases {
		t.Run(fmt.Sprint("case ", n), func(t *testing.T) {
			t.Parallel()

			b := newBench(t)
			sub := b.submit(t, "good.gguf")
			died := make(chan struct{})
			b.onCase = func(ctx context.Context, i int) {
				if i == n {
					close(died)
					<-ctx.Done() // the server goes down before case n is done
				}
			}
			stop := b.work(t, b.flow.Handlers())
			<-died
			stop()
			b.onCase = func(context.Context, int) {}
			require.NoError(t, b.store.Close())

			b.open(t)
			stop = b.work(t, b.flow.Handlers())
			v, events := b.rest(t, sub)
			stop()
			require.Equal(t, flowStates(hallmark.StateServing), statesOf(events))
			b.checkCasesRanOnce(t)
			require.Equal(t, undisturbedReport(t), v.Report)
		})
	}
}

func TestJournalOfAnotherEngineIsNotTakenOver(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	event := hallmark.Event{Submission: sub.ID, Kind: hallmark.EventCase}
	old := hallmark.CaseEvidence{CaseResult: hallmark.CaseResult{ID: "case-0", Outcome: hallmark.Fail}}
	plan, err := fakePlan(sub.Model, "0").Digest()
	require.NoError(t, err)
	require.NoError(t, b.store.AddCase(t.Context(), plan.Hex(), old, event))
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	b.checkCasesRanOnce(t)
	require.Equal(t, undisturbedReport(t), v.Report)
}

// The server is replaced by one with another engine after a run was announced, before it began.
func TestAnnouncedRunOfAnotherEngineIsAnnouncedAnew(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	b.engine = "0"
	sub := b.submit(t, "good.gguf")
	handlers := b.flow.Handlers()
	plan := handlers[pipeline.JobPlan]
	handlers[pipeline.JobPlan] = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
		change, err := plan(ctx, job)
		b.mu.Lock()
		b.engine = "1"
		b.mu.Unlock()
		return change, err
	}
	stop := b.work(t, handlers)
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateServing, v.State, v.Problem)
	require.Len(t, v.Runs, 2)
	require.NotEqual(t, v.Runs[0].Plan, v.Runs[1].Plan)
	require.Equal(t, v.Runs[1].Plan, v.Record.Plan)
	require.Equal(t, v.Runs[1].Announced.Envelope, b.leaves[v.Runs[1].Announced.LogIndex])
	require.Equal(t, v.Runs[1].Announced.Envelope, b.leaves[0], "logged before it began; the other is logged with the result")
}

// An engine that is another one each time it is asked ends the submission; it does not announce runs for ever.
func TestEngineThatAlwaysChangesEndsTheSubmission(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	handlers := b.flow.Handlers()
	plan := handlers[pipeline.JobPlan]
	plans := 0
	handlers[pipeline.JobPlan] = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
		change, err := plan(ctx, job)
		b.mu.Lock()
		plans++
		b.engine = "engine " + strconv.Itoa(plans)
		b.mu.Unlock()
		return change, err
	}
	stop := b.work(t, handlers)
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateFailed, v.State, "%d plans of %d runs", plans, len(v.Runs))
	require.Contains(t, v.Problem, "16 runs were announced")
	require.Contains(t, v.Hint, "submit again")
	require.Len(t, v.Runs, 16)
}

// A run that a limit stopped is signed and logged, and stays with the version when that is submitted again.
func TestRunWithoutReportIsEvidence(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	b.runVerdict, b.endsEarly = hallmark.RunWallLimit, true
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	v, events := b.rest(t, sub)
	require.Equal(t, hallmark.StateFailed, v.State)
	require.Contains(t, v.Problem, "wall-limit")
	require.Equal(t, v.Problem, events[len(events)-1].Text)
	require.Len(t, v.Runs, 1)
	require.Equal(t, hallmark.RunWallLimit, v.Runs[0].Outcome)
	require.Equal(t, []hallmark.Digest{v.Runs[0].Announced.Envelope, v.Runs[0].Ended.Envelope}, b.leaves)
	require.Equal(t, uint64(1), v.Runs[0].Ended.LogIndex)

	b.mu.Lock()
	b.runVerdict = hallmark.RunOK
	b.mu.Unlock()
	again, created, err := b.flow.Submit(t.Context(), b.request(t, "good.gguf"))
	require.NoError(t, err)
	require.True(t, created)
	v, _ = b.rest(t, again)
	stop()
	require.Equal(t, hallmark.StateServing, v.State, v.Problem)
	require.Len(t, v.Runs, 2)
	require.Equal(t, v.Runs[0].Plan, v.Runs[1].Plan, "the same run, announced twice")
	var ended fakeBundle
	require.NoError(t, json.Unmarshal(b.blocks[v.Bundles[2].CID], &ended))
	_, record, err := statement.ParseRunTrace(ended.Statement)
	require.NoError(t, err)
	require.Equal(t, hallmark.RunWallLimit, record.Verdict)
	require.True(t, record.Report.IsZero())
}

// Whatever was done before is not done again: each job is handed out once more after the end.
func TestEachJobTwiceIsOnce(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	before, _ := b.rest(t, sub)
	stop()
	for _, kind := range jobKinds() {
		change, err := b.flow.Handlers()[kind](t.Context(), hallmark.Job{Kind: kind, Submission: sub.ID})
		require.NoError(t, err)
		require.Nil(t, change, kind)
	}
	after, err := b.store.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, before, after)
	b.checkAttested(t, after)
	require.Equal(t, 1, b.admissions)
}

// A submission whose answer was lost is asked for again.
func TestSubmitAppliedButUnanswered(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	var wake pipeline.Broadcaster
	c := b.config(&wake)
	c.Store = &losingStore{Store: b.store}
	flow, err := pipeline.New(c)
	require.NoError(t, err)

	r := b.request(t, "good.gguf")
	_, _, err = flow.Submit(t.Context(), r)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	sub, created, err := flow.Submit(t.Context(), r)
	require.NoError(t, err)
	require.False(t, created)
	all, err := b.store.ListVersions(t.Context(), hallmark.Digest{}, 10)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, sub.ID, all[0].Submission)
}

// losingStore loses the answer to the first submission.
type losingStore struct {
	pipeline.Store
	lost bool
}

func (s *losingStore) Submit(ctx context.Context, sub hallmark.Submission, key string, job hallmark.Job) (hallmark.Submission, bool, error) {
	standing, created, err := s.Store.Submit(ctx, sub, key, job)
	if !s.lost && err == nil {
		s.lost = true
		return hallmark.Submission{}, false, fmt.Errorf("answer lost: %w", hallmark.ErrUnavailable)
	}
	return standing, created, err
}

func TestFinalErrorsFailTheVersion(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		op    string
		kind  error
		state hallmark.State // reached before
		text  string
	}{
		"not a model":         {"scan model", hallmark.ErrInvalid, hallmark.StateFingerprinted, "scan: scan model: injected: invalid"},
		"wall limit":          {"test", hallmark.ErrUndecided, hallmark.StateScanned, "test: test: injected: undecided"},
		"host cannot isolate": {"plan", hallmark.ErrUnsandboxed, hallmark.StateScanned, "unsandboxed"},
		"evidence is gone":    {"get", hallmark.ErrNotFound, hallmark.StateTested, "not found"},
		"strange error":       {"sign", errors.New("strange"), hallmark.StateScanned, "strange"},
		"bytes changed":       {"admit", hallmark.ErrDigest, hallmark.StateAnchored, "digest mismatch"},
	}
	for name, tt := range tests {
		if testing.Short() && tt.op != "admit" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			b := newBench(t)
			sub := b.submit(t, "good.gguf")
			b.faults[tt.op] = fault{kind: tt.kind}
			stop := b.work(t, b.flow.Handlers())
			v, events := b.rest(t, sub)
			require.Equal(t, hallmark.StateFailed, v.State)
			require.Contains(t, v.Problem, tt.text)
			states := statesOf(events)
			require.Equal(t, []hallmark.State{tt.state, hallmark.StateFailed}, states[len(states)-2:])
			require.Equal(t, v.Problem, events[len(events)-1].Text)
			require.Empty(t, b.served)

			again, created, err := b.flow.Submit(t.Context(), b.request(t, "good.gguf"))
			require.NoError(t, err)
			require.True(t, created, "a failed version may be submitted again")
			v, events = b.rest(t, again)
			stop()
			require.Equal(t, hallmark.StateServing, v.State, v.Problem)
			require.Equal(t, flowStates(hallmark.StateServing), statesOf(events))
		})
	}
}

// The bytes at the artifact's path are other ones by the time they are fingerprinted.
func TestBytesChangedAfterSubmission(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	b.content["/good.gguf"] = []byte("other weights")
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateFailed, v.State)
	require.Contains(t, v.Problem, "fingerprint: good.gguf hashes to "+hallmark.DigestOf([]byte("other weights")).String())
	require.Contains(t, v.Problem, sub.Model.String())
}

func TestSandboxTestedOtherBytes(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	b.tested = hallmark.Digest{7}
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateFailed, v.State)
	require.Contains(t, v.Problem, "the run tested other bytes")
}

// The stored report is no longer the one that the run gave.
func TestReportThatChangedIsNotDecidedOn(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	handlers := b.flow.Handlers()
	decide := handlers[pipeline.JobDecide]
	handlers[pipeline.JobDecide] = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
		v, err := b.store.Version(ctx, sub.Model)
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		b.blocks[v.ReportCID] = bytes.Replace(b.blocks[v.ReportCID], []byte(`"pass"`), []byte(`"void"`), 1)
		b.mu.Unlock()
		return decide(ctx, job)
	}
	stop := b.work(t, handlers)
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateFailed, v.State)
	require.Contains(t, v.Problem, "decide: report")
	require.Nil(t, v.Verdict)
}

// The bytes change between the fingerprint and the copy for evidence.
func TestBytesChangedBetweenTwoReaders(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	b.afterFingerprint = func() { b.content["/good.gguf"] = []byte("other weights") }
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateFailed, v.State)
	require.Contains(t, v.Problem, "changed while it was read")
}

func TestHintReachesTheVersion(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	b.faults["plan"] = fault{kind: hallmark.WithHint(hallmark.ErrUnsandboxed, "run `hallmark doctor`")}
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, "run `hallmark doctor`", v.Hint)
}
