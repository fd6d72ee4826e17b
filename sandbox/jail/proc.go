package jail

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"slices"
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
	tables   int64 // page tables, bytes
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
		case "VmPTE":
			s.tables = kilobytes(value)
		case "Threads":
			s.threads, _ = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return s
}

// untouchedMemory is how many bytes of private memory this process has mapped for writing and not used.
// Source: proc(5), /proc/PID/statm.
func untouchedMemory() (int64, error) {
	fd, err := unix.Open("/proc/self/statm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("ask for the size of this process: %w", err)
	}
	defer unix.Close(fd)
	buf := make([]byte, 256)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return 0, fmt.Errorf("ask for the size of this process: %w", err)
	}
	fields := strings.Fields(string(buf[:n]))
	var pages [6]int64 // size, resident, shared, text, 0, data and stack
	for i := range pages {
		if i >= len(fields) {
			return 0, fmt.Errorf("ask for the size of this process: %q", buf[:n])
		}
		if pages[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return 0, fmt.Errorf("ask for the size of this process: %q: %w", buf[:n], err)
		}
	}
	return max(0, pages[5]-(pages[1]-pages[2])) * int64(os.Getpagesize()), nil
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

// checkOutside compares what the kernel says about a guest with what the guest said about itself. own is a thread of ours:
// we may be in a seccomp filter of somebody else's, which the guest has inherited and which is not its own.
//
// It looks at the first thread alone. The filter is put on all of them or on none by the kernel, and the Go runtime ends a
// process whose threads answer the other steps differently. Each thread that is looked at has directory entries, which
// the kernel takes down in the moment of the guest's end, and whoever reaps it waits for that.
func checkOutside(status *os.File, t hallmark.Tier, own thread) error {
	buf := make([]byte, statusSize)
	n, err := status.ReadAt(buf, 0)
	if n == 0 && err != nil {
		return err
	}
	return parseThread(buf[:n]).check(t, own)
}

// A thread is what the kernel says about one: the lines of its status file that speak of privileges.
type thread struct {
	noNewPrivs, seccomp, filters, nspid string
	user, group                         string    // real, effective, saved, of files
	caps                                [4]string // effective, permitted, inheritable, ambient
}

// ownThread is what the kernel says about the calling thread.
func ownThread() (thread, error) {
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return thread{}, fmt.Errorf("read the status of this thread: %w", err)
	}
	return parseThread(b), nil
}

func parseThread(b []byte) thread {
	var t thread
	fields := map[string]*string{
		"NoNewPrivs": &t.noNewPrivs, "Seccomp": &t.seccomp, "Seccomp_filters": &t.filters, "NSpid": &t.nspid, "Uid": &t.user, "Gid": &t.group,
		"CapEff": &t.caps[0], "CapPrm": &t.caps[1], "CapInh": &t.caps[2], "CapAmb": &t.caps[3],
	}
	for line := range bytes.Lines(b) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if field := fields[string(name)]; field != nil {
			*field = string(bytes.TrimSpace(value))
		}
	}
	return t
}

// check looks at a guest's thread.
func (t thread) check(tier hallmark.Tier, own thread) error {
	user, group, err := guestOwner()
	if err != nil {
		return err
	}
	const none = "0000000000000000"
	filtered := on(layerSeccomp) && on(layerSeccompProgram)
	checks := []struct {
		wanted    bool
		what      string
		got, want any
	}{
		{on(layerOwner) && on(layerUser), "user", strings.Fields(t.user), slices.Repeat([]string{strconv.Itoa(user)}, 4)},
		{on(layerOwner) && on(layerUser), "group", strings.Fields(t.group), slices.Repeat([]string{strconv.Itoa(group)}, 4)},
		{on(layerNoNew), "NoNewPrivs", t.noNewPrivs, "1"},
		{filtered, "Seccomp", t.seccomp, "2"},
		// gVisor's sentry keeps some in a user namespace of its own; the guest is not it.
		{on(layerCaps) && tier != hallmark.TierRunsc, "capabilities", t.caps, [4]string{none, none, none, none}},
	}
	for _, c := range checks {
		if c.wanted && !reflect.DeepEqual(c.got, c.want) {
			return fmt.Errorf("%s of the guest is %q, want %q", c.what, c.got, c.want)
		}
	}
	if t.filters != "" && t.filters == own.filters && filtered { // since Linux 5.10
		return fmt.Errorf("there are %s seccomp filters, as many as here", t.filters)
	}
	// In a pid namespace of its own the process has a second number.
	if n := len(strings.Fields(t.nspid)); tier != hallmark.TierNoNamespaces && n < 2 && on(layerPID) {
		return fmt.Errorf("NSpid is %q, want a namespace of its own", t.nspid)
	}
	return nil
}
