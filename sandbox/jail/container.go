package jail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// Around the full jail's namespaces there can be a container: the guest's first process becomes one that starts a container
// runtime, runc or gVisor's runsc, and the guest runs in what that makes, under its own filter and limits as in every tier.
// What escapes from the container is in the full jail's namespaces, as nobody. The runtime is trusted as the supervisor is.

// A Runtime is a container runtime of this host.
type Runtime struct {
	Tier    hallmark.Tier // that it makes
	Path    string
	Version string
	Digest  hallmark.Digest // SHA-256 of its file

	program *os.File // sealed: what was hashed is what runs
}

// Record is how the runtime stands in a run record.
func (r *Runtime) Record() *hallmark.ContainerRun {
	if r == nil {
		return nil
	}
	return &hallmark.ContainerRun{Runtime: string(r.Tier), Version: r.Version, Digest: r.Digest}
}

// Close gives up the runtime's copy in memory. Guests that run go on.
func (r *Runtime) Close() error {
	if r == nil {
		return nil
	}
	return r.program.Close()
}

// ContainerTiers are the tiers whose guests run in a container, strongest first. Their names are those of the runtimes.
func ContainerTiers() []hallmark.Tier { return []hallmark.Tier{hallmark.TierRunsc, hallmark.TierRunc} }

// InContainer reports whether a tier's guests run in a container.
func InContainer(t hallmark.Tier) bool { return slices.Contains(ContainerTiers(), t) }

// versionTime is how long a runtime may take to say its version.
const versionTime = 5 * time.Second

// FindRuntime finds the runtime of a tier in PATH and copies it into sealed memory. The caller closes it. A host without it
// gives hallmark.ErrUnsandboxed, with a hint.
func FindRuntime(ctx context.Context, t hallmark.Tier) (*Runtime, error) {
	if !InContainer(t) {
		return nil, fmt.Errorf("find a container runtime: %q is none of %v: %w", t, ContainerTiers(), hallmark.ErrInvalid)
	}
	r, err := findRuntime(ctx, t)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("find the container runtime %s: %w", t, ctx.Err())
	}
	if err != nil {
		return nil, hallmark.WithHint(&RunError{Verdict: hallmark.RunUnsandboxed, Detail: fmt.Sprintf("find the container runtime %s: %v", t, err)}, Hint(t))
	}
	return r, nil
}

func findRuntime(ctx context.Context, t hallmark.Tier) (*Runtime, error) {
	path, err := exec.LookPath(string(t))
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := &Runtime{Tier: t, Path: path}
	if r.program, r.Digest, err = SealProgram(ctx, file); err != nil {
		return nil, err
	}
	if r.Version, err = r.askVersion(ctx); err != nil {
		return nil, errors.Join(err, r.program.Close())
	}
	return r, nil
}

