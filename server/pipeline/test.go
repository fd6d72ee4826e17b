package pipeline

import (
	"context"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// test runs the suite in the jail and keeps a journal of completed cases, so a run that was interrupted goes on behind
// them, and its report has the same bytes as that of an undisturbed one.
func (f *Flow) test(ctx context.Context, t *task) error {
	r := TestRequest{
		Target: Target{Artifact: t.artifact, MinTier: t.policy.MinTier()},
		Policy: t.sub.Policy, Profile: t.sub.Profile, Scan: *t.version.Scan,
	}
	run, err := f.cfg.Sandbox.RunID(ctx, r)
	if err != nil {
		return err
	}
	if r.Done, err = f.cfg.Store.BeginRun(ctx, t.sub.ID, run); err != nil {
		return err
	}
	j := openJournal(ctx, f.cfg.Store, run)
	r.OnCase = func(c hallmark.CaseEvidence, done, total int) error {
		return j.add(c, t.event(hallmark.Event{
			Kind: hallmark.EventCase, Case: c.ID, Outcome: c.Outcome, Done: int64(done), Total: int64(total),
		}))
	}
	result, err := f.cfg.Sandbox.Test(ctx, r)
	if failed := j.close(); failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	if result.Report.Model != t.version.Digest {
		return fmt.Errorf("the run tested other bytes: %w",
			&hallmark.DigestMismatchError{What: t.artifact.Name, Want: t.version.Digest, Got: result.Report.Model})
	}
	return f.keepResult(ctx, t, result)
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
	result.Record.Report = v.Report
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
