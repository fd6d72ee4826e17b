package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// an attempt returns nil when it succeeded, which is bad.
type attempt struct {
	id string
	do func() error
}

// target says where the tests' canaries are.
type target struct {
	File, Dir, Bound, Abstract, Socket string
	TCP                                int
	PID                                int // the supervisor's parent, by the host's count
}

// do is one behaviour of a hostile program.
func do(what string, args []string) {
	switch what {
	case "attempts":
		attempts(args[0])
	case "reach":
		reach(args[0])
	case "hello":
		b, err := os.ReadFile("/model/m.gguf")
		serve(fmt.Sprintf("%s%s in %s as %v", b, errText(err), cwd(), os.Environ()))
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "signal":
		n, _ := strconv.Atoi(args[0])
		_ = unix.Kill(os.Getpid(), syscall.Signal(n))
		time.Sleep(time.Minute)
	case "memory":
		hog(1 << 30)
	case "memory-in-children":
		spawn(8, "hold", "64")
		time.Sleep(time.Minute)
	case "hold":
		n, _ := strconv.Atoi(args[0])
		hog(n << 20)
	case "page-tables":
		pageTables()
	case "fork-bomb":
		for {
			spawn(4, "fork-bomb")
		}
	case "threads":
		for r := pipe(); ; time.Sleep(200 * time.Microsecond) {
			go func() { _, _ = unix.Read(r, make([]byte, 1)) }()
		}
	case "spin":
		for { //nolint:revive // burning processor time is the point
		}
	case "spin-in-children":
		spawn(3, "spin")
		time.Sleep(time.Minute)
	case "sleep":
		time.Sleep(time.Minute)
	case "log-flood":
		for {
			fmt.Println(strings.Repeat("flood ", 1000))
		}
	case "reply-flood":
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			fail(err)
		}
		conn, err := l.Accept()
		for err == nil {
			_, err = conn.Write(make([]byte, 1<<16))
		}
		time.Sleep(time.Minute)
	case "fill":
		serve(fill())
	case "daemon":
		daemon(args)
	case "wrong-architecture":
		wrongArchitecture()
	default:
		fail(fmt.Errorf("unknown behaviour %s", what))
	}
}

func cwd() string {
	dir, err := os.Getwd()
	return dir + errText(err)
}

func pipe() int {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		fail(err)
	}
	return p[0]
}

func hog(n int) {
	b := make([]byte, n)
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
	time.Sleep(time.Minute)
	fmt.Println(b[n-1])
}

// spawn starts copies of this program that do the same or another thing.
func spawn(n int, args ...string) {
	for range n {
		cmd := exec.Command(os.Args[0], append([]string{"do"}, args...)...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			time.Sleep(time.Millisecond)
		}
	}
}

// pageTables reads one zero page in every two megabytes: no memory of its own, but a page of tables each.
func pageTables() {
	const size = 1 << 40
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		fail(err)
	}
	if err := unix.Madvise(b, unix.MADV_NOHUGEPAGE); err != nil {
		fail(err)
	}
	sum := byte(0)
	for i := 0; i < size; i += 2 << 20 {
		sum += b[i]
	}
	time.Sleep(time.Minute)
	fmt.Println(sum)
}

func fill() string {
	total := 0
	block := make([]byte, 1<<20)
	for i := range 100 {
		f, err := os.Create(filepath.Join("/tmp", strconv.Itoa(i)))
		if err != nil {
			return fmt.Sprintf("%d files: %v", total, err)
		}
		for {
			n, err := f.Write(block)
			total += n
			if err != nil {
				break
			}
		}
	}
	return fmt.Sprintf("%d MiB", total>>20)
}

