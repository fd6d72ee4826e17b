package model_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// machine is a computer that testdata/digest runs on, an emulated one where need be.
type machine struct {
	name     string
	arch     string // GOARCH; this machine's if empty
	tags     string
	emulator []string
	has      []string // instruction sets that it must have
	skip     []string // instruction sets that are left to other machines
}

// riscv returns the emulator of a processor with that long vectors, in bits.
func riscv(bits string) []string {
	return []string{"qemu-riscv64-static", "-cpu", "rv64,v=true,vlen=" + bits + ",vext_spec=v1.0,zba=true,zbb=true,zbs=true"}
}

func machines() []machine {
	return []machine{
		{name: runtime.GOARCH, has: []string{"go"}},
		{name: runtime.GOARCH + " purego", tags: "purego", has: []string{"go"}},
		{name: "arm64", arch: "arm64", emulator: []string{"qemu-aarch64-static"}, has: []string{"neon-dot", "go"}, skip: []string{"neon"}},
		{name: "arm64 cortex-a72", arch: "arm64", emulator: []string{"qemu-aarch64-static", "-cpu", "cortex-a72"}, has: []string{"neon"}, skip: []string{"neon-dot", "go"}},
		{name: "riscv64", arch: "riscv64", emulator: []string{"qemu-riscv64-static", "-cpu", "rv64,v=false"}, has: []string{"rv64g", "go"}},
		{name: "riscv64 128 bits", arch: "riscv64", emulator: riscv("128"), has: []string{"rvv"}, skip: []string{"rv64g", "go"}},
		{name: "riscv64 256 bits", arch: "riscv64", emulator: riscv("256"), has: []string{"rvv"}, skip: []string{"rv64g", "go"}},
		{name: "riscv64 512 bits", arch: "riscv64", emulator: riscv("512"), has: []string{"rvv"}, skip: []string{"rv64g", "go"}},
	}
}

// edit replaces the one place of a source file, relative to the engine, that reads so.
type edit struct{ file, from, to string }

// tuned makes small models run as large ones do too: every product may be shared among threads, and half of the matrices of a
// model, one or the other half by architecture, stay in the layout of the file.
var tuned = []edit{
	{"model/runner.go", "minWork       = 1 << 22", "minWork       = 1"},
	{"model/load.go", "	for _, w := range all {\n		w.Pack(least)\n", "	for i, w := range all {\n		if (i+len(m.arch.name))%2 > 0 {\n			continue\n		}\n		w.Pack(least)\n"},
}

// buildDigest builds testdata/digest for a machine, from sources that are tuned and have some more edits.
func buildDigest(t *testing.T, dir string, m machine, edits ...edit) string {
	t.Helper()
	changed := map[string]string{}
	for i, e := range append(slices.Clone(tuned), edits...) {
		path, err := filepath.Abs(filepath.Join("..", e.file))
		require.NoError(t, err)
		now := path
		if changed[path] != "" {
			now = changed[path]
		}
		src, err := os.ReadFile(now)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(src), e.from), "%s has %q", e.file, e.from)
		changed[path] = filepath.Join(dir, fmt.Sprintf("edit%d.go", i))
		require.NoError(t, os.WriteFile(changed[path], []byte(strings.Replace(string(src), e.from, e.to, 1)), 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": changed})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	bin := filepath.Join(dir, "digest-"+m.arch+m.tags)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", m.tags, "-overlay", filepath.Join(dir, "overlay.json"), "-o", bin, "./testdata/digest")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	if m.arch != "" {
		cmd.Env = append(cmd.Env, "GOARCH="+m.arch)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return bin
}

// missing returns the emulator that the machine lacks, if it does.
func (m machine) missing() string {
	if len(m.emulator) == 0 {
		return ""
	}
	if _, err := exec.LookPath(m.emulator[0]); err != nil {
		return m.emulator[0]
	}
	return ""
}

// run runs the program on a machine and returns the lines that it prints.
func (m machine) run(t *testing.T, bin string, args []string, lines ...string) []string {
	t.Helper()
	all := append(append(append([]string(nil), m.emulator...), bin), args...)
	cmd := exec.CommandContext(t.Context(), all[0], all[1:]...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s: %s", m.name, stderr.String())
	t.Logf("%s: %d lines in %v of processors", m.name, len(lines), cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
