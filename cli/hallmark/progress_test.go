package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

func TestProgressTellsTheRemainingTime(t *testing.T) {
	t.Parallel()

	require.Equal(t, ", 30s left", remaining(10*time.Second, 25, 100))
	require.Empty(t, remaining(10*time.Second, 0, 100))
	require.Empty(t, remaining(10*time.Second, 100, 100))

	var out bytes.Buffer
	p := (&app{errw: &out}).progress("test")
	p.set(1, 4)
	require.Empty(t, out.String(), "only every few seconds")
	p.started, p.nextLine = p.started.Add(-20*time.Second), p.started
	p.set(1, 4)
	require.Equal(t, "test: 1 of 4 (25 %), 1m0s left\n", out.String())
}

// The plain requests before the cases of a test are seen, and then the cases.
func TestProgressOfATest(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	parts := progressParts{app: &app{errw: &out}}
	r := parts.follow(pipeline.TestRequest{Profile: "chat"})
	require.Equal(t, "chat", r.Profile)
	hurry := func() { parts.bar.nextLine, parts.bar.started = time.Time{}, time.Now().Add(-10*time.Second) }
	r.OnControl(32, 128)
	hurry()
	r.OnControl(64, 128)
	require.NoError(t, r.OnCase(hallmark.CaseEvidence{}, 1, 1161))
	hurry()
	require.NoError(t, r.OnCase(hallmark.CaseEvidence{}, 1161, 1161))
	parts.close()
	require.Equal(t, "plain requests: 64 of 128 (50 %), 10s left\ntest: 1161 of 1161 (100 %)\n", out.String())
}
