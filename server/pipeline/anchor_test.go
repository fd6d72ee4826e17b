package pipeline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// waitFor follows a submission until an event matches.
func (b *bench) waitFor(t *testing.T, sub hallmark.Submission, match func(hallmark.Event) bool) hallmark.Event {
	t.Helper()
	for e, err := range b.flow.Events(t.Context(), sub.ID, 0) {
		require.NoError(t, err)
		if match(e) {
			return e
		}
	}
	t.Fatal("it came to rest without that event")
	return hallmark.Event{}
}

func TestChainDownLeavesTheVersionAttested(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	b.chainDown = "connection refused"
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	retry := b.waitFor(t, sub, func(e hallmark.Event) bool { return e.Kind == hallmark.EventRetry })
	require.Equal(t, "connection refused", retry.Text)
	v, err := b.store.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, hallmark.StateAttested, v.State)
	require.Equal(t, "connection refused", v.Problem)
	require.Empty(t, b.served)

	b.mu.Lock()
	b.chainDown = ""
	b.mu.Unlock()
	v, events := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateServing, v.State)
	require.Empty(t, v.Problem)
	b.checkAttested(t, v)
	retries := 0
	for _, e := range events {
		if e.Kind == hallmark.EventRetry {
			retries++
		}
	}
	require.Equal(t, 1, retries, "the same problem is told once")
}

func TestAnchorBelowTheHeadIsNotServed(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	b.anchorPath = []hallmark.AnchorState{hallmark.AnchorPending, hallmark.AnchorIncluded, hallmark.AnchorSafe}
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	b.waitFor(t, sub, func(e hallmark.Event) bool { return e.Anchor == hallmark.AnchorSafe })
	v, err := b.store.Version(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, hallmark.StateAttested, v.State)
	require.Empty(t, b.served)

	b.mu.Lock()
	b.anchorPath = append(b.anchorPath, hallmark.AnchorFinal)
	b.mu.Unlock()
	v, _ = b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateServing, v.State)
	require.Equal(t, hallmark.AnchorFinal, v.Anchor.State)
}

func TestRefusedRecordFailsTheVersion(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	b.anchorPath = []hallmark.AnchorState{hallmark.AnchorPending, hallmark.AnchorOrphaned}
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	v, _ := b.rest(t, sub)
	stop()
	require.Equal(t, hallmark.StateFailed, v.State)
	require.Contains(t, v.Problem, "contract refuses")
	require.Empty(t, b.served)
}

// What failed after it was attested goes on by command, with its anchor or with serving; what failed before does not.
func TestRetry(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	b.anchorPath = []hallmark.AnchorState{hallmark.AnchorPending, hallmark.AnchorOrphaned}
	sub := b.submit(t, "good.gguf")
	stop := b.work(t, b.flow.Handlers())
	defer func() { stop() }()
	v, _ := b.rest(t, sub)
	require.Equal(t, hallmark.StateFailed, v.State)

	b.mu.Lock()
	b.anchorPath = []hallmark.AnchorState{hallmark.AnchorPending, hallmark.AnchorFinal}
	b.content["/good.gguf"] = []byte("changed meanwhile")
	b.mu.Unlock()
	v, err := b.flow.Retry(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, hallmark.StateAttested, v.State)
	evidence := v.Evidence
	v, _ = b.rest(t, sub)
	require.Equal(t, hallmark.StateFailed, v.State, "it is anchored now, and its file is another one")
	require.Contains(t, v.Problem, "serve: ")

	b.mu.Lock()
	b.content["/good.gguf"] = []byte("weights of good.gguf")
	b.mu.Unlock()
	v, err = b.flow.Retry(t.Context(), sub.Model)
	require.NoError(t, err)
	require.Equal(t, hallmark.StateAnchored, v.State)
	v, _ = b.rest(t, sub)
	require.Equal(t, hallmark.StateServing, v.State)
	require.Equal(t, evidence, v.Evidence, "nothing was signed again")
	b.checkCasesRanOnce(t)
	_, err = b.flow.Retry(t.Context(), sub.Model)
	require.ErrorIs(t, err, hallmark.ErrConflict, "it did not fail")

	b.mu.Lock()
	b.faults["scan model"] = fault{kind: hallmark.ErrInvalid}
	b.mu.Unlock()
	early := b.submit(t, "early.gguf")
	v, _ = b.rest(t, early)
	require.Equal(t, hallmark.StateFailed, v.State)
	_, err = b.flow.Retry(t.Context(), early.Model)
	require.ErrorIs(t, err, hallmark.ErrConflict, "it was not attested")
}

