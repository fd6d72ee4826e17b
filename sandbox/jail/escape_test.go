package jail_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// program is testdata/escape, built without cgo in a directory that every user may read: the jail needs both, and a test
// binary may have neither.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "hallmark-jail")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "escape")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", program, "./testdata/escape")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("build testdata/escape: %v\n%s", err, out))
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(dir)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const nobody = 65534

// users are whom the supervisor runs as: as the one who tests and, if that is root, as nobody.
func users() map[string]*syscall.Credential {
	if os.Geteuid() != 0 {
		return map[string]*syscall.Credential{"uid " + strconv.Itoa(os.Geteuid()): nil}
	}
	return map[string]*syscall.Credential{"root": nil, "uid 65534": {Uid: nobody, Gid: nobody}}
}

func tiers() []hallmark.Tier { return []hallmark.Tier{hallmark.TierFull, hallmark.TierNoNamespaces} }

type report struct {
	Verdict  hallmark.RunVerdict
	Detail   string
	Layers   []string
	PeakRSS  int64
	WallMS   int64
	Output   int64
	Owner    map[string]string
	Contacts int
	Lines    []struct {
		ID      string
		Blocked bool
		Detail  string
	}
}

func command(t *testing.T, as *syscall.Credential, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"TMPDIR=" + os.TempDir(), "HALLMARK_CANARY_ENV=canary"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd
}

// supervised runs testdata/escape and returns what it reports and what the guest wrote to its log.
func supervised(t *testing.T, as *syscall.Credential, args ...string) (report, string) {
	t.Helper()
	cmd := command(t, as, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	require.NoError(t, cmd.Run(), "%s\n%s", &out, &log)
	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), "%s", &out)
	return r, log.String()
}

// TestEscape tries every way out, in both tiers, as root and not; -v prints the table. The last column is the same
// program without a jail, as an ordinary user, and shows that the attempts could succeed.
func TestEscape(t *testing.T) {
	t.Parallel()

	runs := 1
	if os.Getenv("HALLMARK_FULL") != "" {
		runs = 50
	}
	var columns []string
	var order []string
	table := map[string]map[string]string{}
	collect := func(column string, r report) {
		if !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
		for _, l := range r.Lines {
			if table[l.ID] == nil {
				table[l.ID] = map[string]string{}
				order = append(order, l.ID)
			}
			table[l.ID][column] = map[bool]string{true: "blocked", false: "REACHED"}[l.Blocked]
		}
	}
	for _, tier := range tiers() {
		for user, as := range users() {
			for range runs {
				r, log := supervised(t, as, "attempts", string(tier))
				require.Equal(t, hallmark.RunOK, r.Verdict, "%s %s", r.Detail, log)
				require.Zero(t, r.Contacts, "connections to the canaries")
				require.GreaterOrEqual(t, len(r.Lines), 150)
				for _, l := range r.Lines {
					require.Truef(t, l.Blocked, "%s as %s: %s: %s", tier, user, l.ID, l.Detail)
				}
				collect(string(tier)+", "+user, r)
			}
		}
	}
	as := &syscall.Credential{Uid: nobody, Gid: nobody}
	if os.Geteuid() != 0 {
		as = nil
	}
	control, _ := supervised(t, as, "control")
	collect("no jail", control)
	require.Positive(t, control.Contacts, "the canaries can be reached")
	reached := 0
	for _, l := range control.Lines {
		if !l.Blocked {
			reached++
		}
	}
	require.Greater(t, reached, 100, "attempts that work without a jail")

	var b strings.Builder
	fmt.Fprintf(&b, "\n%-28s %s\n", "attempt", strings.Join(columns, " | "))
	for _, id := range order {
		fmt.Fprintf(&b, "%-28s", id)
		for _, c := range columns {
			fmt.Fprintf(&b, " %-*s", len(c)+2, table[id][c])
		}
		b.WriteByte('\n')
	}
	t.Logf("%s%d attempts, %d of them reach their aim without a jail", &b, len(order), reached)
}

