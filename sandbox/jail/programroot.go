package jail

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Directories of a program's jail beside those that are bound.
const (
	scratchDir = "/tmp"
	modelDir   = "/model"
	procDir    = "/proc"
)

// devices are what programs cannot do without. /dev/zero is not among them: mapped as shared it is memory that nobody counts.
func devices() []string { return []string{"/dev/null", "/dev/random", "/dev/urandom"} }

// etcFiles are the little that the C library asks about users and the host.
func etcFiles() map[string]string {
	return map[string]string{ //nolint:gosec // names of users, no secret
		"/etc/passwd": "root:x:0:0:root:/tmp:/bin/sh\n",
		"/etc/group":  "root:x:0:\n",
		"/etc/hosts":  "127.0.0.1 localhost " + hostName + "\n",
	}
}

// cloneTree makes a detached, read-only mount of what lies at path, of which no component may be a symbolic link.
func cloneTree(path string) (int, error) {
	at, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return -1, fmt.Errorf("open %s without following links: %w", path, err)
	}
	defer unix.Close(at)
	fd, err := unix.OpenTree(at, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("clone the mount of %s: %w", path, err)
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID, Propagation: unix.MS_PRIVATE}
	if !slices.Contains(devices(), path) {
		attr.Attr_set |= unix.MOUNT_ATTR_NODEV
	}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
		return -1, errors.Join(fmt.Errorf("make the mount of %s read-only: %w", path, err), unix.Close(fd))
	}
	return fd, nil
}

