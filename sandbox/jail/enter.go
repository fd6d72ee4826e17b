package jail

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// hostName is what the guest sees as the name of its host in the full tier.
const hostName = "jail"

// modelFD is the descriptor of the model.
const modelFD = 3

// helloLimit bounds the messages of the handshake, in bytes.
const helloLimit = 4096

// An Option changes how [Enter] locks down. Only tests of the jail use one.
type Option func(*entry)

// DenyWithError makes forbidden system calls return EPERM instead of ending the process, so that a test can go through
// many attempts. The rest of the jail is the same.
func DenyWithError() Option {
	return func(e *entry) { e.deny = actErrno | uint32(unix.EPERM) }
}

// entry is a lock-down under way.
type entry struct {
	hello  wire.Hello
	deny   uint32 // what the filter answers; 0 for what it does to guests of the tier
	layers []string
	abi    int // of Landlock

	untouched int64 // bytes mapped and not used; see rlimits
}

// Enter locks the calling process in, as the supervisor's hello on descriptor 0 says, answers ready on descriptor 1 and
// returns the model's bytes, mapped read-only. It is the first call of a guest's main, before anything else starts
// threads or timers. On an error nothing was answered but the failure: the process is half locked and has to end.
func Enter(opts ...Option) ([]byte, error) {
	e := &entry{}
	for _, o := range opts {
		o(e)
	}
	id, m, err := wire.NewRequestReader(os.Stdin, helloLimit).Next()
	if err != nil {
		return nil, fmt.Errorf("read the hello: %w", err)
	}
	hello, ok := m.(wire.Hello)
	if !ok || hello.Version != wire.Version {
		return nil, fmt.Errorf("first request is %v, want a hello of version %d: %w", m.Type(), wire.Version, wire.ErrProtocol)
	}
	e.hello = hello
	model, err := e.lock()
	if err != nil {
		err = fmt.Errorf("lock the guest in: %w", err)
		return nil, errors.Join(err, wire.Write(os.Stdout, id, wire.Failure{Kind: wire.FailUnsandboxed, Text: err.Error()}))
	}
	runtime.GOMAXPROCS(int(hello.Threads))
	return model, wire.Write(os.Stdout, id, wire.Ready{Layers: e.layers})
}

// lock goes through the layers in the order of the package comment.
func (e *entry) lock() ([]byte, error) {
	// Only the supervisor ends a guest. A service manager that signals a whole control group would otherwise make a
	// model look as if it had crashed.
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
	if err := e.startState(); err != nil {
		return nil, err
	}
	model, err := mapModel(e.hello.ModelSize)
	if err != nil {
		return nil, err
	}
	if e.hello.Tier == hallmark.TierFull && on(layerRoot) && on(layerMount) {
		if err := emptyRoot(); err != nil {
			return nil, err
		}
	}
	if err := e.privileges(); err != nil {
		return nil, err
	}
	if err := e.selfTest(); err != nil {
		return nil, fmt.Errorf("self-test: %w", err)
	}
	if !on(layerSeccomp) {
		return model, nil
	}
	if err := e.seccomp(); err != nil {
		return nil, err
	}
	if err := filterTest(); err != nil {
		return nil, fmt.Errorf("self-test: %w", err)
	}
	e.layers = append(e.layers, layerSeccomp)
	return model, nil
}

// startState checks what the process was given: the environment, the descriptors, its session, the signal at its
// supervisor's death and, in the full tier, namespaces.
func (e *entry) startState() error {
	// The runtime's timers need its poller, which cannot be set up any more once the filter is on.
	time.AfterFunc(time.Hour, func() {}).Stop()
	untouched, err := untouchedMemory()
	if err != nil {
		return err
	}
	e.untouched = untouched
	checks := []struct {
		layer string
		check func() error
	}{
		{layerEnv, e.cleanEnvironment},
		{layerFiles, func() error { return onlyOwnDescriptors(modelFD) }},
		{layerSession, ownSession},
		{layerDeath, diesWithSupervisor},
		{layerReadOnly, readOnlyContainer},
	}
	for _, c := range checks {
		if !e.has(c.layer) {
			continue
		}
		if err := c.check(); err != nil {
			return fmt.Errorf("%s: %w", c.layer, err)
		}
		e.layers = append(e.layers, c.layer)
	}
	if e.hello.Tier == hallmark.TierNoNamespaces {
		return nil
	}
	if pid := os.Getpid(); pid != 1 && on(layerPID) {
		return fmt.Errorf("own id is %d in a new pid namespace, want 1", pid)
	}
	if e.hello.Tier != hallmark.TierFull {
		return nil // what made the other namespaces reports them
	}
	for _, n := range namespaces() { // the supervisor's one clone call made all seven or none
		if on(n.layer) {
			e.layers = append(e.layers, n.layer)
		}
	}
	return nil
}

