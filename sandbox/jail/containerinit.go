package jail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// ContainerArg is the argument with which the guest's binary becomes the first process of a container's jail. What
// [containerArgs] returns follows.
const ContainerArg = "container"

// containerArgs are the arguments of a container's first process: the tier, the guest's limit of memory in bytes, and the
// supervisor's own namespaces, which it must not be in.
func containerArgs(t hallmark.Tier, memory int64) ([]string, error) {
	own, err := namespaceIDs()
	if err != nil {
		return nil, err
	}
	return []string{string(t), strconv.FormatInt(memory, 10), strings.Trim(fmt.Sprint(own), "[]")}, nil
}

// containerOrder is what [containerArgs] say.
type containerOrder struct {
	tier    hallmark.Tier
	memory  int64
	outside []uint64 // namespaces of the supervisor
}

func parseContainerArgs(args []string) (o containerOrder, err error) {
	if len(args) != 3 || !InContainer(hallmark.Tier(args[0])) {
		return o, fmt.Errorf("arguments are %q", args)
	}
	o.tier = hallmark.Tier(args[0])
	if o.memory, err = strconv.ParseInt(args[1], 10, 64); err != nil {
		return o, err
	}
	for id := range strings.FieldsSeq(args[2]) {
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return o, err
		}
		o.outside = append(o.outside, n)
	}
	return o, nil
}

// runtimeFD is the descriptor of the sealed container runtime, in the first process alone.
const runtimeFD = modelFD + 1

// workDir is where the first process of a container puts an empty file system for the container's root and state: any
// directory that is there and that a runtime does not need. Nobody outside of its mount namespace sees it.
const workDir = "/tmp"

// guestName is the guest in its container, in the root.
const guestName = "hallmark-guest"

// RunContainerInit is the whole life of a container's first process, in the namespaces of the full jail: it puts together what
// the runtime needs, starts it, and ends as the guest does. args follow [ContainerArg]. It returns the exit status, which
// is 128 and a signal's number for a guest that a signal ended, and 3 for a container that did not start.
func RunContainerInit(args []string) int {
	status, err := containerInit(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "start a container:", err)
		return 3
	}
	if status.Signaled() {
		return signalBase + int(status.Signal())
	}
	return status.ExitStatus()
}

func containerInit(args []string) (unix.WaitStatus, error) {
	order, err := parseContainerArgs(args)
	if err != nil {
		return 0, err
	}
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
	if pid := os.Getpid(); pid != 1 {
		return 0, fmt.Errorf("own id is %d in a new pid namespace, want 1", pid)
	}
	for _, check := range []func() error{
		func() error { return notOutside(order.outside) }, func() error { return onlyOwnDescriptors(runtimeFD) }, ownSession, diesWithSupervisor,
	} {
		if err := check(); err != nil {
			return 0, err
		}
	}
	if err := buildBundle(order.tier, order.memory); err != nil {
		return 0, err
	}
	unix.CloseOnExec(modelFD)
	unix.CloseOnExec(runtimeFD)
	runtime, err := syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(runtimeFD), runtimeArgs(order.tier), &syscall.ProcAttr{ //nolint:gosec // the sealed runtime, with arguments of ours
		Dir: workDir, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Files: []uintptr{0, 1, 2, modelFD},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", order.tier, err)
	}
	return waitForGuest(order.tier, runtime)
}

// buildBundle makes the root that the guest will see, with nothing but itself in it, and the runtime's configuration.
func buildBundle(tier hallmark.Tier, memory int64) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	before, err := device(workDir)
	if err != nil {
		return err
	}
	steps := []struct {
		what string
		do   func() error
	}{
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount /proc of the new namespace", func() error { return unix.Mount("proc", procDir, "proc", flags|unix.MS_NOEXEC, "") }},
		{"mount an empty file system", func() error {
			return unix.Mount("none", workDir, "tmpfs", flags, fmt.Sprintf("size=%d,nr_inodes=4096,mode=0755", containerMemory(tier)/2))
		}},
		{"check what was mounted", func() error { return errors.Join(ownProc(), newDevice(workDir, before)) }},
		{"enter it", func() error { return unix.Chdir(workDir) }},
		{"make the root", func() error {
			for _, dir := range []string{"rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys", "state"} {
				if err := unix.Mkdir(dir, 0o755); err != nil {
					return err
				}
			}
			return nil
		}},
		{"copy the guest", copyGuest},
		{"write the configuration", func() error {
			raw, err := json.Marshal(containerConfig(memory))
			if err != nil {
				return err
			}
			return os.WriteFile("config.json", raw, 0o600)
		}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// newDevice checks that a file system was mounted on a directory that was on another one before.
func newDevice(dir string, before uint64) error {
	now, err := device(dir)
	if err == nil && now == before {
		err = fmt.Errorf("%s is what it was before", dir)
	}
	return err
}

func device(path string) (uint64, error) {
	var s unix.Stat_t
	err := unix.Stat(path, &s)
	return s.Dev, err
}

// ownProc checks that /proc is the new namespace's.
func ownProc() error {
	self, err := os.Readlink(procDir + "/self")
	if err == nil && self != "1" {
		err = fmt.Errorf("%s/self is %s, want 1", procDir, self)
	}
	return err
}

// copyGuest copies this process's own program, which is sealed, into the container's root.
func copyGuest() (err error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	guest, err := os.OpenFile("rootfs/"+guestName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o555) //nolint:gosec // a program
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, guest.Close()) }()
	_, err = io.Copy(guest, self)
	return err
}

