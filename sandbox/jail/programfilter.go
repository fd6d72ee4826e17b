package jail

import (
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// The filter of programs other than the guest. They need files, processes and sockets, so it cannot be the guest's; it
// refuses all that Docker's default profile refuses, and more. A refused call gets an error and not a kill, since ordinary
// programs try calls and go on without them.

const (
	denyProgram = actErrno | uint32(unix.EPERM)

	// newNamespaces are the flags of clone that make namespaces.
	newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

	socketTypeMask = 0xf // the rest of a socket's type are flags
)

// numbered picks the number of a call on an architecture.
func (a arch) numbered(amd64, generic uint32) uint32 {
	if a.generic {
		return generic
	}
	return amd64
}

// assembleProgram makes the filter of programs for an architecture.
func assembleProgram(a arch) []unix.SockFilter {
	prog := []unix.SockFilter{load(offArch), jump(unix.BPF_JEQ, a.audit, 1, 0), ret(actKill), load(offNr)}
	if a.x32 {
		prog = append(prog, jump(unix.BPF_JGE, x32Bit, 0, 1), ret(actKill))
	}
	for _, c := range programConditions() {
		prog = append(append(prog, jump(unix.BPF_JEQ, a.numbered(c.amd64, c.generic), 0, len(c.body))), c.body...)
	}
	for _, r := range allowedRanges(a) {
		body := []unix.SockFilter{jump(unix.BPF_JGE, r.first, 0, 1), ret(actAllow), ret(denyProgram)}
		if r.first == 0 {
			body = []unix.SockFilter{ret(actAllow)}
		}
		prog = append(append(prog, jump(unix.BPF_JGT, r.last, len(body), 0)), body...)
	}
	return append(prog, ret(denyProgram))
}

// A numberRange is a run of numbers that are all allowed.
type numberRange struct{ first, last uint32 }

// allowedRanges are the numbers of [programCalls] on an architecture, in ascending order. Numbers of [programConditions]
// are decided before and do not interrupt a run.
func allowedRanges(a arch) []numberRange {
	allowed := map[uint32]bool{} // or decided before
	for _, c := range programConditions() {
		allowed[a.numbered(c.amd64, c.generic)] = false
	}
	for _, c := range programCalls() {
		if nr := a.numbered(c.amd64, c.generic); nr != absent {
			allowed[nr] = true
		}
	}
	var ranges []numberRange
	for _, nr := range slices.Sorted(maps.Keys(allowed)) {
		n := len(ranges)
		switch {
		case n > 0 && nr == ranges[n-1].last+1:
			ranges[n-1].last = nr
		case allowed[nr]:
			ranges = append(ranges, numberRange{nr, nr})
		}
	}
	return ranges
}

// A conditionedCall is allowed by its arguments; its body ends the filter.
type conditionedCall struct {
	name           string
	amd64, generic uint32
	body           []unix.SockFilter
}

// programConditions are the calls whose arguments decide. The kernel takes the low half of each of these arguments; of
// clone's flags the high half has no meaning.
func programConditions() []conditionedCall {
	arg := func(n uint32) unix.SockFilter { return load(offArgs + 8*n) }
	masked := func(bits uint32) unix.SockFilter { return stmt(unix.BPF_ALU|unix.BPF_AND|unix.BPF_K, bits) }
	is := func(v uint32, yes, no int) unix.SockFilter { return jump(unix.BPF_JEQ, v, yes, no) }
	return []conditionedCall{
		// No sockets but those of the network namespace, which holds nothing but loopback: a path in a bound directory may
		// be a socket of the host. No raw ones, and no protocols but TCP and
		// UDP, of which some are modules that a call would load.
		{"socket", 41, 198, []unix.SockFilter{
			arg(0), is(unix.AF_INET, 1, 0), is(unix.AF_INET6, 0, 8),
			arg(1), masked(socketTypeMask), is(unix.SOCK_STREAM, 1, 0), is(unix.SOCK_DGRAM, 0, 4),
			arg(2), is(0, 3, 0), is(unix.IPPROTO_TCP, 2, 0), is(unix.IPPROTO_UDP, 1, 0),
			ret(denyProgram), ret(actAllow),
		}},
		// A datagram socket of a pair can still be sent to a path.
		{"socketpair", 53, 199, []unix.SockFilter{
			arg(0), is(unix.AF_UNIX, 0, 4),
			arg(1), masked(socketTypeMask), is(unix.SOCK_STREAM, 2, 0), is(unix.SOCK_SEQPACKET, 1, 0),
			ret(denyProgram), ret(actAllow),
		}},
		{"clone", 56, 220, []unix.SockFilter{
			arg(0), jump(unix.BPF_JSET, newNamespaces, 0, 1), ret(denyProgram), ret(actAllow),
		}},
		{"clone3", 435, 435, []unix.SockFilter{ret(actErrno | uint32(unix.ENOSYS))}}, // its flags are in memory; libraries use clone then
		// Shared memory without a file stays when it is unmapped, and huge pages are counted elsewhere: the watchdog would
		// see neither.
		{"mmap", 9, 222, []unix.SockFilter{
			arg(3), jump(unix.BPF_JSET, unix.MAP_HUGETLB, 3, 0), masked(unix.MAP_SHARED | unix.MAP_ANONYMOUS),
			is(unix.MAP_SHARED|unix.MAP_ANONYMOUS, 1, 0), ret(actAllow), ret(denyProgram),
		}},
		{"ioctl", 16, 29, []unix.SockFilter{
			arg(1), is(unix.TIOCSTI, 2, 0), is(unix.TIOCLINUX, 1, 0), ret(actAllow), ret(denyProgram),
		}},
		{"personality", 135, 92, []unix.SockFilter{
			arg(0), is(0, 1, 0), is(^uint32(0), 0, 1), ret(actAllow), ret(denyProgram), // only to ask, or what it is anyway
		}},
	}
}

// ProgramFilterDigest is the SHA-256 of the filter that programs run under on this architecture; see [FilterDigest].
func ProgramFilterDigest() hallmark.Digest {
	return digestOf(assembleProgram(arches()[runtime.GOARCH]))
}
