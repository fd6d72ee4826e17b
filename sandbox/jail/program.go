package jail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// ProgramSpec says how to run a program that is not the guest, such as another inference server. It sees nothing of the
// host but Binds, what [systemTrees] names, and copies of Models, and can talk to nobody but through [Program.Dial].
type ProgramSpec struct {
	// Init is what [SealProgram] returned for the guest's binary, which builds the jail. Required.
	Init *os.File
	// Args is the command, without a shell. Args[0] is an absolute path of a file that need not lie in a bound tree.
	// Required.
	Args []string
	// Env are variables of the program's environment beside PATH, HOME, TMPDIR and LANG. Optional.
	Env []string
	// Port is where the program listens on 127.0.0.1. Required.
	Port uint16
	// Binds are absolute paths of directories and files that the program may read and run. Optional.
	Binds []string
	// Models are sealed files that show under their names, relative paths, in [ProgramModelDir]. Optional.
	Models []ProgramModel
	// Limits of all processes of the program together; see there for zero values.
	Limits Limits
	// Scratch is the size of the program's /tmp in bytes, beside Limits.Memory. Optional; [DefaultScratch] if zero.
	Scratch int64
}

// ProgramModel is a file of the model under test.
type ProgramModel struct {
	Name string
	File *os.File // what [Seal] returned
}

// ProgramModelDir is where a program finds the model's files.
const ProgramModelDir = modelDir

const (
	// DefaultScratch is the size of a program's scratch directory.
	DefaultScratch = 64 << 20

	// MaxProcesses is how many processes and threads a program may have.
	MaxProcesses = 256

	// maxTasks is where the kernel stops more; the watchdog speaks before.
	maxTasks = MaxProcesses + MaxProcesses/4

	maxModels             = 1024
	maxProgramDescriptors = 512
	// copyRate is a rate, in bytes a second, that copying a model into a jail surpasses.
	copyRate = 50 << 20
)

// Check returns every problem of the specification, or nil.
func (s ProgramSpec) Check() error {
	errs := []error{s.Limits.Check()}
	if s.Init == nil || !Sealed(s.Init) {
		errs = append(errs, errors.New("the program that builds the jail is not sealed"))
	}
	if len(s.Args) == 0 || !filepath.IsAbs(s.Args[0]) {
		errs = append(errs, errors.New("the command is not an absolute path"))
	}
	if s.Port == 0 {
		errs = append(errs, errors.New("port is 0"))
	}
	for _, b := range s.Binds {
		errs = append(errs, checkBind(b))
	}
	if len(s.Models) > maxModels {
		errs = append(errs, fmt.Errorf("%d model files, at most %d", len(s.Models), maxModels))
	}
	for _, m := range s.Models {
		if !filepath.IsLocal(m.Name) || m.File == nil || !Sealed(m.File) {
			errs = append(errs, fmt.Errorf("model file %q has no relative name or is not sealed", m.Name))
		}
	}
	if s.Scratch < 0 || s.Scratch > math.MaxInt64/8 {
		errs = append(errs, fmt.Errorf("scratch size %d is out of range", s.Scratch))
	}
	return errors.Join(errs...)
}

// checkBind refuses what would show the host itself, and what is not the path that it seems.
func checkBind(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("%s: want an absolute path without . and .. in it", path)
	}
	if path == "/" || path == scratchDir {
		return fmt.Errorf("%s: is more than a program needs; name the directories that it reads", path)
	}
	for _, never := range []string{"/proc", "/sys", "/dev", "/run", modelDir} {
		if path == never || strings.HasPrefix(path, never+"/") {
			return fmt.Errorf("%s: is the host's, or the jail's own", path)
		}
	}
	actual, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if actual != path {
		return fmt.Errorf("%s is a symbolic link, or lies below one: name %s", path, actual)
	}
	return nil
}

