package jail

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// selfTest asks the kernel whether the layers below the filter are there, instead of trusting that the calls which set
// them up did what they said. It adds those it saw to the list of layers.
func (e *entry) selfTest() error {
	tests := []struct {
		layer string
		check func() error
	}{
		{layerRoot, readOnlyRoot},
		{layerRlimits, func() error { return rlimitsAre(rlimits(e.hello, e.untouched)) }},
		{layerNoNew, func() error { return prctlIs(unix.PR_GET_NO_NEW_PRIVS, 1) }},
		{fmt.Sprintf("%s:%d", layerLandlock, e.abi), e.landlockDenies},
		{layerCaps, noCapabilities},
		{layerDump, func() error { return prctlIs(unix.PR_GET_DUMPABLE, 0) }},
	}
	for _, t := range tests {
		name, _, _ := strings.Cut(t.layer, ":")
		if !e.has(name) {
			continue
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("%s: %w", t.layer, err)
		}
		e.layers = append(e.layers, t.layer)
	}
	return nil
}

func readOnlyRoot() error {
	var fs unix.Statfs_t
	if err := unix.Statfs("/", &fs); err != nil {
		return err
	}
	if fs.Type != unix.TMPFS_MAGIC || fs.Flags&unix.ST_RDONLY == 0 {
		return fmt.Errorf("root is a file system of type %#x with flags %#x, want a read-only tmpfs", fs.Type, fs.Flags)
	}
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	if name != hostName && on(layerUTS) {
		return errors.New("the host's name shows")
	}
	return nil
}

func rlimitsAre(want []rlimit) error {
	for _, l := range want {
		var got unix.Rlimit
		if err := unix.Getrlimit(l.resource, &got); err != nil {
			return err
		}
		if got.Cur != l.value || got.Max != l.value {
			return fmt.Errorf("%s is %d of %d, want %d", l.name, got.Cur, got.Max, l.value)
		}
	}
	return nil
}

// landlockDenies tries what Landlock alone forbids: the root directory is there and readable by everybody in both tiers,
// and connecting is refused before anybody looks for a network.
func (e *entry) landlockDenies() error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd) // a directory, and the guest ends
	}
	if !errors.Is(err, unix.EACCES) {
		return denied("opening the root directory", err)
	}
	if landlockAll(e.abi).net == 0 {
		return nil
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil // no sockets at all is as good
	}
	defer unix.Close(s)
	if err := unix.Connect(s, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 0, 0, 1}}); !errors.Is(err, unix.EACCES) {
		return denied("connecting", err)
	}
	return nil
}

// denied is the error of a call that should have been denied.
func denied(what string, got error) error {
	if got == nil {
		return fmt.Errorf("%s works, want %w", what, unix.EACCES)
	}
	return fmt.Errorf("%s gives %w, want %w", what, got, unix.EACCES)
}

func noCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	// A kernel that fills in nothing must not look like a process that has nothing.
	got := [2]unix.CapUserData{{Effective: 1}, {Effective: 1}}
	if err := unix.Capget(&header, &got[0]); err != nil {
		return err
	}
	if got != [2]unix.CapUserData{} {
		return fmt.Errorf("capabilities are %+v, want none", got)
	}
	return nil
}

func prctlIs(option, want int) error {
	got, _, errno := unix.Syscall6(unix.SYS_PRCTL, uintptr(option), 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if int(got) != want {
		return fmt.Errorf("is %d, want %d", got, want)
	}
	return nil
}

// filterTest makes the one call whose answer differs under the filter and which does not end the process: without it,
// clone3 finds its arguments invalid.
func filterTest() error {
	if _, _, errno := unix.Syscall(unix.SYS_CLONE3, 0, 0, 0); errno != unix.ENOSYS {
		return fmt.Errorf("%s: clone3 gives %w, want %w", layerSeccomp, errno, unix.ENOSYS)
	}
	return nil
}
