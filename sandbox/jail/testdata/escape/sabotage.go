package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sabotage puts a filter on this process, and so on the guest, under which one system call answers EPERM, or pretends to
// have succeeded ("skip:"), as old kernels and containers do. Names are those of calls that the lock-down makes.
func sabotage(name string) {
	name, skip := strings.CutPrefix(name, "skip:")
	answer := uint32(unix.SECCOMP_RET_ERRNO)
	if !skip {
		answer |= uint32(unix.EPERM)
	}
	target, ok := map[string]struct {
		nr    uint32
		equal int64 // the first argument, -1 for any
	}{
		"clone":                   {unix.SYS_CLONE, -1}, // with CLONE_NEWUSER only
		"sethostname":             {unix.SYS_SETHOSTNAME, -1},
		"mount":                   {unix.SYS_MOUNT, -1},
		"pivot_root":              {unix.SYS_PIVOT_ROOT, -1},
		"umount2":                 {unix.SYS_UMOUNT2, -1},
		"setrlimit":               {unix.SYS_PRLIMIT64, -1},
		"no_new_privs":            {unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS},
		"dumpable":                {unix.SYS_PRCTL, unix.PR_SET_DUMPABLE},
		"landlock_create_ruleset": {unix.SYS_LANDLOCK_CREATE_RULESET, -1},
		"landlock_restrict_self":  {unix.SYS_LANDLOCK_RESTRICT_SELF, -1},
		"capset":                  {unix.SYS_CAPSET, -1},
		"seccomp":                 {unix.SYS_SECCOMP, -1},
	}[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such sabotage:", name)
		os.Exit(2)
	}
	ld := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	ret := func(v uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v} }
	jump := func(op uint16, k uint32) unix.SockFilter { // to the next but one unless true
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: 1, K: k}
	}
	allow := ret(unix.SECCOMP_RET_ALLOW)
	prog := []unix.SockFilter{ld(0), jump(unix.BPF_JEQ, target.nr), allow}
	switch {
	case name == "clone":
		prog = append(prog, ld(16), jump(unix.BPF_JSET, unix.CLONE_NEWUSER), allow)
	case target.equal >= 0:
		prog = append(prog, ld(16), jump(unix.BPF_JEQ, uint32(target.equal&math.MaxUint32)), allow)
	}
	prog = append(prog, ret(answer))
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	must(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	if r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog))); errno != 0 || r != 0 {
		must(fmt.Errorf("install the saboteur's filter: %d, %w", r, errno))
	}
}
