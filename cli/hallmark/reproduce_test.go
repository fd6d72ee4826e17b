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

	for change, code := range map[[2]string]int{
		{`"engine":"2"`, `"engine":"1"`}: exitUndecided,
		{`"suiteDigest":"sha256:`, `"suiteDigest":"sha256:` + strings.Repeat("0", 64) + `", "x":"`}: exitUsage,
		{`"seed":"7"`, `"seed":"seven"`}: exitUsage,
	} {
		path := filepath.Join(t.TempDir(), "changed.json")
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(raw), change[0], change[1], 1)), 0o600))
		require.Equal(t, code, command(t, nil, "reproduce", path, guarded).code, change)
	}
	require.Equal(t, 10, command(t, nil, "reproduce", report, tinychat+"naive-q8_0.gguf", "-q").code, "another model")
}
