package jail

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark"
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
	layerRlimits  = "rlimits"
	layerNoNew    = "no-new-privs"
	layerLandlock = "landlock"
	layerCaps     = "no-capabilities"
	layerDump     = "not-dumpable"
	layerSeccomp  = "seccomp-tsync"

	// Those that the supervisor holds itself.
	layerSealed   = "sealed-program-and-model"
	layerWatchdog = "memory-watchdog"
	layerGroup    = "control-group" // with the version, as in "control-group:v1"; only where there is one
)

func guestLayers(t hallmark.Tier) []string {
	l := []string{layerEnv, layerFiles, layerRlimits, layerNoNew, layerLandlock, layerCaps, layerDump, layerSeccomp}
	if t == hallmark.TierFull {
		l = append([]string{layerUser, layerPID, layerNet, layerMount, layerIPC, layerUTS, layerCgroup, layerRoot}, l...)
	}
	return l
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
