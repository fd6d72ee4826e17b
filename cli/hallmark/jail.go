package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	filescan "github.com/hallmark-ml/hallmark/sandbox/scan"
	"github.com/hallmark-ml/hallmark/server/gateway"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// A jail opens jailed guests on artifacts, for everything that has to look inside of one.
type jail struct {
	guest   *sandbox.Guest
	threads int
	wall    time.Duration
	memory  int64 // bytes beside the model file's own
	backend hallmark.Tier
}

// mostThreads is how many threads compute by default, at most: the jail has room for 64 of all kinds.
const mostThreads = 16

// defaultThreads is how many threads compute unless a flag says otherwise.
func defaultThreads() int { return min(runtime.NumCPU(), mostThreads) }

// sealGuest seals the guest of this binary, for as long as the process lives.
func sealGuest(ctx context.Context, program func() ([]byte, error)) (*sandbox.Guest, error) {
	b, err := program()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, hallmark.ErrUnsandboxed)
	}
	guest, err := sandbox.SealGuest(ctx, b)
	if err != nil && ctx.Err() == nil { // there is no memory file, or no /proc to open it by
		err = fmt.Errorf("%w: %w", err, hallmark.ErrUnsandboxed)
	}
	return guest, err
}

func openJail(ctx context.Context, cfg serverConfig, program func() ([]byte, error)) (*jail, error) {
	guest, err := sealGuest(ctx, program)
	if err != nil {
		return nil, err
	}
	return &jail{guest: guest, threads: cfg.Threads, wall: cfg.RunWall, memory: cfg.RunMemory, backend: hallmark.Tier(cfg.Backend)}, nil
}

// open starts a guest on a file.
func (j *jail) open(ctx context.Context, f *sandbox.Sealed, least hallmark.Tier, wall time.Duration) (*sandbox.Session, error) {
	return sandbox.Open(ctx, f, sandbox.Config{
		Guest: j.guest, MinTier: least, Backend: j.backend, Threads: j.threads, Limits: sandbox.Limits{Wall: wall, CPU: wall * time.Duration(j.threads), Memory: j.memory},
	})
}

// scanWall bounds the scan of one file, which gets a second more for each scanRate bytes.
const (
	scanWall = 2 * time.Minute
	scanRate = 16 << 20
)

// scanFile asks a jailed guest what one file holds.
func (j *jail) scanFile(ctx context.Context, f *os.File, name string, least hallmark.Tier) (sandbox.ScanReport, hallmark.Digest, error) {
	info, err := f.Stat()
	if err != nil {
		return sandbox.ScanReport{}, hallmark.Digest{}, fmt.Errorf("scan %s: %w", name, err)
	}
	sealed, err := sandbox.Seal(ctx, f)
	if err != nil {
		return sandbox.ScanReport{}, hallmark.Digest{}, fmt.Errorf("scan %s: %w", name, err)
	}
	defer sealed.Close() // the session has its own descriptor
	s, err := j.open(ctx, sealed, least, scanWall+time.Duration(info.Size()/scanRate)*time.Second)
	if err != nil {
		return sandbox.ScanReport{}, hallmark.Digest{}, err
	}
	report, err := s.Scan(ctx, name)
	record := s.Close()
	if err == nil && record.Verdict != hallmark.RunOK && record.Verdict != hallmark.RunFinding && record.Verdict != hallmark.RunInvalidInput {
		err = fmt.Errorf("scan of %s: %w", name, &sandbox.RunError{Verdict: record.Verdict, Detail: record.Detail})
	}
	return report, s.Digest(), err
}

// fingerprintOf computes a fingerprint; a model's tensors are hashed where the guest says that they lie.
func (j *jail) fingerprintOf(ctx context.Context, a hallmark.Artifact, least hallmark.Tier, progress func(done, total int64)) (hallmark.Fingerprint, error) {
	opt := fingerprint.Options{Kind: a.Kind, Name: a.Name, Progress: progress}
	if a.Kind == hallmark.KindModel || a.Kind == hallmark.KindAdapter {
		opt.Tensors = func(ctx context.Context, rel string, f *os.File, _ int64) ([]hallmark.TensorRange, error) {
			report, _, err := j.scanFile(ctx, f, rel, least)
			return report.Tensors, err
		}
	}
	return fingerprint.Compute(ctx, a.Path, opt)
}

// Fingerprint implements pipeline.Fingerprinter.
func (j *jail) Fingerprint(ctx context.Context, a hallmark.Artifact, progress func(done, total int64)) (hallmark.Fingerprint, error) {
	return j.fingerprintOf(ctx, a, hallmark.TierFull, progress)
}

// Scan implements pipeline.Sandbox: every file of the artifact is scanned in a jail of its own.
func (j *jail) Scan(ctx context.Context, t pipeline.Target) (hallmark.Scan, error) {
	return j.scan(ctx, t.Artifact, t.MinTier)
}

