package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An attempt is one way out. Its function returns the error of the call that matters; nil, or an error that shows that
// the kernel looked further than permission, means reached.
type attemptCase struct {
	id       string
	try      func(o order) error
	any      bool // any error means blocked: nothing was opened, read or sent
	jailOnly bool // would disturb the test if it succeeded
	inside   bool // but does not where the namespaces hold it
}

func (a attemptCase) run(o order) (blocked bool, detail string) {
	err := a.try(o)
	switch {
	case err == nil:
		return false, "succeeded"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES), errors.Is(err, unix.ENOSYS), errors.Is(err, errAbsent), a.any:
		return true, err.Error()
	case o.Plain && nothingThere(err):
		return true, err.Error()
	default:
		return false, "reached: " + err.Error()
	}
}

// nothingThere reports whether the kernel looked, and found nothing: no such file in an empty root, no such process in a pid
// namespace, no way in a network namespace, no terminal. With the filter on no attempt comes so far.
func nothingThere(err error) bool {
	for _, e := range []error{unix.ENOENT, unix.EROFS, unix.ESRCH, unix.ENETUNREACH, unix.ECONNREFUSED, unix.ENOTTY} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// errAbsent says that what should have leaked is not there.
var errAbsent = errors.New("absent")

func attempts() []attemptCase {
	var all []attemptCase
	for _, group := range [][]attemptCase{fsAttempts(), netAttempts(), procAttempts(), privAttempts(), kernelAttempts(), leakAttempts()} {
		all = append(all, group...)
	}
	return all
}

func read(path string) func(order) error {
	return func(order) error { return open(path, unix.O_RDONLY) }
}

// open opens a file and, if it may, looks whether a canary is in it.
func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0o600)
	if err == nil {
		buf := make([]byte, 4096)
		if n, _ := unix.Read(fd, buf); n > 0 && strings.Contains(string(buf[:n]), canary) {
			leaked += len(canary)
		}
		unix.Close(fd)
	}
	return err
}

// canary is the text that stands in the canary file and in the supervisor's environment.
const canary = "canary-b7c1"

// leaked is how many bytes of it were read so far.
var leaked int

func write(path string) func(order) error {
	return func(order) error { return open(path, unix.O_WRONLY) }
}

func create(dir string) func(order) error {
	return func(o order) error {
		if dir == "" {
			dir = o.WorkDir
		}
		name := dir + "/hallmark-escape-" + strconv.Itoa(os.Getpid())
		err := open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL)
		if err == nil {
			_ = unix.Unlink(name)
		}
		return err
	}
}

