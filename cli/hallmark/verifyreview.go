package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/statement"
	"github.com/hallmark-ml/hallmark/attest/tlog"
	"github.com/hallmark-ml/hallmark/chain"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

// A verifiedReview is a person's decision, after its checks.
type verifiedReview struct {
	Decision hallmark.Decision `json:"decision"`
	Comment  string            `json:"comment"`
	Reviewer string            `json:"reviewer"` // hint of the key
	Time     time.Time         `json:"time"`
	Anchor   chain.Anchor      `json:"anchor"`
}

// checkReview checks the decision that --review names: that its checkpoint is on the chain, that a reviewer's key of the
// key list signed it, one of nobody who submitted the version, and that it is about this report and this evidence.
func (v *verification) checkReview(ctx context.Context) error {
	if v.reviewCID == "" {
		return nil
	}
	if v.Verdict != hallmark.Challenge {
		return fmt.Errorf("the verdict is %s, which is not for a person to decide: %w", v.Verdict, hallmark.ErrPredicate)
	}
	raw, err := v.fetch(ctx, "review", v.reviewCID, maxManifest)
	if err != nil {
		return err
	}
	var m pipeline.ReviewManifest
	if err := hallmark.DecodeJSON(raw, &m); err != nil {
		return fmt.Errorf("review: %w: %w", err, hallmark.ErrPredicate)
	}
	if m.Schema != pipeline.ReviewManifestSchema || m.Model != v.Model || m.Evidence.CID != v.record.EvidenceCID || m.Evidence.Digest != v.manifestDigest {
		return fmt.Errorf("review: schema %.80q of %v is not a review of this version's evidence: %w", m.Schema, m.Model, hallmark.ErrPredicate)
	}
	batch, err := v.reviewBatch(ctx, m)
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	signed, err := v.reviewBundle(ctx, m, batch.Anchor.Time)
	if err != nil {
		return fmt.Errorf("review: %w", err)
	}
	claim, err := statement.ParseReview(signed.Statement)
	if err != nil {
		return err
	}
	if claim.Subject.Digest != v.Model || claim.Report != v.Report || claim.ReportCID != v.ReportCID || claim.Evidence != v.manifestDigest {
		return fmt.Errorf("review: it decides on report %v of %v: %w", claim.Report, claim.Subject.Digest, hallmark.ErrPredicate)
	}
	v.Review = &verifiedReview{claim.Decision, hallmark.CleanText(claim.Comment, 300), signed.KeyHint, claim.Time, batch.Anchor}
	v.passed("review", "%s by the reviewer's key %.12s, who is not the submitter; checkpoint %s in block %d", claim.Decision, signed.KeyHint, batch.Anchor.State, batch.Anchor.Block)
	return nil
}

// reviewBatch checks the head of the log that holds the review.
func (v *verification) reviewBatch(ctx context.Context, m pipeline.ReviewManifest) (chain.Batch, error) {
	batch, err := v.chain.Batch(ctx, v.author, m.Checkpoint.Root)
	if errors.Is(err, hallmark.ErrNotFound) {
		return batch, fmt.Errorf("checkpoint %v is not on the chain: %w", m.Checkpoint.Root.Short(), hallmark.ErrAnchorMissing)
	}
	if err != nil {
		return batch, err
	}
	head, err := v.noteHead(m.Checkpoint.Note, batch.Anchor.Time)
	if err != nil {
		return batch, err
	}
	if head.Root != m.Checkpoint.Root || head.Size != m.Checkpoint.Size || batch.Size != head.Size {
		return batch, fmt.Errorf("the checkpoint's note, the manifest and the chain say different heads: %w", hallmark.ErrLogProof)
	}
	return batch, v.deepEnough("checkpoint", batch.Anchor)
}

// reviewBundle checks the statement's signature, whose it is, and that it is in the log.
func (v *verification) reviewBundle(ctx context.Context, m pipeline.ReviewManifest, at time.Time) (sign.Verified, error) {
	raw, err := v.fetch(ctx, "fetching it", m.Review.CID, maxFetched)
	if err != nil {
		return sign.Verified{}, err
	}
	signed, err := sign.Verify(raw, v.keys.PEMs(sign.PurposeReviewer)...)
	if err != nil {
		return signed, err
	}
	reviewer, err := v.keys.Trusted(signed.KeyHint, sign.PurposeReviewer, at)
	if err != nil {
		return signed, err
	}
	for _, step := range v.Lineage.Steps {
		for _, k := range v.keys.Keys {
			if k.ID == step.SignerKey && k.Owner == reviewer.Owner {
				return signed, fmt.Errorf("%s signed the lineage and the review: %w", k.Owner, hallmark.ErrKey)
			}
		}
	}
	leaf := hallmark.DigestOf(signed.Envelope)
	if leaf != m.Review.Envelope {
		return signed, fmt.Errorf("its envelope is not the one that the manifest names: %w", hallmark.ErrLogProof)
	}
	head := m.Checkpoint
	return signed, tlog.VerifyInclusion(leaf, m.Review.LogIndex, head.Size, m.Review.Proof, head.Root)
}
