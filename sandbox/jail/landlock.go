package jail

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlock puts all threads into a domain that handles every access the kernel knows how to handle and allows none of
// them, and returns the kernel's ABI. Only descriptors that are open already go on working.
// Source: the kernel's userspace-api/landlock.rst.
func landlock() (int, error) {
	abi, err := landlockABI()
	if err != nil {
		return 0, err
	}
	attr := landlockAll(abi)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return 0, fmt.Errorf("create a Landlock ruleset of ABI %d: %w", abi, errno)
	}
	defer unix.Close(int(fd))
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return 0, fmt.Errorf("enter the Landlock domain: %w", errno)
	}
	return abi, nil
}

// landlockABI is what this kernel knows of Landlock.
func landlockABI() (int, error) {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0, fmt.Errorf("ask for Landlock: %w", errno)
	}
	if abi < 1 {
		return 0, fmt.Errorf("ask for Landlock: no ABI has number %d", abi)
	}
	return int(abi), nil
}

// landlockAttr is struct landlock_ruleset_attr up to ABI 7; older kernels take it when the fields they do not know are 0.
type landlockAttr struct{ fs, net, scoped uint64 }

// landlockAll names every access of an ABI.
func landlockAll(abi int) landlockAttr {
	const (
		fsV1 = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // execute to make_sym
		net  = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	)
	a := landlockAttr{fs: fsV1}
	if abi >= 2 {
		a.fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi >= 3 {
		a.fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		a.net = net
	}
	if abi >= 5 {
		a.fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		a.scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return a
}