// opened is an attempt to get a descriptor, which is closed again: some block who reads them.
func opened(f func() (int, error)) func(order) error {
	return func(order) error {
		fd, err := f()
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

// raw calls a system call with up to six arguments.
func raw(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

func call(nr uintptr, args ...uintptr) func(order) error {
	return func(order) error { return raw(nr, args...) }
}

const bad = ^uintptr(0) // a descriptor, id or pointer that is never valid

func fsAttempts() []attemptCase {
	return []attemptCase{
		{id: "fs.read_canary", try: func(o order) error { return open(o.Canary, unix.O_RDONLY) }},
		{id: "fs.read_passwd", try: read("/etc/passwd")},
		{id: "fs.read_shadow", try: read("/etc/shadow")},
		{id: "fs.list_root_home", try: read("/root")},
		{id: "fs.list_rootdir", try: read("/")},
		{id: "fs.dotdot", try: read("../../../../../../etc/passwd")},
		{id: "fs.openat2_dotdot", try: func(order) error {
			fd, err := unix.Openat2(unix.AT_FDCWD, "/../etc/passwd", &unix.OpenHow{Flags: unix.O_RDONLY})
			if err == nil {
				unix.Close(fd)
			}
			return err
		}},
		{id: "fs.symlink", try: func(o order) error {
			name := o.WorkDir + "/link"
			defer unix.Unlink(name)
			if err := unix.Symlink("/etc/passwd", name); err != nil {
				return err
			}
			return open(name, unix.O_RDONLY)
		}},
		{id: "fs.hard_link", try: func(o order) error { return unix.Link(o.Canary, o.WorkDir+"/hard") }},
		{id: "fs.rename", try: func(o order) error { return unix.Rename(o.Canary, o.WorkDir+"/moved") }, jailOnly: true, inside: true},
		{id: "fs.unlink", try: func(o order) error { return unix.Unlink(o.Canary) }, jailOnly: true, inside: true},
		{id: "fs.chmod", try: func(o order) error { return unix.Chmod(o.Canary, 0o666) }, jailOnly: true, inside: true},
		{id: "fs.stat_canary", try: func(o order) error {
			var st unix.Stat_t
			return unix.Stat(o.Canary, &st)
		}},
		{id: "fs.write_tmp", try: create("/tmp")},
		{id: "fs.write_cwd", try: create(".")},
		{id: "fs.write_root", try: create("/")},
		{id: "fs.write_shm", try: create("/dev/shm")},
		{id: "fs.mkdir", try: func(o order) error { return unix.Mkdir(o.WorkDir+"/dir", 0o700) }},
		{id: "fs.self_exe_write", try: write("/proc/self/exe")},
		{id: "fs.self_exe_opath_reopen", try: func(order) error {
			fd, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return open("/proc/self/fd/"+strconv.Itoa(fd), unix.O_RDWR)
		}},
		{id: "fs.proc1_root", try: read("/proc/1/root/etc/passwd")},
		{id: "fs.ppid_root", try: func(o order) error { return open(fmt.Sprintf("/proc/%d/root/etc/passwd", o.Parent), unix.O_RDONLY) }},
		{id: "fs.self_maps", try: read("/proc/self/maps")},
		{id: "fs.mountinfo", try: read("/proc/self/mountinfo")},
		{id: "fs.parent_mem", try: func(o order) error { return open(fmt.Sprintf("/proc/%d/mem", o.Parent), unix.O_RDWR) }},
		{id: "fs.parent_environ", try: func(o order) error { return open(fmt.Sprintf("/proc/%d/environ", o.Parent), unix.O_RDONLY) }},
		{id: "fs.core_pattern", try: write("/proc/sys/kernel/core_pattern")},
		{id: "fs.sysrq", try: write("/proc/sysrq-trigger")},
		{id: "fs.cgroup_release_agent", try: write("/sys/fs/cgroup/memory/release_agent")},
		{id: "fs.cgroup_procs", try: write("/sys/fs/cgroup/unified/cgroup.procs")},
		{id: "fs.dev_kvm", try: read("/dev/kvm")},
		{id: "fs.dev_mem", try: read("/dev/mem")},
		{id: "fs.dev_null", try: read("/dev/null")},
		{id: "fs.mknod", try: func(o order) error { return unix.Mknod(o.WorkDir+"/node", unix.S_IFCHR|0o600, 0x0101) }},
		{id: "fs.mkfifo", try: func(o order) error { return unix.Mknod(o.WorkDir+"/fifo", unix.S_IFIFO|0o600, 0) }},
		{id: "fs.open_by_handle", try: func(order) error {
			_, err := unix.OpenByHandleAt(unix.AT_FDCWD, unix.NewFileHandle(1, make([]byte, 8)), unix.O_RDONLY)
			return err
		}},
		{id: "fs.fsopen", try: func(order) error { fd, err := unix.Fsopen("tmpfs", 0); _ = fd; return err }},
		{id: "fs.open_tree", try: func(order) error { _, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE); return err }},
		{id: "fs.mount", try: func(order) error { return unix.Mount("none", "/nonexistent", "tmpfs", 0, "") }},
		{id: "fs.umount", try: func(order) error { return unix.Unmount("/nonexistent", 0) }},
		{id: "fs.pivot_root", try: func(order) error { return unix.PivotRoot("/nonexistent", "/nonexistent") }},
		{id: "fs.chroot", try: func(order) error { return unix.Chroot("/nonexistent") }},
		{id: "fs.chdir", try: func(order) error { return unix.Chdir("/") }},
		{id: "fs.swapon", try: func(order) error { return raw(unix.SYS_SWAPON, bad, 0) }},
		{id: "fs.quotactl", try: func(order) error { return raw(unix.SYS_QUOTACTL, bad, 0, 0, 0) }},
		{id: "fs.fanotify", try: opened(func() (int, error) { return unix.FanotifyInit(0, 0) })},
		{id: "fs.inotify", try: opened(func() (int, error) { return unix.InotifyInit1(unix.IN_CLOEXEC) })},
		{id: "fs.model_reopen", try: func(order) error { return open("/proc/self/fd/3", unix.O_RDWR) }},
		{id: "fs.model_write", try: func(order) error { _, err := unix.Write(3, []byte("x")); return err }, any: true, jailOnly: true},
		{id: "fs.model_truncate", try: func(order) error { return unix.Ftruncate(3, 0) }, jailOnly: true},
	}
}

func socket(domain, typ, proto int) func(order) error {
	return func(order) error {
		fd, err := unix.Socket(domain, typ|unix.SOCK_CLOEXEC, proto)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
}

func connect(typ int, addr func(o order) unix.Sockaddr) func(order) error {
	return func(o order) error {
		sa, domain := addr(o), unix.AF_INET
		if _, ok := sa.(*unix.SockaddrUnix); ok {
			domain = unix.AF_UNIX
		}
		fd, err := unix.Socket(domain, typ|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if typ == unix.SOCK_DGRAM {
			return unix.Sendto(fd, []byte("x"), 0, sa)
		}
		return unix.Connect(fd, sa)
	}
}

func netAttempts() []attemptCase {
	loopback := func(port int) unix.Sockaddr {
		return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
	}
	return []attemptCase{
		{id: "net.tcp_loopback", try: connect(unix.SOCK_STREAM, func(o order) unix.Sockaddr { return loopback(o.TCP) })},
		{id: "net.udp_loopback", try: connect(unix.SOCK_DGRAM, func(o order) unix.Sockaddr { return loopback(o.UDP) })},
		{id: "net.bind", try: func(order) error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Bind(fd, loopback(0))
		}},
		{id: "net.inet_socket", try: socket(unix.AF_INET, unix.SOCK_STREAM, 0)},
		{id: "net.inet6_socket", try: socket(unix.AF_INET6, unix.SOCK_STREAM, 0)},
		{id: "net.raw", try: socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{id: "net.packet", try: socket(unix.AF_PACKET, unix.SOCK_RAW, 0)},
		{id: "net.netlink", try: socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)},
		{id: "net.vsock_create", try: socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)},
		{id: "net.af_alg", try: socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0)},
		{id: "net.unix_socket", try: socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)},
		{id: "net.socketpair", try: func(order) error {
			_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			return err
		}},
		{id: "net.abstract_unix", try: connect(unix.SOCK_STREAM, func(o order) unix.Sockaddr { return &unix.SockaddrUnix{Name: "@" + o.Unix} })},
		{id: "net.read_resolv", try: read("/etc/resolv.conf")},
		{id: "net.recvmsg_stdin", try: func(order) error {
			_, _, _, _, err := unix.Recvmsg(0, nil, make([]byte, 64), unix.MSG_DONTWAIT)
			return err
		}, jailOnly: true},
		{id: "net.sendmsg_stdout", try: func(order) error { return unix.Sendmsg(1, []byte("x"), nil, nil, unix.MSG_DONTWAIT) }, jailOnly: true},
	}
}

