package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// answer is what a worker says to a command; fields that a command does not set are zero.
type answer struct {
	Wall    float64 `json:"wall"` // seconds
	CPU     float64 `json:"cpu"`
	Tokens  int     `json:"tokens"`
	Each    []int64 `json:"each,omitempty"` // nanoseconds of each token
	PeakKB  int64   `json:"peak_kb,omitempty"`
	Allocs  float64 `json:"allocs,omitempty"` // a token, of the engine
	Bytes   int64   `json:"bytes,omitempty"`  // weights that a token reads
	Ops     float64 `json:"ops,omitempty"`
	Backend string  `json:"backend,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// process is a worker: the engine's, which is this program, or llama.cpp's. Both know the same commands.
type process struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	started time.Time
	ready   answer // its first line
}

// ours starts a worker of the engine.
func ours(ctx context.Context, model string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return start(ctx, "engine", self, append([]string{"worker", "-model", model}, args...)...)
}

// theirs starts a worker of llama.cpp.
func (p *peer) theirs(ctx context.Context, model string, args ...string) (*process, error) {
	return start(ctx, "llama.cpp", filepath.Join(p.bin, "worker"), append([]string{"--model", model}, args...)...)
}

func start(ctx context.Context, name, path string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	w := &process{name: name, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20), started: time.Now()}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if w.ready, err = w.read(); err != nil {
		return nil, w.stop(err)
	}
	return w, nil
}

// ask sends a command and returns the answer.
func (w *process) ask(format string, args ...any) (answer, error) {
	line := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(w.in, line); err != nil {
		return answer{}, fmt.Errorf("%s: %s: %w", w.name, line, err)
	}
	a, err := w.read()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", w.name, line, err)
	}
	return a, err
}

func (w *process) read() (answer, error) {
	line, err := w.out.ReadString('\n')
	if err != nil {
		return answer{}, fmt.Errorf("it ended: %w", err)
	}
	var a answer
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		return answer{}, fmt.Errorf("answer %q: %w", strings.TrimSpace(line), err)
	}
	if a.Error != "" {
		return answer{}, fmt.Errorf("refused: %s", a.Error)
	}
	return a, nil
}

// stop ends the worker and returns err, if that is not nil, or what went wrong at the end.
func (w *process) stop(err error) error {
	_ = w.in.Close() // it ends when there are no more commands
	if waited := w.cmd.Wait(); err == nil && waited != nil {
		err = fmt.Errorf("%s: %w", w.name, waited)
	}
	return err
}
