package jail

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// Control groups keep limits of memory and threads in the kernel, however busy the supervisor is. They are used where
// this process may make them, which is found out once, by making one; where it may not, rlimits and the watchdog are
// what there is. Which of the two a run had stands in its record.
//
// A guest is born in its group: in version 2 by clone3, in version 1 because the thread that forks it is in the group for
// that moment. Moving a process afterwards waits for the whole machine, and what it has by then would not count.
// Source: the kernel's admin-guide/cgroup-v2.rst and cgroup-v1.

// Kinds of control groups, as a run record names them.
const (
	cgroupV1   = "v1"
	cgroupV2   = "v2"
	cgroupNone = "none"
)

// groupPrefix begins the names of our groups, which go on with the supervisor's process id.
const groupPrefix = "hallmark-"

// A groupPlace is where this process makes groups.
type groupPlace struct {
	kind string
	why  string   // there is none
	dirs []string // version 2: one; version 1: of memory and of threads. This process's own, or its parent
	back []int    // version 1: the open lists of threads in dirs
}

// groups is the place of this process.
var groups = sync.OnceValue(func() groupPlace {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return groupPlace{kind: cgroupNone, why: err.Error()}
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return groupPlace{kind: cgroupNone, why: err.Error()}
	}
	return findGroups(string(mounts), string(own))
})

// findGroups returns the first place in which a group can be made.
func findGroups(mounts, own string) groupPlace {
	none := groupPlace{kind: cgroupNone, why: "no control groups for memory and threads are mounted"}
	for _, place := range groupPlaces(mounts, own) {
		place.sweep()
		g, err := place.make(groupLimits{memory: 64 << 20, tasks: 1})
		if err == nil {
			err = g.remove()
		}
		if err == nil {
			err = place.openBack()
		}
		if err == nil {
			return place
		}
		none.why = err.Error()
	}
	return none
}

// groupPlaces lists where groups might be made, from the texts of /proc/self/mountinfo and /proc/self/cgroup.
func groupPlaces(mounts, own string) []groupPlace {
	paths := map[string]string{} // by controller, "" is version 2
	for line := range strings.Lines(own) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); len(f) == 3 {
			for controller := range strings.SplitSeq(f[1], ",") {
				paths[controller] = f[2]
			}
		}
	}
	dirs := map[string]string{}
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		f, fs := strings.Fields(before), strings.Fields(after)
		if len(f) < 5 || len(fs) < 3 {
			continue
		}
		dir := func(controller string) string {
			return filepath.Join(f[4], strings.TrimPrefix(paths[controller], strings.TrimSuffix(f[3], "/")))
		}
		switch fs[0] {
		case "cgroup2":
			dirs[""] = dir("")
		case "cgroup":
			for _, c := range []string{"memory", "pids"} {
				if slices.Contains(strings.Split(fs[2], ","), c) {
					dirs[c] = dir(c)
				}
			}
		}
	}
	var places []groupPlace
	if d := dirs[""]; d != "" {
		for _, d := range []string{d, filepath.Dir(d)} {
			if handsDown(d, "memory") && handsDown(d, "pids") {
				places = append(places, groupPlace{kind: cgroupV2, dirs: []string{d}})
			}
		}
	}
	if dirs["memory"] != "" && dirs["pids"] != "" {
		places = append(places, groupPlace{kind: cgroupV1, dirs: []string{dirs["memory"], dirs["pids"]}})
	}
	return places
}

// handsDown reports whether groups below a directory of version 2 have a controller.
func handsDown(dir, controller string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
	return err == nil && slices.Contains(strings.Fields(string(b)), controller)
}

// openBack opens what [group.leave] writes to, once: it is written to at every start.
func (p *groupPlace) openBack() error {
	if p.kind != cgroupV1 {
		return nil
	}
	for _, dir := range p.dirs {
		fd, err := unix.Open(filepath.Join(dir, "tasks"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open the list of threads of %s: %w", dir, err)
		}
		p.back = append(p.back, fd)
	}
	return nil
}

// sweep removes groups whose supervisor was killed. A living one holds a lock on each of its own.
func (p groupPlace) sweep() {
	for _, dir := range p.dirs {
		old, err := filepath.Glob(filepath.Join(dir, groupPrefix+"*"))
		if err != nil {
			continue
		}
		for _, path := range old {
			f, err := os.Open(path)
			if err != nil {
				continue
			}
			if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
				_ = unix.Rmdir(path) // what still has a process stays, until the next sweep
			}
			_ = f.Close()
		}
	}
}

// A group holds one guest.
type group struct {
	place groupPlace
	dirs  []*os.File // locked, so that nobody sweeps them away
}

var groupNumber atomic.Int64

// groupLimits bound a group.
type groupLimits struct {
	memory int64 // bytes
	tasks  int   // processes and threads
}

// group is what the kernel keeps a guest to. It leaves room for what the kernel keeps about the guest itself, page tables
// above all, so that the watchdog, which counts the guest's own pages, speaks first if it comes in time.
func (l Limits) group() groupLimits {
	return groupLimits{max(l.Memory+memorySlack(l.Memory), leastGroup), maxThreads}
}

// leastGroup is a limit that a process stays under until it runs its program, in bytes. It shares its supervisor's memory until
// then, and what the kernel ends for want of memory it ends with all that share it.
const leastGroup = 16 << 20

