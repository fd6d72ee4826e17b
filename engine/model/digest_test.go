package model_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDigestsAreTheSameOnEveryMachine builds one program for several machines and runs it, under an emulator where need be.
// Its output is testdata/digests.txt; whoever changes that raises model.Version.
func TestDigestsAreTheSameOnEveryMachine(t *testing.T) {
	t.Parallel()

	digests, err := os.ReadFile("testdata/digests.txt")
	require.NoError(t, err)
	for name, machine := range map[string]struct {
		env      []string
		tags     string
		debug    string
		emulator string
		cpu      string
	}{
		"here":              {},
		"here, no AVX-512":  {debug: "cpu.avx512vnni=off"},
		"here, no assembly": {tags: "purego"},
		"arm64":             {env: []string{"GOARCH=arm64"}, emulator: "qemu-aarch64-static"},
		"arm64, no dot":     {env: []string{"GOARCH=arm64"}, emulator: "qemu-aarch64-static", cpu: "cortex-a72"},
		"riscv64":           {env: []string{"GOARCH=riscv64"}, emulator: "qemu-riscv64-static"},
		"riscv64, vectors":  {env: []string{"GOARCH=riscv64"}, emulator: "qemu-riscv64-static", cpu: "rv64,v=true,vext_spec=v1.0,vlen=256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			bin := filepath.Join(t.TempDir(), "digest")
			args := []string{bin, tinychat}
			if machine.emulator != "" {
				path, err := exec.LookPath(machine.emulator)
				if err != nil {
					t.Skipf("%s is not installed (package qemu-user-static)", machine.emulator)
				}
				if machine.cpu != "" {
					args = append([]string{"-cpu", machine.cpu}, args...)
				}
				args = append([]string{path}, args...)
			}
			build := exec.CommandContext(t.Context(), "go", "build", "-tags", machine.tags, "-o", bin, "./testdata/digest")
			build.Env = append(append(build.Environ(), "CGO_ENABLED=0"), machine.env...)
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)
			run := exec.CommandContext(t.Context(), args[0], args[1:]...)
			run.Env = append(run.Environ(), "GODEBUG="+machine.debug)
			out, err = run.Output()
			require.NoError(t, err)
			require.Equal(t, string(digests), string(out))
		})
	}
}
