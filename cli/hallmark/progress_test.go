package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
