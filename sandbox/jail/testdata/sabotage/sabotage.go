// Package sabotage puts a seccomp filter around a process and its children under which one system call fails, or only pretends to
// have worked, as containers, old kernels and hardened hosts have them.
package sabotage

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A target is one system call that the jail is set up with, in the supervisor, in the child before it is the guest, or in
// the guest; told from others of its kind by one argument.
type target struct {
	nr    uint32
	arg   int    // which argument tells it apart
	value uint32 // and how: equal
	bits  uint32 // or: one of these bits is set
}

func always(nr uint32) target { return target{nr: nr, arg: -1} }

func targets() map[string]target {
	mountFlags := uint32(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
	t := map[string]target{
		// The supervisor's.
		"close_range": always(unix.SYS_CLOSE_RANGE),
		"pipe":        always(unix.SYS_PIPE2),
		"dupfd":       {nr: unix.SYS_FCNTL, arg: 1, value: unix.F_DUPFD_CLOEXEC},
		"clone":       {nr: unix.SYS_CLONE, arg: 0, bits: unix.CLONE_NEWUSER},
		"idmap_open":  {nr: unix.SYS_OPENAT, arg: 2, value: unix.O_RDWR | unix.O_CLOEXEC},
		"idmap_write": {nr: unix.SYS_WRITE, arg: 2, value: uint32(len("0 65534 1\n"))},
		"setgroups":   {nr: unix.SYS_WRITE, arg: 2, value: uint32(len("allow"))}, // the file of that name
		// The child's.
		"setsid":    always(unix.SYS_SETSID),
		"setuid":    always(unix.SYS_SETUID),
		"setgid":    always(unix.SYS_SETGID),
		"chdir":     always(unix.SYS_CHDIR),
		"pdeathsig": {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_SET_PDEATHSIG},
		"dup3":      always(unix.SYS_DUP3),
		"execve":    always(unix.SYS_EXECVE),
		// The guest's.
		"sethostname":   always(unix.SYS_SETHOSTNAME),
		"mount":         always(unix.SYS_MOUNT),
		"mount_private": {nr: unix.SYS_MOUNT, arg: 3, value: unix.MS_REC | unix.MS_PRIVATE},
		"mount_tmpfs":   {nr: unix.SYS_MOUNT, arg: 3, value: mountFlags},
		"mount_ro":      {nr: unix.SYS_MOUNT, arg: 3, bits: unix.MS_REMOUNT},
		"pivot_root":    always(unix.SYS_PIVOT_ROOT),
		"umount2":       always(unix.SYS_UMOUNT2),
		"no_new_privs":  {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_SET_NO_NEW_PRIVS},
		"dumpable":      {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_SET_DUMPABLE},
		"landlock_ask":  {nr: unix.SYS_LANDLOCK_CREATE_RULESET, arg: 2, value: unix.LANDLOCK_CREATE_RULESET_VERSION},
		"landlock_make": {nr: unix.SYS_LANDLOCK_CREATE_RULESET, arg: 2, value: 0},
		"landlock_join": always(unix.SYS_LANDLOCK_RESTRICT_SELF),
		"capset":        always(unix.SYS_CAPSET),
		"seccomp":       always(unix.SYS_SECCOMP),
		// The guest's self-test.
		"get_no_new_privs": {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_GET_NO_NEW_PRIVS},
		"get_dumpable":     {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_GET_DUMPABLE},
		"get_pdeathsig":    {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_GET_PDEATHSIG},
		"getsid":           always(unix.SYS_GETSID),
		"capget":           always(unix.SYS_CAPGET),
		"statfs":           always(unix.SYS_STATFS),
		"readlink":         always(unix.SYS_READLINKAT),
		"getdents":         always(unix.SYS_GETDENTS64),
		"clone3":           always(unix.SYS_CLONE3),
		// Of a container's first process.
		"mount_proc":   {nr: unix.SYS_MOUNT, arg: 3, value: mountFlags},
		"mount_bundle": {nr: unix.SYS_MOUNT, arg: 3, value: unix.MS_NOSUID | unix.MS_NODEV},
		"mkdir":        always(unix.SYS_MKDIRAT),
		// Of a program's jail, beside those above: the supervisor's and the first process's.
		"socketpair":      always(unix.SYS_SOCKETPAIR),
		"stat_namespace":  {nr: unix.SYS_NEWFSTATAT, arg: 3, value: 0},
		"openat2":         always(unix.SYS_OPENAT2),
		"open_tree":       always(unix.SYS_OPEN_TREE),
		"mount_setattr":   always(unix.SYS_MOUNT_SETATTR),
		"mount_scratch":   {nr: unix.SYS_MOUNT, arg: 3, value: mountFlags},
		"move_mount":      always(unix.SYS_MOVE_MOUNT),
		"symlinkat":       always(unix.SYS_SYMLINKAT),
		"sendfile":        always(unix.SYS_SENDFILE),
		"loopback_socket": {nr: unix.SYS_SOCKET, arg: 1, value: unix.SOCK_DGRAM | unix.SOCK_CLOEXEC},
		"loopback_up":     {nr: unix.SYS_IOCTL, arg: 1, value: unix.SIOCSIFFLAGS},
		"securebits":      {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_SET_SECUREBITS},
		"bounding_set":    {nr: unix.SYS_PRCTL, arg: 0, value: unix.PR_CAPBSET_DROP},
		"landlock_rule":   always(unix.SYS_LANDLOCK_ADD_RULE),
		"order":           {nr: unix.SYS_READ, arg: 2, value: 64 << 10},
	}
	// Each limit by itself.
	for name, resource := range map[string]uint32{
		"core": unix.RLIMIT_CORE, "fsize": unix.RLIMIT_FSIZE, "nofile": unix.RLIMIT_NOFILE, "memlock": unix.RLIMIT_MEMLOCK,
		"msgqueue": unix.RLIMIT_MSGQUEUE, "data": unix.RLIMIT_DATA, "as": unix.RLIMIT_AS, "cpu": unix.RLIMIT_CPU, "nproc": unix.RLIMIT_NPROC,
	} {
		t["rlimit_"+name] = target{nr: unix.SYS_PRLIMIT64, arg: 1, value: resource}
	}
	return t
}

// Install puts the filter on this process. The call name, one of those of this package, fails with the error how, such as
// EPERM; with "ok" it pretends to have succeeded.
func Install(name, how string) error {
	c, known := targets()[name]
	errno, ok := map[string]unix.Errno{"ok": 0, "EPERM": unix.EPERM, "ENOSYS": unix.ENOSYS, "EINVAL": unix.EINVAL}[how]
	if !known || !ok {
		return fmt.Errorf("no such sabotage: %s %s", name, how)
	}
	ld := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	ret := func(v uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v} }
	unless := func(op uint16, k uint32) unix.SockFilter { // goes on after the next one if it holds
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: 1, K: k}
	}
	allow := ret(unix.SECCOMP_RET_ALLOW)
	prog := []unix.SockFilter{ld(0), unless(unix.BPF_JEQ, c.nr), allow}
	switch {
	case c.bits != 0:
		prog = append(prog, ld(16+8*uint32(c.arg)), unless(unix.BPF_JSET, c.bits), allow)
	case c.arg >= 0:
		prog = append(prog, ld(16+8*uint32(c.arg)), unless(unix.BPF_JEQ, c.value&math.MaxUint32), allow)
	}
	prog = append(prog, ret(unix.SECCOMP_RET_ERRNO|uint32(errno)))
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog))); errno != 0 || r != 0 {
		return fmt.Errorf("install the saboteur's filter: %d, %w", r, errno)
	}
	return nil
}
