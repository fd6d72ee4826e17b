package jail

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
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
	Outside   []uint64      // the supervisor's own namespaces
	Models    []orderedFile // descriptors 3 and on; then the detached mounts, in the order of Binds
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
	buf := make([]byte, orderLimit)
	n, err := unix.Read(controlFD, buf)
	if err != nil {
		return 0, fmt.Errorf("read the order: %w", err)
	}
	if err := json.Unmarshal(buf[:n], &p.order); err != nil {
		return 0, fmt.Errorf("read the order: %w", err)
	}
	if err := p.startState(); err != nil {
		return 0, err
	}
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
