package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/oms"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/attest/tlog"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// signedClaims is what the bundles of a manifest say, after their signatures and log proofs were checked.
type signedClaims struct {
	fingerprint *hallmark.Fingerprint
	oms         *oms.Manifest
	result      *statement.TestResultClaim
	record      *hallmark.RunRecord
	plans       map[hallmark.Digest]announcement // by the plan's digest
	ended       []hallmark.RunRecord             // of runs without a report
	summary     *statement.SummaryClaim
	steps       []hallmark.LineageStep
}

// An announcement is a run's signed plan and its place in the log.
type announcement struct {
	plan  hallmark.RunPlan
	index uint64
}

// checkBundles checks every signature and log proof, then that the claims fit the model, the chain and one another.
func (v *verification) checkBundles(ctx context.Context) error {
	var claims signedClaims
	for _, b := range v.manifest.Bundles {
		if err := v.checkBundle(ctx, b, &claims); err != nil {
			return fmt.Errorf("bundle %s: %w", hallmark.CleanText(b.Predicate, 100), err)
		}
	}
	if claims.fingerprint == nil || claims.oms == nil || claims.result == nil || claims.record == nil || claims.summary == nil {
		return fmt.Errorf("a statement is missing: want fingerprint, model signature, test result, run record and summary: %w", hallmark.ErrEvidenceMissing)
	}
	v.passed("signatures", "%d bundles, each by a listed key that was valid when anchored, each in the log", len(v.manifest.Bundles))
	for _, step := range []func(context.Context, signedClaims) error{v.checkFingerprint, v.checkReport, v.checkVerdict, v.checkLineage} {
		if err := step(ctx, claims); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) checkBundle(ctx context.Context, b pipeline.ManifestBundle, claims *signedClaims) error {
	raw, err := v.fetch(ctx, "fetching it", b.CID, maxFetched)
	if err != nil {
		return err
	}
	purpose := sign.PurposeService
	if b.Predicate == statement.PredicateProvenance {
		purpose = sign.PurposeSubmitter
	}
	checked, err := sign.Verify(raw, v.keys.PEMs(purpose)...)
	if err != nil {
		return err
	}
	if _, err := v.keys.Trusted(checked.KeyHint, purpose, v.record.Anchor.Time); err != nil {
		return err
	}
	leaf := hallmark.DigestOf(checked.Envelope)
	if leaf != b.Envelope {
		return fmt.Errorf("its envelope is not the one that the manifest names: %w", hallmark.ErrLogProof)
	}
	head := v.manifest.Checkpoint
	if err := tlog.VerifyInclusion(leaf, b.LogIndex, head.Size, b.Proof, head.Root); err != nil {
		return err
	}
	parsed, err := statement.Parse(checked.Statement)
	if err != nil {
		return fmt.Errorf("%w: %w", err, hallmark.ErrPredicate)
	}
	if parsed.PredicateType != b.Predicate {
		return fmt.Errorf("it is of type %.100q: %w", parsed.PredicateType, hallmark.ErrPredicate)
	}
	return claims.add(parsed, checked, v.Model, b.LogIndex)
}

// add reads one statement. A second one of a kind that there is only one of is refused.
func (c *signedClaims) add(s statement.Statement, signed sign.Verified, model hallmark.Digest, index uint64) error {
	twice := fmt.Errorf("there are two of its kind: %w", hallmark.ErrPredicate)
	switch s.PredicateType {
	case statement.PredicateProvenance:
		step, err := statement.ParseProvenance(signed.Statement)
		if err != nil {
			return err
		}
		step.SignerKey, step.Bundle = signed.KeyHint, hallmark.DigestOf(signed.Envelope)
		c.steps = append(c.steps, step)
		return nil
	case statement.PredicateFingerprint:
		if c.fingerprint != nil {
			return twice
		}
		fp, err := statement.ParseFingerprint(signed.Statement)
		c.fingerprint = &fp
		return err
	case oms.PredicateType:
		if c.oms != nil {
			return twice
		}
		m, err := oms.Parse(signed.Statement)
		c.oms = &m
		return err
	case statement.PredicateTestResult:
		if c.result != nil {
			return twice
		}
		r, err := statement.ParseTestResult(signed.Statement)
		c.result = &r
		return err
	case statement.PredicateRunPlan:
		return c.addPlan(signed.Statement, model, index)
	case statement.PredicateRuntimeTrace:
		_, r, err := statement.ParseRunTrace(signed.Statement)
		if err == nil && r.Report.IsZero() {
			c.ended = append(c.ended, r)
			return nil
		}
		if c.record != nil {
			return twice
		}
		c.record = &r
		return err
	case statement.PredicateSummary:
		if c.summary != nil {
			return twice
		}
		r, err := statement.ParseVSA(signed.Statement)
		c.summary = &r
		return err
	default:
		return fmt.Errorf("its type is not known: %w", hallmark.ErrPredicate)
	}
}

// addPlan reads the announcement of a run.
func (c *signedClaims) addPlan(text []byte, model hallmark.Digest, index uint64) error {
	_, plan, err := statement.ParseRunPlan(text)
	if err != nil {
		return err
	}
	if plan.Model != model {
		return fmt.Errorf("it announces a run of %v: %w", plan.Model, hallmark.ErrPredicate)
	}
	digest, err := plan.Digest()
	if err != nil {
		return err
	}
	if c.plans == nil {
		c.plans = make(map[hallmark.Digest]announcement)
	}
	c.plans[digest] = announcement{plan, index}
	return nil
}

// checkRuns holds every run to its announcement: the report's and those of runs that ended without one.
func (v *verification) checkRuns(report hallmark.Report, c signedClaims) error {
	run, announced := c.plans[report.Plan]
	if !announced || c.record.Plan != report.Plan {
		return fmt.Errorf("the run of the report (plan %v) was not announced: %w", report.Plan, hallmark.ErrPredicate)
	}
	if err := asAnnounced(report, run.plan); err != nil {
		return err
	}
	index := run.index
	for _, b := range v.manifest.Bundles {
		if b.Predicate == statement.PredicateTestResult && b.LogIndex < index {
			return fmt.Errorf("the run was announced at entry %d of the log, behind its result at %d: %w", index, b.LogIndex, hallmark.ErrLogProof)
		}
	}
	for _, e := range c.ended {
		if _, ok := c.plans[e.Plan]; !ok {
			return fmt.Errorf("a run that ended with %s was not announced: %w", e.Verdict, hallmark.ErrPredicate)
		}
	}
	v.passed("runs", "announced at entry %d of the log before it began; %d earlier runs of this model ended without a report", index, len(c.ended))
	return nil
}

// asAnnounced compares a report with the plan that it names.
func asAnnounced(r hallmark.Report, p hallmark.RunPlan) error {
	tier, budget := "full", 0
	if r.TestTier != "" {
		tier = r.TestTier
	}
	if r.Selection != nil {
		budget = r.Selection.Budget
	}
	for _, c := range []struct {
		what  string
		alike bool
	}{
		{"model", r.Model == p.Model},
		{"suite", r.SuiteHash == p.SuiteHash && r.Suite == p.Suite},
		{"engine", r.Engine == p.Engine},
		{"seed", r.Seed == p.Seed},
		{"profile", r.Profile == p.Profile},
		{"tier", tier == p.Tier},
		{"budget", budget == p.Budget},
		{"earlier outcomes", r.WarmStart == p.WarmStart},
	} {
		if !c.alike {
			return fmt.Errorf("the report is of another %s than the run that was announced: %w", c.what, hallmark.ErrPredicate)
		}
	}
	return nil
}

func (v *verification) checkFingerprint(_ context.Context, c signedClaims) error {
	fp := *c.fingerprint
	if fp.Digest != v.Model {
		return fmt.Errorf("the signed fingerprint is of %v: %w", fp.Digest, hallmark.ErrPredicate)
	}
	if c.oms.Root != fp.OMSRoot || fp.CID != v.manifest.ModelCID || fp.CIDProfile != hallmark.CIDProfile {
		return fmt.Errorf("the signed fingerprint, the model signature and the manifest name different roots or CIDs: %w", hallmark.ErrPredicate)
	}
	if v.local != nil && (v.local.CID != fp.CID || v.local.OMSRoot != fp.OMSRoot || v.local.Size != fp.Size || !sameFiles(v.local.Files, fp.Files)) {
		return fmt.Errorf("the file's CID, root or files differ from the signed fingerprint's: %w", hallmark.ErrDigest)
	}
	v.passed("fingerprint", "%d files, %d tensors, CID %s (profile %s)", len(fp.Files), len(fp.Tensors), fp.CID, fp.CIDProfile)
	return nil
}

// sameFiles compares contents in order; the name of a single file is informational and may differ.
func sameFiles(a, b []hallmark.FileDigest) bool {
	single := len(a) == 1 && len(b) == 1
	return slices.EqualFunc(a, b, func(x, y hallmark.FileDigest) bool {
		return x.SHA256 == y.SHA256 && x.Size == y.Size && (single || x.Path == y.Path)
	})
}

func (v *verification) checkReport(ctx context.Context, c signedClaims) error {
	r := c.result
	if r.Subject.Digest != v.Model || r.ReportCID != v.record.ReportCID || r.Report != v.manifest.Report.Digest || c.record.Report != r.Report {
		return fmt.Errorf("test result, run record, manifest and chain do not name the same model and report: %w", hallmark.ErrPredicate)
	}
	raw, err := v.fetch(ctx, "report", r.ReportCID, maxFetched)
	if err != nil {
		return err
	}
	if got := hallmark.DigestOf(raw); got != r.Report {
		return &hallmark.DigestMismatchError{What: "the report", Want: r.Report, Got: got}
	}
	var report hallmark.Report
	if err := json.Unmarshal(raw, &report); err != nil {
		return fmt.Errorf("report: %w: %w", err, hallmark.ErrPredicate)
	}
	if report.Model != v.Model || report.SuiteHash != r.SuiteDigest || report.Engine != r.Engine || report.Seed != r.Seed {
		return fmt.Errorf("the report is of another model, suite, engine or seed than the test result: %w", hallmark.ErrPredicate)
	}
	if err := v.checkRuns(report, c); err != nil {
		return err
	}
	v.Report = r.Report
	v.passed("report", "%v: %d cases of suite %s, engine %s, jail tier %s", r.Report, len(report.Cases), report.Suite, report.Engine, c.record.Tier)
	return nil
}

func (v *verification) checkVerdict(_ context.Context, c signedClaims) error {
	s := c.summary
	if s.Subject.Digest != v.Model || s.Verdict.Decision != v.record.Verdict {
		return fmt.Errorf("the summary says %s of %v, the chain %s of %v: %w", s.Verdict.Decision, s.Subject.Digest, v.record.Verdict, v.Model, hallmark.ErrPredicate)
	}
	if s.Verdict.PolicyHash != v.manifest.Policy.Digest {
		return fmt.Errorf("the summary names another policy than the manifest: %w", hallmark.ErrPredicate)
	}
	var inputs, bundles []hallmark.Digest
	for _, in := range s.Inputs {
		inputs = append(inputs, in.Digest)
	}
	for _, b := range v.manifest.Bundles {
		if b.Predicate != statement.PredicateSummary {
			bundles = append(bundles, b.Envelope)
		}
	}
	if !reflect.DeepEqual(inputs, bundles) {
		return fmt.Errorf("the summary rests on other statements than the manifest lists: %w", hallmark.ErrPredicate)
	}
	v.Policy = s.Verdict.Policy
	v.passed("verdict", "%s under policy %s, %d reasons, as on the chain", s.Verdict.Decision, s.Verdict.Policy, len(s.Verdict.Reasons))
	return nil
}

// checkLineage rebuilds the graph from the signed steps and holds the chain's record to it. Inputs that no step makes are
// where the lineage begins; that their bytes were there when it was accepted is the service's word.
func (v *verification) checkLineage(_ context.Context, c signedClaims) error {
	l, err := statement.CheckLineage(c.steps, func(hallmark.Digest) bool { return true }, v.Model)
	if err != nil {
		return err
	}
	want := recordOf(pipeline.AnchorRequest{
		Version:    hallmark.Version{Digest: v.Model, Name: v.record.Name, ReportCID: v.record.ReportCID, EvidenceCID: v.record.EvidenceCID, Verdict: &hallmark.Verdict{Decision: v.record.Verdict}},
		Submission: hallmark.Submission{Lineage: l},
	})
	if want.BaseModel != v.record.BaseModel || want.GitCommit != v.record.GitCommit || !slices.Equal(want.Datasets, v.record.Datasets) {
		return fmt.Errorf("the chain names another base model, data set or commit than the signed lineage: %w", hallmark.ErrLineage)
	}
	v.Lineage = l
	v.passed("lineage", "%d signed steps; base model, data sets and commit as on the chain", len(l.Steps))
	return nil
}
