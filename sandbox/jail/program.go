package jail

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ProgramSpec says how to run a program that is not the guest, such as another inference server. It sees nothing of the
// host but Binds, what [systemTrees] names, and copies of Models, and can talk to nobody but through [Program.Dial].
type ProgramSpec struct {
	// Init is what [SealProgram] returned for the guest's binary, which builds the jail. Required.
	Init *os.File
	// Args is the command, without a shell. Args[0] is an absolute path of a file that need not lie in a bound tree.
	// Required.
	Args []string
	// Env are variables of the program's environment beside PATH, HOME, TMPDIR and LANG. Optional.
	Env []string
	// Port is where the program listens on 127.0.0.1. Required.
	Port uint16
	// Binds are absolute paths of directories and files that the program may read and run. Optional.
	Binds []string
	// Models are sealed files that show under their names, relative paths, in [ProgramModelDir]. Optional.
	Models []ProgramModel
	// Limits of all processes of the program together; see there for zero values.
	Limits Limits
	// Scratch is the size of the program's /tmp in bytes, beside Limits.Memory. Optional; [DefaultScratch] if zero.
	Scratch int64
}

// ProgramModel is a file of the model under test.
type ProgramModel struct {
	Name string
	File *os.File // what [Seal] returned
}

// ProgramModelDir is where a program finds the model's files.
const ProgramModelDir = modelDir

const (
	// DefaultScratch is the size of a program's scratch directory.
	DefaultScratch = 64 << 20

	// MaxProcesses is how many processes and threads a program may have.
	MaxProcesses = 256

	// maxTasks is where the kernel stops more; the watchdog speaks before.
	maxTasks = MaxProcesses + MaxProcesses/4

	maxModels             = 1024
	maxProgramDescriptors = 512
	// copyRate is a rate, in bytes a second, that copying a model into a jail surpasses.
	copyRate = 50 << 20
)

// Check returns every problem of the specification, or nil.
func (s ProgramSpec) Check() error {
	errs := []error{s.Limits.Check()}
	if s.Init == nil || !Sealed(s.Init) {
		errs = append(errs, errors.New("the program that builds the jail is not sealed"))
	}
	if len(s.Args) == 0 || !filepath.IsAbs(s.Args[0]) {
		errs = append(errs, errors.New("the command is not an absolute path"))
	}
	if s.Port == 0 {
		errs = append(errs, errors.New("port is 0"))
	}
	for _, b := range s.Binds {
		errs = append(errs, checkBind(b))
	}
	if len(s.Models) > maxModels {
		errs = append(errs, fmt.Errorf("%d model files, at most %d", len(s.Models), maxModels))
	}
	for _, m := range s.Models {
		if !filepath.IsLocal(m.Name) || m.File == nil || !Sealed(m.File) {
			errs = append(errs, fmt.Errorf("model file %q has no relative name or is not sealed", m.Name))
		}
	}
	if s.Scratch < 0 || s.Scratch > math.MaxInt64/8 {
		errs = append(errs, fmt.Errorf("scratch size %d is out of range", s.Scratch))
	}
	return errors.Join(errs...)
}

// checkBind refuses what would show the host itself, and what is not the path that it seems.
func checkBind(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("%s: want an absolute path without . and .. in it", path)
	}
	if path == "/" || path == scratchDir {
		return fmt.Errorf("%s: is more than a program needs; name the directories that it reads", path)
	}
	for _, never := range []string{"/proc", "/sys", "/dev", "/run", modelDir} {
		if path == never || strings.HasPrefix(path, never+"/") {
			return fmt.Errorf("%s: is the host's, or the jail's own", path)
		}
	}
	actual, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if actual != path {
		return fmt.Errorf("%s is a symbolic link, or lies below one: name %s", path, actual)
	}
	return nil
}

// systemTrees are bound for every program where the host has them: the dynamic loader, its cache and the libraries.
func systemTrees() []string {
	return []string{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache"}
}

// trees returns what to bind, outermost first and nothing twice, and the links of the root: of the system's directories,
// those that are links, such as /lib.
func (s ProgramSpec) trees() (paths []string, links map[string]string, err error) {
	links = map[string]string{}
	program, err := filepath.EvalSymlinks(s.Args[0])
	if err != nil {
		return nil, nil, err
	}
	wanted := append(slices.Clone(s.Binds), program)
	wanted = append(wanted, devices()...)
	for _, tree := range systemTrees() {
		info, err := os.Lstat(tree)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, nil, err
		case info.Mode()&fs.ModeSymlink != 0:
			if links[tree], err = os.Readlink(tree); err != nil {
				return nil, nil, err
			}
		default:
			wanted = append(wanted, tree)
		}
	}
	slices.Sort(wanted)
	for _, w := range wanted {
		if n := len(paths); n > 0 && (w == paths[n-1] || strings.HasPrefix(w, paths[n-1]+"/")) {
			continue
		}
		paths = append(paths, w)
	}
	return paths, links, nil
}

// environment is the program's.
func (s ProgramSpec) environment() []string {
	return append([]string{"PATH=/usr/bin:/bin", "HOME=" + scratchDir, "TMPDIR=" + scratchDir, "LANG=C.UTF-8"}, s.Env...)
}

// order says what the first process is to do. Its binds have detached mounts, which the caller closes, where this
// process is root; otherwise the first process has the same rights and makes them.
func (s ProgramSpec) order() (o programOrder, mounts []*os.File, err error) {
	o = programOrder{Args: slices.Clone(s.Args), Env: s.environment(), Port: s.Port, Limits: s.Limits, Scratch: s.Scratch}
	if o.Args[0], err = filepath.EvalSymlinks(s.Args[0]); err != nil {
		return o, nil, err
	}
	if o.Outside, err = namespaceIDs(); err != nil {
		return o, nil, err
	}
	var paths []string
	if paths, o.Links, err = s.trees(); err != nil {
		return o, nil, err
	}
	for _, m := range s.Models {
		info, err := m.File.Stat()
		if err != nil {
			return o, nil, err
		}
		o.Models = append(o.Models, orderedFile{m.Name, info.Size()})
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil {
			return o, mounts, err
		}
		b := orderedBind{Path: path, Dir: info.IsDir(), FD: -1}
		if os.Geteuid() == 0 {
			fd, err := cloneTree(path)
			if err != nil {
				return o, mounts, err
			}
			b.FD = modelFD + len(s.Models) + len(mounts)
			mounts = append(mounts, os.NewFile(uintptr(fd), path))
		}
		o.Binds = append(o.Binds, b)
	}
	return o, mounts, nil
}

// group is what a control group keeps all of the program's processes to: their own memory, and the files in memory that
// they are given or may write.
func (s ProgramSpec) group() groupLimits {
	g := groupLimits{memory: s.Limits.Memory + memorySlack(s.Limits.Memory) + s.Scratch + initMemory, tasks: maxTasks}
	for _, m := range s.Models {
		if info, err := m.File.Stat(); err == nil {
			g.memory += info.Size()
		}
	}
	return g
}

// initMemory is a limit for the runtime of the first process, which needs little.
const initMemory = 64 << 20
