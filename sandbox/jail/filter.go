package jail

import (
	"encoding/binary"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// The seccomp filter is an allow-list: what the Go runtime needs to compute, read requests and write replies. It is
// assembled by hand from one table for all architectures, because its few instructions should be read, not trusted.

// What the filter answers; see seccomp(2).
const (
	actKill  = unix.SECCOMP_RET_KILL_PROCESS
	actTrap  = unix.SECCOMP_RET_TRAP
	actAllow = unix.SECCOMP_RET_ALLOW
	actErrno = unix.SECCOMP_RET_ERRNO // | errno
)

// arch is what differs between architectures.
type arch struct {
	audit   uint32 // AUDIT_ARCH_*
	generic bool   // system calls are numbered as in asm-generic/unistd.h
	x32     bool   // a second call table shares the architecture's value
	thread  []uint32
}

// Go starts a thread with these flags and no others. On amd64 its assembly adds CLONE_SETTLS when the thread has a g,
// which all but threads started by cgo have.
const (
	threadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_SYSVSEM | unix.CLONE_THREAD
)

func arches() map[string]arch {
	return map[string]arch{
		"amd64":   {audit: unix.AUDIT_ARCH_X86_64, x32: true, thread: []uint32{threadFlags, threadFlags | unix.CLONE_SETTLS}},
		"arm64":   {audit: unix.AUDIT_ARCH_AARCH64, generic: true, thread: []uint32{threadFlags}},
		"riscv64": {audit: unix.AUDIT_ARCH_RISCV64, generic: true, thread: []uint32{threadFlags}},
	}
}

// check is a condition on the low half of an argument. All values that a filter compares are smaller than 2^32; the
// kernel takes the high half of these arguments as zero, and the check demands it where it says wide.
type check struct {
	arg    int
	anyOf  []uint32 // equal to one of these
	zeroIn uint32   // or: none of these bits is set
	wide   bool
}

// call is one row of the table: the number on amd64 and in the generic table, and what to do.
type call struct {
	name           string
	amd64, generic uint32
	checks         []check
	action         uint32 // 0 is allow
}

func (c call) number(a arch) uint32 { return a.numbered(c.amd64, c.generic) }

// table lists every call that is not answered with the filter's default. self is the process's own id.
func table(a arch, self uint32) []call {
	return []call{
		// Most frequent first.
		{name: "futex", amd64: 202, generic: 98},
		{name: "read", amd64: 0, generic: 63},
		{name: "write", amd64: 1, generic: 64},
		{name: "nanosleep", amd64: 35, generic: 101},
		{name: "epoll_pwait", amd64: 281, generic: 22}, // timers of the runtime; epoll_ctl is over by then
		{name: "madvise", amd64: 28, generic: 233},
		{name: "munmap", amd64: 11, generic: 215},
		{name: "clock_gettime", amd64: 228, generic: 113}, // where there is no vDSO
		{name: "sched_yield", amd64: 24, generic: 124},
		{name: "rt_sigreturn", amd64: 15, generic: 139},
		{name: "rt_sigprocmask", amd64: 14, generic: 135},
		{name: "rt_sigaction", amd64: 13, generic: 134},
		{name: "sigaltstack", amd64: 131, generic: 132},
		{name: "getpid", amd64: 39, generic: 172},
		{name: "gettid", amd64: 186, generic: 178},
		{name: "getrandom", amd64: 318, generic: 278},
		{name: "restart_syscall", amd64: 219, generic: 128},
		{name: "exit", amd64: 60, generic: 93},
		{name: "exit_group", amd64: 231, generic: 94},
		// Memory of its own that cannot be run. Shared memory would escape the watchdog's count.
		{name: "mmap", amd64: 9, generic: 222, checks: []check{
			{arg: 2, zeroIn: unix.PROT_EXEC}, {arg: 3, zeroIn: unix.MAP_SHARED},
		}},
		// Signals to itself: the runtime preempts its threads, and aborts.
		{name: "tgkill", amd64: 234, generic: 131, checks: []check{
			{arg: 0, anyOf: []uint32{self}}, {arg: 2, anyOf: []uint32{uint32(unix.SIGURG), uint32(unix.SIGABRT)}},
		}},
		// Threads, but no processes and no namespaces. clone3 hides its flags in memory; without it, libraries use clone.
		{name: "clone", amd64: 56, generic: 220, checks: []check{{arg: 0, anyOf: a.thread, wide: true}}},
		{name: "clone3", amd64: 435, generic: 435, action: actErrno | uint32(unix.ENOSYS)},
		// The runtime names its mappings and stops doing so when it hears that the kernel does not know how.
		{name: "prctl", amd64: 157, generic: 167, checks: []check{{arg: 0, anyOf: []uint32{unix.PR_SET_VMA}, wide: true}}, action: actErrno | uint32(unix.EINVAL)},
	}
}

// Offsets in struct seccomp_data; the low half of an argument comes first on all our architectures.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16

	x32Bit = 0x40000000
)

