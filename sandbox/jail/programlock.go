package jail

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// startState checks what the process was given: namespaces, descriptors, its session and the signal at its supervisor's death.
func (p *programInit) startState() error {
	if err := p.checkNamespaces(); err != nil {
		return err
	}
	highest := modelFD + len(p.order.Models) - 1
	for _, b := range p.order.Binds {
		highest = max(highest, b.FD)
	}
	for _, c := range []struct {
		layer string
		check func() error
	}{
		{layerFiles, func() error { return onlyOwnDescriptors(highest) }}, {layerSession, ownSession}, {layerDeath, diesWithSupervisor},
	} {
		if err := c.check(); err != nil {
			return fmt.Errorf("%s: %w", c.layer, err)
		}
	}
	p.layers = append(p.layers, layerEnv, layerSession, layerDeath)
	return nil
}

// checkNamespaces compares the process's namespaces with the supervisor's. Against TCP no other layer stands: the program's
// filter lets it have sockets.
func (p *programInit) checkNamespaces() error {
	if err := notOutside(p.order.Outside); err != nil {
		return err
	}
	for _, n := range namespaces() {
		p.layers = append(p.layers, n.layer)
	}
	return nil
}

// notOutside checks that each of this process's namespaces is another than the supervisor's, whose are outside.
func notOutside(outside []uint64) error {
	own, err := namespaceIDs()
	if err != nil {
		return err
	}
	for i, n := range namespaces() {
		if i >= len(outside) || own[i] == outside[i] {
			return fmt.Errorf("%s is the supervisor's own", n.layer)
		}
	}
	return nil
}

// namespaceIDs identifies this process's namespaces, in the order of [namespaces].
func namespaceIDs() ([]uint64, error) {
	var ids []uint64
	for _, n := range namespaces() {
		var s unix.Stat_t
		if err := unix.Stat("/proc/self/ns/"+n.name, &s); err != nil {
			return nil, fmt.Errorf("look at the %s: %w", n.layer, err)
		}
		ids = append(ids, s.Ino)
	}
	return ids, nil
}

// privileges limits the process and takes away what the program must not inherit, on every thread.
func (p *programInit) privileges() error {
	steps := []struct {
		layer string
		do    func() error
	}{
		{layerRlimits, p.limit},
		{layerNoNew, noNewPrivileges},
		{layerCaps, neverRoot},
		{layerLandlock, p.landlock},
		{layerCaps, dropCapabilities},
		{layerDump, undumpable},
		{layerSeccompProgram, programSeccomp},
	}
	for _, s := range steps {
		if !on(s.layer) {
			continue
		}
		if err := s.do(); err != nil {
			return err
		}
	}
	return nil
}

func (p *programInit) limit() error {
	for _, l := range p.rlimits() {
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit %s to %d: %w", l.name, l.value, err)
		}
	}
	return nil
}

// noRoot are the securebits noroot, no-setuid-fixup and no-ambient-raise, each locked, and keep-caps locked off.
const noRoot = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7

// neverRoot takes away for good what the process's user has: it is root of its own namespace, and a program that it starts would
// be given that root's capabilities back.
func neverRoot() error {
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, noRoot, 0, 0, 0, 0); errno != 0 {
		return fmt.Errorf("give up root's rights: %w", errno)
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0, 0, 0, 0); errno != 0 && errno != unix.EINVAL {
			return fmt.Errorf("drop capability %d for good: %w", c, errno)
		}
	}
	return nil
}

func programSeccomp() error {
	a, ok := arches()[runtime.GOARCH]
	if !ok {
		return fmt.Errorf("no filter for %s", runtime.GOARCH)
	}
	return installFilter(assembleProgram(a))
}

// rlimits are the limits that the kernel enforces on each process of the program; the watchdog, which sees the sum, speaks
// first.
func (p *programInit) rlimits() []rlimit {
	l := []rlimit{
		{unix.RLIMIT_CORE, "core", 0},
		{unix.RLIMIT_FSIZE, "fsize", uint64(p.order.Scratch)},
		{unix.RLIMIT_NOFILE, "nofile", maxProgramDescriptors},
		{unix.RLIMIT_MEMLOCK, "memlock", 0},
		{unix.RLIMIT_MSGQUEUE, "msgqueue", 0},
		{unix.RLIMIT_DATA, "data", 2*uint64(p.order.Limits.Memory) + 4<<30}, // stacks of threads count in full
		{unix.RLIMIT_NPROC, "nproc", maxTasks},
	}
	if s := p.order.Limits.cpuSeconds(); s > 0 {
		l = append(l, rlimit{unix.RLIMIT_CPU, "cpu", uint64(s)})
	}
	return l
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
		{layerCaps, noCapabilitiesEver},
		{layerDump, func() error { return prctlIs(unix.PR_GET_DUMPABLE, 0) }},
		{layerSeccompProgram, programFilterTest},
	} {
		if name, _, _ := strings.Cut(t.layer, ":"); !on(name) {
			continue
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("%s: %w", t.layer, err)
		}
		if !slices.Contains(p.layers, t.layer) {
			p.layers = append(p.layers, t.layer)
		}
	}
	return nil
}

// noCapabilitiesEver checks that a program that the process starts gets none back.
func noCapabilitiesEver() error {
	if err := prctlIs(unix.PR_GET_SECUREBITS, noRoot); err != nil {
		return fmt.Errorf("securebits: %w", err)
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		got, _, errno := unix.Syscall6(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, c, 0, 0, 0, 0)
		if errno != 0 && errno != unix.EINVAL { // this kernel has no such capability
			return fmt.Errorf("ask for capability %d: %w", c, errno)
		}
		if errno == 0 && got != 0 {
			return fmt.Errorf("capability %d can be had back", c)
		}
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
