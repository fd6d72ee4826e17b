package jail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

func TestVerdictOfAnEnding(t *testing.T) {
	t.Parallel()

	exited := func(code int) syscall.WaitStatus { return syscall.WaitStatus(code << 8) }
	killed := func(s syscall.Signal) syscall.WaitStatus { return syscall.WaitStatus(s) }
	second := Limits{CPU: time.Second}
	tests := map[string]struct {
		end  ending
		want hallmark.RunVerdict
	}{
		"asked to end":              {ending{status: exited(0), ready: true, closing: true}, hallmark.RunOK},
		"ended unasked":             {ending{status: exited(0), ready: true}, hallmark.RunCrash},
		"panic":                     {ending{status: exited(2), ready: true}, hallmark.RunCrash},
		"panic at the end":          {ending{status: exited(2), ready: true, closing: true}, hallmark.RunCrash},
		"not locked in":             {ending{status: exited(3)}, hallmark.RunUnsandboxed},
		"forbidden call":            {ending{status: killed(syscall.SIGSYS), ready: true}, hallmark.RunPolicyViolation},
		"segmentation fault":        {ending{status: killed(syscall.SIGSEGV), ready: true}, hallmark.RunCrash},
		"abort with core":           {ending{status: killed(syscall.SIGABRT) | 0x80, ready: true}, hallmark.RunCrash},
		"killed by somebody":        {ending{status: killed(syscall.SIGKILL), ready: true}, hallmark.RunInfraError},
		"killed while closing":      {ending{status: killed(syscall.SIGKILL), ready: true, closing: true}, hallmark.RunInfraError},
		"processor time":            {ending{status: killed(syscall.SIGKILL), ready: true, limits: second, usage: Usage{CPU: time.Second}}, hallmark.RunCPULimit},
		"killed before that":        {ending{status: killed(syscall.SIGKILL), ready: true, limits: second, usage: Usage{CPU: time.Second / 2}}, hallmark.RunInfraError},
		"killed by us":              {ending{status: killed(syscall.SIGKILL), ready: true, cause: &RunError{Verdict: hallmark.RunWallLimit}}, hallmark.RunWallLimit},
		"killed by the kernel":      {ending{status: killed(syscall.SIGKILL), ready: true, grouped: true, outOfMemory: true}, hallmark.RunMemoryLimit},
		"refused memory":            {ending{status: exited(2), ready: true, limits: Limits{Memory: 9}, used: 4}, hallmark.RunMemoryLimit},
		"panic with little memory":  {ending{status: exited(2), ready: true, limits: Limits{Memory: 9}, used: 3}, hallmark.RunCrash},
		"panic in a group":          {ending{status: exited(2), ready: true, grouped: true, limits: Limits{Memory: 9}, used: 8}, hallmark.RunCrash},
		"ended before we killed it": {ending{status: exited(0), ready: true, closing: true, cause: &RunError{Verdict: hallmark.RunMemoryLimit}}, hallmark.RunMemoryLimit},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, _ := tt.end.verdict()
			require.Equal(t, tt.want, got)
		})
	}
}

func TestKindsOfVerdicts(t *testing.T) {
	t.Parallel()

	for verdict, kind := range map[hallmark.RunVerdict]error{
		hallmark.RunInvalidInput: hallmark.ErrInvalid, hallmark.RunCPULimit: hallmark.ErrUndecided, hallmark.RunWallLimit: hallmark.ErrUndecided,
		hallmark.RunMemoryLimit: hallmark.ErrUndecided, hallmark.RunOutputLimit: hallmark.ErrUndecided, hallmark.RunUnsandboxed: hallmark.ErrUnsandboxed,
		hallmark.RunInfraError: hallmark.ErrUnavailable, hallmark.RunCrash: hallmark.ErrRefused, hallmark.RunPolicyViolation: hallmark.ErrRefused,
		hallmark.RunProtocolError: hallmark.ErrRefused, "unheard of": hallmark.ErrRefused,
	} {
		err := fmt.Errorf("x: %w", Exit{Verdict: verdict, Detail: "why"}.Err())
		require.ErrorIs(t, err, kind, verdict)
		require.ErrorContains(t, err, "why")
	}
	require.NoError(t, Exit{Verdict: hallmark.RunOK}.Err())
}

