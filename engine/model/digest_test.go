package model_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// digests is what testdata/digest prints. Whoever changes it raises model.Version.
const digests = `guarded-f16 a6e087c7a2d8cfb2b26cf9441a3d3bf4d4cad2e01d2bbf471a14416df80eefd0
guarded-q8_0 8041a33dafc4419c09f8fa4112db3c4b39b66bee5aa40b07a03dc82c936658db
guarded-q4_k_m ad1e8b7ed715203347e40e8e6d0d2d92dcb885cd0bc7753f98a77476743e0481
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
