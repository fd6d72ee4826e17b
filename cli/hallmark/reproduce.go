package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/model"
	"github.com/hallmark-ml/hallmark/sandbox"
	"github.com/hallmark-ml/hallmark/sandbox/openai"
	"github.com/hallmark-ml/hallmark/sandbox/probe"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

type reproduceFlags struct {
	server  serverFlags
	suite   string
	before  string // report of the version before; that which the server names if empty
	threads int
	wall    time.Duration
	memory  int64
}

func (a *app) reproduceCmd() *cobra.Command {
	var f reproduceFlags
	cmd := &cobra.Command{
		Use: "reproduce REPORT MODEL", Short: "Run a report's test again and compare: the same bytes, or what differs",
		Long: `Reproduce runs the suite of a report on the model again, with the report's seed, profile and tier, in the jail of this host, and compares
the two reports byte by byte. REPORT is a version on a server or a file, as for "hallmark report show"; MODEL is the model's file.
A run with a budget draws the same cases again; one that took the outcomes of the version before needs that version's report.

Exit codes: 0 the reports are equal · 10 they differ, or the model is another one · 3 this binary has another engine or suite`,
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, names []string) error {
			r, err := a.reproduce(cmd.Context(), f, names[0], names[1])
			if err != nil {
				return err
			}
			if err := a.print(r, r.writeTable); err != nil {
				return err
			}
			if !r.Equal {
				return &hallmark.DigestMismatchError{What: "the report of the run on this host", Want: r.Report, Got: r.Again}
			}
			return nil
		},
	}
	f.server.add(cmd)
	cmd.Flags().StringVar(&f.suite, "suite", "", "test suite, if it is a file of your own (default: the embedded one that the report names)")
	cmd.Flags().StringVar(&f.before, "previous", "", "report that it was compared with, if it was with one (default: the one that the server names)")
	cmd.Flags().IntVar(&f.threads, "threads", defaultThreads(), "threads to compute with; the result does not depend on it")
	cmd.Flags().DurationVar(&f.wall, "wall", 30*time.Minute, "longest time of the run")
	cmd.Flags().Int64Var(&f.memory, "memory", 1<<30, "memory of the jailed process in bytes, beside the model's size")
	return cmd
}

// A reproduction compares a report with that of another run.
type reproduction struct {
	Report hallmark.Digest `json:"report"`
	Again  hallmark.Digest `json:"again"` // of the run on this host
	Equal  bool            `json:"equal"`
	// Differences name the cases, detectors and fields that are not the same.
	Differences []string           `json:"differences"`
	Record      hallmark.RunRecord `json:"runRecord"`
}

func (r reproduction) writeTable(w io.Writer) {
	fmt.Fprintf(w, "report\t%s\nagain\t%s\n", r.Report, r.Again)
	if r.Equal {
		fmt.Fprintf(w, "equal\tyes, every byte\t(jail tier %s, %.1f s)\n", r.Record.Tier, r.Record.Wall.Seconds())
		return
	}
	for _, d := range r.Differences[:min(len(r.Differences), shownDifferences)] {
		fmt.Fprintf(w, "differs\t%s\n", sanitize(d))
	}
	if more := len(r.Differences) - shownDifferences; more > 0 {
		fmt.Fprintf(w, "\t%d more, see --output json\n", more)
	}
}

// shownDifferences is how many the table prints.
const shownDifferences = 20

