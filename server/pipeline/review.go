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

// DecideReview takes a reviewer's signed decision on a version whose verdict is challenge. It is checked, written down
// together with the job that logs it, and its labels are learned; serving follows once it is anchored. The same bundle again
// is the same decision; another one on a version that has one is ErrConflict.
//
// The signature has to be by a key that the reviewer registered as such (ErrKey, ErrSignature). Reviewers do not decide on
// what was submitted with their own API key, or signed with their own key (ErrRefused). A statement about another model,
// report or evidence is ErrPredicate.
func (f *Flow) DecideReview(ctx context.Context, reviewer hallmark.APIKey, d hallmark.Digest, bundle []byte) (hallmark.Version, error) {
	v, err := f.cfg.Store.Version(ctx, d)
	if err != nil {
		return v, err
	}
	review, err := f.checkReview(ctx, reviewer.ID, v, bundle)
	if err != nil {
		return v, fmt.Errorf("review of %s: %w", v.Name, err)
	}
	if v.Review != nil && v.Review.Bundle.Envelope == review.Bundle.Envelope {
		return v, nil
	}
	if !reviewable(v) {
		return v, notReviewable(v)
	}
	if review.Bundle.CID, err = f.cfg.Evidence.Put(ctx, bundle); err != nil {
		return v, err
	}
	job := newJob(JobReviewLog, v.Submission)
	change := hallmark.Change{From: v.State, Since: v.Updated, Version: v, Next: &job}
	change.Version.Review, change.Version.Problem, change.Version.Hint = &review, "", ""
	change.Events = []hallmark.Event{{
		Submission: v.Submission, Model: d, Kind: hallmark.EventReview, State: v.State,
		Text: fmt.Sprintf("%s, by the reviewer's key %.12s; it is logged and anchored before it counts", review.Decision, review.Reviewer),
	}}
	if err := f.cfg.Store.Apply(ctx, change); err != nil {
		return v, err
	}
	if err := f.learnReview(ctx, change.Version); err != nil { // the job that logs it tells again
		f.cfg.Logger.WarnContext(ctx, "labels are learned later", slog.String("model", d.String()), slog.Any("cause", err))
	}
	return f.cfg.Store.Version(ctx, d)
}

// notReviewable says why nobody has to decide on a version.
func notReviewable(v hallmark.Version) error {
	switch {
	case v.Review != nil:
		return fmt.Errorf("review of %s: key %.12s decided %s before: %w", v.Name, v.Review.Reviewer, v.Review.Decision, hallmark.ErrConflict)
	case v.State == hallmark.StateChallenged:
		err := fmt.Errorf("review of %s: its verdict is %s, which no review changes: %w", v.Name, v.Effective(), hallmark.ErrConflict)
		return hallmark.WithHint(err, "submit it again with the evidence that its reasons ask for")
	default:
		return fmt.Errorf("review of %s: it is %s and waits for nobody: %w", v.Name, v.State, hallmark.ErrConflict)
	}
}

// checkReview checks a decision's signature, who made it, and that it is about this version; it returns what it says. The
// bundle is not stored yet.
func (f *Flow) checkReview(ctx context.Context, owner int64, v hallmark.Version, bundle []byte) (hallmark.Review, error) {
	verified, err := f.verifyReviewer(ctx, owner, v, bundle)
	if err != nil {
		return hallmark.Review{}, err
	}
	claim, err := statement.ParseReview(verified.Statement)
	if err != nil {
		return hallmark.Review{}, err
	}
	if err := f.aboutVersion(ctx, claim, v); err != nil {
		return hallmark.Review{}, err
	}
	return hallmark.Review{
		Decision: claim.Decision, Comment: claim.Comment, Reviewer: verified.KeyHint, Time: claim.Time, Labels: claim.Labels,
		Bundle: hallmark.Bundle{Predicate: statement.PredicateReview, Envelope: hallmark.DigestOf(verified.Envelope)},
	}, nil
}

