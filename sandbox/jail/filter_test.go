package jail

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

var update = flag.Bool("update", false, "write testdata/filter-*.txt")

// self is the process id that filters are made for here.
const self = 4711

// Values of AUDIT_ARCH_*, from linux/audit.h and elf-em.h: those we have filters for, and others that a kernel may know
// on the same machines.
const (
	auditAMD64   = 0xc000003e
	auditARM64   = 0xc00000b7
	auditRISCV64 = 0xc00000f3
	auditI386    = 0x40000003
	auditARM     = 0x40000028
	auditRISCV32 = 0x400000f3
	auditPPC64LE = 0xc0000015
)

func audits() []uint32 {
	return []uint32{
		auditAMD64, auditARM64, auditRISCV64, auditI386, auditARM, auditRISCV32, auditPPC64LE,
		0, 0xffffffff, auditAMD64 ^ 1<<31, auditAMD64 ^ 1<<30,
	}
}

// decide says what a filter has to answer. It shares nothing with the table that filters are made from: the numbers are
// from the manuals of the architectures' system calls, the flags from those of the calls.
func decide(goarch string, c sysCall) uint32 {
	const kill, allow, einval, enosys = 0x80000000, 0x7fff0000, 0x00050000 + 22, 0x00050000 + 38
	audit := map[string]uint32{"amd64": auditAMD64, "arm64": auditARM64, "riscv64": auditRISCV64}
	if c.audit != audit[goarch] {
		return kill
	}
	only := func(holds bool, then uint32) uint32 {
		if holds {
			return then
		}
		return kill
	}
	plain := []uint32{22, 63, 64, 93, 94, 98, 101, 113, 124, 128, 132, 134, 135, 139, 172, 178, 215, 233, 278}
	mmap, tgkill, clone, prctl, thread := uint32(222), uint32(131), uint32(220), uint32(167), []uint64{0x50f00}
	if goarch == "amd64" {
		plain = []uint32{0, 1, 11, 13, 14, 15, 24, 28, 35, 39, 60, 131, 186, 202, 219, 228, 231, 281, 318}
		mmap, tgkill, clone, prctl, thread = 9, 234, 56, 157, []uint64{0x50f00, 0xd0f00}
	}
	switch {
	case slices.Contains(plain, c.nr):
		return allow
	case c.nr == mmap:
		return only(c.args[2]&4 == 0 && c.args[3]&1 == 0, allow)
	case c.nr == tgkill:
		return only(uint32(c.args[0]) == self && (uint32(c.args[2]) == 23 || uint32(c.args[2]) == 6), allow)
	case c.nr == clone:
		return only(slices.Contains(thread, c.args[0]), allow)
	case c.nr == 435:
		return enosys
	case c.nr == prctl:
		return only(c.args[0] == 0x53564d41, einval)
	default:
		return kill
	}
}

