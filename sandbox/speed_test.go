package sandbox_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/guest"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// A line is a guest to talk to.
type line struct {
	w    io.Writer
	r    *wire.Reader
	id   uint32
	took []time.Duration
}

// score asks for the log-probabilities of a text and keeps how long it took.
func (l *line) score(t *testing.T, tokens []int32) wire.Message { //nolint:ireturn // a closed sum
	t.Helper()
	l.id++
	started := time.Now()
	require.NoError(t, wire.Write(l.w, l.id, wire.LogProbs{Tokens: tokens}))
	_, m, err := l.r.Next()
	require.NoError(t, err)
	l.took = append(l.took, time.Since(started))
	return m
}

// TestInferenceInsideAgainstOutside asks the guest's loop the same, in the full jail and in this process, in turns. The
// answers are the same; how long they took is printed, and depends on what else the machine does.
func TestInferenceInsideAgainstOutside(t *testing.T) {
	if !full() {
		t.Parallel()
	}
	threads := runtime.GOMAXPROCS(0) // what this process has
	file := modelFile(t, "guarded-q8_0.gguf")
	program, _, err := jail.SealProgram(t.Context(), bytes.NewReader(program(t, "guest")))
	require.NoError(t, err)
	defer program.Close()
	model, _, err := jail.Seal(t.Context(), "model", bytes.NewReader(file), nil)
	require.NoError(t, err)
	defer model.Close()
	p, err := jail.Start(t.Context(), jail.Spec{Program: program, Model: model, Tier: hallmark.TierFull, Threads: threads})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Stop().Err()) }()
	inside := &line{w: p, r: wire.NewReplyReader(p, 1<<20)}

	requests, toGuest, err := os.Pipe()
	require.NoError(t, err)
	fromGuest, replies, err := os.Pipe()
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- guest.Serve(t.Context(), requests, replies, file, guest.Config{Threads: threads}) }()
	defer func() {
		require.NoError(t, toGuest.Close())
		require.NoError(t, <-served)
		for _, f := range []*os.File{requests, fromGuest, replies} {
			require.NoError(t, f.Close())
		}
	}()
	outside := &line{w: toGuest, r: wire.NewReplyReader(fromGuest, 1<<20)}

	n := 3
	if full() {
		n = 60
	}
	for i := range n + 1 { // the first loads the model
		p.ExpectReply()
		tokens := make([]int32, 500)
		for k := range tokens {
			tokens[k] = int32((i*7 + k*k) % 1000)
		}
		want := outside.score(t, tokens)
		require.Equal(t, wire.TypeScores, want.Type(), "%v", want)
		require.Equal(t, want, inside.score(t, tokens))
	}
	out, in := outside.took[1:], inside.took[1:]
	slices.Sort(out)
	slices.Sort(in)
	least, half := float64(out[0])/float64(in[0]), float64(out[n/2])/float64(in[n/2])
	t.Logf("speed inside against outside, n %d: %.3f of the fastest (%v against %v), %.3f of the median (%v against %v)", n, least, in[0], out[0], half, in[n/2], out[n/2])
}
