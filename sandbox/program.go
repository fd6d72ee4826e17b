package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/sandbox/jail"
	"github.com/hallmark-ml/hallmark/sandbox/openai"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
)

// What stands for the model's file and the port to listen on in a program's command.
const (
	PlaceModel = "{model}"
	PlacePort  = "{port}"

	// programPort is any port: the program has its loopback to itself.
	programPort = 8080
)

// ProgramConfig says how to run a model in a program that speaks the OpenAI-compatible API.
type ProgramConfig struct {
	// Guest is the program that builds the jail. The caller keeps it, longer than the session. Required.
	Guest *Guest
	// Command is the program, an absolute path, and its arguments. {model} stands for the path of the model's file and {port}
	// for the port to listen on, at 127.0.0.1. Required.
	Command []string
	// Env, Binds, Limits and Scratch are as in [jail.ProgramSpec]. Optional.
	Env, Binds []string
	Limits     Limits
	Scratch    int64
	// Model is the model's name in requests. Optional; servers of one model do not ask for it.
	Model string
	// FileName is what the model's file is called, without a directory. Required.
	FileName string
}

// A ProgramSession is one model file in a program of somebody else, in a jail. It is a [probe.Model] that answers what the
// API can answer. A program that ends, reaches a limit or does not speak the API is gone, and every later question
// fails with the same [*RunError].
type ProgramSession struct {
	*openai.Client
	program *jail.Program
	files   []*os.File
	digest  hallmark.Digest // of the model
	started time.Time
	record  hallmark.RunRecord
}

var _ probe.Model = (*ProgramSession)(nil)

// readyInterval is how often a program that does not listen yet, or is loading its model, is asked again.
const readyInterval = 50 * time.Millisecond

// OpenProgram starts a program on a model and waits until it answers. The program gets a copy of exactly the bytes that the
// session's digest is of. A host without all namespaces gives hallmark.ErrUnsandboxed, with a hint.
func OpenProgram(ctx context.Context, model *Sealed, cfg ProgramConfig) (*ProgramSession, error) {
	s := &ProgramSession{started: time.Now()}
	err := s.open(ctx, model, cfg)
	if err == nil {
		err = s.ready(ctx)
	}
	if err == nil {
		return s, nil
	}
	if s.program != nil {
		exit := s.program.Stop()
		if verdictOf(err) == hallmark.RunCrash { // what it is given, or its own arguments: that says nothing of the model's answers
			err = fmt.Errorf("%s before it answered: %w", exit.Detail, hallmark.ErrUndecided)
		}
		if exit.Log != "" {
			err = fmt.Errorf("%w; the program says: %s", err, hallmark.CleanText(exit.Log, 500))
		}
	}
	s.close()
	return nil, fmt.Errorf("open a program's sandbox: %w", err)
}

func (s *ProgramSession) open(ctx context.Context, model *Sealed, cfg ProgramConfig) error {
	if cfg.Guest == nil || len(cfg.Command) == 0 {
		return fmt.Errorf("no guest program or no command: %w", hallmark.ErrInvalid)
	}
	sealed, err := model.again()
	if err != nil {
		return err
	}
	s.digest, s.files = model.digest, append(s.files, sealed)
	run := &hallmark.ProgramRun{Command: slices.Clone(cfg.Command), Binds: cfg.Binds, Evidence: "supervised", Model: cfg.Model}
	if run.Digest, err = programDigest(ctx, cfg.Command[0]); err != nil {
		return err
	}
	s.program, err = jail.StartProgram(ctx, jail.ProgramSpec{
		Init: cfg.Guest.file, Args: command(cfg), Env: cfg.Env, Port: programPort, Binds: cfg.Binds,
		Models: []jail.ProgramModel{{Name: cfg.FileName, File: sealed}}, Limits: cfg.Limits, Scratch: cfg.Scratch,
	})
	if err != nil {
		return err
	}
	s.record = hallmark.RunRecord{
		Verdict: hallmark.RunOK, Tier: hallmark.TierProgram, Layers: s.program.Layers(), FilterSHA256: jail.ProgramFilterDigest(), Kernel: jail.Kernel(),
		Guest: cfg.Guest.digest, Program: run, Limits: s.program.Limits(), Started: s.started.UTC(),
	}
	dial := func(ctx context.Context) (net.Conn, error) { return s.program.Dial(ctx) }
	s.Client, err = openai.New(openai.Config{
		BaseURL: "http://127.0.0.1:" + strconv.Itoa(programPort) + "/v1", Model: cfg.Model, Dial: dial, Timeout: cfg.Limits.Wall,
	})
	return err
}

