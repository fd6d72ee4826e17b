package jail

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The child of a supervisor shares its memory until it runs its program. Package syscall copies the supervisor's page tables
// where it makes a user namespace, since a child whose supervisor stands still, as in vfork(2), cannot be given its ids; that costs
// as much as all namespaces together, more with every page that the supervisor has, and two descriptors whenever the kernel
// refuses. Here the child has a stack of its own and the supervisor goes on. All that the child does is a list of system calls that
// was written before: no other code may run in a thread that the Go runtime does not know.

// childStack is the size of that stack, in bytes. The deepest of the few functions on it takes some hundred.
const childStack = 16 << 10

// A child is a process between clone and exec. Both sides look at it.
type child struct {
	calls []childCall
	alive uint32      // cleared by the kernel, which wakes who waits for it, when the child runs its program or ends
	at    int         // which call failed
	errno unix.Errno  // and why; 0 if none did
	keep  []any       // what the calls' arguments point to, so that it stays where it is
	held  [2]*os.File // what it waits for before it goes on: read and write end
	after []*os.File  // copies of its files

	noNewPrivs bool
}

// A childCall is one of its system calls.
type childCall struct {
	what  string
	trap  uintptr
	args  [5]uintptr
	least uintptr // a smaller result is an error
	times uintptr // 0 is once; else so many more, the first argument growing, and errors do not count
}

// add adds a call.
func (c *child) add(what string, trap uintptr, args ...uintptr) {
	k := childCall{what: what, trap: trap}
	copy(k.args[:], args)
	c.calls = append(c.calls, k)
}

// pointer makes an argument of what lies at p.
func (c *child) pointer(p any, at unsafe.Pointer) uintptr {
	c.keep = append(c.keep, p)
	return uintptr(at)
}

// text makes an argument of a string.
func (c *child) text(s string) (uintptr, error) {
	b, err := unix.BytePtrFromString(s)
	if err != nil {
		return 0, err
	}
	return c.pointer(b, unsafe.Pointer(b)), nil
}

// texts makes an argument of a list of strings.
func (c *child) texts(list []string) (uintptr, error) {
	pointers := make([]*byte, len(list)+1)
	for i, s := range list {
		b, err := unix.BytePtrFromString(s)
		if err != nil {
			return 0, err
		}
		pointers[i] = b
	}
	return c.pointer(pointers, unsafe.Pointer(&pointers[0])), nil
}

const (
	sigSetSize = 8  // of a signal set, in bytes
	signals    = 64 // there are
	setMask    = 2  // SIG_SETMASK
)

// newChild writes down what a child does: it waits for its ids, becomes the process that attr says, and runs the program at path.
func newChild(path string, args []string, attr *os.ProcAttr, noNewPrivs bool) (*child, error) {
	c := &child{alive: 1, noNewPrivs: noNewPrivs}
	err := c.write(path, args, attr)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (c *child) write(path string, args []string, attr *os.ProcAttr) error {
	if err := c.wait(attr.Sys); err != nil {
		return err
	}
	if attr.Sys.Setsid {
		c.add("begin a session", unix.SYS_SETSID)
	}
	// Ignored signals and those that the supervisor has taken would else be the program's, or run the supervisor's handlers here.
	action, none := new([4 * sigSetSize]byte), new([sigSetSize]byte) // SIG_DFL; no signal
	c.add("default actions", unix.SYS_RT_SIGACTION, 1, c.pointer(action, unsafe.Pointer(action)), 0, sigSetSize)
	c.calls[len(c.calls)-1].times = signals - 1
	c.add("let signals in", unix.SYS_RT_SIGPROCMASK, setMask, c.pointer(none, unsafe.Pointer(none)), 0, sigSetSize)
	if owner := attr.Sys.Credential; owner != nil {
		c.add("leave all groups", unix.SYS_SETGROUPS, 0, 0)
		c.add("change the group", unix.SYS_SETGID, uintptr(owner.Gid))
		c.add("change the user", unix.SYS_SETUID, uintptr(owner.Uid))
	}
	dir, err := c.text(attr.Dir)
	if err != nil {
		return err
	}
	c.add("change the directory", unix.SYS_CHDIR, dir)
	if attr.Sys.Pdeathsig != 0 { // after the change of the user, which clears it
		c.add("die with the supervisor", unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(attr.Sys.Pdeathsig))
	}
	if c.noNewPrivs {
		c.add("set no_new_privs", unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
	}
	if err := c.files(attr.Files); err != nil {
		return err
	}
	return c.exec(path, args, attr.Env)
}

// wait has the child wait for its ids, if it has a user namespace. The end of a supervisor ends the wait.
func (c *child) wait(sys *syscall.SysProcAttr) (err error) {
	if sys.UidMappings == nil {
		return nil
	}
	if c.held[0], c.held[1], err = os.Pipe(); err != nil {
		return err
	}
	buf := new([1]byte)
	c.add("close its end of a pipe", unix.SYS_CLOSE, c.held[1].Fd())
	c.add("wait for its ids", unix.SYS_READ, c.held[0].Fd(), c.pointer(buf, unsafe.Pointer(buf)), 1)
	c.calls[len(c.calls)-1].least = 1
	return nil
}

// files gives the child its descriptors, from 0 on. None of them may lie where another one goes.
func (c *child) files(list []*os.File) error {
	for i, f := range list {
		fd := f.Fd()
		if int(fd) < len(list) {
			high, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, len(list))
			if err != nil {
				return err
			}
			f = os.NewFile(uintptr(high), f.Name())
			c.after = append(c.after, f)
			fd = f.Fd()
		}
		c.add("take descriptor "+strconv.Itoa(i), unix.SYS_DUP3, fd, uintptr(i), 0)
	}
	return nil
}

func (c *child) exec(path string, args, env []string) error {
	name, err := c.text(path)
	if err != nil {
		return err
	}
	argv, err := c.texts(args)
	if err != nil {
		return err
	}
	envp, err := c.texts(env)
	if err != nil {
		return err
	}
	c.add("run the program", unix.SYS_EXECVE, name, argv, envp)
	return nil
}

// start makes the process and returns when it runs its program. The calling goroutine has its thread for itself: the child
// dies with that. On an error there is no process.
func (c *child) start(sys *syscall.SysProcAttr) (pid int, err error) {
	defer func() { err = errors.Join(err, c.close()) }()
	pid, err = c.clone(sys)
	if err != nil {
		return 0, fmt.Errorf("clone: %w", err)
	}
	var idErr error
	if c.held[1] != nil {
		if idErr = writeIDs(pid, sys); idErr == nil {
			_, idErr = c.held[1].Write([]byte{1})
		}
		idErr = errors.Join(idErr, c.held[1].Close())
		c.held[1] = nil
	}
	for atomic.LoadUint32(&c.alive) != 0 {
		const wait = 0 // FUTEX_WAIT of any process: the kernel wakes so
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&c.alive)), wait, 1, 0, 0, 0)
	}
	if c.errno == 0 && idErr == nil {
		return pid, nil
	}
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if idErr != nil {
		return 0, fmt.Errorf("give the child its ids: %w", idErr)
	}
	return 0, fmt.Errorf("child: %s: %w", c.calls[c.at].what, c.errno)
}