// systemTrees are bound for every program where the host has them: the dynamic loader, its cache and the libraries.
func systemTrees() []string {
	return []string{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache"}
}

// trees returns what to bind, outermost first and nothing twice, and the links of the root: of the system's directories,
// those that are links, such as /lib.
func (s ProgramSpec) trees() (paths []string, links map[string]string, err error) {
	links = map[string]string{}
	program, err := filepath.EvalSymlinks(s.Args[0])
	if err != nil {
		return nil, nil, err
	}
	wanted := append(slices.Clone(s.Binds), program)
	wanted = append(wanted, devices()...)
	for _, tree := range systemTrees() {
		info, err := os.Lstat(tree)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, nil, err
		case info.Mode()&fs.ModeSymlink != 0:
			if links[tree], err = os.Readlink(tree); err != nil {
				return nil, nil, err
			}
		default:
			wanted = append(wanted, tree)
		}
	}
	slices.Sort(wanted)
	for _, w := range wanted {
		if n := len(paths); n > 0 && (w == paths[n-1] || strings.HasPrefix(w, paths[n-1]+"/")) {
			continue
		}
		paths = append(paths, w)
	}
	return paths, links, nil
}

// environment is the program's.
func (s ProgramSpec) environment() []string {
	return append([]string{"PATH=/usr/bin:/bin", "HOME=" + scratchDir, "TMPDIR=" + scratchDir, "LANG=C.UTF-8"}, s.Env...)
}

// order says what the first process is to do. Its binds have detached mounts, which the caller closes, where this
// process is root; otherwise the first process has the same rights and makes them.
func (s ProgramSpec) order() (o programOrder, mounts []*os.File, err error) {
	o = programOrder{Args: slices.Clone(s.Args), Env: s.environment(), Port: s.Port, Limits: s.Limits, Scratch: s.Scratch}
	if o.Args[0], err = filepath.EvalSymlinks(s.Args[0]); err != nil {
		return o, nil, err
	}
	var paths []string
	if paths, o.Links, err = s.trees(); err != nil {
		return o, nil, err
	}
	for _, m := range s.Models {
		info, err := m.File.Stat()
		if err != nil {
			return o, nil, err
		}
		o.Models = append(o.Models, orderedFile{m.Name, info.Size()})
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil {
			return o, mounts, err
		}
		b := orderedBind{Path: path, Dir: info.IsDir(), FD: -1}
		if os.Geteuid() == 0 {
			fd, err := cloneTree(path)
			if err != nil {
				return o, mounts, err
			}
			b.FD = modelFD + len(s.Models) + len(mounts)
			mounts = append(mounts, os.NewFile(uintptr(fd), path))
		}
		o.Binds = append(o.Binds, b)
	}
	return o, mounts, nil
}

// group is what a control group keeps all of the program's processes to: their own memory, and the files in memory that
// they are given or may write.
func (s ProgramSpec) group() groupLimits {
	g := groupLimits{memory: s.Limits.Memory + memorySlack(s.Limits.Memory) + s.Scratch + initMemory, tasks: maxTasks}
	for _, m := range s.Models {
		if info, err := m.File.Stat(); err == nil {
			g.memory += info.Size()
		}
	}
	return g
}

// A Program runs in its jail.
type Program struct {
	*Process
	control *net.UnixConn
	replies chan programReply
	heard   chan struct{} // closed when the control connection is over
	watched sync.WaitGroup
	dialing sync.Mutex // one at a time

	treeCPU time.Duration // of all processes; guarded by mu
}

// programReply is one packet of the first process.
type programReply struct {
	word byte
	text []byte
	file *os.File
}

// StartProgram runs a program in a jail of all seven namespaces and returns when it is locked in and started, which is not
// yet when it listens. Otherwise nothing is left running and the error is as of [Start]. ctx ends the start, not the
// program.
func StartProgram(ctx context.Context, spec ProgramSpec) (*Program, error) {
	if err := spec.Check(); err != nil {
		return nil, fmt.Errorf("start a program's jail: %w", errors.Join(err, hallmark.ErrInvalid))
	}
	size := int64(0)
	for _, m := range spec.Models {
		info, err := m.File.Stat()
		if err != nil {
			return nil, fmt.Errorf("start a program's jail: %w", err)
		}
		size += info.Size()
	}
	spec.Limits = spec.Limits.withDefaults(size)
	spec.Scratch = cmp.Or(spec.Scratch, DefaultScratch)
	p, order, err := spawnProgram(spec)
	if err != nil {
		return nil, withHint(err, hallmark.TierFull)
	}
	if err := p.handshake(ctx, order, startTime+time.Duration(size/copyRate)*time.Second); err != nil {
		return nil, withHint(err, hallmark.TierFull)
	}
	return p, nil
}