// forked makes a process with flags that ends at once, and reaps it.
func forked(flags uintptr) func(order) error {
	return func(order) error {
		syscall.ForkLock.Lock()
		pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno == 0 && pid == 0 {
			syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		syscall.ForkLock.Unlock()
		if errno != 0 {
			return errno
		}
		_, err := unix.Wait4(int(pid), nil, 0, nil)
		return err
	}
}

func procAttempts() []attemptCase {
	// Kept alive by the attempts that hold it.
	vector := &unix.Iovec{Base: new(byte), Len: 1}
	iov := func() uintptr { return uintptr(unsafe.Pointer(vector)) }
	page := uintptr(os.Getpagesize())
	return []attemptCase{
		{id: "proc.ptrace_parent", try: func(o order) error { return unix.PtraceSeize(o.Parent) }, jailOnly: true, inside: true},
		{id: "proc.ptrace_traceme", try: call(unix.SYS_PTRACE, unix.PTRACE_TRACEME), jailOnly: true},
		{id: "proc.vm_readv_parent", try: func(o order) error { return raw(unix.SYS_PROCESS_VM_READV, uintptr(o.Parent), iov(), 1, iov(), 1, 0) }},
		{id: "proc.vm_writev_parent", try: func(o order) error { return raw(unix.SYS_PROCESS_VM_WRITEV, uintptr(o.Parent), iov(), 1, iov(), 1, 0) }, jailOnly: true, inside: true},
		{id: "proc.kill0_supervisor", try: func(o order) error { return unix.Kill(o.Parent, 0) }},
		{id: "proc.kill0_ppid", try: func(order) error {
			if os.Getppid() == 0 {
				return errAbsent
			}
			return unix.Kill(os.Getppid(), 0)
		}},
		{id: "proc.kill0_all", try: func(order) error { return unix.Kill(-1, 0) }},
		{id: "proc.tgkill_parent", try: func(o order) error { return unix.Tgkill(o.Parent, o.Parent, 0) }},
		{id: "proc.rt_sigqueueinfo", try: func(o order) error { return raw(unix.SYS_RT_SIGQUEUEINFO, uintptr(o.Parent), 0, bad) }},
		{id: "proc.pidfd_open", try: func(o order) error { _, err := unix.PidfdOpen(o.Parent, 0); return err }},
		{id: "proc.pidfd_getfd", try: func(order) error { return raw(unix.SYS_PIDFD_GETFD, bad, 0, 0) }},
		{id: "proc.setns", try: func(order) error { return unix.Setns(-1, unix.CLONE_NEWNET) }},
		{id: "proc.clone_newuser", try: forked(unix.CLONE_NEWUSER)},
		{id: "proc.clone_newns", try: forked(unix.CLONE_NEWNS)},
		{id: "proc.clone_newnet_user", try: forked(unix.CLONE_NEWNET | unix.CLONE_NEWUSER)},
		{id: "proc.clone_high_flags", try: call(unix.SYS_CLONE, 1<<32|0x50f00), jailOnly: true},
		{id: "proc.unshare_newuser", try: func(order) error { return unix.Unshare(unix.CLONE_NEWUSER) }},
		{id: "proc.unshare_newns", try: func(order) error { return unix.Unshare(unix.CLONE_NEWNS) }},
		{id: "proc.unshare_files", try: func(order) error { return unix.Unshare(unix.CLONE_FILES) }, jailOnly: true},
		{id: "proc.clone3_newuser", try: func(order) error {
			args := [11]uint64{0: unix.CLONE_NEWUSER, 4: uint64(unix.SIGCHLD)}
			return raw(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args)+8) // a bad size, so that it makes no process
		}},
		{id: "proc.fork", try: forked(0)},
		{id: "proc.vfork", try: forked(unix.CLONE_VM | unix.CLONE_VFORK), jailOnly: true},
		{id: "proc.execve", try: func(order) error { return exec.Command("/bin/true").Run() }},
		{id: "proc.execve_self", try: func(order) error { return unix.Exec("/proc/self/exe", []string{"x"}, nil) }, jailOnly: true},
		{id: "proc.execveat", try: func(order) error { return raw(unix.SYS_EXECVEAT, bad, 0, 0, 0, unix.AT_EMPTY_PATH) }},
		{id: "proc.memfd_create", try: func(order) error { _, err := unix.MemfdCreate("x", unix.MFD_CLOEXEC); return err }},
		{id: "proc.mmap_wx", try: call(unix.SYS_MMAP, 0, page, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON, bad, 0)},
		{id: "proc.mmap_x", try: call(unix.SYS_MMAP, 0, page, unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON, bad, 0)},
		{id: "proc.mmap_shared", try: call(unix.SYS_MMAP, 0, page, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_ANON, bad, 0)},
		{id: "proc.mprotect_x", try: func(order) error {
			b := make([]byte, 2*page)
			at := (uintptr(unsafe.Pointer(&b[0])) + page - 1) &^ (page - 1)
			defer runtime.KeepAlive(b)
			return raw(unix.SYS_MPROTECT, at, page, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC)
		}},
		{id: "proc.pkey_mprotect", try: call(unix.SYS_PKEY_MPROTECT, 0, 0, unix.PROT_EXEC, bad)},
		{id: "proc.sigstop_self", try: func(order) error { return unix.Kill(os.Getpid(), unix.SIGSTOP) }, jailOnly: true},
	}
}

