package jail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// Spec says what to run.
type Spec struct {
	// Program is what [SealProgram] returned for the guest. Required.
	Program *os.File
	// Model is what [Seal] returned for the model file. Required.
	Model *os.File
	// Tier is the jail; nothing weaker is used. Required.
	Tier hallmark.Tier
	// Runtime is what [FindRuntime] found for a tier in a container. Required there.
	Runtime *Runtime
	// Limits of the guest; see there for zero values.
	Limits Limits
	// Threads that compute in the guest. Optional; the number of processors, at most [MaxThreads], if zero.
	Threads int
}

// MaxThreads is the largest number of threads that may compute; the rest up to the thread limit is the runtime's.
const MaxThreads = 32

// Check returns every problem of the specification, or nil.
func (s Spec) Check() error {
	errs := []error{s.Limits.Check()}
	if s.Program == nil || !Sealed(s.Program) {
		errs = append(errs, errors.New("program is not sealed"))
	}
	if s.Model == nil || !Sealed(s.Model) {
		errs = append(errs, errors.New("model is not sealed"))
	}
	if s.Tier != hallmark.TierFull && s.Tier != hallmark.TierNoNamespaces && !InContainer(s.Tier) {
		errs = append(errs, fmt.Errorf("tier %q is not known", s.Tier))
	}
	if InContainer(s.Tier) && (s.Runtime == nil || s.Runtime.Tier != s.Tier) {
		errs = append(errs, fmt.Errorf("tier %s without its runtime", s.Tier))
	}
	if s.Threads < 0 || s.Threads > MaxThreads {
		errs = append(errs, fmt.Errorf("threads %d is not in 0..%d", s.Threads, MaxThreads))
	}
	return errors.Join(errs...)
}

// startTime is how long a guest may take to lock itself in; it takes milliseconds.
const startTime = 20 * time.Second

// Start runs the program in the jail and returns when it is locked in, with all layers of the tier on. Otherwise nothing
// is left running, and the error is a [*RunError]; the one for a host that cannot isolate carries a hint. ctx ends the
// start, not the guest.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	if err := spec.Check(); err != nil {
		return nil, fmt.Errorf("start a jail: %w", errors.Join(err, hallmark.ErrInvalid))
	}
	info, err := spec.Model.Stat()
	if err != nil {
		return nil, fmt.Errorf("start a jail: %w", err)
	}
	spec.Limits = spec.Limits.withDefaults(info.Size())
	if spec.Threads == 0 {
		spec.Threads = min(runtime.NumCPU(), MaxThreads)
	}
	p, err := spawn(spec)
	if err != nil {
		return nil, withHint(err, spec.Tier)
	}
	if err := p.handshake(ctx, spec, info.Size()); err != nil {
		return nil, withHint(err, spec.Tier)
	}
	return p, nil
}

func withHint(err error, t hallmark.Tier) error {
	if errors.Is(err, hallmark.ErrUnsandboxed) {
		return hallmark.WithHint(err, Hint(t))
	}
	return err
}

// spawn starts the process and the goroutines that own it.
func spawn(spec Spec) (*Process, error) {
	// Descriptors that this process was started with would go on to its children.
	if on(layerClosed) {
		if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
			return nil, startError(fmt.Errorf("keep descriptors from the guest: %w", err))
		}
	}
	args, err := spec.args()
	if err != nil {
		return nil, startError(err)
	}
	attr, files, err := prepare(spec)
	if err != nil {
		return nil, startError(err)
	}
	p := &Process{
		tier: spec.Tier, limits: spec.Limits, stdin: files.requests, stdout: files.replies,
		done: make(chan struct{}), logged: make(chan struct{}), started: time.Now(),
		args: args, noNewPrivs: on(layerNoNew) && !InContainer(spec.Tier), bounds: spec.group(), tasks: maxThreads,
	}
	started := make(chan error)
	program := "/proc/self/fd/" + strconv.Itoa(int(files.program.Fd()))
	go otherThread(func() { p.own(program, attr, started) })
	err = <-started
	for _, f := range append(attr.Files, files.program) {
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		err = errors.Join(err, files.requests.Close(), files.replies.Close(), files.log.Close())
		return nil, startError(err)
	}
	if !InContainer(spec.Tier) {
		go p.watch()
	}
	go p.readLog(files.log)
	return p, nil
}