// containerEnvironment is the guest's in a container: a runtime looks for it in PATH, and would add HOME by itself.
func containerEnvironment(memory int64) []string {
	return append(environment(memory), "HOME=/", "PATH=/")
}

// containerConfig is the OCI runtime configuration. The container is in the network and user namespace of the first process,
// and shares no other. The user is root of the user namespace, who is nobody, without capabilities.
// Source: OCI runtime specification 1.0.2, config.md and config-linux.md.
func containerConfig(memory int64) map[string]any {
	type object = map[string]any
	capabilities, given := object{}, []string{}
	if !on(layerCaps) {
		given = []string{"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_KILL"}
	}
	for _, set := range []string{"bounding", "effective", "inheritable", "permitted", "ambient"} {
		capabilities[set] = given
	}
	return object{
		"ociVersion": "1.0.2",
		"hostname":   hostName,
		"root":       object{"path": "rootfs", "readonly": on(layerReadOnly)},
		"process": object{
			"user": object{"uid": 0, "gid": 0}, "args": []string{guestName}, "env": containerEnvironment(memory), "cwd": "/",
			"noNewPrivileges": on(layerNoNew), "capabilities": capabilities,
		},
		"mounts": []object{
			{"destination": "/proc", "type": "proc", "source": "proc", "options": []string{"nosuid", "nodev", "noexec"}},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": []string{"nosuid", "noexec", "mode=755", "size=64k"}},
		},
		"linux": object{
			"namespaces": []object{{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}},
		},
	}
}

// runtimeArgs are the runtimes' commands. runc leaves when the container runs, and its process becomes a child of this one.
// runsc stays, in this process's control group; it gives the sentry no access to files and no network.
func runtimeArgs(tier hallmark.Tier) []string {
	state := []string{string(tier), "--root", filepath.Join(workDir, "state")}
	if tier == hallmark.TierRunc {
		return append(state, "run", "--detach", "--bundle", workDir, "--pid-file", pidFile, "--preserve-fds", "1", "guest")
	}
	return append(state, "--rootless", "--network=none", "--ignore-cgroups", "--directfs=false", "--overlay2=none", "--platform=systrap",
		"run", "--bundle", workDir, "--pass-fd", "3:3", "guest")
}

// pidFile is where runc writes the guest's process id.
const pidFile = workDir + "/pid"

// waitForGuest reaps every process of the namespace until the guest's end is known: of runc the guest's own, of runsc
// what it says of it.
func waitForGuest(tier hallmark.Tier, runtime int) (unix.WaitStatus, error) {
	ended := map[int]unix.WaitStatus{}
	guest := 0
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait for the guest: %w", err)
		}
		ended[pid] = status
		if pid == runtime {
			if tier == hallmark.TierRunsc || status != 0 {
				return status, nil
			}
			if guest, err = readPID(); err != nil {
				return 0, err
			}
		}
		if s, ok := ended[guest]; ok {
			if s.Exited() && s.ExitStatus() >= signalBase { // which would look like a signal
				return unix.WaitStatus((signalBase - 1) << 8), nil
			}
			return s, nil
		}
	}
}

func readPID() (int, error) {
	b, err := os.ReadFile(pidFile)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// readOnlyContainer checks that nothing can be made in the container's root, above which there is no other, and that its host has
// the jail's name.
func readOnlyContainer() error {
	if err := unix.Mkdir("/new", 0o700); !errors.Is(err, unix.EROFS) {
		return fmt.Errorf("making a directory in the root gives %w, want %w", err, unix.EROFS)
	}
	var root, above unix.Stat_t // a root that was not detached hides there
	if err := errors.Join(unix.Stat("/", &root), unix.Stat("/..", &above)); err != nil {
		return err
	}
	if root.Dev != above.Dev || root.Ino != above.Ino {
		return errors.New("there is another root above the container's")
	}
	name, err := os.Hostname()
	if err == nil && name != hostName {
		err = errors.New("the host's name shows")
	}
	return err
}
