package jail_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

// TestProgramOneLayerOff leaves out each layer of a program's jail in turn: the others keep the canaries. A namespace that is
// missing is found before the program starts, since against TCP nothing else stands. -v prints the table.
func TestProgramOneLayerOff(t *testing.T) {
	t.Parallel()

	layers := []string{
		"none", "user-namespace", "pid-namespace", "net-namespace", "mount-namespace", "ipc-namespace", "uts-namespace", "cgroup-namespace",
		"bound-root", "rlimits", "no-new-privs", "landlock", "no-capabilities", "not-dumpable", "seccomp-program", "unprivileged-user",
	}
	if os.Geteuid() != 0 { // nobody else makes the other namespaces without the first, or is another user
		layers = slices.DeleteFunc(layers, func(l string) bool { return l == "user-namespace" || l == "unprivileged-user" })
	}
	rows := make([]string, len(layers))
	t.Cleanup(func() { t.Logf("\n%s", strings.Join(rows, "\n")) })
	for i, layer := range layers {
		t.Run(layer, func(t *testing.T) {
			t.Parallel()

			where, contacts := canaries(t)
			j := programJob{Args: []string{"attempts", where.json(t)}, Binds: []string{where.Bound}, Off: layer, Read: true}
			if !strings.HasSuffix(layer, "-namespace") {
				j.Model = "leave out " + layer
			}
			o := runProgram(t, nil, j)
			most := 0
			if layer == "seccomp-program" {
				most = 1 // a socket in a bound directory: nothing but the filter keeps a program from it
			}
			require.LessOrEqual(t, contacts(), most, "connections to the canaries")
			require.NotContains(t, o.Output+o.Log, "canary-content")
			if o.Verdict == hallmark.RunUnsandboxed {
				rows[i] = fmt.Sprintf("%-18s does not start: %s", layer, o.Detail)
				require.Contains(t, []string{
					"user-namespace", "pid-namespace", "net-namespace", "mount-namespace", "ipc-namespace", "uts-namespace", "cgroup-namespace", "no-new-privs",
				}, layer, o.Detail)
				return
			}
			require.Equal(t, hallmark.RunOK, o.Verdict, "%s: %s", o.Detail, o.Log)
			require.NotContains(t, o.Layers, layer)
			var tried map[string]string
			require.NoError(t, json.Unmarshal([]byte(o.Output), &tried), o.Output)
			var through []string
			for id, result := range tried {
				if result == "succeeded" {
					through = append(through, id)
				}
			}
			slices.Sort(through)
			rows[i] = fmt.Sprintf("%-18s %d of %d blocked, 0 canary bytes, %d contacts; through: %s", layer, len(tried)-len(through), len(tried), contacts(), strings.Join(through, ", "))
			// What reaches the jail's own: its root, its first process; without the filter, the kernel's code.
			allowed := map[string]int{"landlock": 3, "no-capabilities": 5, "not-dumpable": 5, "seccomp-program": 80}[layer]
			require.LessOrEqual(t, len(through), allowed, "%v", through)
		})
	}
}

// programCalls are the calls that a program's jail is set up with, by the names of package sabotage.
func programCalls() []string {
	list := []string{
		"close_range", "pipe", "dupfd", "socketpair", "clone", "idmap_open", "idmap_write", "setsid", "chdir", "pdeathsig", "dup3", "execve",
		"stat_namespace", "openat2", "open_tree", "mount_setattr", "order", "sethostname", "mount", "mount_private", "mount_scratch", "mount_ro",
		"move_mount", "symlinkat", "sendfile", "pivot_root", "umount2", "getdents", "statfs", "loopback_socket", "loopback_up",
		"rlimit_core", "rlimit_fsize", "rlimit_nofile", "rlimit_memlock", "rlimit_msgqueue", "rlimit_data", "rlimit_nproc", "rlimit_cpu",
		"no_new_privs", "securebits", "bounding_set", "landlock_ask", "landlock_make", "landlock_rule", "landlock_join", "capset", "dumpable",
		"seccomp", "get_no_new_privs", "get_dumpable", "capget",
	}
	if os.Geteuid() == 0 { // who is not root does not change it
		list = append(list, "setgroups", "setuid", "setgid")
	}
	return list
}

// harmlessToPrograms are pretences that leave nothing out.
func harmlessToPrograms() []string {
	return []string{
		"setgroups",     // what would have been written is what stands there
		"mount_private", // in a new user namespace no mount goes back to the host
		"no_new_privs",  // the saboteur's filter itself needs it, and it is inherited
		"get_dumpable",  // the pretended answer is the true one
		"symlinkat",     // a link that is not there leads nowhere
	}
}

// TestProgramFailingCallIsUnsandboxed makes each call that sets up a program's jail fail, or only pretend to have worked.
func TestProgramFailingCallIsUnsandboxed(t *testing.T) {
	t.Parallel()

	ways := []string{"ok"} // the harder one to see
	if full() {
		ways = append(ways, "EPERM", "ENOSYS", "EINVAL")
	}
	for _, call := range programCalls() {
		for _, how := range ways {
			if how == "ok" && (call == "clone" || call == "loopback_up") {
				how = "EPERM" // the supervisor itself would go on as the child; nobody could talk to the program
			}
			t.Run(call+"/"+how, func(t *testing.T) {
				t.Parallel()

				o := runProgram(t, nil, programJob{Args: []string{"hello"}, Model: "m", CPU: 20 * time.Second, Sabotage: [2]string{call, how}, Read: true})
				if how == "ok" && slices.Contains(harmlessToPrograms(), call) {
					require.Equal(t, hallmark.RunOK, o.Verdict, "%s: %s", o.Detail, o.Log)
					return
				}
				require.Equal(t, hallmark.RunUnsandboxed, o.Verdict, "%s: %s", o.Detail, o.Log)
				require.Empty(t, o.Layers)
			})
		}
	}
}