// daemon leaves a process behind that is nobody's child, in a session of its own, and serves.
func daemon(mark []string) {
	cmd := exec.Command(os.Args[0], append([]string{"do", "sleep"}, mark...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fail(err)
	}
	_ = cmd.Process.Release()
	serve("left a daemon")
}

func attempts(where string) {
	var t target
	if err := json.Unmarshal([]byte(where), &t); err != nil {
		fail(err)
	}
	result := map[string]string{}
	for _, a := range append(append(files(t), network(t)...), append(calls(), others(t)...)...) {
		if err := a.do(); err != nil {
			result[a.id] = err.Error()
		} else {
			result[a.id] = "succeeded"
		}
	}
	b, err := json.Marshal(result)
	if err != nil {
		fail(err)
	}
	serve(string(b))
}

// reach shows that the canaries are there.
func reach(where string) {
	var t target
	if err := json.Unmarshal([]byte(where), &t); err != nil {
		fail(err)
	}
	b, err := os.ReadFile(t.File)
	fmt.Printf("%s%s\n", b, errText(err))
	for _, a := range network(t)[:3] {
		fmt.Println(a.id, a.do())
	}
}

func open(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err == nil {
		return nil
	}
	_, err = f.Read(make([]byte, 1))
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func write(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }

func files(t target) []attempt {
	reading := []string{
		t.File, t.Dir + "/../" + filepath.Base(t.Dir) + "/file", "/proc/self/root" + t.File, "/proc/1/root" + t.File, "/proc/self/cwd/../../../.." + t.File,
		"/etc/shadow", "/root", "/", "/..", "/home", "/var", "/sys/kernel", "/run", "/dev/zero", "/dev/shm", "/dev/kvm", "/dev/mem", "/dev/kmsg", "/dev/tty",
		"/proc/1/environ", "/proc/1/mem", "/proc/1/maps", "/proc/1/fd/0", "/proc/1/fd/1", "/proc/1/task/1/mem", "/proc/1/fdinfo/0", "/proc/1/exe", "/proc/1/cwd", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/kcore",
		"/proc/cpuinfo", "/proc/mounts2", "/etc/resolv.conf", "/etc/machine-id", filepath.Join(t.Bound, "link"),
	}
	var list []attempt
	for _, path := range reading {
		list = append(list, attempt{"read " + path, func() error { return open(path) }})
	}
	for _, path := range []string{
		"/x", "/etc/x", "/etc/passwd", "/model/x", "/model/m.gguf", "/proc/self/oom_score_adj2", "/usr/lib/x", "/dev/x", filepath.Join(t.Bound, "x"),
		filepath.Join(t.Bound, "fifo"), "/dev/random",
	} {
		list = append(list, attempt{"write " + path, func() error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|unix.O_NONBLOCK, 0o600)
			if err != nil {
				return err
			}
			return f.Close()
		}})
	}
	return append(list,
		attempt{"run a file of the scratch directory", func() error {
			self, err := os.ReadFile(os.Args[0])
			if err != nil {
				return nil
			}
			if err := os.WriteFile("/tmp/run", self, 0o700); err != nil { //nolint:gosec // to be run is what it is for
				return nil
			}
			return exec.Command("/tmp/run", "do", "exit", "0").Run()
		}},
		attempt{"link out of the scratch directory", func() error {
			if err := os.Symlink(t.File, "/tmp/link"); err != nil {
				return nil
			}
			return open("/tmp/link")
		}},
		attempt{"device in the scratch directory", func() error { return unix.Mknod("/tmp/dev", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0))) }},
		attempt{"device of characters in the scratch directory", func() error { return unix.Mknod("/tmp/dev", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 1))) }},
		attempt{"truncate the model", func() error { return os.Truncate("/model/m.gguf", 0) }},
		attempt{"remove the model", func() error { return os.Remove("/model/m.gguf") }},
		attempt{"move a bound directory", func() error { return os.Rename(t.Bound, "/tmp/moved") }},
		attempt{"own a bound file", func() error { return os.Chown(filepath.Join(t.Bound, "file"), 0, 0) }},
		attempt{"make a bound file writable", func() error { return os.Chmod(filepath.Join(t.Bound, "file"), 0o777) }},
	)
}

