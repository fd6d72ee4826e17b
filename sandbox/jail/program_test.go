package jail_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// runner is testdata/runner, built once beside testdata/escape.
var runner = sync.OnceValues(func() (string, error) {
	path := filepath.Join(filepath.Dir(program), "runner")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", path, "./testdata/runner")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		os.Stderr.Write(out)
	}
	return path, err
})

// programJob is job of testdata/runner, and programOutcome its outcome.
type programJob struct {
	Args, Env, Binds                 []string
	Model                            string
	MemoryMiB, OutputKiB, ScratchMiB int64
	CPU, Wall                        time.Duration
	Off                              string
	Sabotage                         [2]string
	Read, Wait                       bool
}

type programOutcome struct {
	Verdict                  hallmark.RunVerdict
	Detail, Log, Output      string
	Layers                   []string
	PeakRSS, WallMS, StartMS int64
	CPU                      time.Duration
	Open                     int
	Limits                   map[string]string
}

func runnerCommand(t *testing.T, as *syscall.Credential, j programJob) *exec.Cmd {
	t.Helper()
	path, err := runner()
	require.NoError(t, err)
	if len(j.Args) == 0 || !filepath.IsAbs(j.Args[0]) {
		j.Args = append([]string{path, "do"}, j.Args...)
	}
	if j.MemoryMiB == 0 {
		j.MemoryMiB = 200
	}
	if j.Wall == 0 {
		j.Wall = 20 * time.Second
	}
	raw, err := json.Marshal(j)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, "supervise", string(raw))
	cmd.Dir = "/"
	cmd.Env = []string{"HALLMARK_CANARY_ENV=canary"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd
}

func runProgram(t *testing.T, as *syscall.Credential, j programJob) programOutcome {
	t.Helper()
	cmd := runnerCommand(t, as, j)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	require.NoError(t, cmd.Run(), "%s\n%s", &out, &log)
	var o programOutcome
	require.NoError(t, json.Unmarshal(out.Bytes(), &o), "%s", &out)
	require.Zero(t, o.Open, "descriptors that the supervisor has more than before")
	return o
}

func TestProgramServesFromItsJail(t *testing.T) {
	t.Parallel()

	for name, as := range users() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			o := runProgram(t, as, programJob{Args: []string{"hello"}, Model: "model bytes", Env: []string{"X=1"}, Read: true})
			require.Equal(t, hallmark.RunOK, o.Verdict, o.Detail)
			require.Equal(t, "model bytes in /tmp as [PATH=/usr/bin:/bin HOME=/tmp TMPDIR=/tmp LANG=C.UTF-8 X=1]", o.Output)
			require.Contains(t, o.Layers, "seccomp-program")
			require.Contains(t, o.Layers, "tree-watchdog")
			require.Equal(t, "256", o.Limits["processes"])
			require.Positive(t, o.PeakRSS)
		})
	}
}

// TestProgramEscapes is a hostile program that tries every way out of its jail.
func TestProgramEscapes(t *testing.T) {
	t.Parallel()

	for name, as := range users() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			where, contacts := canaries(t)
			o := runProgram(t, as, programJob{Args: []string{"attempts", where.json(t)}, Binds: []string{where.Bound}, Read: true})
			require.Equal(t, hallmark.RunOK, o.Verdict, "%s: %s", o.Detail, o.Log)
			var tried map[string]string
			require.NoError(t, json.Unmarshal([]byte(o.Output), &tried), o.Output)
			require.Greater(t, len(tried), 130)
			for id, result := range tried {
				require.NotEqual(t, "succeeded", result, id)
			}
			require.Zero(t, contacts(), "connections to the canaries")
			require.NotContains(t, o.Output+o.Log, "canary-content")
			t.Logf("%d attempts, all blocked", len(tried))
		})
	}
}

// programTarget is target of testdata/runner.
type programTarget struct {
	File, Dir, Bound, Abstract, Socket string
	TCP, PID                           int
}

func (p programTarget) json(t *testing.T) string {
	t.Helper()
	raw, err := json.Marshal(p)
	require.NoError(t, err)
	return string(raw)
}

// canaries sets up what must not be reached: a file that everybody may read, listeners on loopback, on an abstract address
// and in a directory that is bound, which holds a named pipe and a link out too.
func canaries(t *testing.T) (programTarget, func() int) {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(program), "canary") //nolint:usetesting // beside the program, where every user may look
	require.NoError(t, err)
	where := programTarget{
		Dir: dir, File: filepath.Join(dir, "file"), Bound: filepath.Join(dir, "bound"), Abstract: "hallmark-" + filepath.Base(dir),
		Socket: filepath.Join(dir, "bound", "socket"), PID: os.Getpid(),
	}
	require.NoError(t, os.Mkdir(where.Bound, 0o777))
	require.NoError(t, os.WriteFile(where.File, []byte("canary-content"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(where.Bound, "file"), []byte("bound"), 0o666))
	require.NoError(t, os.Symlink(where.File, filepath.Join(where.Bound, "link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(where.Bound, "fifo"), 0o666))
	tcp, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	where.TCP = tcp.Addr().(*net.TCPAddr).Port
	abstract, err := new(net.ListenConfig).Listen(t.Context(), "unix", "@"+where.Abstract)
	require.NoError(t, err)
	path, err := new(net.ListenConfig).Listen(t.Context(), "unix", where.Socket)
	require.NoError(t, err)
	for _, p := range []string{dir, where.Bound, where.Socket, filepath.Join(where.Bound, "file"), filepath.Join(where.Bound, "fifo")} {
		require.NoError(t, os.Chmod(p, 0o777))
	}
	var mu sync.Mutex
	contacts := 0
	for _, l := range []net.Listener{tcp, abstract, path} {
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				conn.Close()
				mu.Lock()
				contacts++
				mu.Unlock()
			}
		}()
		t.Cleanup(func() { l.Close() })
	}
	return where, func() int { mu.Lock(); defer mu.Unlock(); return contacts }
}

// The canaries can be reached without a jail, or the test above shows nothing.
func TestProgramEscapesSucceedWithoutAJail(t *testing.T) {
	t.Parallel()

	where, contacts := canaries(t)
	path, err := runner()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, "do", "reach", where.json(t))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "canary-content")
	require.Eventually(t, func() bool { return contacts() == 3 }, 5*time.Second, time.Millisecond)
}