// arguments are the values that a call's arguments are tried with: those that any filter compares with, their
// neighbours, and the same with a bit in the upper half.
func arguments() []uint64 {
	known := []uint64{
		0, unix.PROT_READ | unix.PROT_WRITE, unix.PROT_READ | unix.PROT_EXEC, unix.MAP_PRIVATE | unix.MAP_ANON, unix.MAP_SHARED | unix.MAP_ANON,
		unix.MAP_SHARED_VALIDATE, self, 1, uint64(unix.SIGURG), uint64(unix.SIGABRT), uint64(unix.SIGSTOP), uint64(unix.SIGCHLD), uint64(unix.SIGKILL),
		threadFlags, threadFlags | unix.CLONE_SETTLS, threadFlags | unix.CLONE_NEWUSER, threadFlags &^ unix.CLONE_FILES, threadFlags | unix.CLONE_PIDFD,
		unix.PR_SET_VMA, unix.PR_SET_DUMPABLE, ^uint64(0),
	}
	all := map[uint64]bool{}
	for _, v := range known {
		for _, w := range []uint64{v, v + 1, v - 1, v | 1<<32, v | 1<<63} {
			all[w] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// corpus visits every call number and then, for the calls that a filter allows with some arguments, those arguments one
// by one around ones that are good.
func corpus(goarch string, a arch, visit func(sysCall)) {
	known := map[uint32]call{}
	for _, c := range table(a, self) {
		known[c.number(a)] = c
	}
	for nr := range uint32(1024) {
		for _, number := range []uint32{nr, nr | x32Bit, nr | 1<<31, -nr, nr | x32Bit | 1<<31, nr << 16} {
			for _, audit := range audits() {
				visit(sysCall{nr: number, audit: audit, args: goodArguments(goarch, known[nr])})
			}
		}
	}
	for nr, c := range known {
		for i := range 6 {
			for _, v := range arguments() {
				args := goodArguments(goarch, c)
				args[i] = v
				visit(sysCall{nr: nr, audit: a.audit, args: args})
			}
		}
	}
}

// goodArguments are those that a call is allowed with, if it is with any.
func goodArguments(goarch string, c call) [6]uint64 {
	switch c.name {
	case "mmap":
		return [6]uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANON, ^uint64(0), 0}
	case "tgkill":
		return [6]uint64{self, self + 1, uint64(unix.SIGURG)}
	case "clone":
		if goarch == "amd64" {
			return [6]uint64{threadFlags | unix.CLONE_SETTLS, 1, 2, 3, 4}
		}
		return [6]uint64{threadFlags, 1, 2, 3, 4}
	case "prctl":
		return [6]uint64{unix.PR_SET_VMA, 0, 1, 2, 3}
	default:
		return [6]uint64{}
	}
}

// TestFilterDecides runs each filter in two virtual machines, on every call number of every table that the machine's
// kernel may know and on every argument that matters, and holds the answers against decide. The calls take every
// branch of the program both ways.
func TestFilterDecides(t *testing.T) {
	t.Parallel()

	for name, a := range arches() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := newMachine(t, a)
			asked, allowed := 0, map[uint32]bool{}
			corpus(name, a, func(c sysCall) {
				got := m.answer(t, c)
				if want := decide(name, c); got != want {
					t.Fatalf("%+v: %#x, want %#x", c, got, want)
				}
				asked++
				if got != actKill {
					allowed[c.nr] = true
				}
			})
			require.Len(t, allowed, len(table(a, self)), "every row of the table is reached")
			require.Empty(t, m.uncovered())
			t.Logf("%d instructions, %d calls asked about", len(m.prog), asked)
		})
	}
}

// FuzzFilter compares each filter with decide on calls that nobody thought of. Small numbers choose among the values that
// a filter compares with.
func FuzzFilter(f *testing.F) {
	names := slices.Sorted(maps.Keys(arches()))
	machines := map[string]*machine{}
	for i, name := range names {
		a := arches()[name]
		machines[name] = newMachine(f, a)
		for _, c := range table(a, self) {
			g := goodArguments(name, c)
			f.Add(byte(i), c.number(a), a.audit, g[0], g[1], g[2], g[3])
		}
		f.Add(byte(i), uint32(x32Bit), a.audit, uint64(0), uint64(0), uint64(0), uint64(0))
		f.Add(byte(i), uint32(0), uint32(auditI386), uint64(0), uint64(0), uint64(0), uint64(0))
	}
	values := arguments()
	f.Fuzz(func(t *testing.T, which byte, nr, audit uint32, a0, a1, a2, a3 uint64) {
		name := names[int(which)%len(names)]
		c := sysCall{nr: nr, audit: audit, args: [6]uint64{a0, a1, a2, a3}}
		if int(audit) < len(audits()) {
			c.audit = audits()[audit]
		}
		for i, v := range c.args {
			if v < uint64(len(values)) && which&0x80 != 0 {
				c.args[i] = values[v]
			}
		}
		require.Equal(t, decide(name, c), machines[name].answer(t, c), "%s %+v", name, c)
	})
}