// spawnProgram starts the first process and the goroutines that own it.
func spawnProgram(spec ProgramSpec) (*Program, []byte, error) {
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, nil, startError(fmt.Errorf("keep descriptors from the program: %w", err))
	}
	order, mounts, err := spec.order()
	defer func() {
		for _, m := range mounts {
			_ = m.Close() // a mount that is attached, or goes
		}
	}()
	if err != nil {
		return nil, nil, startError(err)
	}
	raw, err := json.Marshal(order)
	if err != nil {
		return nil, nil, startError(err)
	}
	if len(raw) > orderLimit {
		return nil, nil, fmt.Errorf("start a program's jail: the command and its paths take %d bytes, at most %d: %w", len(raw), orderLimit, hallmark.ErrTooLarge)
	}
	p := &Program{
		Process: &Process{
			tier: hallmark.TierFull, limits: spec.Limits, done: make(chan struct{}), logged: make(chan struct{}), started: time.Now(),
			args: []string{"hallmark-guest", ProgramArg}, bounds: spec.group(),
		},
		replies: make(chan programReply), heard: make(chan struct{}),
	}
	log, err := p.begin(spec, mounts)
	if err != nil {
		return nil, nil, startError(err)
	}
	go p.readLog(log)
	go p.listen()
	return p, raw, nil
}

// begin makes the descriptors and starts the first process; it returns the log.
func (p *Program) begin(spec ProgramSpec, mounts []*os.File) (log *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "control"), os.NewFile(uintptr(pair[1]), "control")
	defer ours.Close() // net.FileConn has its own
	open := []*os.File{theirs}
	defer func() {
		for _, f := range open {
			_ = f.Close() // the child has its own
		}
	}()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, err
	}
	p.control, _ = conn.(*net.UnixConn)
	log, stderr, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	open = append(open, stderr)
	started := make(chan error)
	attr, path, err := p.prepare(spec, mounts, theirs, stderr, &open)
	if err == nil {
		go p.own(path, attr, started)
		err = <-started
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(), log.Close())
	}
	return log, nil
}

// prepare says how to start the first process. Descriptors that it opens for that are added to open.
func (p *Program) prepare(spec ProgramSpec, mounts []*os.File, control, log *os.File, open *[]*os.File) (*os.ProcAttr, string, error) {
	files := []*os.File{control, log, log}
	for _, m := range spec.Models {
		files = append(files, m.File)
	}
	files = append(files, mounts...)
	// As in prepare of the guest: the program lies above the child's descriptors and below the highest of ours.
	dup := func(f *os.File, least int) (*os.File, error) {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, least)
		if err != nil {
			return nil, err
		}
		d := os.NewFile(uintptr(fd), f.Name())
		*open = append(*open, d)
		return d, nil
	}
	program, err := dup(spec.Init, len(files)+1)
	if err != nil {
		return nil, "", err
	}
	last := len(files) - 1
	if files[last], err = dup(files[last], int(program.Fd())+1); err != nil {
		return nil, "", err
	}
	sys, err := sysProcAttr(hallmark.TierFull)
	if err != nil {
		return nil, "", err
	}
	return &os.ProcAttr{Dir: "/", Env: environment(initMemory), Files: files, Sys: sys}, "/proc/self/fd/" + strconv.Itoa(int(program.Fd())), nil
}

// initMemory is a limit for the runtime of the first process, which needs little.
const initMemory = 64 << 20

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

// handshake gives the order and waits until the program is started. On an error the process is gone.
func (p *Program) handshake(ctx context.Context, order []byte, within time.Duration) error {
	stop := context.AfterFunc(ctx, func() { p.Kill(hallmark.RunInfraError, "start cancelled") })
	defer stop()
	timer := time.AfterFunc(within, func() { p.Kill(hallmark.RunInfraError, fmt.Sprintf("not locked in after %v", within)) })
	defer timer.Stop()

	err := p.enter(order)
	if err == nil {
		return nil
	}
	ended := errors.Is(err, errProgramGone)
	if !ended {
		p.Kill(hallmark.RunUnsandboxed, err.Error())
	}
	exit := p.end()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("start a program's jail: %w", ctx.Err())
	case exit.Verdict == hallmark.RunInfraError, exit.Verdict == hallmark.RunWallLimit:
		return exit.Err()
	case ended:
		err = fmt.Errorf("%s before it was locked in: %s", exit.Detail, hallmark.CleanText(exit.Log, 300))
	}
	return &RunError{Verdict: hallmark.RunUnsandboxed, Detail: err.Error()}
}