func (j *jail) scan(ctx context.Context, a hallmark.Artifact, least hallmark.Tier) (hallmark.Scan, error) {
	scan := hallmark.Scan{Findings: []hallmark.Finding{}}
	sizes, needs := map[string]int64{}, map[string]map[string]string{}
	err := fingerprint.Walk(ctx, a.Path, fingerprint.WalkOptions{}, func(rel string, f *os.File, size int64) error {
		name := rel
		if name == "" {
			name = a.Name
		}
		report, digest, err := j.scanFile(ctx, f, name, least)
		if err != nil {
			return err
		}
		if rel == "" && digest != a.Digest {
			return &hallmark.DigestMismatchError{What: a.Name, Want: a.Digest, Got: digest}
		}
		scan.Format = report.Format
		scan.Findings = append(scan.Findings, report.Findings...)
		sizes[rel], needs[rel] = size, report.Metadata
		return nil
	})
	if !a.Dir {
		return scan, err
	}
	scan.Format = "directory"
	for _, rel := range slices.Sorted(maps.Keys(needs)) {
		scan.Findings = append(scan.Findings, filescan.External(needs[rel], func(location string) (int64, bool) {
			size, ok := sizes[path.Join(path.Dir(rel), location)]
			return size, ok
		})...)
	}
	return scan, err
}

// Plan implements pipeline.Sandbox.
func (j *jail) Plan(ctx context.Context, r pipeline.TestRequest) (hallmark.RunPlan, error) {
	suite, err := j.suite(ctx, r)
	if err != nil {
		return hallmark.RunPlan{}, err
	}
	o, err := (testOptions{}).after(r, suite)
	if err != nil {
		return hallmark.RunPlan{}, err
	}
	plan := sandbox.Plan{ModelDigest: r.Artifact.Digest, Suite: suite, Profile: r.Profile, Seed: o.seed, Previous: o.previous}
	return sandbox.Commit(plan, model.Version, true)
}

// Test implements pipeline.Sandbox.
func (j *jail) Test(ctx context.Context, r pipeline.TestRequest) (pipeline.TestResult, error) {
	return j.test(ctx, r, testOptions{tier: probe.TierFull})
}

// suite is the suite of a request; the model is looked into only where the policy names none.
func (j *jail) suite(ctx context.Context, r pipeline.TestRequest) (*probe.Suite, error) {
	if r.Suite != "" {
		return suiteFor(ctx, nil, r)
	}
	f, err := sealArtifact(ctx, r.Artifact)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read-only memory
	s, err := j.open(ctx, f, r.MinTier, j.wall)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return suiteFor(ctx, s, r)
}

// suiteFor is the suite that the policy names, or the pack that fits the model.
func suiteFor(ctx context.Context, m probe.Model, r pipeline.TestRequest) (*probe.Suite, error) {
	name := r.Suite
	if name == "" {
		info, err := m.Info(ctx)
		if err != nil {
			return nil, err
		}
		name = probe.PackFor(r.Profile, info.Context)
	}
	return probe.Builtin(name) //nolint:contextcheck // a judge is a pure function with a limit of its own
}

// testOptions are what a gate may choose.
type testOptions struct {
	suite *probe.Suite // nil: as [suiteFor] finds
	tier  probe.Tier
	seed  *uint64 // nil: derived from model and suite

	budget   int                   // tokens; 0: all cases
	previous []hallmark.CaseResult // of the version before
}

// after adds the version before, if the request names one that was tested with the same suite for the same profile. The run
// then has its seed, so that both were asked the same.
func (o testOptions) after(r pipeline.TestRequest, suite *probe.Suite) (testOptions, error) {
	if r.Previous == nil || o.previous != nil {
		return o, nil
	}
	digest, err := suite.Digest()
	if err != nil || digest != r.Previous.SuiteHash || r.Previous.Profile != r.Profile {
		return o, err
	}
	seed, err := strconv.ParseUint(r.Previous.Seed, 10, 64)
	if err != nil {
		return o, fmt.Errorf("seed %.40q of the version before: %w: %w", r.Previous.Seed, err, hallmark.ErrInvalid)
	}
	o.seed, o.previous = &seed, r.Previous.Cases
	return o, nil
}

// test runs a suite.
func (j *jail) test(ctx context.Context, r pipeline.TestRequest, o testOptions) (pipeline.TestResult, error) {
	f, err := sealArtifact(ctx, r.Artifact)
	if err != nil {
		return pipeline.TestResult{}, err
	}
	defer f.Close() // read-only memory
	s, err := j.open(ctx, f, r.MinTier, j.wall)
	if err != nil {
		return pipeline.TestResult{}, err
	}
	return runSuite(ctx, s, r, o)
}

// testedModel is a model under test; closing it tells how it ran.
type testedModel interface {
	probe.Model
	Close() hallmark.RunRecord
}

// A tokenCounter tells what its answers took.
type tokenCounter interface {
	Tokens(ctx context.Context) (hallmark.TokenCount, error)
}

// runSuite tests a model, and closes it.
func runSuite(ctx context.Context, m testedModel, r pipeline.TestRequest, o testOptions) (pipeline.TestResult, error) {
	result, err := askSuite(ctx, m, r, o)
	var tokens *hallmark.TokenCount
	if c, counts := m.(tokenCounter); counts && err == nil {
		var n hallmark.TokenCount
		n, err = c.Tokens(ctx)
		tokens = &n
	}
	record := m.Close()
	record.Tokens = tokens
	if err != nil {
		return pipeline.TestResult{Record: record}, err
	}
	return pipeline.TestResult{Report: result.Report, Cases: result.Evidence, Record: record}, nil
}