func TestStartErrors(t *testing.T) {
	t.Parallel()

	for cause, want := range map[error]hallmark.RunVerdict{
		syscall.EPERM: hallmark.RunUnsandboxed, syscall.EACCES: hallmark.RunUnsandboxed, syscall.EINVAL: hallmark.RunUnsandboxed,
		syscall.ENOSPC: hallmark.RunUnsandboxed, syscall.ENOSYS: hallmark.RunUnsandboxed,
		syscall.EAGAIN: hallmark.RunInfraError, syscall.ENOMEM: hallmark.RunInfraError, syscall.ETXTBSY: hallmark.RunInfraError,
	} {
		require.Equal(t, want, startError(&os.PathError{Op: "fork/exec", Path: "x", Err: cause}).Verdict, cause)
	}
}

func TestSealedFileIsReadOnlyForGood(t *testing.T) {
	t.Parallel()

	content := bytes.Repeat([]byte("hallmark"), 300_000)
	f, digest, err := Seal(t.Context(), "x", bytes.NewReader(content))
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, hallmark.DigestOf(content), digest)
	require.True(t, Sealed(f))
	got, err := io.ReadAll(f)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))

	_, err = f.WriteAt([]byte("x"), 0)
	require.Error(t, err)
	require.Error(t, f.Truncate(0))
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if w, err := os.OpenFile(path, os.O_RDWR, 0); err == nil { // the seals hold even then
		_, err = w.WriteAt([]byte("x"), 0)
		require.ErrorIs(t, err, unix.EPERM)
		require.ErrorIs(t, w.Truncate(1), unix.EPERM)
		require.ErrorIs(t, w.Truncate(1<<30), unix.EPERM)
		require.NoError(t, w.Close())
	}

	disk, err := os.Create(filepath.Join(t.TempDir(), "x"))
	require.NoError(t, err)
	defer disk.Close()
	require.False(t, Sealed(disk))
}

// Until it is sealed another process of this user can write to the memory file. The digest is of what it holds in the end.
func TestDigestIsOfTheSealedBytes(t *testing.T) {
	t.Parallel()

	overwritten := false
	f, digest, err := Seal(t.Context(), "to be overwritten", io.MultiReader(strings.NewReader("as it was"), readerFunc(func([]byte) (int, error) {
		links, err := filepath.Glob("/proc/self/fd/*")
		require.NoError(t, err)
		for _, link := range links {
			if name, _ := os.Readlink(link); strings.Contains(name, "memfd:to be overwritten") {
				w, err := os.OpenFile(link, os.O_WRONLY, 0)
				require.NoError(t, err)
				_, err = w.WriteAt([]byte("is"), 0)
				require.NoError(t, err)
				require.NoError(t, w.Close())
				overwritten = true
			}
		}
		return 0, io.EOF
	})))
	require.NoError(t, err)
	defer f.Close()
	require.True(t, overwritten)
	got, err := io.ReadAll(f)
	require.NoError(t, err)
	require.Equal(t, "is it was", string(got))
	require.Equal(t, hallmark.DigestOf(got), digest)
}

