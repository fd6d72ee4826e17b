package jail

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// A RunError is a guest that did not end well, or did not start. The verdict is the supervisor's own.
type RunError struct {
	Verdict hallmark.RunVerdict
	Detail  string
}

func (e *RunError) Error() string {
	return fmt.Sprintf("run of the jailed guest: %s: %s", e.Verdict, e.Detail)
}

// Unwrap returns the kind: limits leave a model undecided, a guest that misbehaves is refused.
func (e *RunError) Unwrap() error {
	switch e.Verdict {
	case hallmark.RunInvalidInput:
		return hallmark.ErrInvalid
	case hallmark.RunCPULimit, hallmark.RunWallLimit, hallmark.RunMemoryLimit, hallmark.RunOutputLimit:
		return hallmark.ErrUndecided
	case hallmark.RunUnsandboxed:
		return hallmark.ErrUnsandboxed
	case hallmark.RunInfraError:
		return hallmark.ErrUnavailable
	default:
		return hallmark.ErrRefused
	}
}

// Usage is what a guest used.
type Usage struct {
	PeakRSS   int64         // bytes resident at most
	CPU, Wall time.Duration // of all its threads; from start to end
}

// ending is what the supervisor knows about a process that ended.
type ending struct {
	status  syscall.WaitStatus
	usage   Usage
	limits  Limits
	ready   bool      // it had locked itself in
	closing bool      // it had been asked to end
	cause   *RunError // why the supervisor killed it, nil if it did not

	grouped     bool  // a control group kept its limit of memory
	outOfMemory bool  // and the kernel killed it there
	used        int64 // bytes of memory, at most, as far as the watchdog saw
}

// goPanic is the status with which the Go runtime ends a process on panics and fatal signals, and when the kernel gives it
// no more memory.
const goPanic = 2

// verdict says what an ending means. Whatever is not understood is a crash, never ok.
func (e ending) verdict() (hallmark.RunVerdict, string) {
	if e.cause != nil {
		return e.cause.Verdict, e.cause.Detail
	}
	switch s := e.status; {
	case s.Signaled() && s.Signal() == syscall.SIGSYS:
		return hallmark.RunPolicyViolation, "made a system call that the filter forbids"
	case e.outOfMemory:
		return hallmark.RunMemoryLimit, fmt.Sprintf("the kernel ended it at its limit of %d bytes of memory", e.limits.Memory)
	case s.Signaled() && s.Signal() == syscall.SIGKILL && e.limits.CPU > 0 && e.usage.CPU >= e.limits.CPU:
		return hallmark.RunCPULimit, fmt.Sprintf("used %v of processor time, limit %v", e.usage.CPU.Round(time.Millisecond), e.limits.CPU)
	case s.Signaled() && s.Signal() == syscall.SIGKILL:
		return hallmark.RunInfraError, "killed by somebody else: another process, or the kernel for want of memory"
	case s.Signaled():
		return hallmark.RunCrash, fmt.Sprintf("killed by signal %d, %v", int(s.Signal()), s.Signal())
	case !e.ready:
		return hallmark.RunUnsandboxed, fmt.Sprintf("ended with status %d", s.ExitStatus())
	case s.ExitStatus() == 0 && e.closing:
		return hallmark.RunOK, ""
	// Where the kernel refuses memory, it is a larger piece than what is left; of what grows by doubling, a third is there.
	case s.ExitStatus() == goPanic && !e.grouped && e.used > e.limits.Memory/3:
		return hallmark.RunMemoryLimit, fmt.Sprintf("gave up with %d bytes of memory, limit %d", e.used, e.limits.Memory)
	default:
		return hallmark.RunCrash, fmt.Sprintf("ended with status %d", s.ExitStatus())
	}
}

// startError classifies why a process did not start. Errors that the same call may not give a moment later are the
// host's; the others say that this host does not allow it.
func startError(err error) *RunError {
	if run, ok := errors.AsType[*RunError](err); ok {
		return run
	}
	for _, passing := range []error{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ETXTBSY, syscall.EINTR} {
		if errors.Is(err, passing) {
			return &RunError{Verdict: hallmark.RunInfraError, Detail: "start the guest: " + err.Error()}
		}
	}
	return &RunError{Verdict: hallmark.RunUnsandboxed, Detail: "start the guest: " + err.Error()}
}

// Hint is the next step for a host that cannot isolate as a tier does.
func Hint(t hallmark.Tier) string {
	const namespaces = "let this process create user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns=0 or an " +
		"AppArmor profile with userns; in a container a seccomp profile that allows them)"
	if t == hallmark.TierFull {
		return namespaces + ", or accept the weaker jail with minTier: no-namespaces in the policy"
	}
	if t == hallmark.TierProgram {
		return namespaces + ", and leave its /proc without other mounts (Docker: --security-opt systempaths=unconfined; Kubernetes: procMount: Unmasked); " +
			"for a program there is no weaker jail"
	}
	if InContainer(t) {
		where := "Debian, Ubuntu: apt-get install runc"
		if t == hallmark.TierRunsc {
			where = "gVisor: https://gvisor.dev/docs/user_guide/install"
		}
		return fmt.Sprintf("put %s into PATH (%s); it needs what the full jail needs, and a /proc that nothing is mounted over", t, where)
	}
	return "run on Linux 5.13 or later with Landlock in the kernel's lsm= list, seccomp and /proc"
}

// containerStatus is how a guest ended, from how the first process of its container did: that cannot be killed by a signal
// from within, and says 128 and the signal instead.
func containerStatus(s syscall.WaitStatus) syscall.WaitStatus {
	if s.Exited() && s.ExitStatus() > signalBase {
		return syscall.WaitStatus(s.ExitStatus() - signalBase)
	}
	return s
}

// signalBase is what a signal's number is added to in an exit status.
const signalBase = 128