func privAttempts() []attemptCase {
	return []attemptCase{
		{id: "priv.caps_effective", try: func(order) error {
			header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var data [2]unix.CapUserData
			if err := unix.Capget(&header, &data[0]); err != nil {
				return err
			}
			if data == ([2]unix.CapUserData{}) {
				return errAbsent
			}
			return nil
		}},
		{id: "priv.setuid", try: call(unix.SYS_SETUID, 0)},
		{id: "priv.setgroups", try: call(unix.SYS_SETGROUPS, 0, 0)},
		{id: "priv.setpriority", try: func(order) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, -5) }},
		{id: "priv.sched_setscheduler", try: call(unix.SYS_SCHED_SETSCHEDULER, 0, 1, bad)},
		{id: "priv.sched_setaffinity", try: func(order) error {
			var set unix.CPUSet
			set.Set(0)
			return unix.SchedSetaffinity(0, &set)
		}},
		{id: "priv.personality", try: call(unix.SYS_PERSONALITY, 0xffffffff)},
		{id: "priv.rlimit_raise", try: func(order) error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}) }},
		{id: "priv.prlimit_parent", try: func(o order) error { return unix.Prlimit(o.Parent, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{}) }},
		{id: "priv.nnp_unset", try: func(order) error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) }, any: true},
		{id: "priv.dumpable", try: func(order) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }},
		{id: "priv.pdeathsig_unset", try: func(order) error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) }},
		{id: "priv.sethostname", try: func(order) error { return unix.Sethostname([]byte("x")) }},
		{id: "priv.settimeofday", try: call(unix.SYS_SETTIMEOFDAY, bad, 0)},
		{id: "priv.clock_adjtime", try: call(unix.SYS_CLOCK_ADJTIME, 0, bad)},
		{id: "priv.reboot", try: call(unix.SYS_REBOOT, 1, 2, 3, 0)},
		{id: "priv.kexec", try: call(unix.SYS_KEXEC_LOAD, 0, 1<<20, 0, 0)},
		{id: "priv.init_module", try: call(unix.SYS_INIT_MODULE, bad, 0, bad)},
		{id: "priv.delete_module", try: call(unix.SYS_DELETE_MODULE, bad, 0)},
		{id: "priv.syslog", try: call(unix.SYS_SYSLOG, 10, 0, 0)},
		{id: "priv.acct", try: func(order) error { return unix.Acct("/nonexistent") }},
		{id: "priv.ioprio_set", try: call(unix.SYS_IOPRIO_SET, 1, 0, 1<<13)},
	}
}