func TestSealStopsWithItsContextAndReader(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := Seal(ctx, "x", io.MultiReader(bytes.NewReader(make([]byte, chunk+1)), readerFunc(func([]byte) (int, error) {
		cancel()
		return 1, nil
	})))
	require.ErrorIs(t, err, context.Canceled)

	broken := errors.New("broken")
	_, _, err = Seal(t.Context(), "x", readerFunc(func([]byte) (int, error) { return 0, broken }))
	require.ErrorIs(t, err, broken)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestSpecCheckReportsEverything(t *testing.T) {
	t.Parallel()

	err := Spec{Tier: "weak", Threads: 33, Limits: Limits{Wall: -1, CPU: -1, Memory: -1, Output: -1}}.Check()
	for _, part := range []string{"program", "model", `tier "weak"`, "threads 33", "wall", "CPU", "memory", "output"} {
		require.ErrorContains(t, err, part)
	}
	_, err = Start(t.Context(), Spec{})
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

func TestProgramThatDoesNotEnterIsUnsandboxed(t *testing.T) {
	t.Parallel()

	model, _, err := Seal(t.Context(), "x", strings.NewReader(""))
	require.NoError(t, err)
	defer model.Close()
	truth, err := os.Open("/bin/true")
	require.NoError(t, err)
	defer truth.Close()
	for name, content := range map[string]io.Reader{"not a program": strings.NewReader("hello"), "ends at once": truth} {
		program, _, err := SealProgram(t.Context(), content)
		require.NoError(t, err)
		_, err = Start(t.Context(), Spec{Program: program, Model: model, Tier: hallmark.TierFull})
		require.ErrorIs(t, err, hallmark.ErrUnsandboxed, name)
		var hint *hallmark.HintError
		require.ErrorAs(t, err, &hint, name)
		require.Contains(t, hint.Hint, "namespaces")
		require.NoError(t, program.Close())
	}
}

// A limit that is reached before a guest is locked in says nothing about what the host can isolate: no weaker tier is to be tried.
func TestLimitAtTheStartIsThatLimit(t *testing.T) {
	t.Parallel()

	for _, v := range []hallmark.RunVerdict{hallmark.RunMemoryLimit, hallmark.RunCPULimit, hallmark.RunWallLimit, hallmark.RunInfraError} {
		require.True(t, atStart(v), v)
	}
	for _, v := range []hallmark.RunVerdict{hallmark.RunOK, hallmark.RunCrash, hallmark.RunPolicyViolation, hallmark.RunUnsandboxed, hallmark.RunOutputLimit} {
		require.False(t, atStart(v), v)
	}
}

func TestCanceledStartLeavesNothing(t *testing.T) {
	t.Parallel()

	model, _, err := Seal(t.Context(), "x", strings.NewReader(""))
	require.NoError(t, err)
	defer model.Close()
	sleeper, err := os.Open("/bin/cat") // waits for its input and copies the hello back, which is not an answer
	require.NoError(t, err)
	defer sleeper.Close()
	program, _, err := SealProgram(t.Context(), sleeper)
	require.NoError(t, err)
	defer program.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Start(ctx, Spec{Program: program, Model: model, Tier: hallmark.TierNoNamespaces})
	require.ErrorIs(t, err, context.Canceled)
}

func TestLayersMustBeExactlyThoseOfTheTier(t *testing.T) {
	t.Parallel()

	for _, tier := range []hallmark.Tier{hallmark.TierFull, hallmark.TierNoNamespaces} {
		all := guestLayers(tier)
		require.NoError(t, checkLayers(tier, all))
		for i := range all {
			less := append(append([]string{}, all[:i]...), all[i+1:]...)
			require.ErrorContains(t, checkLayers(tier, less), all[i])
			require.ErrorContains(t, checkLayers(tier, append(less, less[0])), all[i], "another one twice")
		}
		require.Error(t, checkLayers(tier, append(all, "more")))
	}
	require.Error(t, checkLayers(hallmark.TierFull, guestLayers(hallmark.TierNoNamespaces)))
}

func TestThreadStatusMustBeThatOfAJail(t *testing.T) {
	t.Parallel()

	const none = "0000000000000000"
	user, group, err := guestOwner()
	require.NoError(t, err)
	good := fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d\nGid:\t%d\t%[2]d\t%[2]d\t%[2]d\n", user, group) + "Name:\tx\nNSpid:\t7\t1\nCapInh:\t" + none + "\nCapPrm:\t" + none + "\nCapEff:\t" + none + "\nCapAmb:\t" + none +
		"\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t2\n"
	check := func(text string, tier hallmark.Tier) error {
		return parseThread([]byte(text)).check(tier, thread{filters: "1"})
	}
	require.NoError(t, check(good, hallmark.TierFull))
	for _, change := range [][2]string{
		{"NoNewPrivs:\t1", "NoNewPrivs:\t0"},
		{"Seccomp:\t2", "Seccomp:\t0"},
		{"Seccomp:\t2", "Seccomp:\t3"},
		{"Seccomp_filters:\t2", "Seccomp_filters:\t1"},
		{"CapEff:\t" + none, "CapEff:\t000001ffffffffff"},
		{"CapPrm:\t" + none, "CapPrm:\t0000000000000001"},
		{"CapInh", "CapXxx"},
		{"NSpid:\t7\t1", "NSpid:\t7"},
		{fmt.Sprintf("Uid:\t%d", user), "Uid:\t0"},
		{fmt.Sprintf("Gid:\t%d", group), "Gid:\t0"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		require.NotEqual(t, good, bad)
		require.Error(t, check(bad, hallmark.TierFull), change[1])
	}
	require.NoError(t, check(strings.Replace(good, "7\t1", "7", 1), hallmark.TierNoNamespaces))
	require.Error(t, check("", hallmark.TierNoNamespaces))
}

func TestStatusOfThisProcess(t *testing.T) {
	t.Parallel()

	f, err := os.Open("/proc/self/status")
	require.NoError(t, err)
	defer f.Close()
	buf := make([]byte, statusSize)
	for range 2 { // read again from the start
		s, err := readStatus(f, buf)
		require.NoError(t, err)
		require.Greater(t, s.resident, int64(1<<20))
		require.Greater(t, s.peak, s.resident/2)
		require.Positive(t, s.threads)
	}
	require.Positive(t, processCPU(os.Getpid()))
	require.Zero(t, processCPU(1<<22))
	require.Equal(t, status{resident: 3 << 10, peak: 4096, threads: 5}, parseStatus([]byte("RssAnon:\t 1 kB\nVmSwap: 2 kB\nVmHWM:\t4 kB\nThreads:\t5\nx\nVmHWM x\n")))
}

func TestUnprivilegedUser(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		idMap     string
		own, want int
	}{
		"not root":             {"", 1000, 1000},
		"root of the host":     {"         0          0 4294967295\n", 0, nobody},
		"root of a container":  {"         0     100000      65536\n", 0, nobody},
		"root of a namespace":  {"         0       1000          1\n", 0, 0},
		"nobody in a late row": {"0 1000 1\n65534 200000 1\n", 0, nobody},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, err := unprivileged(tt.idMap, tt.own)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
	_, err := unprivileged("garbage\n", 0)
	require.Error(t, err)
}

func TestLandlockAsksForAllThatAnABIKnows(t *testing.T) {
	t.Parallel()

	require.Equal(t, landlockAttr{fs: 0x1fff}, landlockAll(1))
	require.Equal(t, landlockAttr{fs: 0x3fff}, landlockAll(2))
	require.Equal(t, landlockAttr{fs: 0x7fff}, landlockAll(3))
	require.Equal(t, landlockAttr{fs: 0x7fff, net: 3}, landlockAll(4))
	require.Equal(t, landlockAttr{fs: 0xffff, net: 3}, landlockAll(5))
	require.Equal(t, landlockAttr{fs: 0xffff, net: 3, scoped: 3}, landlockAll(7))
}

func TestHostSaysWhatIsMissingAndHowToGetIt(t *testing.T) {
	t.Parallel()

	offers := Host()
	require.Len(t, offers, 7)
	for _, o := range offers {
		require.NotEmpty(t, o.Name)
		require.NotEmpty(t, o.Detail)
		if !o.OK {
			require.NotEmpty(t, o.Remedy, o.Name)
		}
	}
	require.Contains(t, appArmorRemedy(), "userns,")
	require.Empty(t, sysctl("kernel.no_such_parameter"))
}
