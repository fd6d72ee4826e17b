package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// TestKilledServersResumeTheRun kills a server with SIGKILL, at random moments of a run, in the middle of cases that look inside
// the model among them, and starts it again. The report has the digest of an undisturbed run, and no case ran twice.
//
// HALLMARK_FULL=1 kills 50 times, in ten runs.
//
//nolint:tparallel // one run after the other: each has a server that computes with all processors
func TestKilledServersResumeTheRun(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("runs a suite several times")
	}
	runs, kills := 1, 2
	if os.Getenv("HALLMARK_FULL") == "1" {
		runs, kills = 10, 5
	}
	undisturbed := command(t, nil, "gate", guarded, "--policy", "demo", "--threads", "2", "-q", "-o", "json")
	var gated gateResult
	require.NoError(t, json.Unmarshal([]byte(undisturbed.out), &gated), undisturbed.errout)
	cases := casesInOrder(t, gated.Report)
	for run := range runs {
		moments := momentsOf(cases, rand.New(rand.NewPCG(uint64(run), 1)), kills)
		t.Run(fmt.Sprint(run), func(t *testing.T) { killAt(t, moments, gated.ReportDigest) })
	}
}

// A moment is some time after the given number of cases were completed.
type moment struct {
	done  int
	delay time.Duration
	next  string // the case that runs then
}

// casesInOrder are the cases of a report's run as it asks them.
func casesInOrder(t *testing.T, r hallmark.Report) []probe.Case {
	t.Helper()
	suite, err := probe.Builtin(r.Suite)
	require.NoError(t, err)
	var seed uint64
	_, err = fmt.Sscan(r.Seed, &seed)
	require.NoError(t, err)
	cases, err := sandbox.Cases(suite, seed, r.Profile, probe.TierFull, true)
	require.NoError(t, err)
	require.Len(t, cases, len(r.Cases))
	probe.Arrange(cases)
	return cases
}

// momentsOf draws moments in the order of a run. The first is within a case that looks inside the model, of a detector drawn
// at random; the others are anywhere, the steps before the first case included.
func momentsOf(cases []probe.Case, random *rand.Rand, n int) []moment {
	inside := []string{probe.LeakMemory, probe.PerturbEmbed, probe.VocabGlitch, probe.BackdoorTrigger}
	detector := inside[random.IntN(len(inside))]
	var moments []moment
	for i := range n {
		done := random.IntN(len(cases))
		if i == 0 {
			done = slices.IndexFunc(cases, func(c probe.Case) bool { return c.Detector == detector })
		}
		moments = append(moments, moment{done: done, delay: time.Duration(random.IntN(150)) * time.Millisecond, next: cases[done].ID})
	}
	slices.SortFunc(moments, func(a, b moment) int { return a.done - b.done })
	return moments
}

func killAt(t *testing.T, moments []moment, want hallmark.Digest) {
	t.Helper()
	w := newWorkspace(t)
	server := w.serve(t)
	code, out := w.sh(t, "hallmark key new alice && hallmark key register alice")
	require.Zero(t, code, out)
	code, out = w.sh(t, "hallmark submit testdata/models/tinychat/guarded-q8_0.gguf --name guarded --policy demo --key alice --lineage testdata/models/lineage-guarded.yaml --wait=false -o json")
	require.Zero(t, code, out)
	var sub hallmark.Submission
	require.NoError(t, json.Unmarshal([]byte(out), &sub), out)
	for _, m := range moments {
		w.killAt(t, server, sub.ID, m)
		server = w.serve(t)
	}
	ran := map[string]int{}
	w.watch(t, sub.ID, func(e hallmark.Event) error {
		if e.Kind == hallmark.EventCase {
			ran[e.Case]++
		}
		return nil
	})
	code, out = w.sh(t, "hallmark status guarded -o json")
	require.Zero(t, code, out)
	var v hallmark.Version
	require.NoError(t, json.Unmarshal([]byte(out), &v))
	require.True(t, pipeline.Resting(v), v.State)
	require.Equal(t, want, v.Report, v.Problem)
	for id, n := range ran {
		require.Equal(t, 1, n, id)
	}
}

// killAt kills the server at a moment, or at once if that is past, and waits until it is gone.
func (w *workspace) killAt(t *testing.T, server *exec.Cmd, submission string, m moment) {
	t.Helper()
	errThen := errors.New("now")
	seen := int64(0)
	w.watch(t, submission, func(e hallmark.Event) error {
		if e.Kind == hallmark.EventCase {
			seen = e.Done
		}
		if m.done > 0 && seen < int64(m.done) {
			return nil
		}
		<-time.After(m.delay) // a moment within what follows
		return errThen
	})
	require.NoError(t, server.Process.Kill())
	require.Eventually(t, func() bool { return server.Process.Signal(syscall.Signal(0)) != nil }, 30*time.Second, 10*time.Millisecond)
	t.Logf("killed %v after case %d was seen; next is %s", m.delay, seen, m.next)
}

// watch follows a submission's events from the first on, until the version rests or each returns an error.
func (w *workspace) watch(t *testing.T, submission string, each func(hallmark.Event) error) {
	t.Helper()
	c, err := (&serverFlags{dataDir: filepath.Join(w.dir, ".hallmark")}).client(&app{getenv: func(string) string { return "" }})
	require.NoError(t, err)
	var stopped error
	_, err = c.events(t.Context(), submission, 0, func(e hallmark.Event) error {
		stopped = each(e)
		return stopped
	})
	if stopped == nil {
		require.NoError(t, err)
	}
}
