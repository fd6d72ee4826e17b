package jail

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// Limits bound what a guest may use. They are safety nets: reaching one never lets a model pass.
type Limits struct {
	// Wall is how long the guest may live. Optional; none if zero, for guests that serve.
	Wall time.Duration
	// CPU is how much processor time it may use. Optional; none if zero.
	CPU time.Duration
	// Memory is how many bytes it may use beyond the model file's own. Optional; [DefaultMemory] and twice the model
	// file if zero.
	Memory int64
	// Output is how many bytes one reply may have, all its frames together, and how many bytes of log the guest may
	// write in its life. Optional; [DefaultOutput] if zero.
	Output int64
}

// Defaults of Limits.
const (
	DefaultMemory = 512 << 20
	DefaultOutput = 64 << 20
)

// Check returns every problem of the limits, or nil.
func (l Limits) Check() error {
	var errs []error
	if l.Wall < 0 {
		errs = append(errs, fmt.Errorf("wall limit %v is negative", l.Wall))
	}
	if l.CPU < 0 {
		errs = append(errs, fmt.Errorf("CPU limit %v is negative", l.CPU))
	}
	if l.Memory < 0 || l.Memory > math.MaxInt64/8 {
		errs = append(errs, fmt.Errorf("memory limit %d is out of range", l.Memory))
	}
	if l.Output < 0 {
		errs = append(errs, fmt.Errorf("output limit %d is negative", l.Output))
	}
	return errors.Join(errs...)
}

func (l Limits) withDefaults(modelSize int64) Limits {
	if l.Memory == 0 {
		l.Memory = DefaultMemory + 2*modelSize
	}
	if l.Output == 0 {
		l.Output = DefaultOutput
	}
	return l
}

// cpuSeconds is the kernel's limit of processor time, a backstop behind the watchdog's; 0 is none.
func (l Limits) cpuSeconds() uint32 {
	if l.CPU == 0 {
		return 0
	}
	return uint32(min(l.CPU/time.Second+2, math.MaxUint32))
}

// record is how the limits stand in a run record, with the control groups that keep them.
func (l Limits) record(cgroup string) map[string]string {
	m := map[string]string{
		"cgroup": cgroup,
		"memory": strconv.FormatInt(l.Memory, 10), "output": strconv.FormatInt(l.Output, 10),
		"descriptors": strconv.Itoa(maxDescriptors), "threads": strconv.Itoa(maxThreads),
	}
	if l.Wall > 0 {
		m["wall"] = l.Wall.String()
	}
	if l.CPU > 0 {
		m["cpu"] = l.CPU.String()
	}
	return m
}

const (
	maxDescriptors = 16
	maxThreads     = 64

	// reserve is the address space that the Go runtime sets aside without using it.
	reserve = 4 << 30

	// reserveData is how much more than twice its limit of memory a guest in a control group may map.
	reserveData = 512 << 20
)

type rlimit struct {
	resource int
	name     string
	value    uint64
}

// rlimits are the limits that the kernel enforces on the guest. untouched is how many bytes it has mapped at its start
// and not used: the kernel counts them as data, the limit of memory does not.
//
// Without a control group that of data holds a guest which the watchdog sees too late. It refuses memory instead of ending
// who wants it, so that a control group, where there is one, speaks first.
func rlimits(hello wire.Hello, untouched int64) []rlimit {
	data := untouched + hello.Memory + memorySlack(hello.Memory)
	if hello.Grouped {
		data += hello.Memory + reserveData
	}
	l := []rlimit{
		{unix.RLIMIT_CORE, "core", 0},
		{unix.RLIMIT_FSIZE, "fsize", 0},
		{unix.RLIMIT_NOFILE, "nofile", maxDescriptors},
		{unix.RLIMIT_MEMLOCK, "memlock", 0},
		{unix.RLIMIT_MSGQUEUE, "msgqueue", 0},
		{unix.RLIMIT_DATA, "data", uint64(data)},
		{unix.RLIMIT_AS, "as", 2*uint64(hello.Memory) + uint64(hello.ModelSize) + reserve},
	}
	if hello.Tier == hallmark.TierRunsc {
		// Its kernel cannot set that of queues, of which none is in reach, and its clock of processor time runs on while a
		// guest waits for a processor: the watchdog alone counts it.
		return slices.DeleteFunc(l, func(l rlimit) bool { return l.resource == unix.RLIMIT_MSGQUEUE })
	}
	if hello.CPUSeconds > 0 {
		l = append(l, rlimit{unix.RLIMIT_CPU, "cpu", uint64(hello.CPUSeconds)})
	}
	if hello.Tier == hallmark.TierFull {
		// Counted for a user in a user namespace: in a shared one, other processes of that user would count too. The
		// watchdog counts the threads in any case.
		l = append(l, rlimit{unix.RLIMIT_NPROC, "nproc", maxThreads})
	}
	return l
}
