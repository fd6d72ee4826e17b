package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
)

// serve gives an anchored version its last state. Only allow is served; every other decision, one that does not exist
// included, is not.
func (f *Flow) serve(ctx context.Context, t *task) error {
	switch t.version.Verdict.Decision {
	case hallmark.Allow:
		// The gateway reads the bytes again and compares them with the digest; a file that changed since is refused.
		if err := f.cfg.Gateway.Admit(ctx, t.version, t.artifact); err != nil {
			return err
		}
		t.enter(hallmark.StateServing, JobLearn)
	case hallmark.Challenge, hallmark.Undecided:
		t.enter(hallmark.StateChallenged, JobLearn)
		t.version.Problem = fmt.Sprintf("verdict %s: a person has to review it", t.version.Verdict.Decision)
		if reviewable(t.version) {
			t.version.Hint = "see what and decide: hallmark review show " + ReviewID(t.version.Digest)
		}
	default:
		t.enter(hallmark.StateBlocked, JobLearn)
	}
	return nil
}

// Revoke takes a version out of service for good, and records on the chain that it was revoked.
func (f *Flow) Revoke(ctx context.Context, d hallmark.Digest, reason string) error {
	v, err := f.cfg.Store.Version(ctx, d)
	if err != nil {
		return err
	}
	from := v.State
	if from == hallmark.StateRevoked {
		return nil
	}
	if err := checkTransition(from, hallmark.StateRevoked); err != nil {
		return fmt.Errorf("revoke %v: %w", d, err)
	}
	// First what protects people, then what records it: a failure in between leaves the version out of service.
	if err := f.cfg.Gateway.Withdraw(ctx, d); err != nil {
		return fmt.Errorf("revoke %v: %w", d, err)
	}
	if err := f.cfg.Anchorer.Revoke(ctx, d); err != nil {
		return fmt.Errorf("revoke %v: %w", d, err)
	}
	v.State, v.Problem, v.Hint = hallmark.StateRevoked, "revoked: "+reason, ""
	return f.cfg.Store.Apply(ctx, hallmark.Change{From: from, Version: v, Events: []hallmark.Event{{
		Submission: v.Submission, Model: d, Kind: hallmark.EventState, State: v.State, Text: v.Problem,
	}}})
}

// Retry goes on with a version that failed after it was attested: with its anchor, or with serving if it is anchored. One
// that failed before has nothing to go on from, and is submitted again: ErrConflict.
func (f *Flow) Retry(ctx context.Context, d hallmark.Digest) (hallmark.Version, error) {
	v, err := f.cfg.Store.Version(ctx, d)
	if err != nil {
		return v, err
	}
	if v.State != hallmark.StateFailed {
		return v, fmt.Errorf("retry %s: it is %s and did not fail: %w", v.Name, v.State, hallmark.ErrConflict)
	}
	if v.Verdict == nil || v.Checkpoint == nil || v.Evidence.IsZero() {
		return v, hallmark.WithHint(fmt.Errorf("retry %s: it failed before it was attested: %w", v.Name, hallmark.ErrConflict), "submit it again")
	}
	sub, err := f.cfg.Store.Submission(ctx, v.Submission)
	if err != nil {
		return v, err
	}
	p, err := policy.Load(sub.PolicyText)
	if err != nil {
		return v, err
	}
	from, job := v.State, newJob(JobServe, v.Submission)
	since := v.Updated
	v.State, v.Problem, v.Hint = hallmark.StateAnchored, "", ""
	if v.Anchor == nil || !reached(v.Anchor.State, p.Head()) {
		if err := f.cfg.Anchorer.Retry(ctx, v); err != nil {
			return v, fmt.Errorf("retry %s: %w", v.Name, err)
		}
		v.State, v.Anchor, job = hallmark.StateAttested, nil, newJob(JobAnchor, v.Submission)
	}
	if err := checkTransition(from, v.State); err != nil {
		return v, err
	}
	change := hallmark.Change{From: from, Since: since, Version: v, Next: &job, Events: []hallmark.Event{{
		Submission: v.Submission, Model: d, Kind: hallmark.EventState, State: v.State, Text: "tried again",
	}}}
	if err := f.cfg.Store.Apply(ctx, change); err != nil {
		return v, err
	}
	return f.cfg.Store.Version(ctx, d)
}

// Restore admits every serving version to the gateway, as a restarted server must before it listens. A version whose
// bytes cannot be read or are not the attested ones any more is not served: its problem is written to its row, and the
// next start tries again. Only an error of the database stops it.
func (f *Flow) Restore(ctx context.Context) error {
	versions, err := f.cfg.Store.VersionsIn(ctx, hallmark.StateServing)
	if err != nil {
		if errors.Is(err, hallmark.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		f.cfg.Logger.ErrorContext(ctx, "versions that cannot be read are not served", slog.Any("cause", err))
	}
	for _, v := range versions {
		if err := f.restoreOne(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

func (f *Flow) restoreOne(ctx context.Context, v hallmark.Version) error {
	artifact, err := f.cfg.Store.Artifact(ctx, v.Digest)
	if err == nil {
		err = f.cfg.Gateway.Admit(ctx, v, artifact)
	}
	problem := ""
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		problem = "not served since the restart: " + err.Error()
		f.cfg.Logger.ErrorContext(ctx, "version is not served", slog.String("model", v.Digest.String()), slog.Any("cause", err))
	}
	if problem == v.Problem {
		return nil
	}
	v.Problem, v.Hint = problem, ""
	return f.cfg.Store.Apply(ctx, hallmark.Change{From: v.State, Version: v})
}