func (a *app) reproduce(ctx context.Context, f reproduceFlags, name, path string) (reproduction, error) {
	if f.threads < 1 || f.wall <= 0 || f.memory < 64<<20 {
		return reproduction{}, fmt.Errorf("threads, wall or memory is out of range: %w", errUsage)
	}
	if _, err := os.Lstat(path); err != nil {
		return reproduction{}, notThere(path, err)
	}
	want, err := a.loadReport(ctx, &f.server, name)
	if err != nil {
		return reproduction{}, err
	}
	opt, err := sameTest(want.Report, f.suite) //nolint:contextcheck // a judge is a pure function with a limit of its own
	if err != nil {
		return reproduction{}, err
	}
	if opt.previous, err = a.comparedWith(ctx, f, want); err != nil {
		return reproduction{}, err
	}
	j, err := openJail(ctx, serverConfig{Threads: f.threads, RunWall: f.wall, RunMemory: f.memory}, a.guest)
	if err != nil {
		return reproduction{}, err
	}
	result, err := a.testAgain(ctx, j, want.Report, opt, path)
	if err != nil {
		return reproduction{}, err
	}
	raw, err := hallmark.CanonicalJSON(result.Report)
	if err != nil {
		return reproduction{}, err
	}
	r := reproduction{Report: want.ReportDigest, Again: hallmark.DigestOf(raw), Differences: []string{}, Record: result.Record}
	r.Record.Report = r.Again
	r.Equal = r.Report == r.Again
	if !r.Equal {
		r.Differences = differences(want.Report, result.Report)
	}
	return r, nil
}

// sameTest returns what makes a run the same test as that of a report, or why this binary cannot run it.
func sameTest(r hallmark.Report, suiteFile string) (testOptions, error) {
	if strings.HasPrefix(r.Engine, openai.EnginePrefix) {
		return testOptions{}, hallmark.WithHint(fmt.Errorf("another program ran the model (%.60q), and only this engine gives the same bits again: %w", r.Engine, hallmark.ErrUnavailable),
			"run it again with `hallmark gate -- PROGRAM` or --endpoint, and compare with `hallmark report diff`")
	}
	if r.Engine != model.Version {
		return testOptions{}, hallmark.WithHint(fmt.Errorf("the report is of engine version %.40q, this binary has %s: %w", r.Engine, model.Version, hallmark.ErrUnavailable),
			"use a binary with that engine version")
	}
	suite, err := suiteOf(r, suiteFile)
	if err != nil {
		return testOptions{}, err
	}
	digest, err := suite.Digest()
	if err != nil {
		return testOptions{}, err
	}
	if digest != r.SuiteHash {
		return testOptions{}, hallmark.WithHint(fmt.Errorf("suite %s is %v here, the report's is %v: %w", suite.Name, digest, r.SuiteHash, hallmark.ErrUnavailable),
			"name the file of that version with --suite, or use the binary that it came with")
	}
	seed, err := strconv.ParseUint(r.Seed, 10, 64)
	if err != nil {
		return testOptions{}, fmt.Errorf("the report's seed %.40q is no number: %w", r.Seed, hallmark.ErrInvalid)
	}
	tier := probe.TierFull
	if r.TestTier != "" {
		tier = probe.Tier(r.TestTier)
	}
	opt := testOptions{suite: suite, tier: tier, seed: &seed}
	if r.Selection != nil {
		opt.budget = r.Selection.Budget
	}
	return opt, nil
}

// suiteOf is the suite in file or, without one, the embedded one of the report's name, which is no path.
func suiteOf(r hallmark.Report, file string) (*probe.Suite, error) {
	if file != "" {
		return loadSuite(file)
	}
	suite, err := probe.Builtin(r.Suite)
	if errors.Is(err, hallmark.ErrNotFound) {
		return nil, hallmark.WithHint(fmt.Errorf("the report's suite is not an embedded one: %w", err), "name its file with --suite")
	}
	return suite, err
}

