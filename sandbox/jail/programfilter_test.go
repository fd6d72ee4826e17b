package jail

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// callNumbers reads the numbers of an architecture's system calls in the sources of golang.org/x/sys.
func callNumbers(t *testing.T, goarch string) map[string]uint32 {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	require.NoError(t, err)
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+goarch+".go"))
	require.NoError(t, err)
	defer f.Close()
	row := regexp.MustCompile(`^\s+SYS_(\w+)\s+= (\d+)$`)
	numbers := map[string]uint32{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if m := row.FindStringSubmatch(s.Text()); m != nil {
			n, err := strconv.ParseUint(m[2], 10, 32)
			require.NoError(t, err)
			numbers[strings.ToLower(m[1])] = uint32(n)
		}
	}
	require.Greater(t, len(numbers), 300)
	if at, ok := numbers["fstatat"]; ok { // its name in the generic table
		numbers["newfstatat"] = at
	}
	return numbers
}

func TestProgramTableHasEachArchitecturesNumbers(t *testing.T) {
	t.Parallel()

	for goarch, a := range arches() {
		numbers := callNumbers(t, goarch)
		check := func(name string, amd64, generic uint32) {
			got := a.numbered(amd64, generic)
			if want, ok := numbers[name]; ok || got != absent && name != "renameat" { // which riscv64 does not have
				require.Equal(t, want, got, "%s on %s", name, goarch)
			}
		}
		for _, c := range programCalls() {
			check(c.name, c.amd64, c.generic)
		}
		for _, c := range programConditions() {
			check(c.name, c.amd64, c.generic)
		}
	}
}

// mobyAllows is what Docker's default profile lets a container without capabilities call: names, and those whose arguments
// it looks at.
func mobyAllows(t *testing.T) (always, conditioned map[string]bool) {
	t.Helper()
	profile, err := seccomp.GetDefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}})
	require.NoError(t, err)
	require.Equal(t, specs.ActErrno, profile.DefaultAction)
	always, conditioned = map[string]bool{}, map[string]bool{}
	for _, s := range profile.Syscalls {
		for _, name := range s.Names {
			switch {
			case s.Action == specs.ActAllow && len(s.Args) == 0:
				always[name] = true
			case s.Action == specs.ActAllow:
				conditioned[name] = true
			}
		}
	}
	return always, conditioned
}

// TestProgramFilterRefusesWhatDockerRefuses goes through all calls of all architectures. Those that Docker allows under
// conditions are ours under conditions too, checked in TestProgramFilterDecides.
func TestProgramFilterRefusesWhatDockerRefuses(t *testing.T) {
	t.Parallel()

	always, conditioned := mobyAllows(t)
	for goarch, a := range arches() {
		names := map[uint32]string{}
		for name, nr := range callNumbers(t, goarch) {
			names[nr] = name
		}
		names[a.numbered(262, 79)] = "newfstatat"
		m := newMachineOf(t, assembleProgram(a))
		denied := 0
		for nr := range uint32(1024) {
			got := m.answer(t, sysCall{nr: nr, audit: a.audit})
			name := names[nr]
			switch {
			case got != actAllow:
				denied++
			case always[name], conditioned[name], name == "" && goarch == "riscv64" && nr == 38:
			default:
				t.Errorf("%s: call %d %q is allowed, which Docker refuses", goarch, nr, name)
			}
		}
		require.Greater(t, denied, 700)
		for _, name := range []string{
			"ptrace", "process_vm_readv", "process_vm_writev", "memfd_create", "shmget", "mq_open", "io_setup", "seccomp", "unshare", "setns", "mount", "umount2",
			"pivot_root", "chroot", "bpf", "keyctl", "add_key", "request_key", "userfaultfd", "perf_event_open", "io_uring_setup", "io_uring_enter", "kexec_load",
			"init_module", "finit_module", "delete_module", "open_tree", "move_mount", "fsopen", "fsmount", "mount_setattr", "pidfd_getfd", "reboot", "kcmp",
			"open_by_handle_at", "name_to_handle_at", "quotactl", "swapon", "syslog", "settimeofday", "remap_file_pages", "clone3",
		} {
			nr, ok := callNumbers(t, goarch)[name]
			require.True(t, ok, name)
			require.NotEqual(t, uint32(actAllow), m.answer(t, sysCall{nr: nr, audit: a.audit}), "%s: %s", goarch, name)
		}
	}
}

