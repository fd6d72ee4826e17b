package jail

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

const (
	// The watchdog looks every watchInterval, and more often when a guest nears its limit of memory. Where the supervisor
	// waits for a processor, the guest's own kernel limits hold.
	watchInterval = 5 * time.Millisecond
	shortInterval = time.Millisecond

	// endTime is how long a guest may take to end after its input ended. It takes some milliseconds of a processor, for which
	// it waits on a host that is too busy.
	endTime = 10 * time.Second

	// logSize is how much of the guest's log is kept, in bytes.
	logSize = 16 << 10
)

// A Process is a locked-in guest.
type Process struct {
	tier       hallmark.Tier
	limits     Limits
	layers     []string
	stdin      *os.File
	stdout     *os.File
	started    time.Time
	args       []string // of the process
	noNewPrivs bool     // which it has before it runs its program
	bounds     groupLimits
	tasks      int            // processes and threads that the watchdog of a tree allows
	watched    sync.WaitGroup // the watchdog of a tree

	pid    int
	group  *group   // nil where there are none
	status *os.File // /proc/PID/status

	done   chan struct{} // closed when the process is reaped and exit is set
	logged chan struct{} // closed when its log is read to the end
	exit   Exit

	mu      sync.Mutex // guards what follows
	ready   bool
	closing bool
	reaped  bool
	cause   *RunError
	peak    int64         // bytes resident, the model's included
	used    int64         // bytes of its own, at most, as far as the watchdog saw
	treeCPU time.Duration // of all processes of a tree, as far as the watchdog saw
	reply   int64         // bytes since ExpectReply
	log     []byte
}

// Exit is how a guest ended. Log is the beginning of what it wrote to its log, cleaned; it is hostile text.
type Exit struct {
	Verdict hallmark.RunVerdict
	Detail  string
	Usage   Usage
	Log     string
}

// Err returns the exit as a [*RunError]; nil if the guest ended well.
func (e Exit) Err() error {
	if e.Verdict == hallmark.RunOK {
		return nil
	}
	return &RunError{Verdict: e.Verdict, Detail: e.Detail}
}

// otherThread calls do in a goroutine that has a thread for itself, which is never the first of this process. In version 1 of
// control groups a thread that forks is in the guest's group for a moment, and the kernel counts a whole process's memory in the group
// of its first thread: a guest's limit would be the supervisor's, and its end.
func otherThread(do func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		do()
		return
	}
	locked := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(locked)
		do()
	}()
	<-locked // until then nobody else gets the first thread
	runtime.UnlockOSThread()
}

// own starts the process and reaps it. The calling goroutine keeps its thread until then: the kernel kills the guest when the thread
// that started it is gone, and the runtime ends threads when it likes.
func (p *Process) own(path string, attr *os.ProcAttr, started chan<- error) {
	err := p.fork(path, attr)
	if leaveErr := p.group.leave(); leaveErr != nil {
		err = errors.Join(err, leaveErr) // and the thread, being locked, ends with this function
	} else {
		defer runtime.UnlockOSThread()
	}
	if err == nil {
		p.status, err = os.Open(fmt.Sprintf("/proc/%d/status", p.pid))
	}
	if err != nil {
		if p.pid != 0 {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
			_, waitErr := unix.Wait4(p.pid, nil, 0, nil)
			err = errors.Join(err, waitErr)
		}
		started <- errors.Join(err, p.group.remove())
		return
	}
	started <- nil
	p.reap()
}

// fork starts the process in a control group of its own.
func (p *Process) fork(path string, attr *os.ProcAttr) error {
	c, err := newChild(path, p.args, attr, p.noNewPrivs)
	if err != nil {
		return err
	}
	g, err := groups().make(p.bounds)
	if err != nil {
		return errors.Join(groupError(err), c.close())
	}
	p.group = g
	if err := g.enter(attr.Sys); err != nil {
		return errors.Join(groupError(err), c.close())
	}
	p.pid, err = c.start(attr.Sys)
	return err
}