// verifyReviewer checks a bundle against the reviewer's keys, and that the reviewer is not the submitter.
func (f *Flow) verifyReviewer(ctx context.Context, owner int64, v hallmark.Version, bundle []byte) (Verified, error) {
	keys, err := f.cfg.Store.SigningKeys(ctx, owner)
	if err != nil {
		return Verified{}, err
	}
	trusted := trustedKeys(keys, hallmark.KeyReviewer)
	if len(trusted) == 0 {
		err := fmt.Errorf("no reviewer's key is registered for this API key: %w: %w", hallmark.ErrKey, hallmark.ErrRefused)
		return Verified{}, hallmark.WithHint(err, "register one: hallmark key register NAME --role reviewer")
	}
	verified, err := f.cfg.Verifier.Verify(bundle, trusted)
	if err != nil {
		return Verified{}, fmt.Errorf("%w: %w", err, hallmark.ErrRefused)
	}
	sub, err := f.cfg.Store.Submission(ctx, v.Submission)
	if err != nil {
		return Verified{}, err
	}
	signed := func(s hallmark.LineageStep) bool { return s.SignerKey == verified.KeyHint }
	if sub.Owner == owner || slices.ContainsFunc(sub.Lineage.Steps, signed) {
		return Verified{}, fmt.Errorf("a submitter does not decide on its own version: %w", hallmark.ErrRefused)
	}
	return verified, nil
}

// aboutVersion compares a decision with the version that it is to be about.
func (f *Flow) aboutVersion(ctx context.Context, c statement.ReviewClaim, v hallmark.Version) error {
	switch {
	case c.Subject.Digest != v.Digest:
		return fmt.Errorf("the decision is about %v: %w", c.Subject.Digest, hallmark.ErrPredicate)
	case c.Report != v.Report || c.ReportCID != v.ReportCID:
		return fmt.Errorf("the decision is about report %v, the version's is %v: %w", c.Report, v.Report, hallmark.ErrPredicate)
	case c.Evidence != v.Evidence || c.EvidenceCID != v.EvidenceCID:
		return fmt.Errorf("the decision is about evidence %v, the version's is %v: %w", c.Evidence, v.Evidence, hallmark.ErrPredicate)
	}
	items, err := f.ReviewItems(ctx, v)
	if err != nil {
		return err
	}
	for _, l := range c.Labels {
		if !slices.ContainsFunc(items, func(i ReviewItem) bool { return i.ID == l.Finding }) {
			return fmt.Errorf("label of %.80q, which is no finding of this version: %w", l.Finding, hallmark.ErrPredicate)
		}
	}
	return nil
}

// learnReview tells what the reviewer said of each finding.
func (f *Flow) learnReview(ctx context.Context, v hallmark.Version) error {
	items, err := f.ReviewItems(ctx, v)
	if err != nil {
		return err
	}
	var outcomes []outcome
	for _, l := range v.Review.Labels {
		for _, i := range items {
			if i.ID == l.Finding {
				o := i.outcome()
				o.Source, o.Positive = v.Review.Bundle.Envelope, l.Problem
				outcomes = append(outcomes, o)
			}
		}
	}
	return f.cfg.Learning.tell(ctx, v.Review.Bundle.Envelope, outcomes)
}

// reviewStep wraps a step of a review. What ends another step's version ends only the review here: the version waits for a
// person again, and says why.
func (f *Flow) reviewStep(step func(context.Context, *task) error) Handler {
	return f.handle(hallmark.StateChallenged, func(ctx context.Context, t *task) error {
		if t.version.Review == nil || t.version.Review.Settled {
			return nil // a job that was done before
		}
		review := *t.version.Review
		t.version.Review = &review
		err := step(ctx, t)
		if err == nil || ctx.Err() != nil || errors.Is(err, hallmark.ErrUnavailable) {
			return err
		}
		f.cfg.Logger.WarnContext(ctx, "review does not count", slog.String("step", t.job.Kind), slog.String("model", t.version.Digest.String()), slog.Any("cause", err))
		t.version.State, t.version.Review, t.next, t.delay = hallmark.StateChallenged, nil, nil, 0
		t.explain(fmt.Errorf("the review by key %.12s does not count: %w", review.Reviewer, err))
		t.events = []hallmark.Event{t.event(hallmark.Event{Kind: hallmark.EventReview, State: hallmark.StateChallenged, Text: t.version.Problem})}
		return nil
	})
}