func TestFilterIsShortAndJumpsInside(t *testing.T) {
	t.Parallel()

	for name, a := range arches() {
		prog := assemble(a, self, actKill)
		require.LessOrEqual(t, len(prog), 100, name)
		for at, in := range prog { // every jump lands inside, and the last instruction returns
			if in.Code&7 == unix.BPF_JMP {
				require.Less(t, at+1+int(max(in.Jt, in.Jf)), len(prog), "%s, instruction %d", name, at)
			}
		}
		require.Equal(t, ret(actKill), prog[len(prog)-1])
	}
}

// TestTableHasThisArchitecturesNumbers compares the numbers in the table with those of the library for the architecture
// that the tests run on.
func TestTableHasThisArchitecturesNumbers(t *testing.T) {
	t.Parallel()

	numbers := map[string]uint32{
		"futex": unix.SYS_FUTEX, "read": unix.SYS_READ, "write": unix.SYS_WRITE, "nanosleep": unix.SYS_NANOSLEEP,
		"epoll_pwait": unix.SYS_EPOLL_PWAIT, "madvise": unix.SYS_MADVISE, "munmap": unix.SYS_MUNMAP,
		"clock_gettime": unix.SYS_CLOCK_GETTIME, "sched_yield": unix.SYS_SCHED_YIELD, "rt_sigreturn": unix.SYS_RT_SIGRETURN,
		"rt_sigprocmask": unix.SYS_RT_SIGPROCMASK, "rt_sigaction": unix.SYS_RT_SIGACTION, "sigaltstack": unix.SYS_SIGALTSTACK,
		"getpid": unix.SYS_GETPID, "gettid": unix.SYS_GETTID, "getrandom": unix.SYS_GETRANDOM,
		"restart_syscall": unix.SYS_RESTART_SYSCALL, "exit": unix.SYS_EXIT, "exit_group": unix.SYS_EXIT_GROUP,
		"mmap": unix.SYS_MMAP, "tgkill": unix.SYS_TGKILL, "clone": unix.SYS_CLONE, "clone3": unix.SYS_CLONE3, "prctl": unix.SYS_PRCTL,
	}
	a := arches()[runtime.GOARCH]
	calls := table(a, self)
	require.Len(t, calls, len(numbers))
	for _, c := range calls {
		require.Equal(t, numbers[c.name], c.number(a), c.name)
	}
}

// dump writes a filter for people, with the names of the calls beside the jumps that look for them.
func dump(a arch) string {
	names := map[uint32]string{}
	for _, c := range table(a, 1) {
		names[c.number(a)] = c.name
	}
	return dumpOf(assemble(a, 1, actKill), "; process id 1", names)
}

func dumpOf(prog []unix.SockFilter, note string, names map[uint32]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# sha256 %s, %d instructions%s\n", digestOf(prog).Hex(), len(prog), note)
	ofCall := false
	for at, in := range prog {
		line := fmt.Sprintf("%3d  %s", at, disassemble(in))
		switch in.Code & 7 {
		case unix.BPF_LD:
			ofCall = in.K == offNr
		case unix.BPF_RET:
			ofCall = true // the next call is looked for
		case unix.BPF_JMP:
			line += fmt.Sprintf(" -> %d, else %d", at+1+int(in.Jt), at+1+int(in.Jf))
			if name := names[in.K]; ofCall && name != "" {
				line += "   " + name
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// TestFilterDumpIsPinned: a change of these files is a change of the jail. Review it as one.
func TestFilterDumpIsPinned(t *testing.T) {
	t.Parallel()

	for name, a := range arches() {
		path := filepath.Join("testdata", "filter-"+name+".txt")
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(dump(a)), 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), dump(a), "run with -update and review the difference")
	}
	for _, tier := range []hallmark.Tier{hallmark.TierFull, hallmark.TierNoNamespaces, hallmark.TierRunc} {
		require.Equal(t, FilterDigest(tier), digestOf(assemble(arches()[runtime.GOARCH], 1, actKill)))
	}
	require.Equal(t, FilterDigest(hallmark.TierRunsc), digestOf(assemble(arches()[runtime.GOARCH], 1, actTrap)))
	require.NotEqual(t, FilterDigest(hallmark.TierFull), digestOf(assemble(arches()[runtime.GOARCH], 1, actErrno|1)))
}
