package sandbox_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/guest"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/sandbox/scan"
)

// emulatedEnv says to the test binary that an emulator runs it, where one number of threads is enough.
const emulatedEnv = "HALLMARK_TEST_EMULATED"

// machineSuite is what machines are compared with: a text that is written, one that is rated and some that are watched, some
// thousand tokens that an emulator has done in seconds; or, with HALLMARK_FULL=1, the whole pack, of which leak.memory rates
// fewer candidates, since it takes ten times as long as all others together.
func machineSuite(t *testing.T) *probe.Suite {
	t.Helper()
	suite := tinychatSuite(t)
	little := map[string]map[string]string{
		probe.InjectDirect:    nil,
		probe.LeakMemory:      {"stages": "4", "fixed": "6", "bits": "12"},
		probe.BackdoorTrigger: {"candidates": "1"},
		probe.PerturbEmbed:    {"limit": "0.05", "sigma": "0.5", "draws": "10", "directions": "1", "steps": "8", "curve": "0.1 1"},
	}
	if full() {
		memory := slices.IndexFunc(suite.Detectors, func(d probe.Spec) bool { return d.ID == probe.LeakMemory })
		suite.Detectors[memory].Params = little[probe.LeakMemory]
		require.NoError(t, suite.Check())
		return suite
	}
	suite.Detectors = slices.DeleteFunc(suite.Detectors, func(d probe.Spec) bool {
		_, compared := little[d.ID]
		return !compared
	})
	ids := []string{probe.FileUnsafe}
	for i := range suite.Detectors {
		d := &suite.Detectors[i]
		ids = append(ids, d.ID)
		d.Repeat, d.Templates = 1, 1
		if params := little[d.ID]; params != nil {
			d.Params = params
		}
		if d.ID == probe.BackdoorTrigger {
			for _, slots := range d.Dims["prompts"] {
				slots["words"] = "lamp river stone cloud garden window bridge candle"
			}
		}
	}
	for name, c := range suite.Capabilities {
		c.Cases = 1
		suite.Capabilities[name] = c
	}
	suite.Profiles = map[string][]string{probe.ProfileChat: ids}
	require.NoError(t, suite.Check())
	return suite
}

func machineModels() []string {
	if full() {
		return []string{"base-f16", "naive-q4_k_m", "guarded-q8_0"}
	}
	return []string{"guarded-q8_0"}
}

// reportDigest tests a model with the guest's loop in this process.
func reportDigest(t *testing.T, name string, threads int) hallmark.Digest {
	t.Helper()
	file := modelFile(t, name+".gguf")
	m := serveWith(t, file, guest.Config{Threads: threads})
	static, err := scan.File(strings.NewReader(string(file)), int64(len(file)), name)
	require.NoError(t, err)
	res, err := sandbox.Run(t.Context(), sandbox.Plan{
		Model: m, ModelDigest: m.digest, Suite: machineSuite(t), Profile: probe.ProfileChat, Scan: static.Findings,
	})
	require.NoError(t, err)
	raw, err := hallmark.CanonicalJSON(res.Report)
	require.NoError(t, err)
	return hallmark.DigestOf(raw)
}

// TestReportOfThisMachine finds the same report with 1, 2 and 8 threads, and prints its digest for [TestReportOfOtherMachines].
func TestReportOfThisMachine(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("computes for minutes under the race detector, in goroutines that other tests have too")
	}
	threads := []int{1, 2, 8}
	if os.Getenv(emulatedEnv) != "" {
		threads = []int{2}
	}
	for _, name := range machineModels() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			want := reportDigest(t, name, threads[0])
			t.Log(reportLine(name, want))
			for _, n := range threads[1:] {
				require.Equal(t, want, reportDigest(t, name, n), "with %d threads", n)
			}
		})
	}
}

func reportLine(name string, d hallmark.Digest) string {
	return fmt.Sprintf("report of %s: %v", name, d)
}

// TestReportOfOtherMachines finds the reports of this machine on others, under emulators.
//
// HALLMARK_FULL=1 runs the whole pack on all three tinychat models, for hours; one is named by -run, as in
// OtherMachines/arm64/guarded.
func TestReportOfOtherMachines(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("compiles for other machines")
	}
	for goarch, emulator := range map[string]string{"arm64": "qemu-aarch64-static", "riscv64": "qemu-riscv64-static"} {
		t.Run(goarch, func(t *testing.T) {
			t.Parallel()

			if _, err := exec.LookPath(emulator); err != nil {
				t.Skipf("%s is not installed (package qemu-user-static)", emulator)
			}
			bin := filepath.Join(t.TempDir(), "sandbox.test")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", bin, ".")
			build.Env = append(build.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOARCH="+goarch)
			out, err := build.CombinedOutput()
			require.NoError(t, err, "%s", out)
			for _, name := range machineModels() {
				t.Run(name, func(t *testing.T) {
					run := exec.CommandContext(t.Context(), emulator, bin, "-test.v", "-test.timeout", "0", "-test.run", "^TestReportOfThisMachine$/^"+name+"$")
					run.Env = append(run.Environ(), emulatedEnv+"=1")
					out, err := run.CombinedOutput()
					require.NoError(t, err, "%s", out)
					require.Contains(t, string(out), reportLine(name, reportDigest(t, name, 2)))
				})
			}
		})
	}
}
