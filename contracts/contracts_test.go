package contracts

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArtifact(t *testing.T) {
	t.Parallel()
	a := ModelRegistry()
	require.True(t, strings.HasPrefix(a.Compiler, "0.8.37+"), a.Compiler)
	require.NotEmpty(t, a.Immutable)
	require.True(t, json.Valid(a.ABI))
	require.LessOrEqual(t, len(a.Runtime), 24_576, "EIP-170")

	deployed := bytes.Clone(a.Runtime)
	for _, r := range a.Immutable {
		for i := range r.Length {
			deployed[r.Start+i] = 0xab
		}
	}
	require.True(t, a.Matches(deployed))
	deployed[len(deployed)-1] ^= 1 // in the hash of the metadata
	require.False(t, a.Matches(deployed))
	require.False(t, a.Matches(deployed[1:]))
	require.False(t, a.Matches(nil))
}

func TestDamagedArtifacts(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", "{", `{"bytecode":"0xz"}`, `{"deployedBytecode":"0xz"}`,
		`{"deployedBytecode":"0x00","immutableReferences":{"1":[{"start":1,"length":1}]}}`,
		`{"deployedBytecode":"0x00","immutableReferences":{"1":[{"start":-1,"length":1}]}}`,
	} {
		_, err := parse([]byte(raw))
		require.Error(t, err, raw)
	}
}

// install makes the pinned compiler and test runner available, or skips.
var install = sync.OnceValue(func() error {
	if _, err := os.Stat(filepath.Join("node_modules", "solc")); err == nil {
		return nil
	}
	return exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").Run()
})

func node(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("npm is not installed")
	}
	if err := install(); err != nil {
		t.Skipf("npm ci in contracts: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	if os.Getenv("HALLMARK_FULL") != "" {
		cmd.Env = append(os.Environ(), "FOUNDRY_INVARIANT_RUNS=256", "FOUNDRY_FUZZ_RUNS=10000")
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// TestArtifactIsWhatTheSourcesCompileTo builds the committed files again from the sources, byte for byte: code, and the
// hash of the metadata at its end, so that a block explorer says full match.
func TestArtifactIsWhatTheSourcesCompileTo(t *testing.T) {
	t.Parallel()
	node(t, "build.mjs", "--check")
}

func TestSolidity(t *testing.T) {
	t.Parallel()
	require.Contains(t, node(t, "test.mjs"), "0 failed")
}