// TestEscapeBombs runs programs that use too much, or end badly, under the filter that kills.
func TestEscapeBombs(t *testing.T) {
	t.Parallel()

	tests := map[string][]hallmark.RunVerdict{
		"heap":        {hallmark.RunMemoryLimit},
		"populateall": {hallmark.RunMemoryLimit},
		"populate":    {hallmark.RunMemoryLimit},
		"recursion":   {hallmark.RunMemoryLimit},
		"shared":      {hallmark.RunPolicyViolation},
		"fork":        {hallmark.RunPolicyViolation},
		"files":       {hallmark.RunPolicyViolation},
		"disk":        {hallmark.RunPolicyViolation},
		"sigstop":     {hallmark.RunPolicyViolation},
		"sigkill":     {hallmark.RunPolicyViolation},
		"closeout":    {hallmark.RunPolicyViolation},
		// The kernel refuses the thread and the runtime gives up, or the watchdog counts.
		"threads":  {hallmark.RunCrash, hallmark.RunPolicyViolation},
		"spin":     {hallmark.RunCPULimit},
		"sleep":    {hallmark.RunWallLimit},
		"flood":    {hallmark.RunOutputLimit},
		"logflood": {hallmark.RunOutputLimit},
		"segv":     {hallmark.RunCrash},
		"panic":    {hallmark.RunCrash},
		"exit7":    {hallmark.RunCrash},
		"late":     {hallmark.RunProtocolError},
		"deaf":     {hallmark.RunProtocolError},
		"none":     {hallmark.RunOK},
	}
	for bomb, want := range tests {
		for _, tier := range tiers() {
			t.Run(bomb+"/"+string(tier), func(t *testing.T) {
				t.Parallel()

				r, log := supervised(t, nil, "bomb", string(tier), bomb)
				require.Contains(t, want, r.Verdict, "%s %s", r.Detail, log)
				// The kernel holds it within 12 MiB of 256 where the watchdog looks late; the program itself is resident too.
				require.Less(t, r.PeakRSS, int64(275<<20), "limit 256 MiB")
				require.LessOrEqual(t, r.Output, int64(1<<20))
				t.Logf("%s: %s, peak %d MiB, %d ms", r.Verdict, r.Detail, r.PeakRSS>>20, r.WallMS)
			})
		}
	}
}

func TestGuestCannotForgeAVerdict(t *testing.T) {
	t.Parallel()

	r, log := supervised(t, nil, "bomb", "full", "forge")
	require.Equal(t, hallmark.RunCrash, r.Verdict)
	require.Contains(t, log, "verdict: ok")
	require.NotContains(t, log, "\x1b", "its log is cleaned")
}

func TestGuestOfRootIsNobody(t *testing.T) {
	t.Parallel()

	id := strconv.Itoa(os.Geteuid())
	if os.Geteuid() == 0 {
		id = strconv.Itoa(nobody)
	}
	four := strings.Join([]string{id, id, id, id}, " ")
	for _, tier := range tiers() {
		r, _ := supervised(t, nil, "bomb", string(tier), "none")
		require.Equal(t, four, r.Owner["Uid"], "real, effective, saved and file system user")
		if os.Geteuid() == 0 {
			require.Equal(t, map[string]string{"Uid": four, "Gid": four, "Groups": ""}, r.Owner)
		}
	}
}

