package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/openai"
)

// endpointKey is the environment variable of the endpoint's API key, which is no flag since flags show in process lists.
const endpointKey = "HALLMARK_ENDPOINT_KEY"

// runnerFlags say what runs the model instead of the built-in engine.
type runnerFlags struct {
	command         []string // after --
	binds, env      []string
	endpoint, model string
	scratch         int64
	key             string // from the environment
}

func (f *runnerFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.binds, "bind", nil, "directory or file that the program after -- may read and run; may be repeated")
	cmd.Flags().StringArrayVar(&f.env, "env", nil, "NAME=VALUE of the program's environment, which has nothing of this one; may be repeated")
	cmd.Flags().Int64Var(&f.scratch, "scratch", 64<<20, "size of the program's /tmp in bytes, in memory")
	cmd.Flags().StringVar(&f.endpoint, "endpoint", "", "URL of an OpenAI-compatible API, up to /v1, to test the model behind it; its key is in "+endpointKey)
	cmd.Flags().StringVar(&f.model, "model", "", "the model's name in requests to the program or endpoint")
}

// take separates the paths from the program's command.
func (f *runnerFlags) take(cmd *cobra.Command, list []string) (paths []string, err error) {
	paths, f.command = list, nil
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		paths, f.command = list[:at], list[at:]
		if len(f.command) == 0 {
			return nil, errors.New("no program after --")
		}
	}
	return paths, nil
}

// check completes the flags and refuses what does not go together.
func (f *runnerFlags) check(a *app) error {
	program := len(f.command) > 0
	switch {
	case program && f.endpoint != "":
		return fmt.Errorf("a program after -- and --endpoint exclude each other: %w", errUsage)
	case f.endpoint != "" && f.model == "":
		return fmt.Errorf("--endpoint needs --model, the model's name there: %w", errUsage)
	case !program && len(f.binds)+len(f.env) > 0:
		return fmt.Errorf("--bind and --env are for a program after --: %w", errUsage)
	case f.scratch < 1<<20:
		return fmt.Errorf("scratch of %d bytes is less than a megabyte: %w", f.scratch, errUsage)
	}
	f.key = a.getenv(endpointKey)
	for _, e := range f.env {
		if !strings.Contains(e, "=") {
			return fmt.Errorf("--env %s: want NAME=VALUE: %w", e, errUsage)
		}
	}
	for i, b := range f.binds {
		abs, err := filepath.Abs(b)
		if err != nil {
			return fmt.Errorf("--bind %s: %w: %w", b, err, errUsage)
		}
		f.binds[i] = abs
	}
	if !program {
		return nil
	}
	path, err := exec.LookPath(f.command[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return fmt.Errorf("program: %w: %w", err, errUsage)
	}
	f.command = slices.Concat([]string{path}, f.command[1:])
	return nil
}

// declared is all that is known of a model behind an endpoint: where it is said to be, and its name there.
func (f *runnerFlags) declared() hallmark.Fingerprint {
	return hallmark.Fingerprint{Name: hallmark.CleanText(f.model, 200), Kind: hallmark.KindModel, Digest: hallmark.DigestOf([]byte("hallmark.endpoint\x00" + f.endpoint + "\x00" + f.model))}
}

// openProgram starts the program in its jail on the model's file.
func (g gateRun) openProgram(ctx context.Context, a hallmark.Artifact) (*sandbox.ProgramSession, error) {
	f, err := sealArtifact(ctx, a)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the session has its own descriptor
	name := "model" + filepath.Ext(a.Path)
	if a.Dir {
		name = "model.gguf"
	}
	r := g.flags.runner
	s, err := sandbox.OpenProgram(ctx, f, sandbox.ProgramConfig{
		Guest: g.jail.guest, Command: r.command, Env: r.env, Binds: r.binds, Scratch: r.scratch, Model: r.model, FileName: name,
		Limits: sandbox.Limits{Wall: g.flags.wall, CPU: g.flags.wall * time.Duration(runtime.NumCPU()), Memory: g.flags.memory},
	})
	if errors.Is(err, hallmark.ErrInvalid) { // of the command, since nothing here reads the model
		return nil, fmt.Errorf("%s: %w", err.Error(), errUsage)
	}
	return s, err
}

// endpointModel is a model behind a URL.
type endpointModel struct {
	*openai.Client
	record hallmark.RunRecord
}

func (g gateRun) openEndpoint() (endpointModel, error) {
	r := g.flags.runner
	c, err := openai.New(openai.Config{BaseURL: r.endpoint, Model: r.model, Key: r.key, Timeout: g.flags.wall})
	if err != nil {
		return endpointModel{}, fmt.Errorf("%s: %w", err.Error(), errUsage)
	}
	return endpointModel{c, hallmark.RunRecord{
		Verdict: hallmark.RunOK, Tier: hallmark.TierRemote, Layers: []string{}, Limits: map[string]string{"wall": g.flags.wall.String()}, Started: time.Now().UTC(),
		Program: &hallmark.ProgramRun{Command: []string{}, Evidence: "declared", Endpoint: r.endpoint, Model: r.model},
	}}, nil
}

// Close tells how the run went: an endpoint that did not answer had ended it before.
func (m endpointModel) Close() hallmark.RunRecord {
	m.Client.Close()
	m.record.Wall = time.Since(m.record.Started)
	return m.record
}