// ProbeProgram starts a program that ends by itself in the jail of programs. A host that cannot make that gives
// hallmark.ErrUnsandboxed, with a hint.
func ProbeProgram(ctx context.Context, guest *Guest, path string) TierOffer {
	p, err := jail.StartProgram(ctx, jail.ProgramSpec{Init: guest.file, Args: []string{path}, Port: programPort})
	if err != nil {
		return TierOffer{Tier: hallmark.TierProgram, Err: fmt.Errorf("probe the jail of programs: %w", err)}
	}
	p.Stop() // how it ended says nothing of the jail
	return TierOffer{Tier: hallmark.TierProgram, Layers: p.Layers()}
}

// command fills in the model's path and the port.
func command(cfg ProgramConfig) []string {
	fill := strings.NewReplacer(PlaceModel, jail.ProgramModelDir+"/"+cfg.FileName, PlacePort, strconv.Itoa(programPort))
	args := make([]string, len(cfg.Command))
	for i, a := range cfg.Command {
		args[i] = fill.Replace(a)
	}
	return args
}

// programDigest is the SHA-256 of the program's own file.
func programDigest(ctx context.Context, path string) (hallmark.Digest, error) {
	f, err := SealFile(ctx, path)
	if err != nil {
		return hallmark.Digest{}, err
	}
	return f.digest, f.Close()
}

// ready waits until the program answers that it is there: that it listens, and has loaded its model.
func (s *ProgramSession) ready(ctx context.Context) error {
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	for {
		conn, err := s.program.Dial(ctx)
		if err == nil {
			if err = conn.Close(); err == nil {
				_, err = s.Info(ctx)
			}
		}
		switch {
		case err == nil:
			return nil
		case gone(err), !errors.Is(err, hallmark.ErrUnavailable) && !errors.Is(err, syscall.ECONNREFUSED):
			return err
		}
		select {
		case <-ticker.C:
		case <-s.program.Done():
			return s.program.Wait().Err()
		case <-ctx.Done():
			return fmt.Errorf("wait for the program: %w", errors.Join(ctx.Err(), hallmark.ErrUndecided))
		}
	}
}

// Digest is the SHA-256 of the model's bytes as the program was given them.
func (s *ProgramSession) Digest() hallmark.Digest { return s.digest }

// Info implements [probe.Model].
func (s *ProgramSession) Info(ctx context.Context) (probe.Info, error) {
	info, err := s.Client.Info(ctx)
	return info, s.judge(ctx, err)
}

// Generate implements [probe.Model].
func (s *ProgramSession) Generate(ctx context.Context, req probe.GenerateRequest) (probe.Completion, error) {
	c, err := s.Client.Generate(ctx, req)
	return c, s.judge(ctx, err)
}

// judge says what an error of the adapter means of a program in a jail: one that does not speak the API ends it, and one
// whose end cut the connection has the verdict of that end.
func (s *ProgramSession) judge(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if bad, ok := errors.AsType[*openai.ReplyError](err); ok {
		s.program.Kill(hallmark.RunProtocolError, bad.Detail)
		return s.program.Wait().Err()
	}
	if gone(err) || !errors.Is(err, hallmark.ErrUnavailable) {
		return err
	}
	timer := time.NewTimer(cutTime)
	defer timer.Stop()
	select {
	case <-s.program.Done():
		return s.program.Wait().Err()
	case <-timer.C:
	case <-ctx.Done():
	}
	return err
}

// cutTime is how long the end of a program may be known later than the end of its connections.
const cutTime = 250 * time.Millisecond

// Close ends the program and everything that it started, and returns how the run went; the record's Report is empty.
func (s *ProgramSession) Close() hallmark.RunRecord {
	exit := s.program.Stop()
	s.record.Verdict, s.record.Detail = exit.Verdict, hallmark.CleanText(exit.Detail, maxWhy)
	s.record.PeakRSS, s.record.CPU, s.record.Wall = exit.Usage.PeakRSS, exit.Usage.CPU, time.Since(s.started)
	s.close()
	return s.record
}

func (s *ProgramSession) close() {
	if s.Client != nil {
		s.Client.Close()
	}
	for _, f := range s.files {
		_ = f.Close() // read-only memory: nothing is lost
	}
	s.files = nil
}
