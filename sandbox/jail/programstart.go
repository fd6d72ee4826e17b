package jail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

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
		return nil, withHint(err, hallmark.TierProgram)
	}
	if err := p.handshake(ctx, order, startTime+time.Duration(size/copyRate)*time.Second); err != nil {
		return nil, withHint(err, hallmark.TierProgram)
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
			args: []string{"hallmark-guest", ProgramArg}, bounds: spec.group(), tasks: MaxProcesses,
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
		go otherThread(func() { p.own(path, attr, started) })
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
	// As in prepare of the guest: the program lies above the child's descriptors.
	fd, err := unix.FcntlInt(spec.Init.Fd(), unix.F_DUPFD_CLOEXEC, len(files))
	if err != nil {
		return nil, "", err
	}
	*open = append(*open, os.NewFile(uintptr(fd), spec.Init.Name()))
	sys, err := sysProcAttr(hallmark.TierFull)
	if err != nil {
		return nil, "", err
	}
	return &os.ProcAttr{Dir: "/", Env: environment(initMemory), Files: files, Sys: sys}, "/proc/self/fd/" + strconv.Itoa(fd), nil
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
	case atStart(exit.Verdict):
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
	p.watched.Go(func() {
		defer r.file.Close()
		p.watchTree(newTreeWatch(r.file).look)
	})
	return nil
}

// checkProgramLayers refuses a list that lacks a layer.
func checkProgramLayers(got []string) error {
	for _, want := range []string{
		layerUser, layerPID, layerNet, layerMount, layerIPC, layerUTS, layerCgroup, layerEnv, layerSession, layerDeath, layerBound, layerRlimits, layerNoNew, layerLandlock,
		layerCaps, layerDump, layerSeccompProgram,
	} {
		if on(want) && !slices.ContainsFunc(got, func(l string) bool { name, _, _ := strings.Cut(l, ":"); return name == want }) {
			return fmt.Errorf("layer %s is missing", want)
		}
	}
	return nil
}