// args are the process's arguments.
func (s Spec) args() ([]string, error) {
	args := []string{"hallmark-guest"}
	if !InContainer(s.Tier) {
		return args, nil
	}
	more, err := containerArgs(s.Tier, s.Limits.Memory)
	return append(append(args, ContainerArg), more...), err
}

// ends are the supervisor's ends of a guest's descriptors.
type ends struct{ requests, replies, log, program *os.File }

// prepare makes the pipes and says how to start the process.
func prepare(spec Spec) (attr *os.ProcAttr, e ends, err error) {
	var open []*os.File
	defer func() {
		if err != nil {
			for _, f := range open {
				_ = f.Close() // pipes
			}
		}
	}()
	pipe := func(r, w **os.File) {
		if err != nil {
			return
		}
		if *r, *w, err = os.Pipe(); err == nil {
			open = append(open, *r, *w)
		}
	}
	dup := func(f *os.File) (d *os.File) {
		if err != nil {
			return nil
		}
		var fd int
		if fd, err = unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, runtimeFD+1); err != nil {
			return nil
		}
		d = os.NewFile(uintptr(fd), f.Name())
		open = append(open, d)
		return d
	}
	var stdin, stdout, stderr *os.File
	pipe(&stdin, &e.requests)
	pipe(&e.replies, &stdout)
	pipe(&e.log, &stderr)
	// The child takes descriptors 0 to 4. The program, which it opens by number at the end, lies above.
	e.program = dup(spec.Program)
	given := []*os.File{stdin, stdout, stderr, dup(spec.Model)}
	if InContainer(spec.Tier) {
		given = append(given, dup(spec.Runtime.program))
	}
	if err != nil {
		return nil, ends{}, err
	}
	sys, err := sysProcAttr(spec.Tier)
	if err != nil {
		return nil, ends{}, err
	}
	return &os.ProcAttr{
		Dir: "/", Env: environment(spec.Limits.Memory), Files: given, Sys: sys,
	}, e, nil
}

