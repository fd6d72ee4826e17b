package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

// sign makes the service's statements about a decided version, whatever the decision. The next step publishes exactly
// the bundles that this one committed: signing again gives other bytes, and only one set of them may ever be logged.
func (f *Flow) sign(ctx context.Context, t *task) error {
	statements, err := f.statements(ctx, t)
	if err != nil {
		return err
	}
	bundles := append(slices.Clone(t.sub.Bundles), runBundles(t.version.Runs)...)
	for _, s := range statements {
		b, err := f.signOne(ctx, s)
		if err != nil {
			return err
		}
		bundles = append(bundles, b)
	}
	summary, err := statement.VSA(statement.SummaryClaim{
		Subject: t.subject(), Verdict: *t.version.Verdict, Verifier: f.cfg.VerifierID, Time: time.Now(), Inputs: asInputs(bundles),
	})
	if err != nil {
		return err
	}
	b, err := f.signOne(ctx, summary)
	if err != nil {
		return err
	}
	t.version.Bundles = append(bundles, b)
	t.then(JobPublish)
	return nil
}

// runBundles are the plans of all runs of a version, and the records of those that have no report.
func runBundles(runs []hallmark.Run) []hallmark.Bundle {
	var all []hallmark.Bundle
	for _, r := range runs {
		all = append(all, r.Announced)
		if r.Ended != nil {
			all = append(all, *r.Ended)
		}
	}
	return all
}

// statements returns all that the service claims but for the summary, which names these.
func (f *Flow) statements(ctx context.Context, t *task) ([][]byte, error) {
	v := t.version
	report, err := f.report(ctx, v)
	if err != nil {
		return nil, err
	}
	fingerprint, err := statement.Fingerprint(*v.Fingerprint)
	if err != nil {
		return nil, err
	}
	modelSigning, err := f.cfg.OMS(*v.Fingerprint)
	if err != nil {
		return nil, err
	}
	result, err := statement.TestResult(t.subject(), *report, v.ReportCID, v.Verdict.Decision)
	if err != nil {
		return nil, err
	}
	trace, err := statement.RunTrace(t.subject(), *v.Record)
	if err != nil {
		return nil, err
	}
	return [][]byte{fingerprint, modelSigning, result, trace}, nil
}

// signOne signs a statement and stores its bundle.
func (f *Flow) signOne(ctx context.Context, text []byte) (hallmark.Bundle, error) {
	parsed, err := statement.Parse(text)
	if err != nil {
		return hallmark.Bundle{}, err
	}
	signed, err := f.cfg.Signer.Sign(ctx, text)
	if err != nil {
		return hallmark.Bundle{}, fmt.Errorf("sign %s: %w", parsed.PredicateType, err)
	}
	cid, err := f.cfg.Evidence.Put(ctx, signed.Bundle)
	if err != nil {
		return hallmark.Bundle{}, err
	}
	return hallmark.Bundle{Predicate: parsed.PredicateType, CID: cid, Envelope: hallmark.DigestOf(signed.Envelope)}, nil
}

func asInputs(bundles []hallmark.Bundle) []statement.Attestation {
	inputs := make([]statement.Attestation, len(bundles))
	for i, b := range bundles {
		inputs[i] = statement.Attestation{CID: b.CID, Digest: b.Envelope}
	}
	return inputs
}

// publish logs the bundles and stores the manifest that leads to all of them.
func (f *Flow) publish(ctx context.Context, t *task) error {
	leaves := make([]hallmark.Digest, len(t.version.Bundles))
	for i, b := range t.version.Bundles {
		leaves[i] = b.Envelope
	}
	indices, err := f.cfg.Log.Append(ctx, leaves)
	if err != nil {
		return fmt.Errorf("log bundles: %w", err)
	}
	if len(indices) != len(leaves) {
		return fmt.Errorf("log bundles: %d indices for %d leaves: %w", len(indices), len(leaves), hallmark.ErrLogProof)
	}
	bundles := slices.Clone(t.version.Bundles)
	for i, index := range indices {
		bundles[i].LogIndex = index
	}
	t.version.Bundles = bundles
	if err := f.keepManifest(ctx, t); err != nil {
		return err
	}
	t.enter(hallmark.StateAttested, JobAnchor)
	return nil
}

// checkpoint stores the log's newest head.
func (f *Flow) checkpoint(ctx context.Context) (LogHead, hallmark.Checkpoint, error) {
	head, err := f.cfg.Log.Checkpoint(ctx)
	if err != nil {
		return LogHead{}, hallmark.Checkpoint{}, fmt.Errorf("read checkpoint: %w", err)
	}
	c := hallmark.Checkpoint{Root: head.Root, Size: head.Size}
	c.CID, err = f.cfg.Evidence.Put(ctx, head.Text)
	return head, c, err
}

func (f *Flow) keepManifest(ctx context.Context, t *task) error {
	head, checkpoint, err := f.checkpoint(ctx)
	if err != nil {
		return err
	}
	t.version.Checkpoint = &checkpoint
	manifest, err := f.manifest(ctx, t, head)
	if err != nil {
		return err
	}
	text, err := hallmark.CanonicalJSON(manifest)
	if err != nil {
		return err
	}
	t.version.Evidence = hallmark.DigestOf(text)
	t.version.EvidenceCID, err = f.cfg.Evidence.Put(ctx, text)
	return err
}
