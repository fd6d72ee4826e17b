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
			if tier == hallmark.TierRunsc && bomb == "threads" {
				if !full() {
					continue // takes as long as its limit of wall time
				}
				want = []hallmark.RunVerdict{hallmark.RunWallLimit} // gVisor keeps threads to itself
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

// TestContainerOneLayerOff leaves out each layer in turn, of what the supervisor, the first process, the runtime and the guest see
// to: the others keep the canaries, and what is left out is not reported. -v prints the tables.
func TestContainerOneLayerOff(t *testing.T) {
	t.Parallel()

	layers := []string{
		"none", "user-namespace", "pid-namespace", "net-namespace", "mount-namespace", "ipc-namespace", "uts-namespace", "cgroup-namespace",
		"read-only-root", "clean-environment", "four-descriptors", "closed-descriptors", "own-session", "dies-with-supervisor", "unprivileged-user",
		"rlimits", "no-new-privs", "landlock", "no-capabilities", "not-dumpable", "seccomp-tsync",
	}
	if os.Geteuid() != 0 { // nobody else makes the other namespaces without the first
		layers = slices.DeleteFunc(layers, func(l string) bool { return l == "user-namespace" || l == "unprivileged-user" })
	}
	eachRuntime(t, func(t *testing.T, tier hallmark.Tier) {
		t.Helper()
		for _, layer := range layers {
			t.Run(layer, func(t *testing.T) {
				t.Parallel()

				r, log := inContainer(t, nil, "without", string(tier), layer)
				require.Zero(t, r.Contacts, "connections to the canaries")
				if r.Verdict == hallmark.RunUnsandboxed { // somebody looks for this one
					require.NotEqual(t, "none", layer, r.Detail)
					t.Logf("does not start: %s", r.Detail)
					return
				}
				require.Equal(t, hallmark.RunOK, r.Verdict, "%s %s", r.Detail, log)
				blocked, tried := 0, 0
				for _, l := range r.Lines {
					if l.ID == "leak.canary_bytes" {
						require.True(t, l.Blocked, "canary bytes were read")
					}
					if !l.Skipped {
						tried++
					}
					if l.Blocked {
						blocked++
					} else if !l.Skipped && layer != "seccomp-tsync" {
						t.Errorf("%s: %s", l.ID, l.Detail)
					}
				}
				require.GreaterOrEqual(t, tried, 150)
				t.Logf("%d of %d blocked, 0 canary bytes, 0 contacts", blocked, tried)
			})
		}
	})
}

// containerCalls are the calls that a container is set up with, by the names of package sabotage: those of the supervisor, the
// child and the first process, which are the same around every runtime; and those of a guest whose calls the host's kernel gets.
func containerCalls(tier hallmark.Tier) []string {
	list := []string{
		"close_range", "pipe", "dupfd", "clone", "idmap_open", "idmap_write", "setsid", "chdir", "pdeathsig", "dup3", "execve",
		"stat_namespace", "get_pdeathsig", "getsid", "getdents", "readlink", "mount", "mount_private", "mount_proc", "mount_bundle", "mkdir", "seccomp",
	}
	if os.Geteuid() == 0 { // who is not root does not change it
		list = append(list, "setuid", "setgid")
	}
	if tier == hallmark.TierRunc {
		list = append(list, "pivot_root", "umount2", "sethostname", "mount_ro", "no_new_privs", "dumpable", "landlock_ask", "landlock_make", "landlock_join", "capset",
			"get_no_new_privs", "get_dumpable", "capget",
			"rlimit_core", "rlimit_fsize", "rlimit_nofile", "rlimit_memlock", "rlimit_msgqueue", "rlimit_data", "rlimit_as", "rlimit_cpu")
	}
	return list
}

// TestContainerFailingCallIsUnsandboxed makes each call that sets up a container pretend to have worked or, with HALLMARK_FULL=1,
// fail. A runtime that the runtime's own tests are for is not looked into: only that nothing weaker comes of it.
func TestContainerFailingCallIsUnsandboxed(t *testing.T) {
	t.Parallel()

	ways := []string{"ok"} // the harder one to see
	if full() {
		ways = append(ways, "EPERM", "ENOSYS", "EINVAL")
	}
	eachRuntime(t, func(t *testing.T, tier hallmark.Tier) {
		t.Helper()
		for _, call := range containerCalls(tier) {
			for _, how := range ways {
				if how == "ok" && (call == "clone" || call == "dup3") {
					how = "EPERM" // the supervisor itself would go on as the child; the runtime would print its version here
				}
				t.Run(call+"/"+how, func(t *testing.T) {
					t.Parallel()

					r, log := inContainer(t, nil, "sabotage", string(tier), call, how)
					if how == "ok" && slices.Contains(harmlessToContainers(), call) {
						require.Equal(t, hallmark.RunOK, r.Verdict, "%s %s", r.Detail, log)
						return
					}
					require.Equal(t, hallmark.RunUnsandboxed, r.Verdict, "%s %s", r.Detail, log)
					require.Empty(t, r.Layers)
				})
			}
		}
	})
}

// harmlessToContainers are pretences that leave nothing out.
func harmlessToContainers() []string {
	return []string{
		"mount_private", // in a new user namespace no mount goes back to the host
		"no_new_privs",  // the saboteur's filter itself needs it, and it is inherited
		"get_dumpable",  // the pretended answer is the true one
		"capset",        // runc empties the bounding set too: the guest and the supervisor find no capability
	}
}