func askSuite(ctx context.Context, m probe.Model, r pipeline.TestRequest, o testOptions) (sandbox.Result, error) {
	if o.suite == nil {
		var err error
		if o.suite, err = suiteFor(ctx, m, r); err != nil {
			return sandbox.Result{}, err
		}
	}
	o, err := o.after(r, o.suite)
	if err != nil {
		return sandbox.Result{}, err
	}
	plan := sandbox.Plan{
		Model: m, ModelDigest: r.Artifact.Digest, Suite: o.suite, Tier: o.tier, Seed: o.seed, Profile: r.Profile, Scan: r.Scan.Findings, Done: r.Done,
		Budget: o.budget, Previous: o.previous,
	}
	_, inside := m.(probe.WhiteBox)
	committed, err := sandbox.Commit(plan, model.Version, inside) // for the number of cases, which the engine does not change
	if err != nil {
		return sandbox.Result{}, err
	}
	done := len(r.Done)
	plan.OnControl = r.OnControl
	plan.OnCase = func(c hallmark.CaseEvidence) error {
		done++
		return r.OnCase(c, done, committed.Cases)
	}
	return sandbox.Run(ctx, plan)
}

// sealArtifact seals the model file of an artifact, which has to have the artifact's digest.
func sealArtifact(ctx context.Context, a hallmark.Artifact) (*sandbox.Sealed, error) {
	path, err := runnable(a)
	if err != nil {
		return nil, err
	}
	f, err := sandbox.SealFile(ctx, path)
	if err != nil {
		return nil, err
	}
	if !a.Dir && f.Digest() != a.Digest {
		return nil, errors.Join(&hallmark.DigestMismatchError{What: a.Name, Want: a.Digest, Got: f.Digest()}, f.Close())
	}
	return f, nil
}

// runnable returns the model file of an artifact: itself, or the one GGUF file of a directory.
func runnable(a hallmark.Artifact) (string, error) {
	if !a.Dir {
		return a.Path, nil
	}
	files, err := filepath.Glob(filepath.Join(a.Path, "*.gguf"))
	if err != nil || len(files) != 1 {
		return "", hallmark.WithHint(fmt.Errorf("directory %s holds %d GGUF files, want one that the engine can run: %w", a.Name, len(files), hallmark.ErrInvalid),
			"submit the GGUF file itself")
	}
	return files[0], nil
}

// loader opens models for serving.
type loader struct{ jail *jail }

// Load implements gateway.Loader: the bytes are copied into sealed memory, and their hash has to be the attested one.
//
//nolint:ireturn // the gateway declares the interface, and its fake returns another model
func (l loader) Load(ctx context.Context, a hallmark.Artifact, want hallmark.Digest) (gateway.Model, error) {
	if a.Dir {
		return nil, fmt.Errorf("serving a directory (%s): %w", a.Name, hallmark.ErrInvalid)
	}
	f, err := sandbox.SealFile(ctx, a.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the session has its own descriptor
	if f.Digest() != want {
		return nil, &hallmark.DigestMismatchError{What: a.Name, Want: want, Got: f.Digest()}
	}
	s, err := l.jail.open(ctx, f, hallmark.TierFull, 0)
	if err != nil {
		return nil, err
	}
	if _, err := s.Info(ctx); err != nil { // loads the weights before the first request comes
		s.Close()
		return nil, err
	}
	return servedModel{s}, nil
}

// servedModel answers the gateway's requests.
type servedModel struct{ session *sandbox.Session }

// Generate implements gateway.Model.
func (m servedModel) Generate(ctx context.Context, r gateway.Request, piece func(string)) (gateway.Completion, error) {
	req := probe.GenerateRequest{Prompt: r.Prompt, MaxTokens: r.MaxTokens, Temperature: r.Temperature, TopP: r.TopP, Seed: r.Seed, Stop: r.Stop, OnToken: piece}
	req.FrequencyPenalty, req.PresencePenalty, req.JSONSchema = r.FrequencyPenalty, r.PresencePenalty, r.JSONSchema
	for _, msg := range r.Messages {
		req.Messages = append(req.Messages, probe.Message{Role: msg.Role, Content: msg.Content})
	}
	c, err := m.session.Generate(ctx, req)
	// What the model cannot answer leaves it as it was; after any other error of a run its process is gone.
	if run, ok := errors.AsType[*sandbox.RunError](err); ok && run.Verdict != hallmark.RunInvalidInput {
		err = fmt.Errorf("%w: %w", err, hallmark.ErrUnavailable)
	}
	if err != nil {
		return gateway.Completion{}, err
	}
	return gateway.Completion{Text: c.Text, PromptTokens: c.PromptTokens, OutputTokens: c.OutputTokens, Finish: string(c.Finish)}, nil
}

// Close implements gateway.Model.
func (m servedModel) Close() error {
	m.session.Close()
	return nil
}
