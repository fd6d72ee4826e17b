package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

// plan signs what the run is going to do. The next step logs exactly the bundle that this one committed, and only then is
// the model asked anything. A plan that was announced before and has not ended is gone on with.
func (f *Flow) plan(ctx context.Context, t *task) error {
	t.then(JobTest)
	if last := goingOn(t.version); last != nil {
		_, digest, err := f.planned(ctx, t, last.Previous)
		if err != nil || last.Plan == digest {
			return err
		}
	}
	if n := announcedInVain(t.version); n >= mostAnnounced {
		return hallmark.WithHint(fmt.Errorf("%d runs were announced and each turned out to be another one: %w", n, hallmark.ErrConflict),
			"engine or suite changes while the server runs; replace them while it is stopped, then submit again")
	}
	previous, err := f.previousRun(ctx, t.version)
	if err != nil {
		return err
	}
	plan, digest, err := f.planned(ctx, t, previous)
	if err != nil {
		return err
	}
	if plan.WarmStart.IsZero() { // the version before was tested with another suite, or for another profile
		previous = nil
	}
	text, err := statement.RunPlan(t.subject(), plan)
	if err != nil {
		return err
	}
	b, err := f.signOne(ctx, text)
	if err != nil {
		return err
	}
	t.version.Runs = append(slices.Clone(t.version.Runs), hallmark.Run{Plan: digest, Seed: plan.Seed, Previous: previous, Announced: b})
	return nil
}

// mostAnnounced is how many plans in a row may turn out to be another one's before a run begins. A server that is replaced
// makes one.
const mostAnnounced = 16

// announcedInVain counts the last runs that were announced and have no outcome.
func announcedInVain(v hallmark.Version) (n int) {
	for i := len(v.Runs) - 1; i >= 0 && v.Runs[i].Outcome == ""; i-- {
		n++
	}
	return n
}

// goingOn returns the version's last run if it was announced and has not ended.
func goingOn(v hallmark.Version) *hallmark.Run {
	if len(v.Runs) == 0 || v.Runs[len(v.Runs)-1].Outcome != "" {
		return nil
	}
	return &v.Runs[len(v.Runs)-1]
}

// previousRun is the report of the last version before this one in its line, the versions of one name; nil if there is none.
// It is chosen once a run, so that one that is resumed is the same whatever was tested meanwhile.
func (f *Flow) previousRun(ctx context.Context, v hallmark.Version) (*hallmark.PreviousRun, error) {
	last, err := f.cfg.Store.PreviousVersion(ctx, v.Digest)
	if errors.Is(err, hallmark.ErrNotFound) {
		return nil, nil //nolint:nilnil // the first one of its line
	}
	return &hallmark.PreviousRun{Model: last.Digest, Report: last.Report, ReportCID: last.ReportCID}, err
}

// planned is what the sandbox would do now.
func (f *Flow) planned(ctx context.Context, t *task, previous *hallmark.PreviousRun) (hallmark.RunPlan, hallmark.Digest, error) {
	r, err := f.testRequest(ctx, t, previous)
	if err != nil {
		return hallmark.RunPlan{}, hallmark.Digest{}, err
	}
	plan, err := f.cfg.Sandbox.Plan(ctx, r)
	if err != nil {
		return plan, hallmark.Digest{}, err
	}
	digest, err := plan.Digest()
	return plan, digest, err
}

func (f *Flow) testRequest(ctx context.Context, t *task, previous *hallmark.PreviousRun) (TestRequest, error) {
	r := TestRequest{
		Target: Target{Artifact: t.artifact, MinTier: t.policy.MinTier()},
		Policy: t.sub.Policy, Profile: t.sub.Profile, Suite: t.policy.Suite(t.sub.Profile), Scan: *t.version.Scan,
	}
	if previous == nil {
		return r, nil
	}
	var err error
	if r.Previous, err = f.report(ctx, hallmark.Version{Report: previous.Report, ReportCID: previous.ReportCID}); err != nil {
		return r, fmt.Errorf("the version before: %w", err)
	}
	return r, nil
}

