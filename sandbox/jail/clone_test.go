package jail

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func childOf(t *testing.T, path string, attr *os.ProcAttr) (pid int, err error) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := newChild(path, []string{"x"}, attr, false)
	require.NoError(t, err)
	return c.start(attr.Sys)
}

func TestChildSaysWhatFailed(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		path string
		attr os.ProcAttr
		err  error
	}{
		"change the directory": {"/bin/true", os.ProcAttr{Dir: "/no/such", Sys: &syscall.SysProcAttr{Setsid: true}}, unix.ENOENT},
		"run the program":      {"/no/such", os.ProcAttr{Dir: "/", Sys: &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}}, unix.ENOENT},
		"clone":                {"/bin/true", os.ProcAttr{Dir: "/", Sys: &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_FS}}, unix.EINVAL},
		"its ids": {"/bin/true", os.ProcAttr{Dir: "/", Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER, UidMappings: []syscall.SysProcIDMap{{Size: 1}, {Size: 1}}, GidMappings: []syscall.SysProcIDMap{{Size: 1}},
		}}, unix.EINVAL},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()

			pid, err := childOf(t, tt.path, &tt.attr)
			require.ErrorIs(t, err, tt.err)
			require.ErrorContains(t, err, what)
			require.Zero(t, pid)
		})
	}
}

// A child takes its descriptors whatever numbers the supervisor has them under.
func TestChildTakesDescriptorsOfAnyNumber(t *testing.T) {
	t.Parallel()

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	// Descriptors 0, 1 and 2, each where another one goes.
	attr := os.ProcAttr{Dir: "/", Files: []*os.File{os.Stderr, os.Stdin, os.Stdout, w}, Sys: &syscall.SysProcAttr{}}
	c, err := newChild("/bin/sh", []string{"sh", "-c", `found=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2); echo "$found" >&3`}, &attr, true)
	require.NoError(t, err)
	runtime.LockOSThread()
	pid, err := c.start(attr.Sys)
	runtime.UnlockOSThread()
	require.NoError(t, err)
	require.NoError(t, w.Close())
	want := ""
	for _, f := range []string{"2", "0", "1"} {
		name, err := os.Readlink("/proc/self/fd/" + f)
		require.NoError(t, err)
		want += name + "\n"
	}
	buf := make([]byte, 4096)
	n, err := r.Read(buf)
	require.NoError(t, err)
	require.Equal(t, want, string(buf[:n]))
	var status unix.WaitStatus
	_, err = unix.Wait4(pid, &status, 0, nil)
	require.NoError(t, err)
	require.Zero(t, status.ExitStatus())
}

// A host that refuses namespaces refuses them at every start: none may cost a descriptor.
func TestRefusedChildLeavesNoDescriptor(t *testing.T) { //nolint:paralleltest // counts the descriptors of the process
	attr := os.ProcAttr{Dir: "/", Files: []*os.File{os.Stdin}, Sys: &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_FS, UidMappings: []syscall.SysProcIDMap{{Size: 1}}, GidMappings: []syscall.SysProcIDMap{{Size: 1}},
	}}
	_, err := childOf(t, "/bin/true", &attr) // opens the runtime's poller
	require.ErrorIs(t, err, unix.EINVAL)
	before, err := readNames("/proc/self/fd")
	require.NoError(t, err)
	for range 20 {
		_, err := childOf(t, "/bin/true", &attr)
		require.ErrorIs(t, err, unix.EINVAL)
	}
	after, err := readNames("/proc/self/fd")
	require.NoError(t, err)
	require.Len(t, after, len(before))
}

// What forks guests is in their control groups for a moment, where the first thread would take all of the supervisor's memory along.
func TestOtherThreadIsNeverTheFirst(t *testing.T) {
	t.Parallel()

	const n = 30 // more than there are idle threads, the first among them
	var first atomic.Int64
	var all sync.WaitGroup
	all.Add(n)
	for range n {
		go otherThread(func() {
			defer runtime.UnlockOSThread()
			if unix.Gettid() == os.Getpid() {
				first.Add(1)
			}
			all.Done()
			all.Wait() // each keeps its thread until the last has one
		})
	}
	all.Wait()
	require.Zero(t, first.Load())
}
