package jail

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// An Offer is what this host has of one mechanism that a jail is made of.
type Offer struct {
	Name   string
	OK     bool
	Detail string // what was found
	Remedy string // how to get it, if it is missing
}

// Host looks at what this host offers, mechanism by mechanism. It reads and asks; whether a jail comes of it, only a start
// can tell.
func Host() []Offer {
	return []Offer{architecture(), userNamespaces(), seccompOffer(), landlockOffer(), procOffer(), memfdOffer(), cgroupOffer()}
}

func architecture() Offer {
	_, ok := arches()[runtime.GOARCH]
	return Offer{"architecture", ok, runtime.GOARCH, "run on amd64, arm64 or riscv64: there is no filter for others"}
}

// sysctl reads a kernel parameter; one that this kernel does not have is empty.
func sysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// userNamespaces looks at the four ways in which distributions take them away. Containers do it with a seccomp profile,
// which only a start shows.
func userNamespaces() Offer {
	o := Offer{Name: "user namespaces", OK: true, Detail: "user.max_user_namespaces is " + sysctl("user.max_user_namespaces")}
	root := os.Geteuid() == 0
	_, err := os.Stat("/proc/sys")
	switch {
	case err != nil:
		o.OK, o.Detail, o.Remedy = false, "not known without /proc/sys", "mount /proc"
	case sysctl("user.max_user_namespaces") == "":
		o.OK, o.Detail, o.Remedy = false, "this kernel has none", "use a kernel with CONFIG_USER_NS"
	case sysctl("user.max_user_namespaces") == "0":
		o.OK, o.Remedy = false, "sysctl user.max_user_namespaces=10000"
	case !root && sysctl("kernel.unprivileged_userns_clone") == "0":
		o.OK, o.Detail, o.Remedy = false, "kernel.unprivileged_userns_clone is 0", "sysctl kernel.unprivileged_userns_clone=1"
	case !root && sysctl("kernel.apparmor_restrict_unprivileged_userns") == "1":
		o.OK, o.Detail = false, "kernel.apparmor_restrict_unprivileged_userns is 1: AppArmor takes the capabilities in them away (Ubuntu 24.04)"
		o.Remedy = appArmorRemedy()
	}
	return o
}

// appArmorRemedy is the profile that lets this program, and no other, use user namespaces.
func appArmorRemedy() string {
	exe, err := os.Executable()
	if err != nil {
		exe = "/usr/local/bin/hallmark"
	}
	return fmt.Sprintf(`write this to /etc/apparmor.d/hallmark, then run: apparmor_parser -r /etc/apparmor.d/hallmark
abi <abi/4.0>,
include <tunables/global>
profile hallmark %s flags=(unconfined) {
  userns,
  include if exists <local/hallmark>
}`, exe)
}

func seccompOffer() Offer {
	const remedy = "use a kernel with CONFIG_SECCOMP_FILTER, 4.14 or later"
	kill := uint32(actKill)
	if err := seccompAvailable(&kill); err != nil {
		return Offer{"seccomp filters", false, "asking for them gives " + err.Error(), remedy}
	}
	return Offer{"seccomp filters", true, "filters that end a process, on all threads; sha256 " + FilterDigest(hallmark.TierFull).Hex(), ""}
}

func landlockOffer() Offer {
	abi, err := landlockABI()
	if err != nil {
		return Offer{"Landlock", false, err.Error(), "use Linux 5.13 or later with landlock in the lsm= list of the kernel's command line; in a container, a seccomp profile that knows landlock_create_ruleset"}
	}
	return Offer{"Landlock", true, fmt.Sprintf("ABI %d", abi), ""}
}

func procOffer() Offer {
	_, err := os.Stat("/proc/self/status")
	if err != nil {
		return Offer{"/proc", false, err.Error(), "mount it: the guest is started and watched through it"}
	}
	return Offer{"/proc", true, "mounted", ""}
}

// memfdOffer: programs run from memory files, which a parameter forbids.
func memfdOffer() Offer {
	if v := sysctl("vm.memfd_noexec"); v == "2" {
		return Offer{"programs in memory files", false, "vm.memfd_noexec is 2", "sysctl vm.memfd_noexec=1"}
	}
	return Offer{"programs in memory files", true, "allowed", ""}
}

func cgroupOffer() Offer {
	kind, why := CgroupKind()
	if kind == cgroupNone {
		return Offer{
			"control groups", false, why + "; rlimits and the watchdog hold the guest's memory",
			"optional. With systemd: a service with Delegate=memory pids and DelegateSubgroup=main; in a container, a writable cgroup mount",
		}
	}
	return Offer{"control groups", true, kind + ": the kernel ends a guest at its limit of memory", ""}
}

// ContainerHint is what containers need for the full tier.
func ContainerHint() string {
	if unix.Access("/.dockerenv", unix.F_OK) != nil && unix.Access("/var/run/secrets/kubernetes.io", unix.F_OK) != nil {
		return ""
	}
	return "in a container the runtime's seccomp profile forbids new namespaces: tier no-namespaces is what it allows. For the full tier with " +
		"Docker: --security-opt seccomp=PROFILE, a copy of the default profile that also allows clone, unshare, mount, umount2, pivot_root and " +
		"sethostname, and --security-opt apparmor=unconfined; in Kubernetes: seccompProfile of type Localhost with that file, and hostUsers: false"
}