// test logs the plan, runs the suite in the jail and keeps a journal of completed cases, so a run that was interrupted goes
// on behind them, and its report has the same bytes as that of an undisturbed one.
func (f *Flow) test(ctx context.Context, t *task) error {
	run := goingOn(t.version)
	if run == nil {
		t.then(JobPlan)
		return nil
	}
	_, plan, err := f.planned(ctx, t, run.Previous)
	if err != nil {
		return err
	}
	if run.Plan != plan { // by another engine or suite, before the server was replaced
		t.then(JobPlan)
		return nil
	}
	indices, err := f.cfg.Log.Append(ctx, []hallmark.Digest{run.Announced.Envelope})
	if err != nil {
		return fmt.Errorf("log the run's plan: %w", err)
	}
	t.version.Runs = slices.Clone(t.version.Runs)
	run = goingOn(t.version)
	run.Announced.LogIndex = indices[0]
	r, err := f.testRequest(ctx, t, run.Previous)
	if err != nil {
		return err
	}
	if r.Done, err = f.cfg.Store.BeginRun(ctx, t.sub.ID, run.Plan.Hex()); err != nil {
		return err
	}
	j := openJournal(ctx, f.cfg.Store, run.Plan.Hex())
	r.OnCase = func(c hallmark.CaseEvidence, done, total int) error {
		return j.add(c, t.event(hallmark.Event{
			Kind: hallmark.EventCase, Case: c.ID, Outcome: c.Outcome, Done: int64(done), Total: int64(total),
		}))
	}
	tell := f.progress(ctx, t)
	r.OnControl = func(done, total int) { tell(int64(done), int64(total)) }
	result, err := f.cfg.Sandbox.Test(ctx, r)
	if failed := j.close(); failed != nil {
		return failed
	}
	if err != nil {
		return f.keepEnd(ctx, t, result.Record, err)
	}
	if result.Report.Model != t.version.Digest {
		return fmt.Errorf("the run tested other bytes: %w",
			&hallmark.DigestMismatchError{What: t.artifact.Name, Want: t.version.Digest, Got: result.Report.Model})
	}
	if result.Report.Plan != run.Plan {
		return fmt.Errorf("the run did another thing than was announced: %w",
			&hallmark.DigestMismatchError{What: "its plan", Want: run.Plan, Got: result.Report.Plan})
	}
	return f.keepResult(ctx, t, result)
}

// keepEnd signs how a run ended that has no report. An error of anything but the run is returned as it is.
func (f *Flow) keepEnd(ctx context.Context, t *task, record hallmark.RunRecord, cause error) error {
	if record.Verdict == "" || record.Verdict == hallmark.RunOK || ctx.Err() != nil || errors.Is(cause, hallmark.ErrUnavailable) {
		return cause
	}
	runs := slices.Clone(t.version.Runs)
	run := &runs[len(runs)-1]
	record.Plan = run.Plan
	text, err := statement.RunTrace(t.subject(), record)
	if err != nil {
		return err
	}
	ended, err := f.signOne(ctx, text)
	if err != nil {
		return err
	}
	run.Outcome, run.Detail, run.Ended = record.Verdict, record.Detail, &ended
	t.version.Runs, t.version.Record = runs, &record
	f.cfg.Logger.WarnContext(ctx, "run ended without a report", slog.String("submission", t.sub.ID), slog.String("verdict", string(record.Verdict)), slog.Any("cause", cause))
	t.then(JobEndRun)
	return nil
}

// endRun logs the record of a run without a report; the version failed.
func (f *Flow) endRun(ctx context.Context, t *task) error {
	run := t.version.Runs[len(t.version.Runs)-1]
	indices, err := f.cfg.Log.Append(ctx, []hallmark.Digest{run.Ended.Envelope})
	if err != nil {
		return fmt.Errorf("log the end of the run: %w", err)
	}
	run.Ended.LogIndex = indices[0]
	t.enter(hallmark.StateFailed, "")
	t.explain(hallmark.WithHint(fmt.Errorf("%s: the run ended with %s: %s: %w", JobTest, run.Outcome, run.Detail, hallmark.ErrUndecided),
		"see its record, raise the limit that it names, and submit again; the run stays on record"))
	t.events[len(t.events)-1].Text = t.version.Problem
	return nil
}

// keepResult stores the report and the cases' texts as evidence.
func (f *Flow) keepResult(ctx context.Context, t *task, result TestResult) error {
	report, err := hallmark.CanonicalJSON(result.Report)
	if err != nil {
		return err
	}
	cases, err := hallmark.CanonicalJSON(caseTexts{Schema: caseSchema, Model: t.version.Digest, Cases: result.Cases})
	if err != nil {
		return err
	}
	v := &t.version
	v.Report = hallmark.DigestOf(report)
	if v.ReportCID, err = f.cfg.Evidence.Put(ctx, report); err != nil {
		return err
	}
	if v.CasesCID, err = f.cfg.Evidence.Put(ctx, cases); err != nil {
		return err
	}
	result.Record.Plan, result.Record.Report = result.Report.Plan, v.Report
	v.Record = &result.Record
	t.enter(hallmark.StateTested, JobDecide)
	return nil
}

// caseSchema is the value of caseTexts.Schema.
const caseSchema = "https://github.com/hallmark-ml/hallmark/cases/v1"

// caseTexts is the document behind a version's CasesCID: what the failing and undecided cases asked and got.
type caseTexts struct {
	Schema string                  `json:"schema"`
	Model  hallmark.Digest         `json:"model"`
	Cases  []hallmark.CaseEvidence `json:"cases"`
}

// maxReport bounds a stored report, in bytes.
const maxReport = 64 << 20

// report reads a version's report back.
func (f *Flow) report(ctx context.Context, v hallmark.Version) (*hallmark.Report, error) {
	text, err := f.cfg.Evidence.Get(ctx, v.ReportCID, maxReport)
	if err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	if got := hallmark.DigestOf(text); got != v.Report {
		return nil, &hallmark.DigestMismatchError{What: "report " + v.ReportCID, Want: v.Report, Got: got}
	}
	r := new(hallmark.Report)
	if err := hallmark.DecodeJSON(text, r); err != nil {
		return nil, fmt.Errorf("read report: %w", err)
	}
	return r, nil
}