// buildRoot puts the program's file system together in an empty one, and makes it the only one.
func (p *programInit) buildRoot() error {
	const (
		flags = unix.MS_NOSUID | unix.MS_NODEV
		place = "/proc" // any directory does; see emptyRoot
	)
	steps := []struct {
		what string
		do   func() error
	}{
		{"set the host name", func() error { return unix.Sethostname([]byte(hostName)) }},
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"clone the bound trees", p.cloneTrees},
		{"mount an empty file system", func() error {
			return unix.Mount("none", place, "tmpfs", flags, "size=1m,nr_inodes=4096,mode=0755")
		}},
		{"enter it", func() error { return unix.Chdir(place) }},
		{"mount the scratch directory", func() error {
			return tmpfs("."+scratchDir, flags|unix.MS_NOEXEC, fmt.Sprintf("size=%d,nr_inodes=%d,mode=0700", p.order.Scratch, scratchInodes))
		}},
		{"bind", p.bind}, // below the scratch directory too
		{"mount /proc", func() error {
			if err := unix.Mkdir("."+procDir, 0o555); err != nil {
				return err
			}
			return unix.Mount("proc", "."+procDir, "proc", flags|unix.MS_NOEXEC, "subset=pid")
		}},
		{"copy the model", p.copyModels},
		{"write /etc", p.writeRoot},
		{"change the root", func() error { return unix.PivotRoot(".", ".") }},
		{"detach the old root", detachRoot},
		{"enter the new root", func() error { return unix.Chdir("/") }},
		{"make the root read-only", func() error {
			return unix.Mount("", "/", "", flags|unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
		}},
		{"check the root", func() error {
			if !on(layerBound) {
				return nil
			}
			return p.checkRoot()
		}},
		{"open /proc", func() (err error) {
			p.proc, err = unix.Open(procDir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			return err
		}},
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return nil
}

// detachRoot takes the old root away, which pivot_root has put over the new one.
func detachRoot() error {
	if !on(layerBound) {
		return nil
	}
	return unix.Unmount(".", unix.MNT_DETACH)
}

// scratchInodes bounds the files in the scratch directory.
const scratchInodes = 65536

func tmpfs(at string, flags uintptr, options string) error {
	if err := unix.Mkdir(at, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return unix.Mount("none", at, "tmpfs", flags, options)
}

// cloneTrees makes the detached mounts that the supervisor did not make: an unprivileged one cannot, and here the process has
// the same rights to the files.
func (p *programInit) cloneTrees() error {
	for i := range p.order.Binds {
		b := &p.order.Binds[i]
		if b.FD >= 0 {
			continue
		}
		fd, err := cloneTree(b.Path)
		if err != nil {
			return err
		}
		b.FD = fd
	}
	return nil
}

// bind attaches the detached mounts under their own paths. The new root is the working directory.
func (p *programInit) bind() error {
	for _, b := range p.order.Binds {
		at := "." + b.Path
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // the root that the program sees
			return err
		}
		var err error
		if b.Dir {
			err = os.MkdirAll(at, 0o755) //nolint:gosec // the same
		} else {
			err = os.WriteFile(at, nil, 0o444) //nolint:gosec // a place to mount on, in a file system that becomes read-only
		}
		if err != nil {
			return err
		}
		if err := unix.MoveMount(b.FD, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return fmt.Errorf("attach %s: %w", b.Path, err)
		}
		if err := unix.Close(b.FD); err != nil {
			return err
		}
	}
	return nil
}

// copyModels copies the sealed model files into a file system that then becomes read-only: a program opens files by name,
// and a descriptor of a memory file has none.
func (p *programInit) copyModels() error {
	size := int64(1 << 20)
	for _, f := range p.order.Models {
		size += f.Size + int64(os.Getpagesize())
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := tmpfs("."+modelDir, flags, fmt.Sprintf("size=%d,mode=0755", size)); err != nil {
		return err
	}
	for i, f := range p.order.Models {
		if err := copyModel(modelFD+i, filepath.Join("."+modelDir, f.Name), f.Size); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return unix.Mount("", "."+modelDir, "", flags|unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
}

// copyModel copies size bytes of a sealed descriptor, which it closes, to a new file.
func copyModel(from int, to string, size int64) (err error) {
	defer unix.Close(from)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil { //nolint:gosec // the root that the program sees
		return err
	}
	out, err := unix.Open(to, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o444)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(out)) }()
	for offset := int64(0); offset < size; {
		n, err := unix.Sendfile(out, from, &offset, int(min(size-offset, 1<<30)))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		if n == 0 && err == nil {
			return fmt.Errorf("ends after %d of %d bytes", offset, size)
		}
	}
	return nil
}

// writeRoot writes the few files and links of the root itself.
func (p *programInit) writeRoot() error {
	if err := os.MkdirAll("./etc", 0o755); err != nil { //nolint:gosec // the root that the program sees
		return err
	}
	for name, text := range etcFiles() {
		if _, err := os.Lstat("." + name); err == nil {
			continue // bound by the user
		}
		if err := os.WriteFile("."+name, []byte(text), 0o444); err != nil { //nolint:gosec // for the program to read
			return err
		}
	}
	for name, target := range p.order.Links {
		if err := os.Symlink(target, "."+name); err != nil {
			return err
		}
	}
	return nil
}

// checkRoot checks that the root holds what was put there and nothing of the old one, that nothing of it can be written, and that
// the host's name does not show.
func (p *programInit) checkRoot() error {
	name, err := os.Hostname()
	if err == nil && name != hostName {
		err = errors.New("the host's name shows")
	}
	if err != nil {
		return err
	}
	known := map[string]bool{"tmp": true, "model": true, "proc": true, "etc": true, "dev": true}
	for _, b := range p.order.Binds {
		first, _, _ := strings.Cut(strings.TrimPrefix(b.Path, "/"), "/")
		known[first] = true
	}
	for name := range p.order.Links {
		known[strings.TrimPrefix(name, "/")] = true
	}
	for _, dir := range []string{"/", "/.."} {
		names, err := readNames(dir)
		if err != nil {
			return err
		}
		for _, name := range names {
			if !known[name] {
				return fmt.Errorf("%s holds %q", dir, name)
			}
		}
	}
	paths := []string{"/", modelDir}
	for _, b := range p.order.Binds {
		paths = append(paths, b.Path)
	}
	for _, path := range paths {
		var fs unix.Statfs_t
		if err := unix.Statfs(path, &fs); err != nil {
			return err
		}
		if fs.Flags&unix.ST_RDONLY == 0 {
			return fmt.Errorf("%s can be written", path)
		}
	}
	p.layers = append(p.layers, layerBound)
	return nil
}

// landlock lets the process and what it starts read and run what is bound, write the scratch directory, and nothing else.
func (p *programInit) landlock() error {
	abi, err := landlockABI()
	if err != nil {
		return err
	}
	p.abi = abi
	attr := landlockAll(p.abi)
	attr.net = 0 // the namespace has no network but loopback, on which the program serves
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno != 0 {
		return fmt.Errorf("create a Landlock ruleset of ABI %d: %w", abi, errno)
	}
	defer unix.Close(int(fd))
	for path, access := range p.landlockRules(attr.fs) {
		if err := landlockAllow(int(fd), path, access); err != nil {
			return fmt.Errorf("allow %s in Landlock: %w", path, err)
		}
	}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("enter the Landlock domain: %w", errno)
	}
	return nil
}

// landlockRules are the accesses by path.
func (p *programInit) landlockRules(all uint64) map[string]uint64 {
	const (
		readFile  = unix.LANDLOCK_ACCESS_FS_READ_FILE
		read      = readFile | unix.LANDLOCK_ACCESS_FS_READ_DIR
		noDevices = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK | unix.LANDLOCK_ACCESS_FS_EXECUTE
	)
	rules := map[string]uint64{
		modelDir: read, procDir: read, "/etc": read, scratchDir: all &^ noDevices,
	}
	for _, b := range p.order.Binds {
		switch {
		case b.Path == "/dev/null":
			rules[b.Path] = readFile | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | all&(unix.LANDLOCK_ACCESS_FS_TRUNCATE|unix.LANDLOCK_ACCESS_FS_IOCTL_DEV)
		case slices.Contains(devices(), b.Path):
			rules[b.Path] = readFile
		case b.Dir:
			rules[b.Path] = read | unix.LANDLOCK_ACCESS_FS_EXECUTE
		default:
			rules[b.Path] = readFile | unix.LANDLOCK_ACCESS_FS_EXECUTE
		}
	}
	return rules
}

func landlockAllow(ruleset int, path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// landlockDenies tries what only Landlock denies: listing the root, which is no bound tree.
func (p *programInit) landlockDenies() error {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		_ = unix.Close(fd) // a directory, and the process ends
	}
	if !errors.Is(err, unix.EACCES) {
		return denied("listing the root directory", err)
	}
	return nil
}
