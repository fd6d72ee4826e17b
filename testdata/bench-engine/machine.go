package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// machine is what this computer is and can do at most.
type machine struct {
	Read []struct {
		Threads  int     `json:"threads"`
		Prefetch int     `json:"prefetch"`
		Bytes    float64 `json:"bytes_per_second"`
	} `json:"read"`
	ByteOps  float64 `json:"byte_ops"`  // a second, of one thread
	FloatOps float64 `json:"float_ops"` // likewise

	processor, memory, kernel, load string
}

func (m *machine) measure(ctx context.Context, p *peer, quick bool) error {
	mib := "1024"
	if quick {
		mib = "256"
	}
	out, err := exec.CommandContext(ctx, filepath.Join(p.bin, "machine"), mib).Output()
	if err != nil {
		return fmt.Errorf("measuring the machine: %w", err)
	}
	if err := json.Unmarshal(out, m); err != nil {
		return fmt.Errorf("measuring the machine: %w", err)
	}
	return nil
}

// describe notes what the system says of itself.
func (m *machine) describe() {
	m.processor = lineOf("/proc/cpuinfo", "model name")
	m.memory = lineOf("/proc/meminfo", "MemTotal")
	m.kernel = text("/proc/sys/kernel/osrelease")
	m.load, _, _ = strings.Cut(text("/proc/loadavg"), " ")
}

// line is that in one line.
func (m *machine) line() string {
	return fmt.Sprintf("%s, %d processors, %s of memory, Linux %s, %s/%s with %s; one-minute load at the start %s",
		m.processor, runtime.NumCPU(), m.memory, m.kernel, runtime.GOOS, runtime.GOARCH, runtime.Version(), m.load)
}

// bandwidth returns the best rate at which so many threads read, in bytes a second.
func (m *machine) bandwidth(threads int) float64 {
	most := math.NaN()
	for _, r := range m.Read {
		if r.Threads == threads && !(r.Bytes <= most) { // true for the first one
			most = r.Bytes
		}
	}
	return most
}

// facts describes the machine in a few lines of Markdown.
func (m *machine) facts(b *bench) string {
	var s strings.Builder
	fmt.Fprintf(&s, "- %s\n", m.line())
	fmt.Fprintf(&s, "- llama.cpp %s from `%s` %s, backend %s, its defaults (weights repacked, keys and values in F16, flash attention as it chooses)\n", peerRelease, peerPackage, peerVersion, b.backend)
	fmt.Fprintf(&s, "- peaks of one thread: %.0f Gop/s in byte products, %.0f Gflop/s in multiply-adds; reading 1 GiB, GB/s by prefetch distance:", m.ByteOps/1e9, m.FloatOps/1e9)
	for _, threads := range []int{1, 2} {
		fmt.Fprintf(&s, " %s", count(threads))
		for _, r := range m.Read {
			if r.Threads == threads {
				fmt.Fprintf(&s, " %d: %.1f", r.Prefetch, r.Bytes/1e9)
			}
		}
		s.WriteString(";")
	}
	return strings.TrimSuffix(s.String(), ";") + "\n"
}

func text(path string) string {
	b, _ := os.ReadFile(path) // empty where there is none
	return strings.TrimSpace(string(b))
}

// lineOf returns what stands after a name and a colon in a file of such lines.
func lineOf(path, name string) string {
	lines := strings.Split(text(path), "\n")
	i := slices.IndexFunc(lines, func(s string) bool { return strings.HasPrefix(s, name) })
	if i < 0 {
		return "unknown"
	}
	_, value, _ := strings.Cut(lines[i], ":")
	return strings.TrimSpace(value)
}