// errProgramGone is the end of the first process.
var errProgramGone = errors.New("the first process of the jail is gone")

func (p *Program) enter(order []byte) error {
	if _, err := p.control.Write(order); err != nil {
		return errProgramGone
	}
	r, ok := <-p.replies
	switch {
	case !ok:
		return errProgramGone
	case r.word == sayFailed:
		return errors.New(hallmark.CleanText(string(r.text), 2000))
	case r.word != sayReady || r.file == nil:
		return fmt.Errorf("the first process of the jail answers %q", r.word)
	}
	layers := strings.Split(hallmark.CleanText(strings.ReplaceAll(string(r.text), "\n", ","), 2000), ",")
	if err := checkProgramLayers(layers); err != nil {
		return errors.Join(err, r.file.Close())
	}
	own, err := ownThread()
	if err == nil {
		err = checkOutside(p.status, hallmark.TierFull, own)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("look at the jail from outside: %w", err), r.file.Close())
	}
	p.layers = append(layers, layerSealed, layerTree)
	p.mu.Lock()
	p.ready = true
	p.mu.Unlock()
	p.watched.Go(func() { p.watchTree(r.file) })
	return nil
}

// checkProgramLayers refuses a list that lacks a layer.
func checkProgramLayers(got []string) error {
	for _, want := range []string{
		layerUser, layerPID, layerNet, layerMount, layerIPC, layerUTS, layerCgroup, layerEnv, layerBound, layerRlimits, layerNoNew, layerLandlock,
		layerCaps, layerDump, layerSeccompProgram,
	} {
		if !slices.ContainsFunc(got, func(l string) bool { name, _, _ := strings.Cut(l, ":"); return name == want }) {
			return fmt.Errorf("layer %s is missing", want)
		}
	}
	return nil
}

// listen reads what the first process says, until it is gone.
func (p *Program) listen() {
	defer close(p.heard)
	defer close(p.replies)
	for {
		buf, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*4))
		n, oobn, _, _, err := p.control.ReadMsgUnix(buf, oob)
		if err != nil || n == 0 {
			return
		}
		file, err := takeDescriptor(oob[:oobn])
		if err != nil {
			p.Kill(hallmark.RunProtocolError, err.Error())
			return
		}
		if buf[0] == sayExited && n == 5 && file == nil {
			p.exited(syscall.WaitStatus(uint32(buf[1]) | uint32(buf[2])<<8 | uint32(buf[3])<<16 | uint32(buf[4])<<24))
			continue
		}
		select {
		case p.replies <- programReply{buf[0], buf[1:n], file}:
		case <-p.done:
			if file != nil {
				_ = file.Close() // nobody wants it any more
			}
			return
		}
	}
}

// takeDescriptor returns the one descriptor of a control message, if there is one. More are refused, and closed.
func takeDescriptor(oob []byte) (*os.File, error) {
	if len(oob) == 0 {
		return nil, nil //nolint:nilnil // most messages carry none
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var fds []int
	for i := range messages {
		got, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, err
		}
		fds = append(fds, got...)
	}
	if len(fds) != 1 {
		for _, fd := range fds {
			_ = unix.Close(fd) // of nobody
		}
		return nil, fmt.Errorf("the first process of the jail sends %d descriptors", len(fds))
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "received"), nil
}