func TestRevoke(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	require.ErrorIs(t, b.flow.Revoke(t.Context(), sub.Model, "early"), hallmark.ErrConflict)
	stop := b.work(t, b.flow.Handlers())
	b.rest(t, sub)
	stop()
	require.NotEmpty(t, b.served)

	require.NoError(t, b.flow.Revoke(t.Context(), sub.Model, "leaked"))
	require.NoError(t, b.flow.Revoke(t.Context(), sub.Model, "leaked"))
	require.Empty(t, b.served)
	require.True(t, b.revoked[sub.Model])
	v, events := b.rest(t, sub)
	require.Equal(t, hallmark.StateRevoked, v.State)
	require.Equal(t, "revoked: leaked", v.Problem)
	require.Equal(t, hallmark.StateRevoked, events[len(events)-1].State)
	require.ErrorIs(t, b.flow.Revoke(t.Context(), hallmark.Digest{1}, "x"), hallmark.ErrNotFound)

	require.NoError(t, b.flow.Restore(t.Context()))
	require.Empty(t, b.served, "a restart does not bring it back")
}

// The version is revoked while its serve step has already admitted it: the step must not bring it back.
func TestRevokedWhileServing(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	sub := b.submit(t, "good.gguf")
	handlers := b.flow.Handlers()
	serve, raced := handlers[pipeline.JobServe], false
	handlers[pipeline.JobServe] = func(ctx context.Context, job hallmark.Job) (*hallmark.Change, error) {
		if raced {
			return serve(ctx, job)
		}
		raced = true
		require.NoError(t, b.flow.Revoke(ctx, sub.Model, "now"))
		v, err := b.store.Version(ctx, sub.Model)
		if err != nil {
			return nil, err
		}
		b.mu.Lock()
		b.served[v.Digest] = v.Name // as Admit would after Revoke withdrew it
		b.mu.Unlock()
		v.State = hallmark.StateServing
		return &hallmark.Change{From: hallmark.StateAnchored, Version: v}, nil
	}
	stop := b.work(t, handlers)
	v, _ := b.rest(t, sub)
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.served) == 0
	}, 20*time.Second, 5*time.Millisecond)
	stop()
	require.Equal(t, hallmark.StateRevoked, v.State)
}

func TestRestore(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	good, changed := b.submit(t, "good.gguf"), b.submit(t, "other.gguf")
	stop := b.work(t, b.flow.Handlers())
	b.rest(t, good)
	b.rest(t, changed)
	stop()
	require.Len(t, b.served, 2)
	require.NoError(t, b.store.Close())

	clear(b.served) // the gateway's memory went with the process
	b.content["/other.gguf"] = []byte("changed on disk meanwhile")
	b.open(t)
	require.NoError(t, b.flow.Restore(t.Context()))
	require.Equal(t, map[hallmark.Digest]string{good.Model: "tiny"}, b.served)
	v, err := b.store.Version(t.Context(), changed.Model)
	require.NoError(t, err)
	require.Contains(t, v.Problem, "not served since the restart")

	b.content["/other.gguf"] = []byte("weights of other.gguf")
	require.NoError(t, b.flow.Restore(t.Context()))
	require.Len(t, b.served, 2)
	v, err = b.store.Version(t.Context(), changed.Model)
	require.NoError(t, err)
	require.Empty(t, v.Problem)
}
