package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

type gateFlags struct {
	policy, profile, seed string
	suite, tier           string
	junit, sarif, summary string
	report, html          string
	previous, backend     string
	budget, threads       int
	wall                  time.Duration
	memory                int64
	runner                runnerFlags
}

func (a *app) gateCmd() *cobra.Command {
	var f gateFlags
	cmd := &cobra.Command{
		Use:   "gate MODEL [-- PROGRAM ARG...]",
		Short: "Scan and test a model on this host, without a server; the exit code is the verdict",
		Long: `Gate runs what the server runs before it serves a model: fingerprint, static scan and test suite in the jail, then the policy.
It judges the model alone; a policy's demands on lineage are left to the server. Nothing in the checkout is read but the model
and the files named by flags.

With a command after --, that program runs the model instead of the built-in engine. It has to serve the OpenAI-compatible API
at 127.0.0.1:{port}, and finds the model at {model}. It runs in a jail of its own: it reads the system's libraries, itself
and what --bind names, writes a scratch directory in memory, has no network, and its limits are over all its processes.
With --endpoint, the model is tested behind a URL; what it is is then the endpoint's word, which a policy has to accept with
minTierGate: remote. Detectors that look inside a model are not assessable with either. See docs/runners.md.`,
		Args: args(func(cmd *cobra.Command, list []string) error {
			paths, err := f.runner.take(cmd, list)
			if err != nil || f.runner.endpoint != "" && len(paths) == 0 {
				return err
			}
			return cobra.ExactArgs(1)(cmd, paths)
		}),
		RunE: func(cmd *cobra.Command, list []string) error {
			paths, err := f.runner.take(cmd, list)
			if err != nil {
				return err
			}
			result, err := a.gate(cmd.Context(), f, strings.Join(paths, ""))
			if err != nil {
				return err
			}
			if err := f.write(result); err != nil {
				return err
			}
			if err := a.print(result, result.writeTable); err != nil {
				return err
			}
			err = withNext(verdictError(result.Verdict), result.next)
			if errors.Is(err, hallmark.ErrRefused) {
				err = hallmark.WithHint(err, "the reasons are above; all failing cases with their texts: --output json or --html FILE")
			}
			return err
		},
	}
	cmd.Flags().StringVar(&f.policy, "policy", "default", "policy: default, demo, or a file")
	cmd.Flags().StringVar(&f.profile, "profile", "chat", "what the model is for: chat or completion")
	cmd.Flags().StringVar(&f.seed, "seed", "", "seed of the run (default: derived from the model and the name of the suite)")
	cmd.Flags().StringVar(&f.suite, "suite", "", "test suite: a name of 'hallmark suite list', or a file (default: the policy's, or the pack that fits the model's context)")
	cmd.Flags().StringVar(&f.tier, "tier", "full", "how much is run: full, or quick for what generates no text, which can block and never allows")
	cmd.Flags().StringVar(&f.junit, "junit", "", "write JUnit XML to this file")
	cmd.Flags().StringVar(&f.sarif, "sarif", "", "write SARIF 2.1.0 to this file")
	cmd.Flags().StringVar(&f.summary, "summary", "", "append a Markdown summary to this file")
	cmd.Flags().StringVar(&f.report, "report", "", "write the report's canonical JSON, whose SHA-256 is its digest, to this file")
	cmd.Flags().StringVar(&f.html, "html", "", "write a self-contained HTML page to this file")
	cmd.Flags().IntVar(&f.budget, "budget", 0, "tokens that cases may cost: some are chosen, which can block and never allows (default: all cases)")
	cmd.Flags().StringVar(&f.previous, "previous", "", "report of the version before: the same seed, its failures first under a budget, compared with it otherwise")
	cmd.Flags().IntVar(&f.threads, "threads", defaultThreads(), "threads to compute with; the verdict does not depend on it")
	cmd.Flags().DurationVar(&f.wall, "wall", 30*time.Minute, "longest time of the run")
	cmd.Flags().Int64Var(&f.memory, "memory", 1<<30, "memory of the jailed process in bytes, beside the model's size")
	cmd.Flags().StringVar(&f.backend, "backend", "", backendUsage)
	f.runner.add(cmd)
	return cmd
}