// make makes a group with limits, which hold from the guest's first page on. A place of kind none gives nil.
func (p groupPlace) make(l groupLimits) (*group, error) {
	if p.kind == cgroupNone {
		return nil, nil //nolint:nilnil // no group is a group that does nothing
	}
	for try := 0; ; try++ {
		g, err := p.makeOnce(l)
		// Somebody else's sweep may come between making a directory and locking it.
		if err == nil || try > 2 || !errors.Is(err, unix.ENOENT) {
			return g, err
		}
	}
}

func (p groupPlace) makeOnce(l groupLimits) (*group, error) {
	name := fmt.Sprintf("%s%d-%d", groupPrefix, os.Getpid(), groupNumber.Add(1))
	g := &group{place: p}
	for _, parent := range p.dirs {
		if err := g.add(filepath.Join(parent, name)); err != nil {
			return nil, errors.Join(fmt.Errorf("make a control group: %w", err), g.remove())
		}
	}
	for _, f := range p.settings(l) {
		err := writeAt(g.dirs[f.dir], f.name, f.value)
		if err != nil && (!f.optional || !errors.Is(err, unix.ENOENT)) {
			return nil, errors.Join(fmt.Errorf("limit a control group: %w", err), g.remove())
		}
	}
	return g, nil
}

func (g *group) add(path string) error {
	if err := unix.Mkdir(path, 0o755); err != nil {
		return &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return errors.Join(&os.PathError{Op: "open", Path: path, Err: err}, unix.Rmdir(path))
	}
	g.dirs = append(g.dirs, os.NewFile(uintptr(fd), path))
	return unix.Flock(fd, unix.LOCK_EX)
}

// setting is a file of a group.
type setting struct {
	dir         int
	name, value string
	optional    bool // the kernel may be built without it
}

// settings are a group's limits.
func (p groupPlace) settings(l groupLimits) []setting {
	memory := strconv.FormatInt(l.memory, 10)
	threads := strconv.Itoa(l.tasks)
	if p.kind == cgroupV1 {
		return []setting{
			{0, "memory.limit_in_bytes", memory, false},
			{0, "memory.memsw.limit_in_bytes", memory, true}, // without swap accounting there is no such file
			{1, "pids.max", threads, false},
		}
	}
	return []setting{
		{0, "memory.max", memory, false}, {0, "memory.swap.max", "0", true}, {0, "memory.oom.group", "1", true}, {0, "pids.max", threads, false},
	}
}

// memorySlack is how far beyond its limit the kernel lets a guest go.
func memorySlack(limit int64) int64 { return limit/32 + 4<<20 }

// enter makes the calling thread's next child one of the group's. In version 1 the thread itself enters until [group.leave].
func (g *group) enter(attr *syscall.SysProcAttr) error {
	if g == nil {
		return nil
	}
	if g.place.kind == cgroupV2 {
		attr.UseCgroupFD, attr.CgroupFD = true, int(g.dirs[0].Fd())
		return nil
	}
	for _, d := range g.dirs {
		if err := writeAt(d, "tasks", "0"); err != nil {
			return fmt.Errorf("enter a control group: %w", err)
		}
	}
	return nil
}

// leave takes the calling thread back to where the process is.
func (g *group) leave() error {
	if g == nil || g.place.kind != cgroupV1 {
		return nil
	}
	for _, fd := range g.place.back {
		if _, err := unix.Write(fd, []byte("0")); err != nil {
			return fmt.Errorf("leave a control group: %w", err)
		}
	}
	return nil
}

// outOfMemory reports whether the kernel killed the guest at its limit of memory.
func (g *group) outOfMemory() bool {
	if g == nil {
		return false
	}
	file := "memory.events"
	if g.place.kind == cgroupV1 {
		file = "memory.oom_control"
	}
	b, err := os.ReadFile(filepath.Join(g.dirs[0].Name(), file))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(b) {
		if n, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("oom_kill ")); ok {
			return !bytes.Equal(n, []byte("0"))
		}
	}
	return false
}

// kill ends all processes of the group. Version 1 has no way to; the pid namespace and the process group do it there.
func (g *group) kill() {
	if g != nil && g.place.kind == cgroupV2 {
		_ = writeAt(g.dirs[0], "cgroup.kill", "1") // before Linux 5.14 there is no such file
	}
}

// remove removes the group. The kernel may still be at work on a process that is reaped.
func (g *group) remove() error {
	if g == nil {
		return nil
	}
	var errs []error
	for _, d := range g.dirs {
		err := unix.Rmdir(d.Name())
		for deadline := time.Now().Add(removeTime); errors.Is(err, unix.EBUSY) && time.Now().Before(deadline); err = unix.Rmdir(d.Name()) {
			<-time.After(100 * time.Microsecond)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, &os.PathError{Op: "rmdir", Path: d.Name(), Err: err})
		}
		errs = append(errs, d.Close())
	}
	g.dirs = nil
	return errors.Join(errs...)
}

// removeTime is how long a group may stay busy after its last process was reaped.
const removeTime = time.Second

func writeAt(dir *os.File, name, value string) error {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte(value))
		err = errors.Join(err, unix.Close(fd))
	}
	if err != nil {
		return fmt.Errorf("write %s to %s of %s: %w", value, name, dir.Name(), err)
	}
	return nil
}

// kind is how a run record names the group.
func (g *group) kind() string {
	if g == nil {
		return cgroupNone
	}
	return g.place.kind
}

// CgroupKind says which control groups this process puts guests into: v1, v2 or none, and why none.
func CgroupKind() (kind, why string) {
	p := groups()
	return p.kind, p.why
}

// groupError classifies why a guest got no group where others do: the host's doing, worth another try.
func groupError(err error) *RunError {
	return &RunError{Verdict: hallmark.RunInfraError, Detail: err.Error()}
}
