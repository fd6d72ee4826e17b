package jail

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestPlacesOfControlGroups(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	for path, controllers := range map[string]string{"app": "cpu memory pids", "app/own": "", "half": "memory"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, path), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path, "cgroup.subtree_control"), []byte(controllers+"\n"), 0o600))
	}
	v2 := func(at string) string { return "30 20 0:26 / " + at + " rw shared:4 - cgroup2 cgroup2 rw\n" }
	v1 := func(root, at, controllers string) string {
		return "31 20 0:27 " + root + " " + at + " rw - cgroup cgroup rw," + controllers + "\n"
	}
	tests := map[string]struct {
		mounts, own string
		want        []groupPlace
	}{
		"none":                          {"29 1 0:1 / / rw - ext4 /dev/x rw\n", "0::/\n", nil},
		"version 2, handed down":        {v2(dir), "0::/app\n", []groupPlace{{kind: cgroupV2, dirs: []string{dir + "/app"}}}},
		"version 2, beside us":          {v2(dir), "0::/app/own\n", []groupPlace{{kind: cgroupV2, dirs: []string{dir + "/app"}}}},
		"version 2, without threads":    {v2(dir), "0::/half\n", nil},
		"version 1":                     {v1("/", "/m", "memory") + v1("/", "/p", "pids"), "4:memory:/a\n8:pids:/b\n", []groupPlace{{kind: cgroupV1, dirs: []string{"/m/a", "/p/b"}}}},
		"version 1, a container's":      {v1("/c/1", "/m", "memory,x") + v1("/c/1", "/p", "y,pids"), "4:memory:/c/1\n8:pids:/c/1/d\n", []groupPlace{{kind: cgroupV1, dirs: []string{"/m", "/p/d"}}}},
		"version 1, without threads":    {v1("/", "/m", "memory"), "4:memory:/a\n", nil},
		"both":                          {v2(dir) + v1("/", "/m", "memory") + v1("/", "/p", "pids"), "0::/\n4:memory:/a\n8:pids:/b\n", []groupPlace{{kind: cgroupV1, dirs: []string{"/m/a", "/p/b"}}}},
		"lines that nobody understands": {"x\n - \n", "y\n::\n", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			require.Equal(t, tt.want, groupPlaces(tt.mounts, tt.own))
		})
	}
	none := findGroups("", "")
	require.Equal(t, cgroupNone, none.kind)
	require.NotEmpty(t, none.why)
	unwritable := findGroups(v1("/", dir+"/none", "memory")+v1("/", dir+"/none", "pids"), "4:memory:/\n8:pids:/\n")
	require.Equal(t, cgroupNone, unwritable.kind)
	require.Contains(t, unwritable.why, "no such file")
}

// unified is a place in the hierarchy of version 2, with or without controllers: it still kills.
func unified(t *testing.T) groupPlace {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		dir, err := os.MkdirTemp(root, groupPrefix+"test-") //nolint:usetesting // not any directory will do
		if err == nil {
			t.Cleanup(func() { require.NoError(t, os.Remove(dir)) })
			return groupPlace{kind: cgroupV2, dirs: []string{dir}}
		}
	}
	t.Skip("control groups of version 2 cannot be made here")
	return groupPlace{}
}

// TestGroupOfVersion2 starts a process in a group and kills the group. The files of limits are those of a kernel with all
// controllers, which the place here need not have; so they are not written.
func TestGroupOfVersion2(t *testing.T) {
	t.Parallel()

	place := unified(t)
	g := &group{place: place}
	require.NoError(t, g.add(filepath.Join(place.dirs[0], "guest")))
	attr := &syscall.SysProcAttr{}
	require.NoError(t, g.enter(attr))
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	proc, err := os.StartProcess("/bin/cat", []string{"cat"}, &os.ProcAttr{Files: []*os.File{r, null, null}, Sys: attr})
	require.NoError(t, r.Close())
	require.NoError(t, err)
	require.NoError(t, g.leave())
	members, err := os.ReadFile(filepath.Join(g.dirs[0].Name(), "cgroup.procs"))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintln(proc.Pid), string(members))
	g.kill()
	state, err := proc.Wait()
	require.NoError(t, err)
	status, _ := state.Sys().(syscall.WaitStatus)
	require.Equal(t, syscall.SIGKILL, status.Signal())
	require.False(t, g.outOfMemory())
	require.NoError(t, g.remove())
}

func TestSettingsOfAGroup(t *testing.T) {
	t.Parallel()

	for kind, want := range map[string]map[string]string{
		cgroupV1: {"memory.limit_in_bytes": "108003328", "memory.memsw.limit_in_bytes": "108003328", "pids.max": "64"},
		cgroupV2: {"memory.max": "108003328", "memory.swap.max": "0", "memory.oom.group": "1", "pids.max": "64"},
	} {
		got := map[string]string{}
		for _, s := range (groupPlace{kind: kind}).settings(Limits{Memory: 96 << 20}.group()) {
			got[s.name] = s.value
		}
		require.Equal(t, want, got)
	}
}

// TestSweepTakesWhatAKilledSupervisorLeft and leaves alone what a living one holds.
func TestSweepTakesWhatAKilledSupervisorLeft(t *testing.T) {
	t.Parallel()

	place := groupPlace{kind: cgroupV2, dirs: []string{t.TempDir()}}
	path := func(name string) string { return filepath.Join(place.dirs[0], name) }
	for _, name := range []string{"hallmark-1-1", "hallmark-2-1", "else"} {
		require.NoError(t, os.Mkdir(path(name), 0o700))
	}
	g := &group{place: place}
	require.NoError(t, g.add(path("hallmark-3-1")))
	place.sweep()
	left, err := os.ReadDir(place.dirs[0])
	require.NoError(t, err)
	require.Len(t, left, 2)
	require.Equal(t, "else", left[0].Name())
	require.Equal(t, "hallmark-3-1", left[1].Name())
	require.NoError(t, g.remove())
	require.NoDirExists(t, path("hallmark-3-1"))
}

func TestNoGroupIsAGroup(t *testing.T) {
	t.Parallel()

	g, err := groupPlace{kind: cgroupNone}.make(groupLimits{})
	require.NoError(t, err)
	require.NoError(t, g.enter(nil))
	require.NoError(t, g.leave())
	require.False(t, g.outOfMemory())
	g.kill()
	require.NoError(t, g.remove())
	require.Equal(t, cgroupNone, g.kind())

	// A group that cannot be made leaves nothing behind and does not pass for none.
	dir := t.TempDir()
	_, err = groupPlace{kind: cgroupV2, dirs: []string{dir}}.make(groupLimits{memory: 1})
	require.ErrorIs(t, err, unix.ENOENT)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}