func TestProgramVerdicts(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		job  programJob
		want hallmark.RunVerdict
		says string
	}{
		"ends by itself":           {programJob{Args: []string{"exit", "0"}}, hallmark.RunCrash, "ended with status 0"},
		"fails":                    {programJob{Args: []string{"exit", "7"}}, hallmark.RunCrash, "ended with status 7"},
		"segmentation fault":       {programJob{Args: []string{"signal", "9"}}, hallmark.RunCrash, "killed by signal 9"},
		"another architecture":     {programJob{Args: []string{"wrong-architecture"}}, hallmark.RunPolicyViolation, "another architecture"},
		"memory":                   {programJob{Args: []string{"memory"}}, hallmark.RunMemoryLimit, "of memory, limit 209715200"},
		"memory of children":       {programJob{Args: []string{"memory-in-children"}}, hallmark.RunMemoryLimit, "of memory"},
		"page tables":              {programJob{Args: []string{"page-tables"}}, hallmark.RunMemoryLimit, "of memory"},
		"fork bomb":                {programJob{Args: []string{"fork-bomb"}, MemoryMiB: 4000}, hallmark.RunPolicyViolation, "processes and threads"},
		"threads":                  {programJob{Args: []string{"threads"}}, hallmark.RunPolicyViolation, "processes and threads"},
		"processor time":           {programJob{Args: []string{"spin"}, CPU: 300 * time.Millisecond}, hallmark.RunCPULimit, "of processor time, limit 300ms"},
		"processor time, children": {programJob{Args: []string{"spin-in-children"}, CPU: 600 * time.Millisecond}, hallmark.RunCPULimit, "of processor time"},
		"wall time":                {programJob{Args: []string{"sleep"}, Wall: 300 * time.Millisecond}, hallmark.RunWallLimit, "limit 300ms"},
		"log":                      {programJob{Args: []string{"log-flood"}, OutputKiB: 1024}, hallmark.RunOutputLimit, "of log"},
		"reply":                    {programJob{Args: []string{"reply-flood"}, OutputKiB: 1024, Read: true}, hallmark.RunOutputLimit, "in one reply"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			tt.job.Wait = true
			o := runProgram(t, nil, tt.job)
			require.Equal(t, tt.want, o.Verdict, "%s: %s", o.Detail, o.Log)
			require.Contains(t, o.Detail, tt.says)
			if tt.want == hallmark.RunMemoryLimit {
				require.Less(t, o.PeakRSS, int64(600<<20), "ended soon; on a busy host the watchdog comes late")
			}
			t.Logf("%s, peak %d MiB, %v of processor time, %d ms", o.Detail, o.PeakRSS>>20, o.CPU, o.WallMS)
		})
	}
}

func TestProgramFillsItsScratchDirectoryOnly(t *testing.T) {
	t.Parallel()

	o := runProgram(t, nil, programJob{Args: []string{"fill"}, ScratchMiB: 5, Read: true})
	require.Equal(t, hallmark.RunOK, o.Verdict, o.Detail)
	require.Regexp(t, `^\d+ MiB`, o.Output)
	size, err := strconv.Atoi(strings.Fields(o.Output)[0])
	require.NoError(t, err)
	require.LessOrEqual(t, size, 5)
}

// alive lists processes with an argument, and so with it in their command line.
func alive(t *testing.T, argument string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var found []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil && slices.Contains(strings.Split(string(b), "\x00"), argument) {
			found = append(found, f)
		}
	}
	return found
}

// TestNothingOfAProgramSurvives ends jails whose program left a daemon behind: as asked, and by killing the supervisor.
func TestNothingOfAProgramSurvives(t *testing.T) {
	t.Parallel()

	o := runProgram(t, nil, programJob{Args: []string{"daemon", "survivor-of-a-stop"}, Read: true})
	require.Equal(t, "left a daemon", o.Output)
	require.Empty(t, alive(t, "survivor-of-a-stop"))

	rounds := 5
	if os.Getenv("HALLMARK_FULL") != "" {
		rounds = 200
	}
	for i := range rounds {
		mark := "survivor-" + strconv.Itoa(i)
		cmd := runnerCommand(t, nil, programJob{Args: []string{"daemon", mark}, Read: true, Wait: true})
		require.NoError(t, cmd.Start())
		if i%2 == 0 { // at a random moment, or when the daemon is there
			require.Eventually(t, func() bool { return len(alive(t, mark)) >= 2 }, 10*time.Second, 5*time.Millisecond)
		} else {
			<-time.After(time.Duration(i*7%60) * time.Millisecond)
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		require.Eventually(t, func() bool { return len(alive(t, mark)) == 0 }, 5*time.Second, 2*time.Millisecond)
	}
}
