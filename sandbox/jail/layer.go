package jail

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail/internal/weak"
)

// The layers that a guest reports and a run record names. Landlock's carries the kernel's ABI, as in "landlock:7".
const (
	layerUser     = "user-namespace"
	layerPID      = "pid-namespace"
	layerNet      = "net-namespace"
	layerMount    = "mount-namespace"
	layerIPC      = "ipc-namespace"
	layerUTS      = "uts-namespace"
	layerCgroup   = "cgroup-namespace"
	layerRoot     = "empty-root"
	layerEnv      = "clean-environment"
	layerFiles    = "four-descriptors"
	layerSession  = "own-session"
	layerDeath    = "dies-with-supervisor"
	layerRlimits  = "rlimits"
	layerNoNew    = "no-new-privs"
	layerLandlock = "landlock"
	layerCaps     = "no-capabilities"
	layerDump     = "not-dumpable"
	layerSeccomp  = "seccomp-tsync"

	// Those of containers.
	layerContainer = "container" // with the runtime, as in "container:runc"
	layerReadOnly  = "read-only-root"

	// Those of programs beside the guest.
	layerBound          = "bound-root"
	layerSeccompProgram = "seccomp-program"
	layerTree           = "tree-watchdog"

	// Those that the supervisor holds itself.
	layerClosed   = "closed-descriptors"
	layerSealed   = "sealed-program-and-model"
	layerWatchdog = "memory-watchdog"
	layerOwner    = "unprivileged-user"
	layerGroup    = "control-group" // with the version, as in "control-group:v1"; only where there is one
)

// on reports whether a layer is wanted: always, but for tests that leave one out.
func on(layer string) bool { return weak.Off != layer }

// A namespace is a layer that the one clone call makes.
type namespace struct {
	layer string
	name  string // in /proc/PID/ns
	flag  uintptr
}

func namespaces() []namespace {
	return []namespace{
		{layerUser, "user", unix.CLONE_NEWUSER},
		{layerPID, "pid", unix.CLONE_NEWPID},
		{layerNet, "net", unix.CLONE_NEWNET},
		{layerMount, "mnt", unix.CLONE_NEWNS},
		{layerIPC, "ipc", unix.CLONE_NEWIPC},
		{layerUTS, "uts", unix.CLONE_NEWUTS},
		{layerCgroup, "cgroup", unix.CLONE_NEWCGROUP},
	}
}

// guestLayers are those that a guest of a tier reports. gVisor's kernel has no Landlock; the guest of a container ends with the
// container's first process.
func guestLayers(t hallmark.Tier) []string {
	l := []string{layerEnv, layerFiles, layerSession, layerRlimits, layerNoNew, layerCaps, layerDump, layerSeccomp}
	if t != hallmark.TierRunsc {
		l = append(l, layerLandlock)
	}
	if InContainer(t) {
		l = append(l, layerReadOnly)
	} else {
		l = append(l, layerDeath)
	}
	if t == hallmark.TierFull {
		l = append([]string{layerUser, layerPID, layerNet, layerMount, layerIPC, layerUTS, layerCgroup, layerRoot}, l...)
	}
	return slices.DeleteFunc(l, func(name string) bool {
		return !on(name) || name == layerRoot && !on(layerMount) // which would be the host's
	})
}

// checkLayers refuses a list that is not exactly what the tier promises.
func checkLayers(t hallmark.Tier, got []string) error {
	names := make([]string, len(got))
	for i, l := range got {
		names[i], _, _ = strings.Cut(l, ":")
	}
	for _, want := range guestLayers(t) {
		if !slices.Contains(names, want) {
			return fmt.Errorf("layer %s is missing", want)
		}
	}
	if len(got) != len(guestLayers(t)) {
		return fmt.Errorf("%d layers reported, want %d", len(got), len(guestLayers(t)))
	}
	return nil
}

// containerLayers are those around a container, which its first process has seen to.
func containerLayers(r *Runtime) []string {
	l := []string{layerContainer + ":" + string(r.Tier), layerDeath}
	for _, n := range namespaces() {
		l = append(l, n.layer)
	}
	return l
}
