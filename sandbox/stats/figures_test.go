package stats_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/sandbox/stats"
)

// TestFigures holds the digits of all figures that go into reports.
func TestFigures(t *testing.T) {
	t.Parallel()

	h := sha256.New()
	for _, n := range []int{0, 1, 7, 59} {
		for k := range n + 1 {
			if k > 9 && k%7 > 0 {
				continue
			}
			lower, upper := stats.Wilson(k, n)
			fmt.Fprintln(h, stats.Interval(k, n), lower, upper, stats.Corrected(k, n, stats.Judge{Caught: 49, Bad: 50, Cleared: 60, Good: 61}),
				stats.Decimal(stats.ExceedsP(k, n, 50_000)), stats.Compare(k, (n-k)/3, n, 10_000))
		}
	}
	s := stats.NewSPRT(10_000, 50_000, 300)
	for s.Add(s.Cases() == 20) == stats.Open {
		fmt.Fprintln(h, s.Cases())
	}
	require.Equal(t, "e7d734d54bb4950078ea6bd2517ee820028053d07cd60222a8e9b80c596d9c30", hex.EncodeToString(h.Sum(nil)))
}

// TestFiguresOfOtherMachines runs TestFigures and the reference values under emulators.
func TestFiguresOfOtherMachines(t *testing.T) {
	t.Parallel()

	for goarch, emulator := range map[string]string{"arm64": "qemu-aarch64-static", "riscv64": "qemu-riscv64-static"} {
		t.Run(goarch, func(t *testing.T) {
			t.Parallel()

			if _, err := exec.LookPath(emulator); err != nil {
				t.Skipf("%s is not installed (package qemu-user-static)", emulator)
			}
			bin := filepath.Join(t.TempDir(), "stats.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", bin, ".")
			build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOARCH="+goarch)
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)
			out, err = exec.CommandContext(t.Context(), emulator, bin, "-test.v", "-test.run", "^(TestFigures|TestWilson|TestCorrected|TestHolm)$").CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.Contains(t, string(out), "--- PASS: TestFigures ")
		})
	}
}
