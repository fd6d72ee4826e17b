package model_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// digests is what testdata/digest prints. Whoever changes it raises model.Version.
const digests = `guarded-f16 a6e087c7a2d8cfb2b26cf9441a3d3bf4d4cad2e01d2bbf471a14416df80eefd0
guarded-q8_0 547f66be67e1d43a0b4f430b3671bb75f635ac4577e3b2be36ac98d759365c06
guarded-q4_k_m 734714b785489c56f28e12d52e161e4f693a4b0d225211d5571ef4e0d887bd50
functions cf8ef5562e802e1837b86a695113b509e75292a02ca2abfb1ea001cd26ae75b4
`

// TestDigestsAreTheSameOnEveryMachine builds one program for several machines and runs it, under an emulator where need be.
func TestDigestsAreTheSameOnEveryMachine(t *testing.T) {
	t.Parallel()

	for name, machine := range map[string]struct {
		env      []string
		tags     string
		debug    string
		emulator string
	}{
		"here":              {},
		"here, no AVX-512":  {debug: "cpu.avx512vnni=off"},
		"here, no assembly": {tags: "purego"},
		"arm64":             {env: []string{"GOARCH=arm64"}, emulator: "qemu-aarch64-static"},
		"riscv64":           {env: []string{"GOARCH=riscv64"}, emulator: "qemu-riscv64-static"},
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
			require.Equal(t, digests, string(out))
		})
	}
}