// sysProcAttr makes the process a session of its own that dies with the supervisor, as an unprivileged user.
func sysProcAttr(t hallmark.Tier) (*syscall.SysProcAttr, error) {
	user, group, err := guestOwner()
	if err != nil {
		return nil, err
	}
	// Root of a namespace that has no other user stays, and may not be allowed to change groups.
	root := os.Geteuid() == 0 && user != 0
	a := &syscall.SysProcAttr{Setsid: on(layerSession)}
	if on(layerDeath) {
		a.Pdeathsig = syscall.SIGKILL
	}
	if t != hallmark.TierNoNamespaces {
		for _, n := range namespaces() {
			if on(n.layer) {
				a.Cloneflags |= n.flag
			}
		}
		if !on(layerUser) {
			return a, nil
		}
		a.UidMappings = []syscall.SysProcIDMap{{HostID: user, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{HostID: group, Size: 1}}
		a.GidMappingsEnableSetgroups = root // to drop the supervisor's groups; only root is allowed to
		if root {
			a.Credential = &syscall.Credential{}
		}
		return a, nil
	}
	if root {
		a.Credential = &syscall.Credential{Uid: uint32(user), Gid: uint32(group)}
	}
	return a, nil
}

// guestOwner returns the user and the group that guests run as, as this process sees them.
func guestOwner() (user, group int, err error) {
	if !on(layerOwner) {
		return os.Geteuid(), os.Getegid(), nil
	}
	maps, err := idMaps()
	if err != nil {
		return 0, 0, err
	}
	if user, err = unprivileged(maps[0], os.Geteuid()); err != nil {
		return 0, 0, err
	}
	group, err = unprivileged(maps[1], os.Getegid())
	return user, group, err
}

// Kernel returns the release of the running kernel, for run records.
func Kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// idMaps are the users and the groups that this process's user namespace has, which never change.
var idMaps = sync.OnceValues(func() (maps [2]string, err error) {
	for i, path := range []string{"/proc/self/uid_map", "/proc/self/gid_map"} {
		b, err := os.ReadFile(path)
		if err != nil {
			return maps, fmt.Errorf("read which ids there are: %w", err)
		}
		maps[i] = string(b)
	}
	return maps, nil
})

// nobody is the user that owns nothing.
const nobody = 65534

// unprivileged returns the id, as this process sees ids, that a guest runs as: the supervisor's own if that is not root,
// else nobody. Where root's user namespace does not know nobody, root is not the host's root and stays.
func unprivileged(idMap string, own int) (int, error) {
	if own != 0 {
		return own, nil
	}
	for line := range strings.Lines(idMap) {
		var first, outside, count int64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err != nil {
			return 0, fmt.Errorf("read which ids there are: %q: %w", line, err)
		}
		if first <= nobody && nobody < first+count {
			return nobody, nil
		}
	}
	return own, nil
}

// handshake tells the guest its limits, waits until it is locked in and checks that it is. On an error the process is gone.
func (p *Process) handshake(ctx context.Context, spec Spec, modelSize int64) error {
	stop := context.AfterFunc(ctx, func() { p.Kill(hallmark.RunInfraError, "start cancelled") })
	defer stop()
	timer := time.AfterFunc(startTime, func() {
		p.Kill(hallmark.RunInfraError, fmt.Sprintf("not locked in after %v", startTime))
	})
	defer timer.Stop()

	err := p.enter(spec, modelSize)
	if err == nil {
		return nil
	}
	ended := errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) // by itself, and how says more
	if !ended {
		p.Kill(hallmark.RunUnsandboxed, err.Error())
	}
	exit := p.Wait()
	p.close()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("start a jail: %w", ctx.Err())
	case atStart(exit.Verdict):
		return exit.Err()
	case ended && exit.Log != "":
		err = fmt.Errorf("%s before it was locked in: %s", exit.Detail, hallmark.CleanText(exit.Log, 300))
	case ended:
		err = fmt.Errorf("%s before it was locked in", exit.Detail)
	}
	return &RunError{Verdict: hallmark.RunUnsandboxed, Detail: err.Error()}
}

// atStart reports whether a verdict of a guest that is not locked in yet stands: its host or its limits ended it, which says
// nothing about what the host can isolate.
func atStart(v hallmark.RunVerdict) bool {
	return slices.Contains([]hallmark.RunVerdict{hallmark.RunInfraError, hallmark.RunWallLimit, hallmark.RunCPULimit, hallmark.RunMemoryLimit}, v)
}

func (p *Process) enter(spec Spec, modelSize int64) error {
	hello := wire.Hello{
		Version: wire.Version, Tier: spec.Tier, Memory: spec.Limits.Memory, CPUSeconds: spec.Limits.cpuSeconds(), ModelSize: modelSize,
		Threads: uint16(spec.Threads), Grouped: p.group != nil,
	}
	if err := wire.Write(p.stdin, 0, hello); err != nil {
		return err
	}
	own, err := ownThread() // while the guest works
	if err != nil {
		return err
	}
	_, m, err := wire.NewReplyReader(p.stdout, helloLimit).Next()
	if err != nil {
		return fmt.Errorf("wait for the guest: %w", err)
	}
	switch m := m.(type) {
	case wire.Ready:
		if err := checkLayers(spec.Tier, m.Layers); err != nil {
			return err
		}
		if err := p.lookOutside(own); err != nil {
			return fmt.Errorf("look at the guest from outside: %w", err)
		}
		p.layers = append(m.Layers, layerClosed, layerOwner, layerSealed, layerWatchdog)
		if spec.Runtime != nil {
			p.layers = append(p.layers, containerLayers(spec.Runtime)...)
		}
		if p.group != nil {
			p.layers = append(p.layers, layerGroup+":"+p.group.place.kind)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.ready = true
		return nil
	case wire.Failure:
		return errors.New(m.Text)
	default:
		return fmt.Errorf("guest answers %v, want ready", m.Type())
	}
}

// lookOutside looks at a guest that says that it is locked in.
func (p *Process) lookOutside(own thread) error {
	if InContainer(p.tier) {
		return p.lookInside(own)
	}
	return checkOutside(p.status, p.tier, own)
}