func (a *app) gate(ctx context.Context, f gateFlags, path string) (gateResult, error) {
	result := gateResult{Path: repoRelative(path)}
	p, err := loadPolicy(f.policy)
	if err != nil {
		return result, err
	}
	options, err := f.options()
	if err != nil {
		return result, err
	}
	if name := cmp.Or(f.suite, p.Suite(f.profile)); name != "" {
		if options.suite, err = loadSuite(name); err != nil { //nolint:contextcheck // a judge is a pure function with a limit of its own
			return result, err
		}
	}
	if options.tier != probe.TierQuick && options.tier != probe.TierFull {
		return result, fmt.Errorf("tier %q: want quick or full: %w", f.tier, errUsage)
	}
	if f.threads < 1 || f.budget < 0 || f.wall <= 0 || f.memory < 64<<20 {
		return result, fmt.Errorf("threads, budget, wall or memory is out of range: %w", errUsage)
	}
	if err := errors.Join(f.runner.check(a), f.checkOutputs()); err != nil {
		return result, err
	}
	if err := f.checkBackend(); err != nil {
		return result, err
	}
	if _, err := os.Lstat(path); err != nil && path != "" {
		return result, notThere(path, err)
	}
	j, err := openJail(ctx, serverConfig{Threads: f.threads, RunWall: f.wall, RunMemory: f.memory, Backend: f.backend}, a.guest)
	if err != nil {
		return result, err
	}
	g := gateRun{app: a, jail: j, policy: p, flags: f, options: options}
	return g.run(ctx, path, result)
}

func (f gateFlags) checkBackend() error {
	if f.backend != "" && (len(f.runner.command) > 0 || f.runner.endpoint != "") {
		return fmt.Errorf("--backend is for the built-in engine, not for a program after -- or --endpoint: %w", errUsage)
	}
	if err := checkBackend(f.backend); err != nil {
		return fmt.Errorf("%w: %w", err, errUsage)
	}
	return nil
}

// options reads what the flags say of the run.
func (f gateFlags) options() (testOptions, error) {
	o, seed := testOptions{tier: probe.Tier(f.tier), budget: f.budget}, f.seed
	if f.previous != "" {
		r, err := previousReport(f.previous)
		if err != nil {
			return o, err
		}
		o.previous = outcomesOf(r)
		if seed == "" {
			seed = r.Seed
		}
	}
	if seed == "" {
		return o, nil
	}
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return o, fmt.Errorf("seed %.30q: want a whole number of 64 bits: %w", seed, errUsage)
	}
	o.seed = &n
	return o, nil
}

// previousReport reads the file of the version before.
func previousReport(path string) (hallmark.Report, error) {
	raw, err := readAtMost(path, maxReportFile)
	if err != nil {
		return hallmark.Report{}, fmt.Errorf("report of the version before: %w", err)
	}
	r, err := reportOf(path, raw)
	return r.Report, err
}

// outcomesOf are those of all cases that a run asked.
func outcomesOf(r hallmark.Report) []hallmark.CaseResult {
	if r.Selection == nil {
		return r.Cases
	}
	return slices.Concat(r.Cases, r.Selection.Hunted)
}

// A gateRun is one run of the gate.
type gateRun struct {
	app     *app
	jail    *jail
	policy  *policy.Policy
	flags   gateFlags
	options testOptions
}

func (g gateRun) run(ctx context.Context, path string, result gateResult) (gateResult, error) {
	target, scan, err := g.static(ctx, path, &result)
	if err != nil {
		return result, err
	}
	fp := result.Fingerprint
	parts := progressParts{app: g.app}
	test, err := g.test(ctx, parts.follow(pipeline.TestRequest{Target: target, Profile: g.flags.profile, Scan: scan}))
	parts.close()
	if err != nil {
		return g.untested(result, scan, err)
	}
	raw, err := hallmark.CanonicalJSON(test.Report)
	if err != nil {
		return result, err
	}
	result.Report, result.ReportDigest, result.Record, result.Evidence = test.Report, hallmark.DigestOf(raw), test.Record, test.Cases
	result.Record.Report = result.ReportDigest
	result.Verdict = g.policy.Decide(policy.Evidence{
		Model: fp.Digest, Fingerprint: fp, Report: &result.Report, ReportCID: result.ReportDigest.String(), Run: test.Record.Verdict, Tier: test.Record.Tier, ModelOnly: true,
	})
	return result, nil
}

// static is what can be said of the model's file. A model of an endpoint without a file has a digest of its address and
// name, and no scan.
func (g gateRun) static(ctx context.Context, path string, result *gateResult) (pipeline.Target, hallmark.Scan, error) {
	if path == "" {
		result.Path = g.flags.runner.endpoint
		result.Fingerprint = g.flags.runner.declared()
		a := hallmark.Artifact{Digest: result.Fingerprint.Digest, Kind: hallmark.KindModel, Name: result.Fingerprint.Name}
		return pipeline.Target{Artifact: a, MinTier: g.policy.MinTierGate()}, hallmark.Scan{}, nil
	}
	bar := g.app.progress("hash")
	fp, err := g.jail.fingerprintOf(ctx, hallmark.Artifact{Path: path, Kind: hallmark.KindModel}, g.policy.MinTierGate(), bar.set)
	bar.done()
	if err != nil {
		return pipeline.Target{}, hallmark.Scan{}, err
	}
	result.Fingerprint = fp
	artifact := hallmark.Artifact{Digest: fp.Digest, Kind: hallmark.KindModel, Name: fp.Name, Dir: fp.Dir, Size: fp.Size, Path: path, CID: fp.CID}
	target := pipeline.Target{Artifact: artifact, MinTier: g.policy.MinTierGate()}
	scan, err := g.jail.Scan(ctx, target)
	return target, scan, err
}

