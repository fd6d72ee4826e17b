package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// A tally is what kills leave behind.
type tally struct {
	Kills       int
	Survivors   int // processes that live 10 s after their supervisor
	Descriptors int // of this process, more than before
	Files       int // in the temporary directory, but for those that supervisors themselves made
	Groups      int // control groups, after another supervisor has started
	Started     int // guests that had been locked in when the kill came
}

// kills starts supervisors and kills each, or its guest, at a random moment. This process adopts what they leave, so that
// nothing can live on unseen.
func kills(tier string, n, seed int) {
	must(unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	tmp, err := os.MkdirTemp("", "kills")
	must(err)
	defer os.RemoveAll(tmp)
	must(os.Setenv("TMPDIR", tmp))
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	before, groups := descriptors(), controlGroups()
	var t tally
	supervisors := map[int]bool{}
	for ; t.Kills < n; t.Kills++ {
		pid, started := killOne(tier, random)
		supervisors[pid] = true
		t.Survivors += reapAll()
		if started {
			t.Started++
		}
	}
	t.Descriptors = descriptors() - before
	must(exec.Command("/proc/self/exe", "bomb", tier, "none").Run()) // which sweeps
	for path, pid := range controlGroups() {
		if _, old := groups[path]; !old && supervisors[pid] {
			t.Groups++
		}
	}
	left, err := os.ReadDir(tmp)
	must(err)
	for _, e := range left {
		if !strings.HasPrefix(e.Name(), "escape") {
			t.Files++
		}
	}
	must(json.NewEncoder(os.Stdout).Encode(t))
}

// killOne starts a supervisor whose guest only waits, and kills one of the two; every tenth time the guest first.
func killOne(tier string, random *rand.Rand) (pid int, started bool) {
	r, w, err := os.Pipe()
	must(err)
	defer r.Close()
	cmd := exec.Command("/proc/self/exe", "bomb", tier, "hold")
	cmd.Stdout = w
	must(cmd.Start())
	must(w.Close())
	// A start takes 3 to 30 ms on a machine that is not idle; half of the kills come later.
	must(r.SetReadDeadline(time.Now().Add(time.Duration(random.IntN(60_000)) * time.Microsecond)))
	text := make([]byte, 16)
	got, _ := r.Read(text)
	guest, err := strconv.Atoi(strings.TrimSpace(string(text[:got])))
	if err == nil && random.IntN(10) == 0 {
		must(unix.Kill(guest, unix.SIGKILL))
	}
	pid = cmd.Process.Pid
	must(unix.Kill(pid, unix.SIGKILL))
	must(cmd.Process.Release()) // reapAll waits for it
	return pid, err == nil
}

// reapAll waits for every child, adopted ones included, and returns how many do not end.
func reapAll() (left int) {
	for deadline := time.Now().Add(10 * time.Second); ; {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.ECHILD):
			return 0
		case err == nil && pid > 0, errors.Is(err, unix.EINTR):
		case time.Now().After(deadline):
			return 1
		default:
			time.Sleep(time.Millisecond)
		}
	}
}

func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	must(err)
	return len(list)
}

// controlGroups returns the control groups of all guests, by path, and the supervisors that made them. Some are left where
// nobody sweeps any more, and their supervisors' numbers come again.
func controlGroups() map[string]int {
	found := map[string]int{}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil //nolint:nilerr // what comes and goes meanwhile is others'
		}
		var pid, number int
		if _, err := fmt.Sscanf(d.Name(), "hallmark-%d-%d", &pid, &number); err == nil {
			found[path] = pid
		}
		return nil
	})
	return found
}

// figures are how well the limits are kept.
type figures struct {
	Peak map[string]float64 // by bomb: most memory of the guest's own and the program's, in shares of the limit
	Late []float64          // of the wall limit's kill, ms, sorted
	Reap []float64          // from kill to reap, ms, sorted
}

// figure measures how well the limits are kept.
func figure(tier string, n int) {
	f := figures{Peak: map[string]float64{}}
	for range max(1, n/20) {
		for _, bomb := range []string{"heap", "populate", "recursion"} {
			r := run(hallmark.Tier(tier), order{Bomb: bomb}, boundedBy(bomb))
			if r.Verdict != hallmark.RunMemoryLimit {
				must(fmt.Errorf("%s: %s", r.Verdict, r.Detail))
			}
			f.Peak[bomb] = max(f.Peak[bomb], float64(r.PeakRSS)/float64(boundedBy(bomb).Memory))
		}
	}
	for range n {
		r := run(hallmark.Tier(tier), order{Bomb: "sleep"}, boundedBy("sleep"))
		if r.Verdict != hallmark.RunWallLimit {
			must(fmt.Errorf("%s: %s", r.Verdict, r.Detail))
		}
		f.Late = append(f.Late, float64(r.WallMS)-ms(boundedBy("sleep").Wall))
		f.Reap = append(f.Reap, ms(reapTime(tier)))
	}
	must(json.NewEncoder(os.Stdout).Encode(f))
}

// reaps kills guests one after the other and prints how long it takes until nothing of one is left.
func reaps(tier string, n int) {
	took := make([]float64, n)
	for i := range took {
		took[i] = ms(reapTime(tier))
	}
	slices.Sort(took)
	fmt.Printf("kill to reap of %d guests, %s: p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, most %.2f ms\n", n, tier, took[n/2], took[n*9/10], took[n*99/100], took[n-1])
}