// exited ends a jail whose program ended by itself, which no server does that was not asked to.
func (p *Program) exited(s syscall.WaitStatus) {
	switch {
	case s.Signaled() && s.Signal() == syscall.SIGSYS:
		p.Kill(hallmark.RunPolicyViolation, "the program made a system call of another architecture")
	case s.Signaled() && s.Signal() == syscall.SIGXCPU:
		p.Kill(hallmark.RunCPULimit, fmt.Sprintf("the program used more than %v of processor time", p.limits.CPU))
	case s.Signaled() && p.group.outOfMemory():
		p.Kill(hallmark.RunMemoryLimit, fmt.Sprintf("the kernel ended the program at its limit of %d bytes of memory", p.limits.Memory))
	case s.Signaled():
		p.Kill(hallmark.RunCrash, fmt.Sprintf("the program was killed by signal %d, %v", int(s.Signal()), s.Signal()))
	default:
		p.Kill(hallmark.RunCrash, fmt.Sprintf("the program ended with status %d", s.ExitStatus()))
	}
}

// Limits returns the limits as they were applied, as a run record has them.
func (p *Program) Limits() map[string]string {
	m := p.Process.Limits()
	maps.Copy(m, map[string]string{"descriptors": strconv.Itoa(maxProgramDescriptors), "processes": strconv.Itoa(MaxProcesses)})
	delete(m, "threads")
	return m
}

// Dial connects to the program's port. A program that does not listen yet gives [syscall.ECONNREFUSED]; one that is
// gone, its [*RunError]. What is read over all connections between two writes counts as one reply, as of [Process.Read].
func (p *Program) Dial(ctx context.Context) (net.Conn, error) {
	p.dialing.Lock()
	defer p.dialing.Unlock()
	if _, err := p.control.Write([]byte{askDial}); err != nil {
		return nil, p.gone()
	}
	// Loopback answers at once, whatever the program does; a context that ends meanwhile need not be looked at.
	r, ok := <-p.replies
	switch {
	case !ok:
		return nil, p.gone()
	case r.word == sayRefused && r.file == nil:
		return nil, fmt.Errorf("connect to the program: %w", errors.Join(syscall.ECONNREFUSED, ctx.Err()))
	case r.word != sayConnected || r.file == nil:
		p.Kill(hallmark.RunProtocolError, "the first process of the jail gives no connection")
		return nil, p.gone()
	}
	defer r.file.Close() // net.FileConn has its own
	conn, err := net.FileConn(r.file)
	if err != nil {
		return nil, fmt.Errorf("connect to the program: %w", err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		p.Kill(hallmark.RunProtocolError, "the first process of the jail gives a descriptor that is no connection")
		return nil, errors.Join(p.gone(), conn.Close())
	}
	return programConn{tcp, p.Process}, tcp.SetNoDelay(true)
}

// gone waits for the end of a jail that is ending, and says how it ended.
func (p *Program) gone() error {
	p.Kill(hallmark.RunCrash, "the first process of the jail does not answer")
	return p.Wait().Err()
}

// programConn counts what a program sends.
type programConn struct {
	*net.TCPConn
	p *Process
}

func (c programConn) Write(b []byte) (int, error) {
	c.p.ExpectReply()
	n, err := c.TCPConn.Write(b)
	return n, errors.Join(err, c.acknowledge())
}

// acknowledge has the kernel acknowledge the reply's packets at once: a server that sends a head and then a body often
// waits for that, 40 ms each time.
func (c programConn) acknowledge() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var setErr error
	err = raw.Control(func(fd uintptr) { setErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	return errors.Join(err, setErr)
}

func (c programConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if countErr := c.p.countReply(n); countErr != nil {
		return 0, countErr
	}
	return n, err
}

// Stop ends the program and everything that it started, and returns how the run went: well if nothing had ended it before.
func (p *Program) Stop() Exit {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	return p.end()
}

// end ends the first process, which takes the whole pid namespace with it.
func (p *Program) end() Exit {
	_ = p.control.CloseWrite() // the first process ends on that
	timer := time.AfterFunc(endTime, func() {
		p.Kill(hallmark.RunInfraError, fmt.Sprintf("the first process of the jail did not end after %v", endTime))
	})
	defer timer.Stop()
	exit := p.Wait()
	_ = p.control.Close() // there is nobody at the other end
	_ = p.status.Close()  // the watchdog looks at all processes
	<-p.heard
	p.watched.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	exit.Usage.CPU = max(exit.Usage.CPU, p.treeCPU) // the kernel's count leaves out whom nobody waited for
	return exit
}