// decideProgram says what the filter has to answer to a call with conditions; see decide.
func decideProgram(name string, args [6]uint64) uint32 {
	const eperm, allow, enosys = 0x00050000 + 1, 0x7fff0000, 0x00050000 + 38
	a0, a1, a2, a3 := uint32(args[0]), uint32(args[1]), uint32(args[2]), uint32(args[3])
	var good bool
	switch name {
	case "socket":
		good = (a0 == 2 || a0 == 10) && (a1%16 == 1 || a1%16 == 2) && (a2 == 0 || a2 == 6 || a2 == 17)
	case "socketpair":
		good = a0 == 1 && (a1%16 == 1 || a1%16 == 5)
	case "clone":
		good = a0&0x7e020000 == 0
	case "clone3":
		return enosys
	case "mmap":
		good = a3&0x40000 == 0 && a3&0x21 != 0x21
	case "ioctl":
		good = a1 != 0x5412 && a1 != 0x541c
	case "personality":
		good = a0 == 0 || a0 == 0xffffffff
	}
	if good {
		return allow
	}
	return eperm
}

func TestProgramFilterDecides(t *testing.T) {
	t.Parallel()

	values := []uint64{
		0, 1, 2, 3, 5, 6, 10, 16, 17, 29, 38, 40, 255, 0x21, 0x22, 0x23, 0x40021, 0x40022, 0x80001, 0x80002, 0x80005, 0x800, 0x5401, 0x5412, 0x541c, 0x20000, 0x02000000,
		0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x01200011, 0x50f00, 0xd0f00, 0x4011, 0xffffffff, 1 << 32, 1<<32 | 1, 1<<32 | 0x5412, ^uint64(0),
	}
	for goarch, a := range arches() {
		m := newMachineOf(t, assembleProgram(a))
		for _, c := range programConditions() {
			nr := a.numbered(c.amd64, c.generic)
			for _, x := range values {
				for _, y := range values {
					for _, z := range []uint64{0, 1, 6, 17, 58, 132} {
						args := [6]uint64{x, y, z, y}
						require.Equal(t, decideProgram(c.name, args), m.answer(t, sysCall{nr: nr, audit: a.audit, args: args}), "%s: %s%x", goarch, c.name, args)
					}
				}
			}
		}
		for nr := range uint32(1100) {
			for _, audit := range audits() {
				if got := m.answer(t, sysCall{nr: nr, audit: audit}); audit != a.audit {
					require.Equal(t, uint32(actKill), got)
				}
			}
			if got := m.answer(t, sysCall{nr: nr | x32Bit, audit: a.audit}); a.x32 {
				require.Equal(t, uint32(actKill), got)
			} else {
				require.Equal(t, denyProgram, got)
			}
		}
		require.Empty(t, m.uncovered(), goarch)
	}
}

// TestProgramFilterDumpIsPinned: a change of these files is a change of the jail. Review it as one.
func TestProgramFilterDumpIsPinned(t *testing.T) {
	t.Parallel()

	for goarch, a := range arches() {
		names := map[uint32]string{}
		for _, c := range programConditions() {
			names[a.numbered(c.amd64, c.generic)] = c.name
		}
		got := dumpOf(assembleProgram(a), "", names)
		for _, c := range programCalls() {
			if nr := a.numbered(c.amd64, c.generic); nr != absent {
				got += fmt.Sprintf("# %4d %s\n", nr, c.name)
			}
		}
		path := filepath.Join("testdata", "program-"+goarch+".txt")
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "run with -update and review the difference")
	}
	require.Equal(t, ProgramFilterDigest(), digestOf(assembleProgram(arches()[runtime.GOARCH])))
}

// A filter has at most 4096 instructions, and jumps within 255 of them.
func TestProgramFilterIsShort(t *testing.T) {
	t.Parallel()

	for goarch, a := range arches() {
		prog := assembleProgram(a)
		require.Less(t, len(prog), 400, goarch)
		for at, in := range prog {
			if in.Code&7 == unix.BPF_JMP {
				require.Less(t, at+1+int(max(in.Jt, in.Jf)), len(prog))
			}
		}
	}
}