// askVersion runs the sealed copy. Both runtimes answer "NAME version VERSION" in the first line.
func (r *Runtime) askVersion(ctx context.Context) (string, error) {
	ctx, stop := context.WithTimeout(ctx, versionTime)
	defer stop()
	out, err := exec.CommandContext(ctx, "/proc/self/fd/"+strconv.Itoa(int(r.program.Fd())), "--version").Output() //nolint:gosec // what was sealed
	if err != nil {
		return "", fmt.Errorf("ask for its version: %w", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	version, ok := strings.CutPrefix(line, string(r.Tier)+" version ")
	if !ok {
		return "", fmt.Errorf("ask for its version: it answers %q", hallmark.CleanText(line, 80))
	}
	return hallmark.CleanText(version, 80), nil
}

// containerTasks is how many processes and threads of a container's own the kernel allows, and containerMemory how many
// bytes, with the files in memory that it is given.
const containerTasks = 256

func containerMemory(t hallmark.Tier) int64 {
	if t == hallmark.TierRunsc {
		return 384 << 20
	}
	return 128 << 20
}

// group is what the kernel keeps a guest to, with the container's own processes.
func (s Spec) group() groupLimits {
	g := s.Limits.group()
	if InContainer(s.Tier) {
		g.memory += containerMemory(s.Tier)
		g.tasks += containerTasks
	}
	return g
}

// lookInside looks at a guest in its container: it opens the list of processes of the first process's namespace, finds those
// of the container and asks the kernel about them, as [checkOutside] does of other guests.
func (p *Process) lookInside(own thread) error {
	// The first process has mounted a /proc of its namespace.
	proc, err := os.Open(fmt.Sprintf("/proc/%d/root/proc", p.pid))
	if err != nil {
		return err
	}
	w := &containerWatch{treeWatch: newTreeWatch(proc), tier: p.tier}
	if err := w.find(own); err != nil {
		return errors.Join(err, w.close())
	}
	p.watched.Go(func() {
		defer func() { _ = w.close() }() // nothing was written
		p.watchTree(w.look)
	})
	return nil
}

// A containerWatch sums over the processes of a container.
type containerWatch struct {
	*treeWatch

	tier   hallmark.Tier
	memory *os.File // of gVisor's sentry: holds the guest's pages
	before treeUse  // what the container itself used when its guest was locked in
}

func (w *containerWatch) close() error {
	err := w.proc.Close()
	if w.memory != nil {
		err = errors.Join(err, w.memory.Close())
	}
	return err
}

// find finds the process that the guest is, or that is its kernel, and checks that the host's kernel has it locked in.
func (w *containerWatch) find(own thread) error {
	names, err := w.proc.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil {
			continue
		}
		s, err := w.read(name + "/status")
		if err != nil {
			continue // it has ended
		}
		t := parseThread(s)
		if found, err := w.isGuest(name, t); err != nil {
			return err
		} else if !found {
			continue
		}
		if err := t.check(w.tier, own); err != nil {
			return err
		}
		if w.tier == hallmark.TierRunsc {
			w.before, err = w.look()
			return err
		}
		w.only = func(status []byte) bool { return len(strings.Fields(parseThread(status).nspid)) > 1 }
		return nil
	}
	return errors.New("there is no guest in the container")
}

// isGuest reports whether a process is runc's guest, the first process of a pid namespace below ours; or gVisor's
// sentry, which holds the guest's memory.
func (w *containerWatch) isGuest(name string, t thread) (bool, error) {
	if w.tier == hallmark.TierRunc {
		ids := strings.Fields(t.nspid)
		return len(ids) == 2 && ids[1] == "1", nil
	}
	dir, err := unix.Openat(int(w.proc.Fd()), name+"/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, nil // another process, which has ended
	}
	defer unix.Close(dir)
	links, err := dirNames(dir)
	if err != nil {
		return false, nil // the same
	}
	buf := make([]byte, 64)
	for _, link := range links {
		n, err := unix.Readlinkat(dir, link, buf)
		if err != nil || !strings.HasPrefix(string(buf[:n]), "/memfd:runsc-memory ") {
			continue
		}
		fd, err := unix.Openat(dir, link, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return false, fmt.Errorf("open the guest's memory: %w", err)
		}
		w.memory = os.NewFile(uintptr(fd), "runsc-memory")
		return true, nil
	}
	return false, nil
}

// look sums over the processes in runc's container; in gVisor's over all that the runtime started, with the guest's memory,
// without what they used before.
func (w *containerWatch) look() (treeUse, error) {
	use, err := w.treeWatch.look()
	if err != nil || w.memory == nil {
		return use, err
	}
	var s unix.Stat_t
	if err := unix.Fstat(int(w.memory.Fd()), &s); err != nil {
		return use, err
	}
	const block = 512 // of st_blocks
	use.resident += s.Blocks*block - w.before.resident
	use.tasks -= w.before.tasks
	use.cpu -= w.before.cpu
	return use, nil
}