// has reports whether the guest is to have a layer.
func (e *entry) has(layer string) bool { return slices.Contains(guestLayers(e.hello.Tier), layer) }

func (e *entry) cleanEnvironment() error {
	want := environment(e.hello.Memory)
	if InContainer(e.hello.Tier) {
		want = containerEnvironment(e.hello.Memory)
	}
	if env := os.Environ(); len(env) != len(want) {
		return fmt.Errorf("%d environment variables, want %d", len(env), len(want))
	}
	return nil
}

// ownSession checks that the process leads a session of its own, in the root directory.
func ownSession() error {
	sid, err := unix.Getsid(0)
	if err != nil {
		return err
	}
	if sid != os.Getpid() {
		return fmt.Errorf("session is %d, want %d", sid, os.Getpid())
	}
	dir, err := os.Getwd()
	if err == nil && dir != "/" {
		err = fmt.Errorf("working directory is %q, want the root", dir)
	}
	return err
}

// diesWithSupervisor checks that the kernel ends the process when the supervisor's thread that started it is gone. The
// signal is a thread's: the first one was given it, and another that comes here gets it too.
func diesWithSupervisor() error {
	// Nothing here lets the Go scheduler move this to another thread, which the look at the end is for: locking it to one starts
	// a thread more, and each makes the lock-down dearer.
	for range 100 {
		thread := unix.Gettid()
		if thread != os.Getpid() {
			if _, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0); errno != 0 {
				return errno
			}
		}
		var signal int32
		_, _, errno := unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&signal)), 0, 0, 0, 0)
		switch {
		case unix.Gettid() != thread:
			continue
		case errno != 0:
			return errno
		case signal != int32(unix.SIGKILL):
			return fmt.Errorf("signal at the supervisor's death is %d, want %d", signal, unix.SIGKILL)
		}
		return nil
	}
	return errors.New("moved from thread to thread")
}

// onlyOwnDescriptors refuses to go on with anything open beside 0 to highest and the two of the runtime's poller.
func onlyOwnDescriptors(highest int) error {
	const dir = "/proc/self/fd"
	names, err := readNames(dir) // includes the descriptor of the list itself, closed by now
	if err != nil {
		return fmt.Errorf("list the descriptors: %w", err)
	}
	poller := map[string]bool{"anon_inode:[eventpoll]": true, "anon_inode:[eventfd]": true}
	buf := make([]byte, 256)
	known := 0
	for _, name := range names {
		if fd, err := strconv.Atoi(name); err == nil && fd <= highest {
			known++
			continue
		}
		n, err := unix.Readlink(dir+"/"+name, buf)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look at descriptor %s: %w", name, err)
		}
		if what := string(buf[:n]); !poller[what] {
			return fmt.Errorf("descriptor %s is open on %s: the supervisor leaks", name, what)
		}
		poller[string(buf[:n])] = false
	}
	if known != highest+1 {
		return fmt.Errorf("%d of the descriptors 0 to %d are open", known, highest)
	}
	return nil
}

// mapModel maps descriptor 3 read-only and closes it.
func mapModel(size int64) ([]byte, error) {
	defer unix.Close(modelFD)
	if size == 0 {
		return nil, nil
	}
	if int64(int(size)) != size {
		return nil, fmt.Errorf("model of %d bytes does not fit into the address space", size)
	}
	b, err := unix.Mmap(modelFD, 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the model: %w", err)
	}
	return b, nil
}

