package pipeline

import (
	"context"
	"iter"

	"github.com/hallmark-ml/hallmark"
)

// eventPage bounds how many events one read of the store returns.
const eventPage = 256

// Events yields the events of a submission with IDs above after, oldest first, and then every new one as it is written.
// It ends when the submission's version has come to rest and all was sent, when ctx ends (with its error), or with the
// store's error.
func (f *Flow) Events(ctx context.Context, submission string, after int64) iter.Seq2[hallmark.Event, error] {
	return func(yield func(hallmark.Event, error) bool) {
		moved, resting := true, false // a version comes to rest with a change of state, so it is looked at behind one
		for {
			wake := f.cfg.Broadcaster.next()
			// Looked at before the events are read: what was written until it came to rest is then sent.
			if moved {
				var err error
				if resting, err = f.resting(ctx, submission); err != nil {
					yield(hallmark.Event{}, err)
					return
				}
				moved = false
			}
			page, err := f.cfg.Store.Events(ctx, submission, after, eventPage)
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
				after = e.ID
				moved = moved || e.Kind == hallmark.EventState || e.Kind == hallmark.EventReview
			}
			switch {
			case err != nil:
				yield(hallmark.Event{}, err)
				return
			case len(page) == eventPage:
				continue
			case resting:
				return
			case moved:
				continue
			}
			select {
			case <-wake:
			case <-ctx.Done():
				yield(hallmark.Event{}, ctx.Err())
				return
			}
		}
	}
}

// resting reports whether nothing more will happen to a submission: its version rests, or belongs to a later one.
func (f *Flow) resting(ctx context.Context, submission string) (bool, error) {
	s, err := f.cfg.Store.Submission(ctx, submission)
	if err != nil {
		return false, err
	}
	v, err := f.cfg.Store.Version(ctx, s.Model)
	if err != nil {
		return false, err
	}
	return v.Submission != submission || Resting(v), nil
}
