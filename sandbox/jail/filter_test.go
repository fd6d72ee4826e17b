package jail

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const self = 4711

// seccompData is what the kernel hands a filter. The virtual machine reads words in network order, the kernel in the
// machine's own, so that each 32-bit word stands here as the machine would read it.
func seccompData(nr, audit uint32, args ...uint64) []byte {
	words := []uint32{nr, audit, 0, 0}
	for i := range 6 {
		v := uint64(0)
		if i < len(args) {
			v = args[i]
		}
		words = append(words, uint32(v), uint32(v>>32))
	}
	var b []byte
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func machine(tb testing.TB, a arch) *bpf.VM {
	tb.Helper()
	var prog []bpf.Instruction
	for _, in := range assemble(a, self, actKill) {
		prog = append(prog, bpf.RawInstruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}.Disassemble())
	}
	vm, err := bpf.NewVM(prog)
	require.NoError(tb, err)
	return vm
}

func answer(tb testing.TB, vm *bpf.VM, data []byte) uint32 {
	tb.Helper()
	got, err := vm.Run(data)
	require.NoError(tb, err)
	return uint32(got)
}

// withArgs is what a call with good arguments gets.
func withArgs(c call) (args []uint64) {
	args = make([]uint64, 6)
	for _, k := range c.checks {
		if len(k.anyOf) > 0 {
			args[k.arg] = uint64(k.anyOf[0])
		}
	}
	return args
}

func TestFilterAllowsTheTableAndNothingElse(t *testing.T) {
	t.Parallel()

	for name, a := range arches() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			known := map[uint32]call{}
			for _, c := range table(a, self) {
				nr := c.amd64
				if a.generic {
					nr = c.generic
				}
				require.NotContains(t, known, nr, c.name)
				known[nr] = c
			}
			vm := machine(t, a)
			for nr := range uint32(1000) {
				want := uint32(actKill)
				c, ok := known[nr]
				if ok {
					want = actAllow
					if c.action != 0 {
						want = c.action
					}
				}
				require.Equal(t, want, answer(t, vm, seccompData(nr, a.audit, withArgs(c)...)), "call %d", nr)
				for other, b := range arches() {
					if other != name {
						require.EqualValues(t, actKill, answer(t, vm, seccompData(nr, b.audit, withArgs(c)...)), "call %d of %s", nr, other)
					}
				}
				const i386, x32 = 0x40000003, 0x40000000
				require.EqualValues(t, actKill, answer(t, vm, seccompData(nr, i386, withArgs(c)...)), "call %d of i386", nr)
				require.EqualValues(t, actKill, answer(t, vm, seccompData(nr|x32, a.audit, withArgs(c)...)), "call %d of x32", nr)
				require.EqualValues(t, actKill, answer(t, vm, seccompData(nr|1<<31, a.audit, withArgs(c)...)), "call %d with the sign bit", nr)
			}
		})
	}
}

func TestFilterChecksArguments(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		call  string
		args  []uint64
		allow bool
	}{
		"memory":                        {"mmap", []uint64{0, 4096, unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANON}, true},
		"executable memory":             {"mmap", []uint64{0, 4096, unix.PROT_READ | unix.PROT_EXEC, unix.MAP_PRIVATE | unix.MAP_ANON}, false},
		"shared memory":                 {"mmap", []uint64{0, 4096, unix.PROT_READ, unix.MAP_SHARED | unix.MAP_ANON}, false},
		"shared and checked memory":     {"mmap", []uint64{0, 4096, unix.PROT_READ, unix.MAP_SHARED_VALIDATE | unix.MAP_ANON}, false},
		"signal to itself":              {"tgkill", []uint64{self, 5, uint64(unix.SIGURG)}, true},
		"signal to another":             {"tgkill", []uint64{self + 1, 5, uint64(unix.SIGURG)}, false},
		"signal to process 1":           {"tgkill", []uint64{1, 1, uint64(unix.SIGURG)}, false},
		"stop itself":                   {"tgkill", []uint64{self, 5, uint64(unix.SIGSTOP)}, false},
		"fork":                          {"clone", []uint64{uint64(unix.SIGCHLD)}, false},
		"thread in a new user space":    {"clone", []uint64{threadFlags | unix.CLONE_NEWUSER}, false},
		"thread without shared files":   {"clone", []uint64{threadFlags &^ unix.CLONE_FILES}, false},
		"thread with a high flag":       {"clone", []uint64{threadFlags | 1<<32}, false},
		"thread with a pidfd":           {"clone", []uint64{threadFlags | unix.CLONE_PIDFD}, false},
		"prctl that raises dumpability": {"prctl", []uint64{unix.PR_SET_DUMPABLE, 1}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			for _, a := range arches() {
				calls := table(a, self)
				c := calls[slices.IndexFunc(calls, func(c call) bool { return c.name == tt.call })]
				nr := c.amd64
				if a.generic {
					nr = c.generic
				}
				want := uint32(actKill)
				if tt.allow {
					want = actAllow
				}
				require.Equal(t, want, answer(t, machine(t, a), seccompData(nr, a.audit, tt.args...)))
			}
		})
	}
	vm := machine(t, arches()["amd64"])
	for flags, want := range map[uint64]uint32{0x50f00: actAllow, 0xd0f00: actAllow, 0x150f00: actKill} { // the Go runtime's own
		require.Equal(t, want, answer(t, vm, seccompData(56, unix.AUDIT_ARCH_X86_64, flags)))
	}
	require.EqualValues(t, actKill, answer(t, machine(t, arches()["arm64"]), seccompData(220, unix.AUDIT_ARCH_AARCH64, 0xd0f00)))
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
		nr := c.amd64
		if a.generic {
			nr = c.generic
		}
		require.Equal(t, numbers[c.name], nr, c.name)
	}
}

func TestFilterDigestIsPinned(t *testing.T) {
	t.Parallel()

	// A change here is a change of the jail: review it as one.
	got := map[string]string{}
	for name, a := range arches() {
		got[name] = digestOf(assemble(a, 1, actKill)).Hex()
	}
	require.Equal(t, map[string]string{
		"amd64":   "ca7bb06c9e0259585010959add2b3108ada42eaaaec4f127463d76800c3a3d1b",
		"arm64":   "b614e8196e3ac229de09fbac6950c5b6cd9d9c72fa0787703c949b1459a6992a",
		"riscv64": "41125a2db82dd12a67f1732e9c88e26c9b737e4e83daf6f67b439073ffc73b84",
	}, got)
	require.NotEqual(t, FilterDigest(), digestOf(assemble(arches()[runtime.GOARCH], 1, actErrno|1)))
}
