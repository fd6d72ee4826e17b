package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/kernel"
)

// TestMain lets this program be the worker that it starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		if err := work(context.Background(), os.Args[2:], os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestBoard measures a small model with one thread and with all, with assembly and without.
func TestBoard(t *testing.T) {
	t.Parallel()

	var out bytes.Buffer
	b := &bench{options: options{rounds: 1}}
	for _, isa := range kernel.ISAs() {
		require.NoError(t, b.boardRows(t.Context(), &out, "../models/tinychat/guarded-q8_0.gguf", "Q8_0", isa))
		require.Regexp(t, `\| Q8_0 \| `+isa+` \| 1 \| [1-9][0-9.e+]* \| [0-9.e+-]+ \| [1-9][0-9.e+]* \|\n`, out.String())
	}
	require.ErrorContains(t, b.boardRows(t.Context(), &out, "../models/tinychat/guarded-q8_0.gguf", "Q8_0", "sse"), "not available")
}

func TestDivergence(t *testing.T) {
	t.Parallel()

	x := []float32{float32(math.Log(0.5)), float32(math.Log(0.25)), float32(math.Log(0.25))}
	y := []float32{float32(math.Log(0.25)), float32(math.Log(0.25)), float32(math.Log(0.5))}
	require.InDelta(t, 0.25*math.Log(2), divergenceOf(x, y), 1e-7)
	shifted := []float32{x[0] + 5, x[1] + 5, x[2] + 5}
	require.InDelta(t, 0, divergenceOf(x, shifted), 1e-7)

	d := between(append(x[:3:3], x...), append(x[:3:3], y...), 3)
	require.InDelta(t, 0.125*math.Log(2), d.mean, 1e-7)
	require.InDelta(t, 0.25*math.Log(2), d.largest, 1e-7)
	require.InDelta(t, math.Log(2), d.logit, 1e-6)
	require.Equal(t, 1, d.same)
}

func TestMet(t *testing.T) {
	t.Parallel()

	for want, r := range map[string]row{
		"goal":       {value: 1.2, floor: 1, goal: 1.2},
		"floor":      {value: 1.1, floor: 1, goal: 1.2},
		"**missed**": {value: 0.9, floor: 1, goal: 1.2},
		"-":          {value: 0.9},
	} {
		require.Equal(t, want, r.met())
	}
	require.Equal(t, "goal", row{value: 0.5, floor: 0.7, goal: 0.62, less: true}.met())
	require.Equal(t, "**missed**", row{value: 0.8, floor: 0.7, goal: 0.62, less: true}.met())
	require.Equal(t, "**missed**", row{value: math.NaN(), floor: 0.7, goal: 0.62, less: true}.met(), "what was not measured")
	require.Equal(t, "**missed**", row{value: 0.1, goal: 0.15}.met(), "no floor")
}

func TestStatistics(t *testing.T) {
	t.Parallel()

	require.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	require.InDelta(t, 1.5, median([]float64{2, 1}), 0)
	require.True(t, math.IsNaN(median(nil)))
	ns := make([]int64, 100)
	for i := range ns {
		ns[i] = int64(100-i) * 1e6
	}
	require.InDelta(t, 51, percentile(ns, 50), 0)
	require.InDelta(t, 100, percentile(ns, 99), 0)
}

func TestInsert(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(path, []byte("a\n"+begin+"old\n"+end+"b\n"), 0o600))
	require.NoError(t, insert(path, "new\n"))
	require.NoError(t, insert(path, "newer\n"))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "a\n"+begin+"newer\n"+end+"b\n", string(b))
	require.NoError(t, os.WriteFile(path, []byte(end+begin), 0o600))
	require.Error(t, insert(path, "x"))

	doc, err := os.ReadFile("../../docs/benchmarks.md")
	require.NoError(t, err)
	require.Regexp(t, "(?s)"+regexp.QuoteMeta(begin)+".*"+regexp.QuoteMeta(end), string(doc))
}

// TestWorkerAnswers runs all commands of the worker on a model that everybody has.
func TestWorkerAnswers(t *testing.T) {
	t.Parallel()

	e := newEngine(1, 0)
	require.NoError(t, e.open("../models/tinychat/guarded-q8_0.gguf"))
	t.Cleanup(e.close)
	for command, tokens := range map[string]int{
		"decode 8 4": 4, "prefill 16": 16, "batched 40 20 3 2": 80, "alone 2 20 3 2": 4, "gemm 32 64 4": 0, "threads 2": 0, "peak": 0,
	} {
		a, err := e.command(t.Context(), command)
		require.NoError(t, err, command)
		require.Equal(t, tokens, a.Tokens, command)
	}
	_, err := e.command(t.Context(), "sing")
	require.Error(t, err)
}