// clone begins the child. No signal may come in between: the child would run its handler beside the supervisor, on its memory.
func (c *child) clone(sys *syscall.SysProcAttr) (int, error) {
	stack := make([]byte, childStack)
	c.keep = append(c.keep, stack)
	const room = 64 // of the function that begins it
	top := (uintptr(unsafe.Pointer(&stack[0]))+childStack)&^15 - room
	flags := sys.Cloneflags | unix.CLONE_VM | unix.CLONE_CHILD_CLEARTID
	number, args := uintptr(unix.SYS_CLONE), [2]uintptr{flags | uintptr(unix.SIGCHLD), top}
	if sys.UseCgroupFD {
		low := uintptr(unsafe.Pointer(&stack[0]))
		a := &cloneArgs{
			flags: uint64(flags) | unix.CLONE_INTO_CGROUP, exitSignal: uint64(unix.SIGCHLD), childTID: uint64(uintptr(unsafe.Pointer(&c.alive))),
			stack: uint64(low), stackSize: uint64(top - low), cgroup: uint64(sys.CgroupFD),
		}
		number, args = unix.SYS_CLONE3, [2]uintptr{c.pointer(a, unsafe.Pointer(a)), unsafe.Sizeof(*a)}
	}
	all, before := ^uint64(0), new(uint64)
	syscall.ForkLock.Lock() // other threads' descriptors that are not yet closed on exec
	defer syscall.ForkLock.Unlock()
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(before)), sigSetSize, 0, 0); errno != 0 {
		return 0, errno
	}
	r := cloneShared(number, args[0], args[1], uintptr(unsafe.Pointer(&c.alive)), c)
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(before)), 0, sigSetSize, 0, 0)
	if r < 0 {
		return 0, unix.Errno(-r)
	}
	if errno != 0 {
		return 0, errno
	}
	return r, nil
}

// cloneArgs is struct clone_args of the kernel, up to what CLONE_INTO_CGROUP needs.
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

// runChild is the child's life, on its own stack, with the supervisor's memory around it.
//
//go:nosplit
//go:norace
//go:noinline
func runChild(c *child) { //nolint:unused // called by assembly
	for i := range c.calls {
		k := &c.calls[i]
		for n := uintptr(0); n <= k.times; n++ {
			r, _, errno := syscall.RawSyscall6(k.trap, k.args[0]+n, k.args[1], k.args[2], k.args[3], k.args[4], 0)
			if errno == 0 && r < k.least {
				errno = unix.EPIPE
			}
			if errno != 0 && k.times == 0 {
				c.at, c.errno = i, errno
				end()
			}
		}
	}
	end()
}

//go:nosplit
//go:norace
func end() { //nolint:unused // called by the one above
	for {
		_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 253, 0, 0)
	}
}

// writeIDs gives a child in a user namespace of its own its user and group.
// Source: user_namespaces(7).
func writeIDs(pid int, sys *syscall.SysProcAttr) error {
	groups := "deny"
	if sys.GidMappingsEnableSetgroups {
		groups = "allow"
	}
	for _, f := range []struct{ name, text string }{
		{"uid_map", idMap(sys.UidMappings)}, {"setgroups", groups}, {"gid_map", idMap(sys.GidMappings)},
	} {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d/%s", pid, f.name), unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open its %s: %w", f.name, err)
		}
		_, err = unix.Write(fd, []byte(f.text))
		if err = errors.Join(err, unix.Close(fd)); err != nil {
			return fmt.Errorf("write its %s: %w", f.name, err)
		}
	}
	return nil
}

func idMap(list []syscall.SysProcIDMap) string {
	var text []byte
	for _, m := range list {
		text = fmt.Appendf(text, "%d %d %d\n", m.ContainerID, m.HostID, m.Size)
	}
	return string(text)
}

// close gives up the supervisor's ends.
func (c *child) close() error {
	var errs []error
	for _, f := range append(c.after, c.held[:]...) {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
