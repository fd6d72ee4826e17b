package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
)

// A contender starts a process that does nothing and waits for its end.
type contender struct {
	name string
	run  func() error
	took []time.Duration
}

// bench measures contenders n times each, one after the other in every round, so that all see the same machine. The first
// is the plain start of the same binary that the others are compared with.
func bench(n int) {
	list, clean := contenders()
	defer clean()
	for range n {
		for i := range list {
			start := time.Now()
			if err := list[i].run(); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", list[i].name, err)
				continue
			}
			list[i].took = append(list[i].took, time.Since(start))
		}
	}
	for i := range list {
		slices.Sort(list[i].took)
	}
	fmt.Println("| start and end of a process | n | min, ms | p50, ms | p99, ms | min against plain | p50 against plain |")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|")
	plain := list[0].took
	for _, c := range list {
		k := len(c.took)
		if k == 0 {
			fmt.Printf("| %s | 0 | - | - | - | - | - |\n", c.name)
			continue
		}
		least, half := ms(c.took[0]), ms(c.took[k/2])
		fmt.Printf("| %s | %d | %.2f | %.2f | %.2f | %.2f | %.2f |\n", c.name, k, least, half, ms(c.took[k*99/100]),
			least/ms(plain[0]), half/ms(plain[len(plain)/2]))
	}
}

func contenders() (list []contender, clean func()) {
	ctx := context.Background()
	exe, err := os.Open("/proc/self/exe")
	must(err)
	program, _, err := jail.SealProgram(ctx, exe)
	must(err)
	model, _, err := jail.Seal(ctx, "order", bytes.NewReader(nil)) // no order to read: what is compared is the jail
	must(err)
	dir, err := os.MkdirTemp("", "bench")
	must(err)
	path, err := os.Readlink("/proc/self/exe")
	must(err)
	jailed := func(t hallmark.Tier, runtime *jail.Runtime) func() error {
		return func() error {
			p, err := jail.Start(ctx, jail.Spec{Program: program, Model: model, Tier: t, Runtime: runtime, Threads: 2})
			if err != nil {
				return err
			}
			return p.Stop().Err()
		}
	}
	list = []contender{
		{name: "plain fork and exec", run: func() error { return exec.Command("/proc/self/exe", "nothing").Run() }},
		{name: "jail, full", run: jailed(hallmark.TierFull, nil)},
		{name: "jail, no-namespaces", run: jailed(hallmark.TierNoNamespaces, nil)},
	}
	for _, tier := range jail.ContainerTiers() {
		if runtime, err := jail.FindRuntime(ctx, tier); err == nil {
			list = append(list, contender{name: "jail, " + string(tier), run: jailed(tier, runtime)})
		}
	}
	for _, p := range []struct {
		name string
		run  func() error
	}{
		{"bwrap", func() error {
			return exec.Command("bwrap", "--unshare-all", "--ro-bind", path, "/x", "--proc", "/proc", "--dev", "/dev", "/x", "nothing").Run()
		}},
		{"runc", ociRun(dir, "runc", path)},
		{"runsc", ociRun(dir, "runsc", path, "--ignore-cgroups", "--network=none")},
	} {
		if _, err := exec.LookPath(p.name); err != nil {
			fmt.Fprintf(os.Stderr, "%s is not installed and not compared\n", p.name)
			continue
		}
		list = append(list, contender{name: p.name, run: p.run})
	}
	return list, func() { os.RemoveAll(dir) }
}

// ociRun runs this program in a container of a runtime that reads bundles: a read-only root with nothing but the program, new
// namespaces, no capabilities, no_new_privs.
func ociRun(dir, runtime, program string, flags ...string) func() error {
	bundle := filepath.Join(dir, runtime)
	for _, d := range []string{"rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys", "state"} {
		must(os.MkdirAll(filepath.Join(bundle, d), 0o755))
	}
	b, err := os.ReadFile(program)
	must(err)
	must(os.WriteFile(filepath.Join(bundle, "rootfs/x"), b, 0o755))
	must(os.WriteFile(filepath.Join(bundle, "config.json"), []byte(`{"ociVersion":"1.0.2","process":{"user":{"uid":65534,"gid":65534},"args":["/x","nothing"],"env":["PATH=/"],
		"cwd":"/","noNewPrivileges":true,"capabilities":{}},"root":{"path":"rootfs","readonly":true},"hostname":"x",
		"mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
		"linux":{"namespaces":[{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"}]}}`), 0o600))
	number := 0
	return func() error {
		number++
		args := append([]string{"--root", filepath.Join(bundle, "state")}, flags...)
		cmd := exec.Command(runtime, append(args, "run", "--bundle", bundle, fmt.Sprintf("bench-%d-%d", unix.Getpid(), number))...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
		}
		return nil
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