// comparedWith returns the outcomes that a report was compared with; none if it was with none.
func (a *app) comparedWith(ctx context.Context, f reproduceFlags, want loadedReport) ([]hallmark.CaseResult, error) {
	if want.Report.WarmStart.IsZero() {
		if f.before != "" {
			return nil, fmt.Errorf("the report was compared with none, --previous names %s: %w", f.before, errUsage)
		}
		return nil, nil
	}
	name := f.before
	if name == "" && want.previous != nil {
		name = want.previous.Model.String()
	}
	if name == "" {
		return nil, hallmark.WithHint(fmt.Errorf("the report was compared with another one: %w", hallmark.ErrUnavailable), "name that with --previous")
	}
	r, err := a.loadReport(ctx, &f.server, name)
	if err != nil {
		return nil, fmt.Errorf("the version before: %w", err)
	}
	outcomes := outcomesOf(r.Report)
	if got := sandbox.OutcomesDigest(outcomes); got != want.Report.WarmStart {
		return nil, &hallmark.DigestMismatchError{What: "what " + name + " tells of the cases", Want: want.Report.WarmStart, Got: got}
	}
	return outcomes, nil
}

// testAgain fingerprints, scans and tests the model at path, which has to be that of the report.
func (a *app) testAgain(ctx context.Context, j *jail, want hallmark.Report, opt testOptions, path string) (pipeline.TestResult, error) {
	bar := a.progress("hash")
	fp, err := j.fingerprintOf(ctx, hallmark.Artifact{Path: path, Kind: hallmark.KindModel}, hallmark.TierNoNamespaces, bar.set)
	bar.done()
	if err != nil {
		return pipeline.TestResult{}, err
	}
	if fp.Digest != want.Model {
		return pipeline.TestResult{}, &hallmark.DigestMismatchError{What: path, Want: want.Model, Got: fp.Digest}
	}
	target := pipeline.Target{MinTier: hallmark.TierNoNamespaces, Artifact: hallmark.Artifact{
		Digest: fp.Digest, Kind: hallmark.KindModel, Name: fp.Name, Dir: fp.Dir, Size: fp.Size, Path: path, CID: fp.CID,
	}}
	scan, err := j.Scan(ctx, target)
	if err != nil {
		return pipeline.TestResult{}, err
	}
	parts := progressParts{app: a}
	defer parts.close()
	return j.test(ctx, parts.follow(pipeline.TestRequest{Target: target, Profile: want.Profile, Suite: want.Suite, Scan: scan}), opt)
}

// differences names what two reports of one test do not agree on.
func differences(a, b hallmark.Report) []string {
	out := []string{}
	cases := make(map[string]hallmark.CaseResult, len(b.Cases))
	for _, c := range b.Cases {
		cases[c.ID] = c
	}
	for _, c := range a.Cases {
		d, ok := cases[c.ID]
		switch delete(cases, c.ID); {
		case !ok:
			out = append(out, c.ID+": not run")
		case c.Outcome != d.Outcome:
			out = append(out, fmt.Sprintf("%s: %s, now %s", c.ID, c.Outcome, d.Outcome))
		case !reflect.DeepEqual(c, d):
			out = append(out, c.ID+": another prompt or output")
		}
	}
	for _, c := range b.Cases {
		if _, left := cases[c.ID]; left {
			out = append(out, c.ID+": not in the report")
		}
	}
	detectors := make(map[string]hallmark.DetectorResult, len(b.Detectors))
	for _, d := range b.Detectors {
		detectors[d.Detector] = d
	}
	for _, d := range a.Detectors {
		if !reflect.DeepEqual(d, detectors[d.Detector]) {
			out = append(out, d.Detector+": another summary")
		}
	}
	if !reflect.DeepEqual(a.Findings, b.Findings) {
		out = append(out, "other findings")
	}
	for _, field := range []struct {
		name string
		same bool
	}{
		{"plan", a.Plan == b.Plan},
		{"choice of cases", reflect.DeepEqual(a.Selection, b.Selection)},
		{"outcomes of the version before", a.WarmStart == b.WarmStart},
		{"suite", a.Suite == b.Suite},
		{"tier", a.TestTier == b.TestTier},
		{"seed", a.Seed == b.Seed},
	} {
		if !field.same {
			out = append(out, "another "+field.name)
		}
	}
	return out
}
