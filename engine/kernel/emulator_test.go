package kernel_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	integers  = "TestQuantisedAssembly|TestExtremes|TestQuantisingIs|TestProductsRead"
	floats    = "TestFloatMatrix|TestRowsEqual|TestAttention|TestElementsEqual|TestRoundingEquals"
	quickOnes = "TestExtremes|TestProductsAgree|TestQuantisingIs|TestRowsEqual|TestAttention|TestElementsEqual|TestRoundingEquals"

	// What instructions leave undefined is all ones here, so that nobody uses it.
	rvv = "rv64,v=true,vext_spec=v1.0,rvv_ta_all_1s=true,rvv_ma_all_1s=true,vlen="
)

// emulated is a machine that tests of this package run on, that compare assembly with its definition.
type emulated struct {
	cpu   string
	run   string
	full  string // what to run instead where HALLMARK_FULL is set, if anything
	level string // the quickest
	skip  string // levels
}

// TestAssemblyOfOtherMachines runs tests under emulators.
func TestAssemblyOfOtherMachines(t *testing.T) {
	t.Parallel()

	for goarch, machines := range map[string][]emulated{
		"arm64": {
			{cpu: "max", run: integers + "|" + floats + "|^Fuzz", level: "neon-dot", skip: "go|neon"},
			{cpu: "cortex-a72", run: integers, level: "neon", skip: "go"}, // functions of floats are the same
		},
		"riscv64": {
			{cpu: rvv + "128", run: quickOnes + "|TestFloatMatrix", full: integers + "|" + floats + "|^Fuzz", level: "rvv", skip: "go|rv64g"},
			{cpu: rvv + "256", run: quickOnes, full: integers + "|" + floats, level: "rvv", skip: "go|rv64g"},
			{cpu: rvv + "512", run: quickOnes, full: integers + "|" + floats, level: "rvv", skip: "go|rv64g"},
			{cpu: "rv64", run: "TestExtremes|TestFloatMatrix|TestRowsEqual|TestAttention", level: "rv64g", skip: "go"},
		},
	} {
		t.Run(goarch, func(t *testing.T) {
			t.Parallel()

			emulator := map[string]string{"arm64": "qemu-aarch64-static", "riscv64": "qemu-riscv64-static"}[goarch]
			if _, err := exec.LookPath(emulator); err != nil {
				t.Skipf("%s is not installed (package qemu-user-static)", emulator)
			}
			bin := filepath.Join(t.TempDir(), "kernel.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", bin, ".")
			build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOARCH="+goarch)
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)
			for _, m := range machines {
				t.Run(m.cpu, func(t *testing.T) { m.test(t, emulator, bin) }) //nolint:paralleltest // the program is gone afterwards
			}
		})
	}
}

// test runs the program of this package's tests.
func (m *emulated) test(t *testing.T, emulator, bin string) {
	t.Helper()
	run := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), emulator, append([]string{"-cpu", m.cpu, bin, "-test.v"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	tests := m.run
	if m.full != "" && os.Getenv("HALLMARK_FULL") != "" {
		tests = m.full
	}
	require.Contains(t, run("-test.run", tests, "-test.skip", "/^("+m.skip+")$"), "--- PASS: TestExtremesAgree/"+m.level+" ")
	require.Regexp(t, `(?s)^[^/]*TestSetISA\s+=== RUN   TestSetISA/`+m.level+`\n`, run("-test.run", "TestSetISA"), "the quickest is the first")
}