func kernelAttempts() []attemptCase {
	return append([]attemptCase{
		{id: "kern.bpf", try: call(unix.SYS_BPF, 0, bad, 8)},
		{id: "kern.io_uring_setup", try: call(unix.SYS_IO_URING_SETUP, 1, bad)},
		{id: "kern.io_uring_enter", try: call(unix.SYS_IO_URING_ENTER, bad, 1, 0, 0)},
		{id: "kern.userfaultfd", try: call(unix.SYS_USERFAULTFD, unix.O_CLOEXEC)},
		{id: "kern.perf_event", try: call(unix.SYS_PERF_EVENT_OPEN, bad, 0, 0, bad, 0)},
		{id: "kern.keyctl", try: call(unix.SYS_KEYCTL, 0, bad)},
		{id: "kern.add_key", try: call(unix.SYS_ADD_KEY, bad, bad, 0, 0, bad)},
		{id: "kern.request_key", try: call(unix.SYS_REQUEST_KEY, bad, bad, 0, bad)},
		{id: "kern.aio", try: call(unix.SYS_IO_SETUP, 1, bad)},
		{id: "kern.shmget", try: call(unix.SYS_SHMGET, 0, 4096, 0o600)},
		{id: "kern.msgget", try: call(unix.SYS_MSGGET, 0, 0o600)},
		{id: "kern.semget", try: call(unix.SYS_SEMGET, 0, 1, 0o600)},
		{id: "kern.mq_open", try: call(unix.SYS_MQ_OPEN, bad, 0, 0, 0)},
		{id: "kern.memfd_secret", try: call(unix.SYS_MEMFD_SECRET, bad)},
		{id: "kern.pipe", try: func(order) error { var p [2]int; return unix.Pipe2(p[:], unix.O_CLOEXEC) }},
		{id: "kern.eventfd", try: func(order) error { _, err := unix.Eventfd(0, unix.EFD_CLOEXEC); return err }},
		{id: "kern.epoll_create", try: func(order) error { _, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC); return err }},
		{id: "kern.epoll_ctl", try: func(order) error { return unix.EpollCtl(-1, unix.EPOLL_CTL_ADD, 0, &unix.EpollEvent{}) }},
		{id: "kern.dup", try: func(order) error { _, err := unix.Dup(1); return err }},
		{id: "kern.fcntl_setown", try: func(o order) error { _, err := unix.FcntlInt(0, unix.F_SETOWN, o.Parent); return err }, jailOnly: true},
		{id: "kern.fcntl_notify", try: func(order) error { _, err := unix.FcntlInt(0, unix.F_NOTIFY, 1); return err }},
		{id: "kern.ioctl", try: func(order) error { return raw(unix.SYS_IOCTL, 0, unix.TIOCINQ, bad) }},
		{id: "kern.splice", try: call(unix.SYS_SPLICE, 0, 0, 1, 0, 1, 2), jailOnly: true},
		{id: "kern.vmsplice", try: call(unix.SYS_VMSPLICE, 1, bad, 1, 0)},
		{id: "kern.seccomp_nested_listener", try: call(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, bad)},
		{id: "kern.landlock_new", try: call(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)},
		{id: "kern.kcmp", try: func(o order) error { return raw(unix.SYS_KCMP, uintptr(o.Parent), uintptr(o.Parent), 0, 0, 0) }},
		{id: "kern.process_madvise", try: call(unix.SYS_PROCESS_MADVISE, bad, bad, 1, 0, 0)},
		{id: "kern.move_pages", try: func(o order) error { return raw(unix.SYS_MOVE_PAGES, uintptr(o.Parent), 0, 0, 0, 0, 0) }},
		{id: "kern.mbind", try: call(unix.SYS_MBIND, 0, 0, 0, 0, 0, 0)},
		{id: "kern.mremap", try: call(unix.SYS_MREMAP, bad, 0, 0, 0)},
		{id: "kern.mlock", try: call(unix.SYS_MLOCKALL, 1)},
		{id: "kern.timer_create", try: call(unix.SYS_TIMER_CREATE, 0, 0, bad)},
		{id: "kern.signalfd", try: call(unix.SYS_SIGNALFD4, bad, bad, 8, 0)},
		{id: "kern.membarrier", try: call(unix.SYS_MEMBARRIER, 0, 0, 0)},
		{id: "kern.rseq", try: call(unix.SYS_RSEQ, bad, 0, 0, 0)},
		{id: "kern.quotactl_fd", try: call(unix.SYS_QUOTACTL_FD, bad, 0, 0, 0)},
		{id: "kern.unknown_call", try: call(10_000)},
		{id: "tty.tiocsti", try: func(order) error {
			b := byte('x')
			return raw(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&b)))
		}},
		{id: "tty.setsid", try: func(order) error { _, err := unix.Setsid(); return err }},
		{id: "tty.open_tty", try: read("/dev/tty")},
	}, abiAttempts()...)
}

