package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
)

func guardedFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(top(t), "testdata/models/tinychat/guarded-q8_0.gguf")
}

// TestGateInAContainer runs a small suite with each container runtime that this host has, and without: the report is the same.
func TestGateInAContainer(t *testing.T) {
	t.Parallel()

	suite := smallSuite(t)
	gate := func(more ...string) gateResult {
		got := command(t, nil, append([]string{"gate", "-o", "json", "--suite", suite, guardedFile(t)}, more...)...)
		require.Equal(t, exitUndecided, got.code, got.errout) // the policy asks for more than a small suite has
		return decodeResult(t, got)
	}
	for _, backend := range []string{"runsc", "runc"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()

			if _, err := exec.LookPath(backend); err != nil {
				t.Skipf("%s is not installed", backend)
			}
			g := gate("--backend", backend)
			require.Equal(t, hallmark.RunOK, g.Record.Verdict)
			require.Equal(t, hallmark.Tier(backend), g.Record.Tier)
			require.Equal(t, backend, g.Record.Container.Runtime)
			plain := gate()
			require.Equal(t, plain.ReportDigest, g.ReportDigest)
			require.Nil(t, plain.Record.Container)
		})
	}
}

// A backend that is asked for and is not there ends the run; nothing weaker is used.
func TestBackendThatIsMissing(t *testing.T) {
	guestPath(t) // is built with what is in PATH now
	t.Setenv("PATH", t.TempDir())
	got := command(t, nil, "gate", "--policy", "demo", "--backend", "runsc", guardedFile(t))
	require.Equal(t, exitUnsandboxed, got.code, got.errout)
	require.Contains(t, got.errout, "runsc")

	for _, args := range [][]string{
		{"gate", "--backend", "docker", guardedFile(t)},
		{"gate", "--backend", "runc", "--endpoint", "http://127.0.0.1:1/v1", "--model", "m"},
		{"gate", "--backend", "runc", guardedFile(t), "--", "/bin/true"},
	} {
		require.Equal(t, exitUsage, command(t, nil, args...).code, args)
	}
	err := serverConfig{
		DataDir: "x", Listen: "a:1", EvidenceListen: "a:1", ChainListen: "a:1", Threads: 1, Parallel: 1, RunWall: 1, RunMemory: 1 << 30, MaxUpload: 1, LogLevel: "info",
		Backend: "docker",
	}.Check()
	require.ErrorContains(t, err, `backend "docker" is none of`)
	require.ErrorIs(t, err, errUsage)
}

// The doctor tries every container runtime, and says how to get one that this host has not.
func TestDoctorExplainsContainers(t *testing.T) {
	guestPath(t) // is built with what is in PATH now
	t.Setenv("PATH", t.TempDir())
	got := command(t, nil, "doctor", "-o", "json")
	var list []diagnosis
	require.NoError(t, json.Unmarshal([]byte(got.out), &list), got.errout)
	for _, backend := range []string{"runsc", "runc"} {
		at := slices.IndexFunc(list, func(d diagnosis) bool { return d.What == "container, tier "+backend })
		require.GreaterOrEqual(t, at, 0)
		require.False(t, list[at].OK)
		require.Contains(t, list[at].Hint, "--backend "+backend)
		require.Contains(t, list[at].Hint, "put "+backend+" into PATH")
	}
}

// The doctor tries the jail of other programs, too, which needs more of a host than the guest's; and where there is no guest to
// try, it still says what the host has.
func TestDoctorTriesTheJailOfPrograms(t *testing.T) {
	t.Parallel()

	guest := func() ([]byte, error) { return os.ReadFile(guestPath(t)) }
	what := func(list []diagnosis) map[string]diagnosis {
		all := map[string]diagnosis{}
		for _, d := range list {
			all[d.What] = d
		}
		return all
	}
	list := what(checkJail(t.Context(), guest))
	require.True(t, list["jail of other programs"].OK, list["jail of other programs"].Detail)
	require.Contains(t, list["jail of other programs"].Detail, "seccomp-program")

	gone, stop := context.WithCancel(t.Context())
	stop()
	list = what(checkJail(gone, guest))
	require.Error(t, list["jail"].err)
	require.Contains(t, list, "Landlock")
	require.Contains(t, list, "/proc")
}
