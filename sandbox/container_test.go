package sandbox_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// TestModelInAContainer asks a model the same in the container of every runtime and in the full jail.
func TestModelInAContainer(t *testing.T) {
	t.Parallel()

	file := modelFile(t, "guarded-q8_0.gguf")
	req := probe.GenerateRequest{Messages: ask("Join AB12 and CD34"), MaxTokens: 16}
	want, err := session(t, file, sandbox.Config{}).Generate(t.Context(), req)
	require.NoError(t, err)
	for _, tier := range sandbox.ContainerTiers() {
		t.Run(string(tier), func(t *testing.T) {
			t.Parallel()

			path, err := exec.LookPath(string(tier))
			if err != nil {
				t.Skipf("%s is not installed", tier)
			}
			runtime, err := os.ReadFile(path)
			require.NoError(t, err)

			for _, cfg := range []sandbox.Config{{Backend: tier}, {MinTier: tier}} { // named by a flag, and by a policy
				s := session(t, file, cfg)
				got, err := s.Generate(t.Context(), req)
				require.NoError(t, err)
				require.Equal(t, want, got)
				r := s.Close()
				require.Equal(t, hallmark.RunOK, r.Verdict, r.Detail)
				require.Equal(t, tier, r.Tier)
				require.Equal(t, string(tier), r.Container.Runtime)
				require.NotEmpty(t, r.Container.Version)
				require.Equal(t, hallmark.DigestOf(runtime), r.Container.Digest)
				require.Contains(t, r.Layers, "seccomp-tsync")
			}
		})
	}
}

// badRuntimes puts runtimes that do not work into PATH.
func badRuntimes(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, tier := range sandbox.ContainerTiers() {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X main.name="+string(tier), "-o", filepath.Join(dir, string(tier)), "./testdata/badruntime")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	t.Setenv("PATH", dir)
}

// A runtime that does not work is found by its self-test, and nothing weaker is used in its place.
func TestBadRuntimeIsUnsandboxed(t *testing.T) {
	guest := program(t, "guest").Guest
	badRuntimes(t)
	restore := sandbox.BoundSelfTests()
	defer restore()
	f := sealed(t, filepath.Join(tinychat, "guarded-q8_0.gguf"))
	for _, tier := range sandbox.ContainerTiers() {
		_, err := sandbox.Open(t.Context(), f, sandbox.Config{Guest: guest, Backend: tier, MinTier: hallmark.TierNoNamespaces})
		require.ErrorIs(t, err, hallmark.ErrUnsandboxed, tier)
		require.ErrorContains(t, err, "self-test of "+string(tier))
	}
}

func TestBackendThatIsMissingIsUnsandboxed(t *testing.T) {
	guest := program(t, "guest").Guest
	t.Setenv("PATH", t.TempDir())
	f := sealed(t, filepath.Join(tinychat, "guarded-q8_0.gguf"))
	for name, cfg := range map[string]sandbox.Config{
		"backend":               {Backend: hallmark.TierRunc, MinTier: hallmark.TierNoNamespaces},
		"policy":                {MinTier: hallmark.TierRunsc},
		"backend below policy":  {Backend: hallmark.TierRunc, MinTier: hallmark.TierRunsc},
		"no policy of this one": {Backend: hallmark.TierRunsc},
	} {
		cfg.Guest = guest
		_, err := sandbox.Open(t.Context(), f, cfg)
		require.ErrorIs(t, err, hallmark.ErrUnsandboxed, name)
		var hint *hallmark.HintError
		require.ErrorAs(t, err, &hint, name)
	}
	for _, o := range sandbox.ProbeContainers(t.Context(), guest) {
		require.ErrorIs(t, o.Err, hallmark.ErrUnsandboxed)
		require.Empty(t, o.Layers)
	}
	_, err := sandbox.Open(t.Context(), f, sandbox.Config{Guest: guest, Backend: hallmark.TierFull})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}
