package sandbox_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/wire"
)

// A line is a guest to talk to.
type line struct {
	w   io.Writer
	r   *wire.Reader
	pid int
	id  uint32
}

// cost is what an answer took, in seconds.
type cost struct{ wall, cpu float64 }

// score asks for the log-probabilities of a text.
func (l *line) score(t *testing.T, tokens []int32) (wire.Message, cost) { //nolint:ireturn // a closed sum
	t.Helper()
	l.id++
	started, used := time.Now(), processTime(t, l.pid)
	require.NoError(t, wire.Write(l.w, l.id, wire.LogProbs{Tokens: tokens}))
	_, m, err := l.r.Next()
	require.NoError(t, err)
	return m, cost{time.Since(started).Seconds(), (processTime(t, l.pid) - used).Seconds()}
}

// processTime is the processor time of all threads of a process.
// Source: the kernel's posix-timers.h, which makes a clock's id of a process's.
func processTime(t *testing.T, pid int) time.Duration {
	t.Helper()
	var ts unix.Timespec
	require.NoError(t, unix.ClockGettime(int32(^pid<<3|2), &ts))
	return time.Duration(ts.Nano())
}

// outside starts the guest's loop without a jail: the same program, with the same model and the same environment.
func outside(t *testing.T, program []byte, model *os.File, threads int) *line {
	t.Helper()
	path := filepath.Join(t.TempDir(), "either")
	require.NoError(t, os.WriteFile(path, program, 0o755))
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, "outside") // ended by the cleanup
	cmd.Env = []string{"GODEBUG=containermaxprocs=0", "GOMAXPROCS=" + strconv.Itoa(threads)}
	cmd.ExtraFiles = []*os.File{model}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
	return &line{w: in, r: wire.NewReplyReader(out, 1<<20), pid: cmd.Process.Pid}
}

// TestInferenceInsideAgainstOutside asks one program the same, in the full jail and without a jail, in turns. The answers are the
// same; what they took is printed. Each of many short pairs gives a ratio, and whichever is first in one is second in the next: what
// else the machine does meets both sides alike, and the median does not mind what meets one of them.
func TestInferenceInsideAgainstOutside(t *testing.T) {
	if !full() {
		t.Parallel()
	}
	threads := runtime.GOMAXPROCS(0) // what this process has
	either, err := compiled("./testdata/either")
	require.NoError(t, err)
	sealed, _, err := jail.SealProgram(t.Context(), bytes.NewReader(either))
	require.NoError(t, err)
	defer sealed.Close()
	model, _, err := jail.Seal(t.Context(), "model", bytes.NewReader(modelFile(t, "guarded-q8_0.gguf")))
	require.NoError(t, err)
	defer model.Close()
	p, err := jail.Start(t.Context(), jail.Spec{Program: sealed, Model: model, Tier: hallmark.TierFull, Threads: threads})
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Stop().Err()) }()
	in := &line{w: p, r: wire.NewReplyReader(p, 1<<20), pid: p.PID()}
	out := outside(t, either, model, threads)

	n := 3
	if full() {
		n = 500
	}
	var wall, cpu []float64 // of outside in inside
	for i := range n + 1 {
		p.ExpectReply()
		tokens := make([]int32, 128)
		for k := range tokens {
			tokens[k] = int32((i*7 + k*k) % 1000)
		}
		lines := []*line{in, out}
		if i%2 == 1 {
			slices.Reverse(lines)
		}
		answers, costs := map[*line]wire.Message{}, map[*line]cost{}
		for _, l := range lines {
			answers[l], costs[l] = l.score(t, tokens)
		}
		require.Equal(t, wire.TypeScores, answers[out].Type(), "%v", answers[out])
		require.Equal(t, answers[out], answers[in])
		if i > 0 { // the first loads the model
			wall, cpu = append(wall, costs[out].wall/costs[in].wall), append(cpu, costs[out].cpu/costs[in].cpu)
		}
	}
	t.Logf("speed inside against outside, %d pairs: by processor time %s, by the clock %s", n, spread(cpu), spread(wall))
}

// spread is the median of ratios, with the interval that holds the true one in 95 of 100 cases whatever the distribution: the values
// at the ranks n/2 -+ 1.96 sqrt(n)/2 of the binomial distribution.
func spread(ratios []float64) string {
	slices.Sort(ratios)
	n := float64(len(ratios))
	half := 1.96 * math.Sqrt(n) / 2
	low, high := max(0, int(n/2-half)), min(len(ratios)-1, int(math.Ceil(n/2+half)))
	return fmt.Sprintf("%.4f (95 %%: %.4f to %.4f)", ratios[len(ratios)/2], ratios[low], ratios[high])
}
