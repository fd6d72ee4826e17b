package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReproduce(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("runs the quick tier three times")
	}
	report := filepath.Join(t.TempDir(), "report.json")
	gated := command(t, nil, "gate", guarded, "--policy", "demo", "--tier", "quick", "--seed", "7", "--report", report, "-q", "-o", "json")
	require.Equal(t, exitUndecided, gated.code, gated.errout)
	require.Contains(t, gated.out, "can block and never allows")
	require.FileExists(t, report, gated.errout)

	again := command(t, nil, "reproduce", report, guarded, "--threads", "2", "-q")
	require.Zero(t, again.code, again.errout)
	require.Contains(t, again.out, "yes, every byte")

	raw, err := os.ReadFile(report)
	require.NoError(t, err)
	forged := filepath.Join(t.TempDir(), "forged.json")
	require.NoError(t, os.WriteFile(forged, []byte(strings.Replace(string(raw), `"outcome":"pass"`, `"outcome":"fail"`, 1)), 0o600))
	other := command(t, nil, "reproduce", forged, guarded, "-q", "-o", "json")
	require.Equal(t, 10, other.code, other.errout)
	var r reproduction
	require.NoError(t, json.Unmarshal([]byte(other.out), &r))
	require.False(t, r.Equal)
	require.Len(t, r.Differences, 1)
	require.Contains(t, r.Differences[0], "fail, now pass")

	missing := command(t, nil, "reproduce", report, "nothing.gguf")
	require.Equal(t, exitUsage, missing.code)
	require.Contains(t, missing.errout, "next: ")
	for change, code := range map[[2]string]int{
		{`"suite":"tinychat"`, `"suite":"/dev/null"`}:                                               exitUsage,
		{`"engine":"2"`, `"engine":"1"`}:                                                            exitUndecided,
		{`"suiteDigest":"sha256:`, `"suiteDigest":"sha256:` + strings.Repeat("0", 64) + `", "x":"`}: exitUsage,
		{`"seed":"7"`, `"seed":"seven"`}:                                                            exitUsage,
	} {
		path := filepath.Join(t.TempDir(), "changed.json")
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(raw), change[0], change[1], 1)), 0o600))
		require.Equal(t, code, command(t, nil, "reproduce", path, guarded).code, change)
	}
	require.Equal(t, 10, command(t, nil, "reproduce", report, tinychat+"naive-q8_0.gguf", "-q").code, "another model")
}

// A run that chose its cases by the version before is chosen again.
func TestReproduceARunWithABudget(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("runs the quick tier several times")
	}
	dir := t.TempDir()
	before, report := filepath.Join(dir, "before.json"), filepath.Join(dir, "report.json")
	gate := func(args ...string) {
		t.Helper()
		got := command(t, nil, append([]string{"gate", guarded, "--policy", "demo", "--tier", "quick", "-q"}, args...)...)
		require.Contains(t, []int{exitBlock, exitUndecided}, got.code, got.errout)
	}
	gate("--budget", "700", "--report", before)
	gate("--budget", "600", "--previous", before, "--report", report)

	again := command(t, nil, "reproduce", report, guarded, "--previous", before, "-q")
	require.Zero(t, again.code, again.errout)
	for name, tt := range map[string]struct {
		code int
		says string
		args []string
	}{
		"no report of the version before": {exitUndecided, "--previous", []string{report, guarded}},
		"another one":                     {10, "tells of the cases", []string{report, guarded, "--previous", report}},
		"one too many":                    {exitUsage, "compared with none", []string{before, guarded, "--previous", report}},
		"no file":                         {exitUsage, "is no file here", []string{report, guarded, "--previous", filepath.Join(dir, "nothing")}},
	} {
		got := command(t, nil, append([]string{"reproduce", "-q"}, tt.args...)...)
		require.Equal(t, tt.code, got.code, "%s: %s", name, got.errout)
		require.Contains(t, got.errout, tt.says, name)
		require.Contains(t, got.errout, "next: ", name)
		require.Empty(t, got.out, name)
	}

	raw, err := os.ReadFile(report)
	require.NoError(t, err)
	for says, change := range map[string][2]string{
		"another program":         {`"engine":"`, `"engine":"openai:`},
		"another choice of cases": {`"batch":0`, `"batch":1`},
	} {
		require.Contains(t, string(raw), change[0])
		path := filepath.Join(dir, "changed.json")
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(raw), change[0], change[1], 1)), 0o600))
		got := command(t, nil, "reproduce", path, guarded, "--previous", before, "-q")
		require.Contains(t, got.out+got.errout, says)
		require.Contains(t, []int{10, exitUndecided}, got.code)
	}
}