// test runs the suite on the model, wherever the flags say that it runs.
func (g gateRun) test(ctx context.Context, r pipeline.TestRequest) (pipeline.TestResult, error) {
	switch {
	case len(g.flags.runner.command) > 0:
		result, err := g.testProgram(ctx, r)
		return result, withNext(err, programNext)
	case g.flags.runner.endpoint != "":
		result, err := g.testEndpoint(ctx, r)
		return result, withNext(err, endpointNext)
	default:
		return g.jail.test(ctx, r, g.options)
	}
}

func (g gateRun) testProgram(ctx context.Context, r pipeline.TestRequest) (pipeline.TestResult, error) {
	m, err := g.openProgram(ctx, r.Artifact)
	if err != nil {
		return pipeline.TestResult{}, err
	}
	return runSuite(ctx, m, r, g.options)
}

func (g gateRun) testEndpoint(ctx context.Context, r pipeline.TestRequest) (pipeline.TestResult, error) {
	limit := fmt.Errorf("the run takes longer than --wall %v: %w", g.flags.wall, hallmark.ErrUndecided)
	ctx, stop := context.WithTimeoutCause(ctx, g.flags.wall, limit) // what a jail does for the others
	defer stop()
	m, err := g.openEndpoint()
	if err != nil {
		return pipeline.TestResult{}, err
	}
	return runSuite(ctx, m, r, g.options)
}

// untested is a model that could not be run. If the scan says why (a file that cannot be parsed, say), that is a block
// with the scan's findings; otherwise err stands.
func (g gateRun) untested(result gateResult, scan hallmark.Scan, err error) (gateResult, error) {
	var run *sandbox.RunError
	invalid := errors.Is(err, hallmark.ErrInvalid) || (errors.As(err, &run) && run.Verdict == hallmark.RunInvalidInput)
	if !invalid {
		return result, err
	}
	result.Verdict = hallmark.Verdict{Decision: hallmark.Block, Policy: g.policy.Name(), PolicyHash: g.policy.Digest()}
	for _, f := range scan.Findings {
		result.Verdict.Reasons = append(result.Verdict.Reasons, hallmark.Reason{Rule: f.Rule, Decision: hallmark.Block, Detector: f.Detector, Message: f.Message, Evidence: result.Fingerprint.Digest.String()})
	}
	if len(scan.Findings) == 0 {
		result.Verdict.Reasons = []hallmark.Reason{{Rule: "not-runnable", Decision: hallmark.Block, Message: err.Error(), Evidence: result.Fingerprint.Digest.String()}}
	}
	result.Report.Findings = scan.Findings
	return result, nil
}

// checkOutputs refuses files that cannot be written before the run that would fill them, whose result would be lost.
func (f gateFlags) checkOutputs() error {
	var errs []error
	for _, path := range []string{f.junit, f.sarif, f.summary, f.report, f.html} {
		if path == "" {
			continue
		}
		dir, err := os.Stat(filepath.Dir(path))
		if err == nil && !dir.IsDir() {
			err = fmt.Errorf("%s is no directory", filepath.Dir(path))
		}
		if at, there := os.Stat(path); there == nil && at.IsDir() {
			err = fmt.Errorf("%s is a directory", path)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("output file: %w: %w", err, errUsage))
		}
	}
	return errors.Join(errs...)
}

// write writes the files that the flags ask for.
func (f gateFlags) write(g gateResult) error {
	for _, out := range []struct {
		path  string
		flags int
		write func(io.Writer) error
	}{
		{f.junit, os.O_TRUNC, g.writeJUnit},
		{f.sarif, os.O_TRUNC, g.writeSARIF},
		{f.summary, os.O_APPEND, g.writeSummary},
		{f.report, os.O_TRUNC, g.writeReport},
		{f.html, os.O_TRUNC, g.writeHTML},
	} {
		if out.path == "" {
			continue
		}
		if err := writeOutput(out.path, out.flags, out.write); err != nil {
			return err
		}
	}
	return nil
}

// writeOutput writes a file that a flag names. flags say what becomes of one that is there.
func writeOutput(path string, flags int, write func(io.Writer) error) error {
	file, err := os.OpenFile(filepath.Clean(path), os.O_CREATE|os.O_WRONLY|flags, 0o644) //nolint:gosec // other steps of the job read it
	if err != nil {
		return fmt.Errorf("output file: %w: %w", err, errUsage)
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return fmt.Errorf("output file %s: %w", path, err)
	}
	return nil
}