// emptyRoot makes an empty, read-only file system the only one that the mount namespace can reach.
func emptyRoot() error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	// Any directory does as a place to mount on; this one exists, since the guest was started through it.
	const place = "/proc"
	steps := []struct {
		what string
		do   func() error
	}{
		{"set the host name", setHostName},
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount an empty file system", func() error {
			return unix.Mount("none", place, "tmpfs", flags, "size=4k,nr_inodes=4,mode=0555")
		}},
		{"enter the empty file system", func() error { return unix.Chdir(place) }},
		{"change the root", func() error { return unix.PivotRoot(".", ".") }},
		{"detach the old root", func() error { return unix.Unmount(".", unix.MNT_DETACH) }},
		{"enter the new root", func() error { return unix.Chdir("/") }},
		{"make the root read-only", func() error {
			return unix.Mount("", "/", "", flags|unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
		}},
		{"check that the root is empty", rootIsEmpty},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

func setHostName() error {
	if !on(layerUTS) {
		return nil // it would be the host's
	}
	return unix.Sethostname([]byte(hostName))
}

// rootIsEmpty looks above the root too: a root that was not detached hides there.
func rootIsEmpty() error {
	for _, dir := range []string{"/", "/.."} {
		names, err := readNames(dir)
		if err != nil {
			return err
		}
		if len(names) > 0 {
			return fmt.Errorf("%s holds %q", dir, names[0])
		}
	}
	return nil
}

func readNames(dir string) ([]string, error) {
	// Not os.File: the runtime's poller would learn of the descriptor.
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return dirNames(fd)
}

// dirNames lists an open directory.
func dirNames(fd int) (names []string, err error) {
	buf := make([]byte, 4096)
	for {
		n, err := unix.ReadDirent(fd, buf)
		if err != nil || n == 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// privileges sets limits and gives up everything that more could be gained with, on every thread. Those that a program may give
// are over: the child gave them up, or the container's runtime, before there was a second thread.
func (e *entry) privileges() error {
	steps := []struct {
		layer string
		do    func() error
	}{
		{layerRlimits, e.limit}, {layerLandlock, e.landlock}, {layerCaps, dropCapabilities}, {layerDump, undumpable},
	}
	for _, s := range steps {
		if !e.has(s.layer) {
			continue
		}
		if err := s.do(); err != nil {
			return err
		}
	}
	return nil
}

func (e *entry) limit() error {
	for _, l := range rlimits(e.hello, e.untouched) {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.value, err)
		}
	}
	return nil
}

func noNewPrivileges() error {
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("set no_new_privs: %w", errno)
	}
	return nil
}

func (e *entry) landlock() (err error) {
	e.abi, err = landlock()
	return err
}

// dropCapabilities leaves every thread without capabilities.
func dropCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none[0])), 0)
	if errno != 0 {
		return fmt.Errorf("drop all capabilities: %w", errno)
	}
	return nil
}

func undumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("become undumpable: %w", err)
	}
	return nil
}

func (e *entry) seccomp() error {
	a, ok := arches()[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("no filter for %s", runtime.GOARCH)
	}
	deny := e.deny
	if deny == 0 {
		deny = denial(e.hello.Tier)
	}
	if deny == actTrap {
		if err := dieOfSIGSYS(); err != nil {
			return err
		}
	}
	return installFilter(assemble(a, uint32(os.Getpid()), deny))
}

// dieOfSIGSYS gives SIGSYS its default action back, which is the process's end, from the Go runtime, which would turn it into a
// panic. A guest that is taken over can keep the signal from its threads; the call that brought it is not made in any case.
func dieOfSIGSYS() error {
	const setSize = 8               // of a signal set
	var byDefault [4 * setSize]byte // struct sigaction, which differs between architectures, all zero: SIG_DFL, no flags, no mask
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSYS), uintptr(unsafe.Pointer(&byDefault)), 0, setSize, 0, 0); errno != 0 {
		return fmt.Errorf("let SIGSYS end the guest: %w", errno)
	}
	return nil
}

// installFilter puts the filter on all threads, those that start later included.
func installFilter(filter []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("install the seccomp filter: %w", errno)
	}
	if r != 0 {
		return fmt.Errorf("thread %d did not take the seccomp filter", r)
	}
	return nil
}

// seccompAvailable asks the kernel whether a filter may answer so.
func seccompAvailable(action *uint32) error {
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(action))); errno != 0 {
		return errno
	}
	return nil
}

// environment is all that the guest is given.
func environment(memory int64) []string {
	return []string{
		"GODEBUG=containermaxprocs=0", // or the runtime keeps the host's cgroup files open
		// Until it is locked in: every thread more makes each step of that dearer. The hello says how many compute then.
		"GOMAXPROCS=1",
		"GOMEMLIMIT=" + strconv.FormatInt(memory/10*8, 10),
	}
}
