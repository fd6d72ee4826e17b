package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// anchor hands the version to the chain's outbox once, and then looks at intervals how far it has come. It never waits:
// a chain that is down keeps no worker busy, and the version stays attested with the problem in view.
func (f *Flow) anchor(ctx context.Context, t *task) error {
	if t.version.Anchor == nil {
		if err := f.enqueueAnchor(ctx, t); err != nil {
			return err
		}
	}
	now, err := f.cfg.Anchorer.Status(ctx, t.version)
	if err != nil {
		return err
	}
	if now.State == hallmark.AnchorOrphaned {
		return fmt.Errorf("the contract refuses the record: %s: %w", now.Problem, hallmark.ErrRefused)
	}
	moved := t.version.Anchor == nil || t.version.Anchor.State != now.State
	if moved {
		t.events = append(t.events, t.event(hallmark.Event{Kind: hallmark.EventAnchor, Anchor: now.State}))
	}
	t.version.Anchor = &now
	if reached(now.State, t.policy.Head()) {
		t.enter(hallmark.StateAnchored, JobServe)
		return nil
	}
	if now.Problem != t.version.Problem && now.Problem != "" {
		t.events = append(t.events, t.event(hallmark.Event{Kind: hallmark.EventRetry, Step: t.job.Kind, Text: now.Problem}))
	}
	t.version.Problem, t.version.Hint = now.Problem, ""
	if moved {
		t.job.Try = 0
	}
	t.again(f.pollAfter(t.job.Try))
	return nil
}

func (f *Flow) enqueueAnchor(ctx context.Context, t *task) error {
	keys, err := f.keyList(ctx)
	if err != nil {
		return err
	}
	return f.cfg.Anchorer.Anchor(ctx, AnchorRequest{Version: t.version, Submission: t.sub, KeyList: keys})
}

// keyList stores the list of keys as it is now.
func (f *Flow) keyList(ctx context.Context) (Document, error) {
	keys, err := f.cfg.Signer.KeyList(ctx)
	if err != nil {
		return Document{}, fmt.Errorf("list keys: %w", err)
	}
	return f.document(ctx, keys)
}

// pollAfter waits the poll interval at first and longer the longer nothing moves: blocks take seconds, finality minutes.
func (f *Flow) pollAfter(try int) time.Duration {
	return min(f.cfg.Poll<<min(try/8, 20), maxPoll)
}

// maxPoll is the longest wait between two looks at the chain.
const maxPoll = 5 * time.Second

// reached reports whether an anchor is at least as deep as wanted. A wanted head that does not exist is never reached.
func reached(s, wanted hallmark.AnchorState) bool {
	have, ok := anchorRank(s)
	want, known := anchorRank(wanted)
	return ok && known && want > 0 && have >= want
}

// anchorRank orders the anchor states by how final they are; an orphaned record has no rank.
func anchorRank(s hallmark.AnchorState) (int, bool) {
	switch s {
	case hallmark.AnchorPending:
		return 0, true
	case hallmark.AnchorIncluded:
		return 1, true
	case hallmark.AnchorSafe:
		return 2, true
	case hallmark.AnchorFinal:
		return 3, true
	default:
		return 0, false
	}
}
