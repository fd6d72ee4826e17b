package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// A mode is one way to run the attempts.
type mode struct {
	name string
	args []string
	as   *syscall.Credential
}

func modes() []mode {
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	list := []mode{
		{name: "full", args: []string{"attempts", "full"}},
		{name: "no-namespaces", args: []string{"attempts", "no-namespaces"}},
		{name: "full, filter off", args: []string{"without", "full", "seccomp-tsync"}},
	}
	for _, tier := range jail.ContainerTiers() {
		if _, err := exec.LookPath(string(tier)); err == nil {
			list = append(list, mode{name: "in a container, " + string(tier), args: []string{"attempts", string(tier)}})
		}
	}
	if os.Geteuid() != 0 {
		return append(list, mode{name: "no jail", args: []string{"control"}})
	}
	return append(list,
		mode{name: "full, as nobody", args: []string{"attempts", "full"}, as: nobody},
		mode{name: "no-namespaces, as nobody", args: []string{"attempts", "no-namespaces"}, as: nobody},
		mode{name: "no jail, as nobody", args: []string{"control"}, as: nobody})
}

// again runs this program once more and returns what it reports.
func again(as *syscall.Credential, args ...string) (r report) {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	out, err := cmd.Output()
	must(err)
	must(json.Unmarshal(out, &r))
	return r
}

// table shows every attempt with what stopped it, with the filter and without, and every bomb with its verdict. It returns
// whether anything got through.
func table() (ok bool) {
	ok = true
	all := modes()
	reports := map[string]map[string]line{}
	var order []string
	summary := ""
	for _, m := range all {
		r := again(m.as, m.args...)
		byID, blocked, tried := map[string]line{}, 0, 0
		for _, l := range r.Lines {
			byID[l.ID] = l
			if l.Blocked {
				blocked++
			}
			if !l.Skipped {
				tried++
			}
		}
		if order == nil {
			for _, l := range r.Lines {
				order = append(order, l.ID)
			}
		}
		reports[m.name] = byID
		summary += fmt.Sprintf("%-26s %d of %d blocked, canary bytes read: %t, contacts: %d\n", m.name, blocked, tried, !byID[canaryBytes].Blocked, r.Contacts)
		if m.args[0] == "attempts" {
			ok = ok && blocked == tried && r.Contacts == 0 && tried > 0
		}
	}
	control := all[len(all)-1].name
	fmt.Printf("%-28s %-6s %-34s %-40s %s\n", "attempt", "class", "stopped by, in the full jail", "without the filter", "without a jail")
	for _, id := range order {
		class, _, _ := strings.Cut(id, ".")
		fmt.Printf("%-28s %-6s %-34s %-40s %s\n", id, class, stoppedBy(reports["full"][id], false), stoppedBy(reports["full, filter off"][id], true), plainly(reports[control][id]))
	}
	fmt.Printf("\n%s\n%-14s %-15s %-16s %s\n", summary, "bomb", "tier", "verdict", "why")
	for _, bomb := range slices.Sorted(maps.Keys(bombs())) {
		if bomb == "hold" {
			continue
		}
		for _, tier := range []string{"full", "no-namespaces"} {
			r := again(nil, "bomb", tier, bomb)
			fmt.Printf("%-14s %-15s %-16s %s\n", bomb, tier, r.Verdict, r.Detail)
		}
	}
	return ok
}

func plainly(l line) string {
	switch {
	case l.Skipped:
		return "not tried"
	case l.Blocked:
		return "blocked: " + l.Detail
	default:
		return "works: " + l.Detail
	}
}

// stoppedBy names the layer that an error comes from. With the filter on nothing comes further than the filter.
func stoppedBy(l line, off bool) string {
	if l.Skipped {
		return "not tried"
	}
	if !l.Blocked {
		return "kernel: " + l.Detail
	}
	if l.Detail == errAbsent.Error() {
		return "nothing to find"
	}
	layer := "filter"
	if off {
		layer = "capabilities, no_new_privs"
	}
	for errno, by := range map[unix.Errno]string{
		unix.EACCES: "Landlock", unix.ENOENT: "empty root", unix.EROFS: "empty root", unix.ESRCH: "pid namespace",
		unix.ENETUNREACH: "net namespace", unix.ECONNREFUSED: "net namespace", unix.ENOTTY: "own session",
	} {
		if strings.Contains(l.Detail, errno.Error()) {
			layer = by
		}
	}
	return layer + ": " + l.Detail
}
