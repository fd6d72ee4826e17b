package jail

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// status is what the supervisor reads in /proc/PID/status.
type status struct {
	resident int64 // anonymous memory, in RAM or swapped out, bytes
	peak     int64 // highest resident set so far, bytes
	threads  int
}

// statusSize is more than the file has.
const statusSize = 8192

// readStatus reads an open status file again from its start. The descriptor names the process and not its number, so
// that a number used again cannot deceive.
func readStatus(f *os.File, buf []byte) (status, error) {
	n, err := f.ReadAt(buf, 0)
	if n == 0 && err != nil {
		return status{}, err
	}
	return parseStatus(buf[:n]), nil
}

// parseStatus reads the fields of interest; one that is not there is zero or missing.
func parseStatus(b []byte) status {
	var s status
	for line := range bytes.Lines(b) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		switch string(name) {
		case "RssAnon", "VmSwap":
			s.resident += kilobytes(value)
		case "VmHWM":
			s.peak = kilobytes(value)
		case "Threads":
			s.threads, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return s
}

// processCPU is the processor time of all threads of a process; 0 if there is no such process.
// Source: the kernel's posix-timers.h, which makes a clock's id of a process's.
func processCPU(pid int) time.Duration {
	const schedulerClock = 2 // what the scheduler counted, not the ticks
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|schedulerClock), &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func kilobytes(b []byte) int64 {
	n, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(b), []byte("kB")))), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// checkOutside compares what the kernel says about every thread of a guest with what the guest said about itself.
func checkOutside(pid int, t hallmark.Tier) error {
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	tasks := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return err
	}
	for _, thread := range threads {
		b, err := os.ReadFile(tasks + "/" + thread.Name() + "/status")
		if os.IsNotExist(err) {
			continue // ended meanwhile
		}
		if err != nil {
			return err
		}
		if err := checkThread(statusFields(b), statusFields(own), t); err != nil {
			return fmt.Errorf("thread %s: %w", thread.Name(), err)
		}
	}
	return nil
}

func statusFields(b []byte) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(string(b)) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.TrimSpace(value)
	}
	return fields
}

// checkThread looks at a guest's thread. supervisor is our own status: we may be in a seccomp filter of somebody else's,
// which the guest has inherited and which is not its own.
func checkThread(guest, supervisor map[string]string, t hallmark.Tier) error {
	const none = "0000000000000000"
	for _, want := range [][2]string{
		{"NoNewPrivs", "1"}, {"Seccomp", "2"}, {"CapEff", none}, {"CapPrm", none}, {"CapInh", none}, {"CapAmb", none},
	} {
		if got := guest[want[0]]; got != want[1] {
			return fmt.Errorf("%s is %q, want %q", want[0], got, want[1])
		}
	}
	if n, ok := guest["Seccomp_filters"]; ok && n == supervisor["Seccomp_filters"] { // since Linux 5.10
		return fmt.Errorf("there are %s seccomp filters, as many as here", n)
	}
	// In a pid namespace of its own the process has a second number.
	if n := len(strings.Fields(guest["NSpid"])); t == hallmark.TierFull && n < 2 {
		return fmt.Errorf("NSpid is %q, want a namespace of its own", guest["NSpid"])
	}
	return nil
}