func stmt(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func load(offset uint32) unix.SockFilter {
	return stmt(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset)
}

func ret(action uint32) unix.SockFilter { return stmt(unix.BPF_RET|unix.BPF_K, action) }

// jump goes on yes or no instructions further on.
func jump(op uint16, k uint32, yes, no int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: uint8(yes), Jf: uint8(no), K: k}
}

// assemble makes the filter for an architecture. Calls that the table does not name get deny.
func assemble(a arch, self, deny uint32) []unix.SockFilter {
	prog := []unix.SockFilter{load(offArch), jump(unix.BPF_JEQ, a.audit, 1, 0), ret(deny), load(offNr)}
	if a.x32 {
		prog = append(prog, jump(unix.BPF_JGE, x32Bit, 0, 1), ret(deny))
	}
	for _, c := range table(a, self) {
		action := c.action
		if action == 0 {
			action = actAllow
		}
		body := append(conditions(c.checks, deny), ret(action))
		prog = append(append(prog, jump(unix.BPF_JEQ, c.number(a), 0, len(body))), body...)
	}
	return append(prog, ret(deny))
}

// conditions goes on to the next instruction if all checks hold, and returns deny otherwise.
func conditions(checks []check, deny uint32) []unix.SockFilter {
	var b []unix.SockFilter
	for _, c := range checks {
		low := uint32(offArgs + 8*c.arg)
		if c.wide {
			b = append(b, load(low+4), jump(unix.BPF_JEQ, 0, 1, 0), ret(deny))
		}
		b = append(b, load(low))
		if c.zeroIn != 0 {
			b = append(b, jump(unix.BPF_JSET, c.zeroIn, 0, 1), ret(deny))
			continue
		}
		for i, v := range c.anyOf {
			b = append(b, jump(unix.BPF_JEQ, v, len(c.anyOf)-i, 0))
		}
		b = append(b, ret(deny))
	}
	return b
}

// denial is what the filter of a tier's guests answers to a call that it does not allow. gVisor takes the end of a process for
// that of the one thread; see [entry.seccomp] for what it does instead.
func denial(t hallmark.Tier) uint32 {
	if t == hallmark.TierRunsc {
		return actTrap
	}
	return actKill
}

// FilterDigest is the SHA-256 of the filter that a tier's guests of this architecture run under, instruction by instruction in
// the kernel's layout. The process's own id, which the filter holds and which differs from guest to guest outside a pid
// namespace, counts as 1.
func FilterDigest(t hallmark.Tier) hallmark.Digest {
	return digestOf(assemble(arches()[runtime.GOARCH], 1, denial(t)))
}

func digestOf(prog []unix.SockFilter) hallmark.Digest {
	var b []byte
	for _, in := range prog {
		b = binary.LittleEndian.AppendUint16(b, in.Code)
		b = append(b, in.Jt, in.Jf)
		b = binary.LittleEndian.AppendUint32(b, in.K)
	}
	return hallmark.DigestOf(b)
}
