package jail

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// clockTick is the unit of processor times in /proc/PID/stat: USER_HZ is 100 on all our architectures.
const clockTick = 10 * time.Millisecond

// treeUse is what all processes of a jail use together.
type treeUse struct {
	resident int64 // anonymous memory in RAM or swapped out, and page tables, bytes; pages that two processes share count twice
	tasks    int   // processes and threads
	cpu      time.Duration
}

// A treeWatch sums over the processes of a pid namespace.
type treeWatch struct {
	proc *os.File                 // the namespace's own /proc
	only func(status []byte) bool // which processes count; nil for all
	cpu  map[int]time.Duration
	buf  []byte
}

func newTreeWatch(proc *os.File) *treeWatch {
	return &treeWatch{proc: proc, cpu: map[int]time.Duration{}, buf: make([]byte, statusSize)}
}

// look reads the state of every process. One that ends meanwhile is left out; the processor time that it was last seen
// with stays in the sum.
func (w *treeWatch) look() (treeUse, error) {
	var use treeUse
	if _, err := w.proc.Seek(0, io.SeekStart); err != nil {
		return use, err
	}
	names, err := w.proc.Readdirnames(-1)
	if err != nil {
		return use, err
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		s, err := w.read(name + "/status")
		if err != nil || w.only != nil && !w.only(s) {
			continue
		}
		one := parseStatus(s)
		use.resident += one.resident + one.tables
		use.tasks += one.threads
		if s, err = w.read(name + "/stat"); err == nil {
			w.cpu[pid] = max(w.cpu[pid], statCPU(s))
		}
	}
	for _, cpu := range w.cpu {
		use.cpu += cpu
	}
	return use, nil
}

func (w *treeWatch) read(name string) ([]byte, error) {
	fd, err := unix.Openat(int(w.proc.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, w.buf)
	return w.buf[:max(n, 0)], err
}

// statCPU is the processor time of a process in its /proc/PID/stat. The name in parentheses is the program's own choice.
func statCPU(stat []byte) time.Duration {
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	const utime, stime = 11, 12 // fields 14 and 15 of proc_pid_stat(5), counted after the name
	if len(fields) <= stime {
		return 0
	}
	u, err1 := strconv.ParseInt(string(fields[utime]), 10, 64)
	s, err2 := strconv.ParseInt(string(fields[stime]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(u+s) * clockTick
}

// watchTree enforces the limits over all processes of a jail, as look counts them.
func (p *Process) watchTree(look func() (treeUse, error)) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		if use, err := look(); err == nil {
			p.judgeUse(use)
		} else {
			select {
			case <-p.done: // and its /proc with it
			default:
				p.Kill(hallmark.RunInfraError, "watch the jail: "+err.Error())
			}
		}
		select {
		case <-p.done:
			return
		case <-ticker.C:
		}
	}
}

func (p *Process) judgeUse(use treeUse) {
	p.mu.Lock()
	p.peak, p.used = max(p.peak, use.resident), max(p.used, use.resident)
	p.treeCPU = max(p.treeCPU, use.cpu)
	p.mu.Unlock()
	if wall := time.Since(p.started); p.limits.Wall > 0 && wall > p.limits.Wall {
		p.Kill(hallmark.RunWallLimit, fmt.Sprintf("ran for %v, limit %v", wall.Round(time.Millisecond), p.limits.Wall))
	}
	if p.limits.CPU > 0 && use.cpu > p.limits.CPU {
		p.Kill(hallmark.RunCPULimit, fmt.Sprintf("used %v of processor time, limit %v", use.cpu.Round(time.Millisecond), p.limits.CPU))
	}
	if use.resident > p.limits.Memory {
		p.Kill(hallmark.RunMemoryLimit, fmt.Sprintf("used %d bytes of memory, limit %d", use.resident, p.limits.Memory))
	}
	if use.tasks > p.tasks {
		p.Kill(hallmark.RunPolicyViolation, fmt.Sprintf("has %d processes and threads, limit %d", use.tasks, p.tasks))
	}
}
