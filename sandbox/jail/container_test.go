package jail_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// eachRuntime runs a test in the container of every runtime.
func eachRuntime(t *testing.T, do func(t *testing.T, tier hallmark.Tier)) {
	t.Helper()
	for _, tier := range jail.ContainerTiers() {
		t.Run(string(tier), func(t *testing.T) {
			t.Parallel()

			if _, err := exec.LookPath(string(tier)); err != nil {
				t.Skipf("%s is not installed", tier)
			}
			do(t, tier)
		})
	}
}

// inContainer is supervised, with a path to look for runtimes in.
func inContainer(t *testing.T, as *syscall.Credential, args ...string) (report, string) {
	t.Helper()
	cmd := command(t, as, args...)
	cmd.Env = append(cmd.Env, "PATH="+pathOfRuntimes(t))
	return result(t, cmd)
}

// runtimes are copies of the container runtimes of this host, beside the program, where every user may run them.
var runtimes = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(program), "runtimes")
	err := os.Mkdir(dir, 0o755)
	for _, tier := range jail.ContainerTiers() {
		path, lookErr := exec.LookPath(string(tier))
		if lookErr != nil {
			continue
		}
		b, readErr := os.ReadFile(path)
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(dir, string(tier)), b, 0o755))
	}
	return dir, err
})

func pathOfRuntimes(t *testing.T) string {
	t.Helper()
	dir, err := runtimes()
	require.NoError(t, err)
	return dir
}

// TestContainerEscape tries every way out from within a container.
func TestContainerEscape(t *testing.T) {
	t.Parallel()

	eachRuntime(t, func(t *testing.T, tier hallmark.Tier) {
		t.Helper()
		for user, as := range users() {
			escapeFrom(t, tier, user, as)
		}
	})
}

func escapeFrom(t *testing.T, tier hallmark.Tier, user string, as *syscall.Credential) {
	t.Helper()
	r, log := inContainer(t, as, "attempts", string(tier))
	require.Equal(t, hallmark.RunOK, r.Verdict, "%s %s", r.Detail, log)
	require.Zero(t, r.Contacts, "connections to the canaries")
	require.GreaterOrEqual(t, len(r.Lines), 150)
	for _, l := range r.Lines {
		require.Truef(t, l.Blocked, "%s: %s", l.ID, l.Detail)
	}
	landlock := slices.ContainsFunc(r.Layers, func(l string) bool { return strings.HasPrefix(l, "landlock:") })
	require.Equal(t, tier == hallmark.TierRunc, landlock, "gVisor has none")
	for _, layer := range []string{
		"container:" + string(tier), "user-namespace", "pid-namespace", "net-namespace", "mount-namespace", "ipc-namespace", "uts-namespace", "cgroup-namespace",
		"read-only-root", "clean-environment", "four-descriptors", "rlimits", "no-new-privs", "no-capabilities", "not-dumpable", "seccomp-tsync",
		"memory-watchdog", "sealed-program-and-model",
	} {
		require.Contains(t, r.Layers, layer)
	}
	t.Logf("%s: %d attempts, all blocked; %v", user, len(r.Lines), r.Layers)
}

// TestContainerVerdicts ends guests in containers in all the ways that the supervisor tells apart.
func TestContainerVerdicts(t *testing.T) {
	t.Parallel()

	tests := map[string][]hallmark.RunVerdict{
		"heap":     {hallmark.RunMemoryLimit},
		"populate": {hallmark.RunMemoryLimit},
		"files":    {hallmark.RunPolicyViolation},
		"threads":  {hallmark.RunPolicyViolation},
		"spin":     {hallmark.RunCPULimit},
		"sleep":    {hallmark.RunWallLimit},
		"flood":    {hallmark.RunOutputLimit},
		"panic":    {hallmark.RunCrash},
		"segv":     {hallmark.RunCrash},
		"exit7":    {hallmark.RunCrash},
		"forge":    {hallmark.RunCrash},
		"late":     {hallmark.RunProtocolError},
		"none":     {hallmark.RunOK},
	}
	eachRuntime(t, func(t *testing.T, tier hallmark.Tier) {
		t.Helper()
		for bomb, want := range tests {
			if tier == hallmark.TierRunsc && slices.Contains(want, hallmark.RunPolicyViolation) {
				if !full() {
					continue // takes as long as its limit of wall time
				}
				// gVisor ends the thread that makes a forbidden call, not its process, and keeps threads to itself.
				want = []hallmark.RunVerdict{hallmark.RunWallLimit}
			}
			r, log := inContainer(t, nil, "bomb", string(tier), bomb)
			require.Contains(t, want, r.Verdict, "%s: %s %s", bomb, r.Detail, log)
			t.Logf("%s: %s: %s, peak %d MiB, %d ms", bomb, r.Verdict, r.Detail, r.PeakRSS>>20, r.WallMS)
		}
	})
}

func TestNothingOfAContainerSurvivesTheSupervisor(t *testing.T) {
	t.Parallel()

	eachRuntime(t, func(t *testing.T, tier hallmark.Tier) {
		t.Helper()
		killSupervisor(t, tier, nil)
	})
}

func TestRuntimeThatIsMissingIsUnsandboxed(t *testing.T) {
	for _, tier := range jail.ContainerTiers() {
		t.Setenv("PATH", t.TempDir())
		_, err := jail.FindRuntime(t.Context(), tier)
		require.ErrorIs(t, err, hallmark.ErrUnsandboxed)
		var hint *hallmark.HintError
		require.ErrorAs(t, err, &hint)
		require.Contains(t, hint.Hint, string(tier))
	}
	_, err := jail.FindRuntime(t.Context(), hallmark.TierFull)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}