// reviewLog learns the labels, logs the decision, and stores the document that proves it.
func (f *Flow) reviewLog(ctx context.Context, t *task) error {
	r := t.version.Review
	if err := f.learnReview(ctx, t.version); err != nil {
		return err
	}
	indices, err := f.cfg.Log.Append(ctx, []hallmark.Digest{r.Bundle.Envelope})
	if err != nil {
		return fmt.Errorf("log the review: %w", err)
	}
	if len(indices) != 1 {
		return fmt.Errorf("log the review: %d indices: %w", len(indices), hallmark.ErrLogProof)
	}
	r.Bundle.LogIndex = indices[0]
	head, checkpoint, err := f.checkpoint(ctx)
	if err != nil {
		return err
	}
	r.Checkpoint = &checkpoint
	proof, err := f.cfg.Log.Proof(ctx, r.Bundle.LogIndex, head.Size)
	if err != nil {
		return fmt.Errorf("prove the review: %w", err)
	}
	text, err := hallmark.CanonicalJSON(ReviewManifest{
		Schema: ReviewManifestSchema, Model: t.version.Digest, Evidence: Document{CID: t.version.EvidenceCID, Digest: t.version.Evidence},
		Review:     ManifestBundle{Bundle: r.Bundle, Proof: append([]hallmark.Digest{}, proof...)},
		Checkpoint: ManifestCheckpoint{Checkpoint: checkpoint, Note: string(head.Text)},
	})
	if err != nil {
		return err
	}
	if r.EvidenceCID, err = f.cfg.Evidence.Put(ctx, text); err != nil {
		return err
	}
	t.then(JobReviewAnchor)
	return nil
}

// reviewAnchor hands the checkpoint to the chain's outbox once, and then looks at intervals how far it has come.
func (f *Flow) reviewAnchor(ctx context.Context, t *task) error {
	r := t.version.Review
	if r.Anchor == nil {
		keys, err := f.keyList(ctx)
		if err != nil {
			return err
		}
		if err := f.cfg.Anchorer.AnchorLog(ctx, *r.Checkpoint, keys); err != nil {
			return err
		}
	}
	now, err := f.cfg.Anchorer.LogStatus(ctx, *r.Checkpoint)
	if err != nil {
		return err
	}
	if now.State == hallmark.AnchorOrphaned {
		return fmt.Errorf("the contract refuses the checkpoint: %s: %w", now.Problem, hallmark.ErrRefused)
	}
	moved := r.Anchor == nil || r.Anchor.State != now.State
	if moved {
		t.events = append(t.events, t.event(hallmark.Event{Kind: hallmark.EventAnchor, Anchor: now.State}))
		t.job.Try = 0
	}
	r.Anchor = &now
	if reached(now.State, t.policy.Head()) {
		t.then(JobReviewSettle)
		return nil
	}
	t.version.Problem, t.version.Hint = now.Problem, ""
	t.again(f.pollAfter(t.job.Try))
	return nil
}

// reviewSettle lets serving follow the decision. The statement is read back and checked once more: its bytes, and that its
// reviewer may still decide.
func (f *Flow) reviewSettle(ctx context.Context, t *task) error {
	r := t.version.Review
	bundle, err := f.cfg.Evidence.Get(ctx, r.Bundle.CID, MaxBundle)
	if err != nil {
		return fmt.Errorf("read the review: %w", err)
	}
	owner, err := f.ownerOf(ctx, r.Reviewer)
	if err != nil {
		return err
	}
	again, err := f.checkReview(ctx, owner, t.version, bundle)
	if err != nil {
		return err
	}
	if again.Bundle.Envelope != r.Bundle.Envelope || again.Decision != r.Decision {
		return fmt.Errorf("the stored statement is not the one that was logged: %w", hallmark.ErrPredicate)
	}
	r.Settled = true
	if t.version.Effective() != hallmark.Allow {
		t.enter(hallmark.StateBlocked, "")
		return nil
	}
	if err := f.cfg.Gateway.Admit(ctx, t.version, t.artifact); err != nil {
		return err
	}
	t.enter(hallmark.StateServing, "")
	return nil
}

// ownerOf returns the API key that a signing key is registered for.
func (f *Flow) ownerOf(ctx context.Context, hint string) (int64, error) {
	keys, err := f.cfg.Store.SigningKeys(ctx, 0)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		if k.Hint == hint {
			return k.Owner, nil
		}
	}
	return 0, fmt.Errorf("key %.12s is not registered: %w", hint, hallmark.ErrKey)
}