const canaryBytes = "leak.canary_bytes"

func leakAttempts() []attemptCase {
	return []attemptCase{
		{id: "leak.env", try: func(order) error {
			for _, v := range os.Environ() {
				if strings.Contains(v, canary) {
					leaked += len(canary)
				}
				if strings.Contains(v, canary) || strings.HasPrefix(v, "PATH=") && v != "PATH=/" { // which is a container's own
					return nil
				}
			}
			return errAbsent
		}},
		{id: "leak.fds", try: func(order) error {
			// Reading nothing is EBADF for a descriptor that is not open, and EINVAL for the runtime's own two.
			for fd := 3; fd < 256; fd++ {
				buf := make([]byte, len(canary))
				if n, _ := unix.Pread(fd, buf, 0); n > 0 && string(buf) == canary {
					leaked += n
				}
				if _, err := unix.Read(fd, nil); err != unix.EBADF && err != unix.EINVAL {
					return nil
				}
			}
			return errAbsent
		}},
		{id: "leak.args", try: func(o order) error {
			if strings.Contains(strings.Join(os.Args, " "), "/") {
				return nil
			}
			return errAbsent
		}},
		{id: "leak.hostname", try: func(order) error {
			var u unix.Utsname
			if err := unix.Uname(&u); err != nil || unix.ByteSliceToString(u.Nodename[:]) != "jail" {
				return err
			}
			return errAbsent
		}},
		{id: "leak.kernel_release", try: read("/proc/sys/kernel/osrelease")},
		{id: "leak.sysinfo", try: func(order) error { var i unix.Sysinfo_t; return unix.Sysinfo(&i) }},
		{id: "leak.machine_id", try: read("/etc/machine-id")},
		{id: "leak.getcwd", try: func(order) error {
			if dir, err := os.Getwd(); err != nil || dir != "/" {
				return err
			}
			return errAbsent
		}},
		{id: "leak.getuid", try: call(unix.SYS_GETUID)},
		{id: "leak.getrusage_children", try: func(order) error { var r unix.Rusage; return unix.Getrusage(unix.RUSAGE_CHILDREN, &r) }},
		{id: "leak.supervisor_pid", try: func(order) error {
			parent, _, errno := unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
			switch {
			case errno != 0:
				return errno
			case parent == 0:
				return errAbsent
			}
			return nil
		}},
		{id: "leak.sched_getaffinity", try: func(order) error { var set unix.CPUSet; return unix.SchedGetaffinity(0, &set) }},
		{id: "leak.times", try: call(unix.SYS_TIMES, 0)},
		{id: canaryBytes, try: func(order) error { // after all others
			if leaked > 0 {
				return nil
			}
			return errAbsent
		}},
	}
}
