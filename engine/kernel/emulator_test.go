package kernel_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAssemblyOfOtherMachines runs tests of this package, that compare assembly with its definition, under an emulator.
func TestAssemblyOfOtherMachines(t *testing.T) {
	t.Parallel()

	const integers = "TestQuantisedAssembly|TestExtremes|TestQuantisingIs"
	for name, machine := range map[string]struct {
		goarch, emulator string
		cpu              string
		run              string
		level            string // the quickest
		skip             string // levels
	}{
		"arm64": {
			goarch: "arm64", emulator: "qemu-aarch64-static", cpu: "max",
			run:   integers + "|TestFloatMatrix|TestRowsEqual|TestAttention|TestElementsEqual|TestRoundingEquals|^Fuzz",
			level: "neon-dot", skip: "go|neon",
		},
		"arm64 without dot products": { // functions of floats are the same
			goarch: "arm64", emulator: "qemu-aarch64-static", cpu: "cortex-a72", run: integers, level: "neon", skip: "go",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			emulator, err := exec.LookPath(machine.emulator)
			if err != nil {
				t.Skipf("%s is not installed (package qemu-user-static)", machine.emulator)
			}
			bin := filepath.Join(t.TempDir(), "kernel.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", bin, ".")
			build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOARCH="+machine.goarch)
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)

			tests := exec.CommandContext(t.Context(), emulator, "-cpu", machine.cpu, bin, "-test.v", "-test.run", machine.run, "-test.skip", "/^("+machine.skip+")$")
			out, err = tests.CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "--- PASS: TestQuantisedAssemblyEqualsItsDefinition/"+machine.level+" ")
			out, err = exec.CommandContext(t.Context(), emulator, "-cpu", machine.cpu, bin, "-test.v", "-test.run", "TestSetISA").CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Regexp(t, `(?s)^[^/]*TestSetISA\s+=== RUN   TestSetISA/`+machine.level+`\n`, string(out), "the quickest is the first")
		})
	}
}