func network(t target) []attempt {
	dial := func(network, address string) func() error {
		return func() error {
			conn, err := net.DialTimeout(network, address, time.Second)
			if err != nil {
				return err
			}
			_, err = conn.Write([]byte("x"))
			return err
		}
	}
	socket := func(domain, typ, proto int) func() error {
		return func() error { _, err := unix.Socket(domain, typ, proto); return err }
	}
	return []attempt{
		{"canary over TCP", dial("tcp", fmt.Sprintf("127.0.0.1:%d", t.TCP))},
		{"canary over an abstract socket", dial("unix", "@"+t.Abstract)},
		{"canary over a socket in a bound directory", dial("unix", t.Socket)},
		{"canary over a datagram socket of a pair", func() error {
			_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
			return err
		}},
		{"the internet", dial("tcp", "192.0.2.1:80")},
		{"DNS", dial("udp", "192.0.2.1:53")},
		{"link local", dial("tcp", "169.254.169.254:80")},
		{"IPv6", dial("tcp", "[2001:db8::1]:80")},
		{"netlink", socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)},
		{"raw", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{"ping", socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP)},
		{"SCTP", socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP)},
		{"packet", socket(unix.AF_PACKET, unix.SOCK_RAW, 0)},
		{"vsock", socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)},
		{"crypto", socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0)},
		{"unix", socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)},
	}
}

func call(nr uintptr, args ...uintptr) func() error {
	return func() error {
		var a [6]uintptr
		copy(a[:], args)
		_, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
		if errno == 0 {
			return nil
		}
		if errno != unix.EPERM && errno != unix.ENOSYS && errno != unix.EACCES {
			return nil // it reached the kernel's code
		}
		return errno
	}
}

// forkInto makes a process in a new namespace, which ends at once.
func forkInto(flag uintptr) func() error {
	return func() error {
		pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, flag|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		if pid == 0 {
			_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		return nil
	}
}

// calls must not reach the kernel's own code.
func calls() []attempt {
	path := uintptr(unsafe.Pointer(&[]byte("/nowhere\x00")[0]))
	return []attempt{
		{"unshare a user namespace", call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER)},
		{"unshare a mount namespace", call(unix.SYS_UNSHARE, unix.CLONE_NEWNS)},
		{"clone a user namespace", forkInto(unix.CLONE_NEWUSER)},
		{"clone a network namespace", forkInto(unix.CLONE_NEWNET)},
		{"clone3", call(unix.SYS_CLONE3, 0, 0)},
		{"setns", call(unix.SYS_SETNS, ^uintptr(0), 0)},
		{"mount", call(unix.SYS_MOUNT, path, path, path, 0, 0)},
		{"umount", call(unix.SYS_UMOUNT2, path, 0)},
		{"pivot_root", call(unix.SYS_PIVOT_ROOT, path, path)},
		{"chroot", call(unix.SYS_CHROOT, path)},
		{"open_tree", call(unix.SYS_OPEN_TREE, 0, path, 0)},
		{"move_mount", call(unix.SYS_MOVE_MOUNT, 0, path, 0, path, 0)},
		{"fsopen", call(unix.SYS_FSOPEN, path, 0)},
		{"mount_setattr", call(unix.SYS_MOUNT_SETATTR, 0, path, 0, 0, 0)},
		{"statmount", call(457, 0, 0, 0, 0)},
		{"ptrace", call(unix.SYS_PTRACE, unix.PTRACE_ATTACH, 1)},
		{"process_vm_readv", call(unix.SYS_PROCESS_VM_READV, 1)},
		{"process_vm_writev", call(unix.SYS_PROCESS_VM_WRITEV, 1)},
		{"kcmp", call(unix.SYS_KCMP, 1, 1)},
		{"pidfd_getfd", call(unix.SYS_PIDFD_GETFD, 0, 0, 0)},
		{"process_madvise", call(unix.SYS_PROCESS_MADVISE, 0)},
		{"bpf", call(unix.SYS_BPF, 0)},
		{"io_uring_setup", call(unix.SYS_IO_URING_SETUP, 1, 0)},
		{"io_setup", call(unix.SYS_IO_SETUP, 1, 0)},
		{"userfaultfd", call(unix.SYS_USERFAULTFD, 0)},
		{"perf_event_open", call(unix.SYS_PERF_EVENT_OPEN, 0)},
		{"keyctl", call(unix.SYS_KEYCTL, 0)},
		{"add_key", call(unix.SYS_ADD_KEY, 0)},
		{"request_key", call(unix.SYS_REQUEST_KEY, 0)},
		{"kexec_load", call(unix.SYS_KEXEC_LOAD, 0)},
		{"init_module", call(unix.SYS_INIT_MODULE, 0)},
		{"finit_module", call(unix.SYS_FINIT_MODULE, 0)},
		{"delete_module", call(unix.SYS_DELETE_MODULE, path)},
		{"memfd_create", call(unix.SYS_MEMFD_CREATE, path, 0)},
		{"memfd_secret", call(447, 0)},
		{"shmget", call(unix.SYS_SHMGET, 0, 4096, unix.IPC_CREAT|0o600)},
		{"msgget", call(unix.SYS_MSGGET, 0, unix.IPC_CREAT|0o600)},
		{"semget", call(unix.SYS_SEMGET, 0, 1, unix.IPC_CREAT|0o600)},
		{"mq_open", call(unix.SYS_MQ_OPEN, path, unix.O_CREAT)},
		{"shared memory without a file", call(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS, ^uintptr(0), 0)},
		{"huge pages", call(unix.SYS_MMAP, 0, 2<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_HUGETLB, ^uintptr(0), 0)},
		{"remap_file_pages", call(unix.SYS_REMAP_FILE_PAGES, 0)},
		{"personality", call(unix.SYS_PERSONALITY, 0x0040000)},
		{"name_to_handle_at", call(unix.SYS_NAME_TO_HANDLE_AT, 0, path)},
		{"open_by_handle_at", call(unix.SYS_OPEN_BY_HANDLE_AT, 0)},
		{"fanotify_init", call(unix.SYS_FANOTIFY_INIT, 0)},
		{"inotify_init1", call(unix.SYS_INOTIFY_INIT1, 0)},
		{"seccomp", call(unix.SYS_SECCOMP, 99)},
		{"landlock_create_ruleset", call(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)},
		{"quotactl", call(unix.SYS_QUOTACTL, 0)},
		{"swapon", call(unix.SYS_SWAPON, path)},
		{"acct", call(unix.SYS_ACCT, path)},
		{"reboot", call(unix.SYS_REBOOT, 1)},
		{"syslog", call(unix.SYS_SYSLOG, 10)},
		{"settimeofday", call(unix.SYS_SETTIMEOFDAY, 0, 0)},
		{"clock_settime", call(unix.SYS_CLOCK_SETTIME, 0, 0)},
		{"sethostname", call(unix.SYS_SETHOSTNAME, path, 4)},
		{"mbind", call(unix.SYS_MBIND, 0)},
		{"move_pages", call(unix.SYS_MOVE_PAGES, 0)},
		{"vhangup", call(unix.SYS_VHANGUP)},
		{"lookup_dcookie", call(unix.SYS_LOOKUP_DCOOKIE)},
		{"a call of the future", call(4000)},
	}
}