func TestLayersAreReported(t *testing.T) {
	t.Parallel()

	both := []string{
		"clean-environment", "four-descriptors", "rlimits", "no-new-privs", "no-capabilities", "not-dumpable", "seccomp-tsync",
		"sealed-program-and-model", "memory-watchdog", "own-session", "dies-with-supervisor", "closed-descriptors", "unprivileged-user",
	}
	full := []string{
		"user-namespace", "pid-namespace", "net-namespace", "mount-namespace", "ipc-namespace", "uts-namespace", "cgroup-namespace", "empty-root",
	}
	for tier, want := range map[hallmark.Tier][]string{hallmark.TierFull: append(full, both...), hallmark.TierNoNamespaces: both} {
		r, _ := supervised(t, nil, "bomb", string(tier), "none")
		landlock := slices.IndexFunc(r.Layers, func(l string) bool { return strings.HasPrefix(l, "landlock:") })
		require.GreaterOrEqual(t, landlock, 0)
		layers := slices.Delete(r.Layers, landlock, landlock+1)
		if kind, _ := jail.CgroupKind(); kind != "none" {
			want = append(slices.Clone(want), "control-group:"+kind)
		}
		require.ElementsMatch(t, want, layers)
	}
}

// TestMissingLayerIsUnsandboxed makes each step of the lock-down fail, or only pretend to have worked, with a seccomp
// filter around the supervisor, as containers and old kernels have.
func TestMissingLayerIsUnsandboxed(t *testing.T) {
	t.Parallel()

	both := []string{
		"setrlimit", "skip:setrlimit", "no_new_privs", "dumpable", "skip:dumpable", "landlock_create_ruleset", "skip:landlock_create_ruleset",
		"landlock_restrict_self", "skip:landlock_restrict_self", "capset", "seccomp", "skip:seccomp",
	}
	full := []string{
		"clone", "sethostname", "skip:sethostname", "mount", "skip:mount", "pivot_root", "skip:pivot_root", "umount2", "skip:umount2", "skip:capset",
	}
	for tier, steps := range map[hallmark.Tier][]string{hallmark.TierFull: append(full, both...), hallmark.TierNoNamespaces: both} {
		for _, step := range steps {
			t.Run(string(tier)+"/"+step, func(t *testing.T) {
				t.Parallel()

				r, log := supervised(t, nil, "sabotage", string(tier), step)
				require.Equal(t, hallmark.RunUnsandboxed, r.Verdict, "%s %s", r.Detail, log)
				require.Empty(t, r.Layers)
				t.Log(r.Detail)
			})
		}
	}
}

func TestHostWithoutNamespacesHasTheWeakerTier(t *testing.T) {
	t.Parallel()

	r, _ := supervised(t, nil, "sabotage", "no-namespaces", "clone")
	require.Equal(t, hallmark.RunOK, r.Verdict, r.Detail)
}

// TestNothingSurvivesTheSupervisor kills supervisors and waits for the end of their guests.
func TestNothingSurvivesTheSupervisor(t *testing.T) {
	t.Parallel()

	runs := 3
	if os.Getenv("HALLMARK_FULL") != "" {
		runs = 100
	}
	for _, tier := range tiers() {
		for user, as := range users() {
			t.Run(string(tier)+"/"+user, func(t *testing.T) {
				t.Parallel()

				for range runs {
					killSupervisor(t, tier, as)
				}
			})
		}
	}
}

func killSupervisor(t *testing.T, tier hallmark.Tier, as *syscall.Credential) {
	t.Helper()
	cmd := command(t, as, "bomb", string(tier), "hold")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	text, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(text))
	require.NoError(t, err)
	guest, err := unix.PidfdOpen(pid, 0)
	require.NoError(t, err)
	defer unix.Close(guest)
	require.NoError(t, cmd.Process.Kill())

	fds := []unix.PollFd{{Fd: int32(guest), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, int((5 * time.Second).Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		require.NoError(t, err)
		require.Equal(t, 1, n, "the guest lives on")
		break
	}
	require.Error(t, cmd.Wait())
}

// BenchmarkColdStart compares a jailed start with a plain one of the same binary. Interleaved, so that both see the same
// machine.
func BenchmarkColdStart(b *testing.B) {
	runtime.LockOSThread()
	cmd := exec.CommandContext(b.Context(), program, "bench", strconv.Itoa(max(b.N, 20)))
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	b.Logf("\n%s", out)
}
