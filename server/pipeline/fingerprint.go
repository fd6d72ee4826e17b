package pipeline

import (
	"context"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// fingerprint reads the model's bytes once, and refuses those that are no longer the submitted ones. The copy for
// evidence is by reference; that it has the same CID shows that both readers saw the same bytes.
func (f *Flow) fingerprint(ctx context.Context, t *task) error {
	fp, err := f.cfg.Fingerprinter.Fingerprint(ctx, t.artifact, f.progress(ctx, t))
	if err != nil {
		return err
	}
	if fp.Digest != t.version.Digest {
		return &hallmark.DigestMismatchError{What: t.artifact.Name, Want: t.version.Digest, Got: fp.Digest}
	}
	cid, err := f.cfg.Evidence.AddFile(ctx, t.artifact.Path)
	if err != nil {
		return err
	}
	if cid != fp.CID {
		return fmt.Errorf("%s changed while it was read: CID %s, then %s: %w", t.artifact.Name, fp.CID, cid, hallmark.ErrDigest)
	}
	t.version.Fingerprint = &fp
	t.enter(hallmark.StateFingerprinted, JobScan)
	return nil
}

// progressSteps is how many progress events a whole file gives, or the plain requests of a test.
const progressSteps = 10

// progress returns a callback that writes an event each time another tenth of the work is done. A lost event is no
// reason to stop, and its cause will stop the step itself.
func (f *Flow) progress(ctx context.Context, t *task) func(done, total int64) {
	reported := int64(0)
	return func(done, total int64) {
		part := progressPart(done, total)
		if part <= reported {
			return
		}
		reported = part
		e := t.event(hallmark.Event{Kind: hallmark.EventProgress, Step: t.job.Kind, Done: done, Total: total})
		_ = f.cfg.Store.AddEvent(ctx, e) // see above
	}
}

// progressPart returns how many tenths done is of total, without overflow for any file size.
func progressPart(done, total int64) int64 {
	if total <= 0 {
		return 0
	}
	return int64(float64(done) / float64(total) * progressSteps)
}