// reap waits for the end, then makes sure that nothing is left: in the full tier the kernel ended the whole pid namespace
// with its first process, otherwise the process group is killed while its number is still taken.
func (p *Process) reap() {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	var status syscall.WaitStatus
	var used syscall.Rusage
	p.mu.Lock()
	p.killGroup()
	p.reaped = true
	_, err := syscall.Wait4(p.pid, &status, 0, &used) // it has ended: nothing is waited for
	p.mu.Unlock()
	if InContainer(p.tier) {
		status = containerStatus(status)
	}
	// What the kernel chose in a container may have been the runtime, which then says so in its own way.
	outOfMemory := (status.Signaled() || InContainer(p.tier)) && p.group.outOfMemory()
	removeErr := p.group.remove()
	<-p.logged

	p.mu.Lock()
	defer p.mu.Unlock()
	end := ending{limits: p.limits, ready: p.ready, closing: p.closing, cause: p.cause, grouped: p.group != nil, outOfMemory: outOfMemory, used: p.used}
	end.usage = Usage{PeakRSS: p.peak, Wall: time.Since(p.started)}
	if err == nil && removeErr != nil { // something of the guest lives on
		err = removeErr
	}
	if err != nil {
		end.cause = &RunError{Verdict: hallmark.RunInfraError, Detail: "wait for the guest: " + err.Error()}
	} else {
		end.usage.CPU = max(time.Duration(used.Utime.Nano()+used.Stime.Nano()), p.treeCPU) // the kernel's count leaves out whom nobody waited for
		end.status = status
	}
	p.exit.Verdict, p.exit.Detail = end.verdict()
	p.exit.Usage, p.exit.Log = end.usage, hallmark.CleanText(string(p.log), 2*logSize)
	close(p.done)
}

// Kill ends the guest and everything it may have started. The first call, or the guest's own end before it, decides the
// verdict.
func (p *Process) Kill(v hallmark.RunVerdict, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return
	}
	if p.cause == nil {
		p.cause = &RunError{Verdict: v, Detail: detail}
	}
	// The process cannot be gone: it is not reaped. What else could go wrong shows as a process that does not end.
	_ = syscall.Kill(p.pid, syscall.SIGKILL)
	p.killGroup()
}

// killGroup kills the control group and the process group; mu is held and the process not reaped.
func (p *Process) killGroup() {
	p.group.kill()
	if p.tier == hallmark.TierNoNamespaces {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // no such group: it has not left ours yet, and has no children
	}
}

// watch enforces what the kernel does not, or only coarsely: wall time, processor time, resident memory, threads.
func (p *Process) watch() {
	timer := time.NewTimer(nextLook(p.limits.Memory))
	defer timer.Stop()
	defer p.status.Close()
	buf := make([]byte, statusSize)
	for {
		select {
		case <-p.done:
			return
		case <-timer.C:
		}
		timer.Reset(p.look(buf))
	}
}

// look is one look of the watchdog; it returns when the next is due.
func (p *Process) look(buf []byte) time.Duration {
	if wall := time.Since(p.started); p.limits.Wall > 0 && wall > p.limits.Wall {
		p.Kill(hallmark.RunWallLimit, fmt.Sprintf("ran for %v, limit %v", wall.Round(time.Millisecond), p.limits.Wall))
	}
	if cpu := processCPU(p.pid); p.limits.CPU > 0 && cpu > p.limits.CPU {
		p.Kill(hallmark.RunCPULimit, fmt.Sprintf("used %v of processor time, limit %v", cpu.Round(time.Millisecond), p.limits.CPU))
	}
	s, err := readStatus(p.status, buf)
	if errors.Is(err, unix.ESRCH) {
		return watchInterval // reaped; done is about to be closed
	}
	if err != nil {
		p.Kill(hallmark.RunInfraError, "watch the guest's memory: "+err.Error())
		return watchInterval
	}
	p.mu.Lock()
	p.peak, p.used = max(p.peak, s.peak), max(p.used, s.resident)
	p.mu.Unlock()
	if s.resident > p.limits.Memory {
		p.Kill(hallmark.RunMemoryLimit, fmt.Sprintf("used %d bytes of memory, limit %d", s.resident, p.limits.Memory))
	}
	if s.threads > maxThreads {
		p.Kill(hallmark.RunPolicyViolation, fmt.Sprintf("has %d threads, limit %d", s.threads, maxThreads))
	}
	return nextLook(p.limits.Memory - s.resident)
}

