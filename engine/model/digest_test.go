package model_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// digests is what testdata/digest prints. Whoever changes it raises model.Version.
const digests = `guarded-f16 2d55e2401cbeb6d04dc30bf50d0372f273ee952a5ea8ecf46435b3402cbead07
guarded-q8_0 5dd62b31e669fa4492b1a65909206ce4ef27d30cff73a7c41fb2944d75ccabc8
guarded-q4_k_m fcbd6a5c73b8d3cf8cf66ee6a552699b3afb678dece096f157ab1e4becc81adf
functions d54e7dcaa24372ae57fc9c356d99d985dd9077bde590e12a95d636c7f5e22bc0
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