func others(t target) []attempt {
	return []attempt{
		{"signal a process of the host", func() error { return unix.Kill(t.PID, 0) }},
		{"trace the first process", func() error { return unix.PtraceAttach(1) }},
		{"raise a limit", func() error {
			return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
		}},
		{"become another user", func() error { return unix.Setresuid(1000, 1000, 1000) }},
		{"capabilities", func() error {
			b, err := os.ReadFile("/proc/self/status")
			if err != nil {
				return nil
			}
			for line := range strings.Lines(string(b)) {
				if strings.HasPrefix(line, "Cap") && strings.Trim(strings.TrimSpace(line[8:]), "0") != "" {
					return nil
				}
			}
			return errors.New("none")
		}},
		{"environment", func() error {
			if _, ok := os.LookupEnv("HALLMARK_CANARY_ENV"); ok {
				return nil
			}
			return errors.New("none of the supervisor's")
		}},
		{"descriptors", func() error {
			for fd := 3; fd < 1024; fd++ {
				var s unix.Stat_t
				if unix.Fstat(fd, &s) == nil {
					link, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
					if !strings.HasPrefix(link, "anon_inode:[event") && !strings.HasPrefix(link, "socket:") {
						return nil
					}
				}
			}
			return errors.New("none but the runtime's")
		}},
		{"host name", func() error {
			if name, err := os.Hostname(); err == nil && name == "jail" {
				return errors.New("is the jail's")
			}
			return nil
		}},
	}
}