// nextLook is when a guest could be at its limit of memory that clears pages as fast as a machine can.
func nextLook(left int64) time.Duration {
	const bytesPerMillisecond = 8 << 20
	return min(max(time.Duration(left/bytesPerMillisecond)*time.Millisecond, shortInterval), watchInterval)
}

// readLog keeps the beginning of the guest's log and counts the rest.
func (p *Process) readLog(r *os.File) {
	defer close(p.logged)
	defer r.Close()
	buf := make([]byte, 4096)
	for total := int64(0); ; {
		n, err := r.Read(buf)
		p.mu.Lock()
		p.log = append(p.log, buf[:min(n, logSize-len(p.log))]...)
		p.mu.Unlock()
		if total += int64(n); total > p.limits.Output {
			p.Kill(hallmark.RunOutputLimit, fmt.Sprintf("wrote more than %d bytes of log", p.limits.Output))
		}
		if err != nil {
			return
		}
	}
}

// Write sends bytes of a request.
func (p *Process) Write(b []byte) (int, error) { return p.stdin.Write(b) }

// SetWriteDeadline bounds how long a write may wait for a guest that does not read; the zero time is for ever.
func (p *Process) SetWriteDeadline(t time.Time) error { return p.stdin.SetWriteDeadline(t) }

// Read returns bytes of a reply. A guest that sends more than its output limit since [Process.ExpectReply] is killed.
func (p *Process) Read(b []byte) (int, error) {
	n, err := p.stdout.Read(b)
	if overErr := p.countReply(n); overErr != nil {
		return 0, overErr
	}
	return n, err
}

// countReply counts n more bytes of a reply, and ends a guest that sends too many.
func (p *Process) countReply(n int) error {
	p.mu.Lock()
	p.reply += int64(n)
	over := p.reply > p.limits.Output
	p.mu.Unlock()
	if !over {
		return nil
	}
	p.Kill(hallmark.RunOutputLimit, fmt.Sprintf("sent more than %d bytes in one reply", p.limits.Output))
	return io.ErrUnexpectedEOF
}

// ExpectReply starts to count a reply's bytes.
func (p *Process) ExpectReply() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = 0
}

// Done is closed when the process is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the end and returns it.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Stop ends the guest's input, which asks it to end, and waits until it is gone. A guest that does not end, or still has
// something to say, gets the verdict of a protocol error.
func (p *Process) Stop() Exit {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	_ = p.stdin.Close() // a pipe
	timer := time.AfterFunc(endTime, func() {
		p.Kill(hallmark.RunProtocolError, fmt.Sprintf("did not end %v after its input", endTime))
	})
	defer timer.Stop()
	defer p.close()
	if n, _ := p.stdout.Read(make([]byte, 1)); n > 0 {
		const detail = "sent something that nobody asked for"
		p.Kill(hallmark.RunProtocolError, detail)
		if exit := p.Wait(); exit.Verdict == hallmark.RunOK { // it was quicker to end
			exit.Verdict, exit.Detail = hallmark.RunProtocolError, detail
			return exit
		}
	}
	return p.Wait()
}

func (p *Process) close() {
	_ = p.stdin.Close() // twice after Stop, which is an error and no harm
	_ = p.stdout.Close()
	if InContainer(p.tier) {
		_ = p.status.Close() // the watchdog looks at all processes
		p.watched.Wait()
	}
}

// Layers returns the layers that are on.
func (p *Process) Layers() []string { return p.layers }

// Tier returns the jail's tier.
func (p *Process) Tier() hallmark.Tier { return p.tier }

// Limits returns the limits as they were applied, as a run record has them.
func (p *Process) Limits() map[string]string { return p.limits.record(p.group.kind()) }

// PID returns the guest's process id as the supervisor sees it.
func (p *Process) PID() int { return p.pid }
