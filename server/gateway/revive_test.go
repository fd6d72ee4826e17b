package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/gateway"
)

// gone is a model whose process has died.
func gone() *fakeModel {
	return &fakeModel{text: "x", failAfter: 0, err: fmt.Errorf("the guest crashed: %w", hallmark.ErrUnavailable)}
}

// A flakyLoader fails its first n loads.
type flakyLoader struct {
	*fakeLoader
	n int
}

//nolint:ireturn // the interface asks for one
func (l *flakyLoader) Load(ctx context.Context, a hallmark.Artifact, want hallmark.Digest) (gateway.Model, error) {
	l.mu.Lock()
	l.n--
	fails := l.n >= 0
	l.mu.Unlock()
	if fails {
		return nil, fmt.Errorf("no memory: %w", hallmark.ErrUnavailable)
	}
	return l.fakeLoader.Load(ctx, a, want)
}

// A version whose process died answers 503, and by itself again once it is loaded; the bytes are compared as ever.
func TestDeadModelComesBack(t *testing.T) {
	t.Parallel()

	v, a := allowed("m")
	dead, fresh := gone(), &fakeModel{text: "back", failAfter: -1}
	loader := &flakyLoader{fakeLoader: &fakeLoader{models: map[hallmark.Digest][]*fakeModel{v.Digest: {dead, fresh}}}}
	b := setup(t, gateway.Config{Loader: loader})
	require.NoError(t, b.Admit(t.Context(), v, a))
	loader.n = 1 // the first try to bring it back fails
	resp, _ := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Eventually(t, func() bool {
		resp, _ := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
		return resp.StatusCode == http.StatusOK
	}, 20*time.Second, 10*time.Millisecond)
	require.EqualValues(t, 1, dead.closed.Load())
	require.NoError(t, b.Close())
	require.EqualValues(t, 1, fresh.closed.Load())
}

// What is withdrawn while it is brought back stays out of service.
func TestWithdrawnModelStaysDead(t *testing.T) {
	t.Parallel()

	v, a := allowed("m")
	dead, fresh := gone(), &fakeModel{text: "back", failAfter: -1}
	loader := &heldLoader{fakeLoader: &fakeLoader{models: map[hallmark.Digest][]*fakeModel{v.Digest: {dead, fresh}}}}
	b := setup(t, gateway.Config{Loader: loader})
	require.NoError(t, b.Admit(t.Context(), v, a))
	loader.entered, loader.wait = make(chan struct{}), make(chan struct{})
	resp, _ := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	<-loader.entered
	require.NoError(t, b.Withdraw(t.Context(), v.Digest))
	close(loader.wait)
	require.NoError(t, b.Close())
	require.Empty(t, b.Serving())
	require.EqualValues(t, 1, fresh.closed.Load(), "it was loaded, and closed")
}

// A heldLoader says that a load began, and waits.
type heldLoader struct {
	*fakeLoader
	entered, wait chan struct{} // nil: do not
}

//nolint:ireturn // the interface asks for one
func (l *heldLoader) Load(ctx context.Context, a hallmark.Artifact, want hallmark.Digest) (gateway.Model, error) {
	if l.entered != nil {
		l.entered <- struct{}{}
		<-l.wait
	}
	return l.fakeLoader.Load(ctx, a, want)
}

// Closing does not wait for a version that cannot be brought back.
func TestCloseWhileBringingBack(t *testing.T) {
	t.Parallel()

	b, _ := admit(t, gateway.Config{}, gone())
	resp, _ := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "again")
}

// An older version of a name that is loaded again does not take the name back.
func TestReloadKeepsTheName(t *testing.T) {
	t.Parallel()

	older, a := allowed("m")
	newer, artifact := allowed("newer")
	newer.Name = older.Name
	loader := &fakeLoader{models: map[hallmark.Digest][]*fakeModel{
		older.Digest: {{text: "old", failAfter: -1}, {text: "old", failAfter: -1}}, newer.Digest: {{text: "new", failAfter: -1}},
	}}
	b := setup(t, gateway.Config{Loader: loader})
	require.NoError(t, b.Admit(t.Context(), older, a))
	require.NoError(t, b.Admit(t.Context(), newer, artifact))
	require.NoError(t, b.Reload(t.Context(), older.Digest))
	_, body := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Contains(t, body, "new")
}

// A reviewed version is served, and says who let it.
func TestReviewedVersionIsServed(t *testing.T) {
	t.Parallel()

	v, a := allowed("m")
	v.Verdict.Decision = hallmark.Challenge
	loader := &fakeLoader{models: map[hallmark.Digest][]*fakeModel{v.Digest: {{text: "x", failAfter: -1}}}}
	b := setup(t, gateway.Config{Loader: loader})
	v.Review = &hallmark.Review{Decision: hallmark.Allow, Reviewer: "abc"}
	require.ErrorIs(t, b.Admit(t.Context(), v, a), hallmark.ErrRefused, "it is not settled")
	v.Review = &hallmark.Review{Decision: hallmark.Block, Settled: true}
	require.ErrorIs(t, b.Admit(t.Context(), v, a), hallmark.ErrRefused)
	v.Review = &hallmark.Review{Decision: hallmark.Allow, Reviewer: "abc", Settled: true}
	require.NoError(t, b.Admit(t.Context(), v, a))
	resp, _ := b.do(t, http.MethodPost, "/v1/chat/completions", chat)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "allow; key=abc", resp.Header.Get("X-Hallmark-Review"))
	require.Equal(t, "challenge; policy=demo", resp.Header.Get("X-Hallmark-Verdict"))
}
