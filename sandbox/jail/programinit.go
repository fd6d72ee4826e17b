package jail

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ProgramArg is the argument with which the guest's binary becomes the first process of a program's jail.
const ProgramArg = "program"

// The words that the supervisor and the first process exchange over descriptor 0, a socket of packets: first the order,
// answered by ready or failed; then any number of requests to connect. Exited comes by itself.
const (
	askDial = 'd' // connect to the program's port

	sayReady     = 'r' // and the layers, separated by newlines; descriptor: the jail's /proc
	sayFailed    = 'f' // and why
	sayConnected = 'c' // descriptor: the connection
	sayRefused   = 'n' // nothing listens yet
	sayExited    = 'x' // and the wait status, 4 bytes little-endian
)

const (
	controlFD = 0

	// orderLimit bounds the order, in bytes.
	orderLimit = 64 << 10
)

// programOrder tells the first process what to do. It comes from the supervisor, which is trusted.
type programOrder struct {
	Args, Env []string
	Port      uint16
	Limits    Limits
	Scratch   int64
	Models    []orderedFile // descriptors 3 and on
	Binds     []orderedBind
	Links     map[string]string // symbolic links in the root: name, target
}

type orderedFile struct {
	Name string
	Size int64
}

// orderedBind is a file or directory that shows in the jail under its own path. FD is its detached mount; negative where
// the first process makes it.
type orderedBind struct {
	Path string
	Dir  bool
	FD   int
}

// programInit is the first process of a program's jail: it builds the jail around itself, starts the program in it,
// reaps whatever the program leaves behind, and connects the supervisor to the program's port. It reads nothing that the
// program writes.
type programInit struct {
	order  programOrder
	layers []string
	abi    int
	proc   int // descriptor of the jail's /proc
	sendMu sync.Mutex
}

// RunProgramInit is the whole life of the first process. It returns the exit status.
func RunProgramInit() int {
	p := &programInit{proc: -1}
	pid, err := p.start()
	if err != nil {
		p.say(append([]byte{sayFailed}, err.Error()...))
		return 3
	}
	p.say(append([]byte{sayReady}, strings.Join(p.layers, "\n")...), p.proc)
	_ = unix.Close(p.proc) // the supervisor has it now
	go p.reap(pid)
	for {
		var request [1]byte
		n, err := unix.Read(controlFD, request[:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || n == 0: // the supervisor is done, or gone
			return 0
		case request[0] == askDial:
			p.dial()
		}
	}
}

// start reads the order, locks the process in and starts the program.
func (p *programInit) start() (int, error) {
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE, unix.SIGUSR1, unix.SIGUSR2)
	if pid := os.Getpid(); pid != 1 {
		return 0, fmt.Errorf("own id is %d in a new pid namespace, want 1", pid)
	}
	buf := make([]byte, orderLimit)
	n, err := unix.Read(controlFD, buf)
	if err != nil {
		return 0, fmt.Errorf("read the order: %w", err)
	}
	if err := json.Unmarshal(buf[:n], &p.order); err != nil {
		return 0, fmt.Errorf("read the order: %w", err)
	}
	p.layers = append(p.layers, layerUser, layerPID, layerNet, layerMount, layerIPC, layerUTS, layerCgroup, layerEnv)
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"build the root", p.buildRoot},
		{"bring up loopback", loopbackUp},
		{"give up privileges", p.privileges},
		{"self-test", p.selfTest},
	} {
		if err := step.do(); err != nil {
			return 0, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	pid, err := p.exec()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", p.order.Args[0], err)
	}
	return pid, nil
}

// loopbackUp makes 127.0.0.1 work, the only address that the namespace has.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// privileges limits the process and takes away what the program must not inherit, on every thread.
func (p *programInit) privileges() error {
	for _, l := range p.rlimits() {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.value, err)
		}
	}
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("set no_new_privs: %w", errno)
	}
	// The process is root of its own namespace; a program that it starts would be given that root's capabilities back.
	const noRoot = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7 // noroot, no-setuid-fixup, no-ambient-raise, each locked; keep-caps locked off
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, noRoot, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("give up root's rights: %w", errno)
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0, 0, 0, 0); errno != 0 && errno != unix.EINVAL {
			return fmt.Errorf("drop capability %d for good: %w", c, errno)
		}
	}
	if err := p.landlock(); err != nil {
		return err
	}
	if err := dropCapabilities(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("become undumpable: %w", err)
	}
	a, ok := arches()[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("no filter for %s", runtime.GOARCH)
	}
	return installFilter(assembleProgram(a))
}

// selfTest asks the kernel whether what the program will inherit is there.
func (p *programInit) selfTest() error {
	for _, t := range []struct {
		layer string
		check func() error
	}{
		{layerRlimits, func() error { return rlimitsAre(p.rlimits()) }},
		{layerNoNew, func() error { return prctlIs(unix.PR_GET_NO_NEW_PRIVS, 1) }},
		{fmt.Sprintf("%s:%d", layerLandlock, p.abi), p.landlockDenies},
		{layerCaps, noCapabilities},
		{layerDump, func() error { return prctlIs(unix.PR_GET_DUMPABLE, 0) }},
		{layerSeccompProgram, programFilterTest},
	} {
		if err := t.check(); err != nil {
			return fmt.Errorf("%s: %w", t.layer, err)
		}
		p.layers = append(p.layers, t.layer)
	}
	return nil
}

// programFilterTest makes calls that have another answer without the filter.
func programFilterTest() error {
	if _, _, errno := unix.Syscall(unix.SYS_CLONE3, 0, 0, 0); errno != unix.ENOSYS {
		return fmt.Errorf("clone3 gives %w, want %w", errno, unix.ENOSYS)
	}
	if _, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0); !errors.Is(err, unix.EPERM) {
		return denied("a socket of paths", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWUSER); !errors.Is(err, unix.EPERM) {
		return denied("a new user namespace", err)
	}
	return nil
}

// exec starts the program. It inherits nothing but its standard descriptors: no input, and the log.
func (p *programInit) exec() (int, error) {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(null)
	return syscall.ForkExec(p.order.Args[0], p.order.Args, &syscall.ProcAttr{ //nolint:gosec // running what the order names is the job
		Dir: scratchDir, Env: p.order.Env, Files: []uintptr{uintptr(null), 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
}

// reap waits for every process of the jail, those too whose parents left them, and reports the program's end.
func (p *programInit) reap(program int) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return // nobody is left
		}
		if err == nil && pid == program {
			s := uint32(status)
			p.say([]byte{sayExited, byte(s), byte(s >> 8), byte(s >> 16), byte(s >> 24)})
		}
	}
}

// dial connects to the program's port and hands the connection to the supervisor.
func (p *programInit) dial() {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		p.say([]byte{sayRefused})
		return
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(p.order.Port), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		p.say([]byte{sayRefused})
		return
	}
	p.say([]byte{sayConnected}, fd)
}

// say sends a packet, with descriptors. A supervisor that does not take it is gone, and the process with it.
func (p *programInit) say(b []byte, fds ...int) {
	p.sendMu.Lock()
	defer p.sendMu.Unlock()
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(controlFD, b, rights, nil, 0); err != nil {
		os.Exit(4) //nolint:forbidigo // the first process of the jail has nobody to return to
	}
}
