package pipeline

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/policy"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

// A SubmitRequest asks for one model version to be attested and, if its policy allows, served.
type SubmitRequest struct {
	Owner int64           // ID of the API key that asks; its scope was checked
	Model hallmark.Digest // an artifact that AddArtifact recorded
	Name  string          // name to serve it under, 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit
	// PolicyText is the policy file that will decide.
	PolicyText []byte
	Profile    string // chat or completion
	// Lineage is the signed Sigstore bundles, one a step, in any order: 1 to MaxLineage of at most MaxBundle bytes.
	Lineage [][]byte
	// IdempotencyKey makes a repeated request give the first submission. Optional, at most 128 bytes.
	IdempotencyKey string
}

// Limits of a submission.
const (
	MaxLineage        = 256     // steps
	MaxBundle         = 1 << 20 // bytes of one bundle
	MaxIdempotencyKey = 128     // bytes
)

// AddArtifact records bytes that lie at a.Path. A caller that hashed a file while it arrived sets Digest and Size;
// otherwise they are computed here. The bytes become available as evidence by reference, which gives the CID.
func (f *Flow) AddArtifact(ctx context.Context, a hallmark.Artifact) (hallmark.Artifact, error) {
	if a.Digest.IsZero() {
		fp, err := f.cfg.Fingerprinter.Fingerprint(ctx, a, func(int64, int64) {})
		if err != nil {
			return hallmark.Artifact{}, err
		}
		a.Digest, a.Size, a.Dir = fp.Digest, fp.Size, fp.Dir
	}
	cid, err := f.cfg.Evidence.AddFile(ctx, a.Path)
	if err != nil {
		return hallmark.Artifact{}, err
	}
	a.CID = cid
	if err := f.cfg.Store.PutArtifact(ctx, a); err != nil {
		return hallmark.Artifact{}, err
	}
	return f.cfg.Store.Artifact(ctx, a.Digest)
}

// Submit accepts a model version, once its lineage proves to be the submitter's and to be about exactly these bytes.
// What was submitted before is returned as it is, created being false. A lineage that is signed by anybody else, broken,
// or about other bytes is ErrRefused, and also ErrKey, ErrSignature, ErrLineage or ErrDigest.
func (f *Flow) Submit(ctx context.Context, r SubmitRequest) (sub hallmark.Submission, created bool, err error) {
	if err := r.Check(); err != nil {
		return hallmark.Submission{}, false, err
	}
	p, err := policy.Load(r.PolicyText)
	if err != nil {
		return hallmark.Submission{}, false, err
	}
	sub = hallmark.Submission{
		Owner: r.Owner, Model: r.Model, Name: r.Name, Policy: p.Name(), PolicyHash: p.Digest(), PolicyText: r.PolicyText, Profile: r.Profile,
	}
	model, err := f.cfg.Store.Artifact(ctx, r.Model)
	if err != nil {
		return hallmark.Submission{}, false, fmt.Errorf("submit model: %w", err)
	}
	if model.Kind != hallmark.KindModel && model.Kind != hallmark.KindAdapter {
		return hallmark.Submission{}, false, fmt.Errorf("submit %v: it is a %s, not a model: %w", r.Model, model.Kind, hallmark.ErrInvalid)
	}
	steps, err := f.verifyLineage(ctx, r)
	if err != nil {
		return hallmark.Submission{}, false, fmt.Errorf("submit %s: %w", model.Name, err)
	}
	if sub.Lineage, err = f.checkLineage(ctx, steps, model); err != nil {
		return hallmark.Submission{}, false, fmt.Errorf("submit %s: %w: %w", model.Name, err, hallmark.ErrRefused)
	}
	if sub.LineageHash, err = lineageHash(sub.Lineage); err != nil {
		return hallmark.Submission{}, false, fmt.Errorf("submit %s: %w", model.Name, err)
	}
	if sub.Bundles, err = f.storeLineage(ctx, sub.Lineage, r.Lineage, steps); err != nil {
		return hallmark.Submission{}, false, fmt.Errorf("submit %s: %w", model.Name, err)
	}
	return f.cfg.Store.Submit(ctx, sub, r.IdempotencyKey, newJob(JobFingerprint, ""))
}

// Check returns every problem of the request that can be seen without looking anything up, or nil.
func (r SubmitRequest) Check() error {
	var errs []error
	problem := func(found bool, format string, args ...any) {
		if found {
			errs = append(errs, fmt.Errorf(format+": %w", append(args, hallmark.ErrInvalid)...))
		}
	}
	problem(r.Model.IsZero(), "model digest is missing")
	problem(!validName(r.Name), "name %.80q is not 1 to 64 of a-z 0-9 . _ - with a letter or digit first", r.Name)
	problem(r.Profile != "chat" && r.Profile != "completion", "profile %.40q is not chat or completion", r.Profile)
	problem(len(r.Lineage) == 0, "lineage is missing: at least the step that made the model has to be signed")
	if len(r.Lineage) > MaxLineage {
		errs = append(errs, fmt.Errorf("lineage has %d steps, at most %d: %w", len(r.Lineage), MaxLineage, hallmark.ErrTooLarge))
	}
	for i, b := range r.Lineage {
		if len(b) > MaxBundle {
			errs = append(errs, fmt.Errorf("lineage bundle %d has %d bytes, at most %d: %w", i, len(b), MaxBundle, hallmark.ErrTooLarge))
		}
	}
	if len(r.IdempotencyKey) > MaxIdempotencyKey {
		errs = append(errs, fmt.Errorf("idempotency key has %d bytes, at most %d: %w", len(r.IdempotencyKey), MaxIdempotencyKey, hallmark.ErrTooLarge))
	}
	return errors.Join(errs...)
}

func validName(s string) bool {
	ok, err := regexp.MatchString(`\A[a-z0-9][a-z0-9._-]{0,63}\z`, s)
	return err == nil && ok
}

// verifyLineage accepts only bundles that are signed with a key registered for the API key that submits. The service's
// own key and other submitters' are not among those.
func (f *Flow) verifyLineage(ctx context.Context, r SubmitRequest) ([]hallmark.LineageStep, error) {
	keys, err := f.cfg.Store.SigningKeys(ctx, r.Owner)
	if err != nil {
		return nil, err
	}
	trusted := trustedKeys(keys, hallmark.KeySubmitter)
	if len(trusted) == 0 {
		err := fmt.Errorf("no signing key is registered for this API key: %w: %w", hallmark.ErrKey, hallmark.ErrRefused)
		return nil, hallmark.WithHint(err, "make one with `hallmark key new` and submit with --key")
	}
	steps := make([]hallmark.LineageStep, len(r.Lineage))
	for i, bundle := range r.Lineage {
		verified, err := f.cfg.Verifier.Verify(bundle, trusted)
		if err != nil {
			return nil, fmt.Errorf("lineage bundle %d: %w: %w", i, err, hallmark.ErrRefused)
		}
		if steps[i], err = statement.ParseProvenance(verified.Statement); err != nil {
			return nil, fmt.Errorf("lineage bundle %d: %w: %w", i, err, hallmark.ErrRefused)
		}
		steps[i].SignerKey, steps[i].Bundle = verified.KeyHint, hallmark.DigestOf(verified.Envelope)
	}
	return steps, nil
}

// trustedKeys returns the keys (PEM) that may sign in a role now.
func trustedKeys(keys []hallmark.SigningKey, role hallmark.KeyRole) []string {
	var trusted []string
	for _, k := range keys {
		if k.Role == role && k.Revoked.IsZero() {
			trusted = append(trusted, k.PublicPEM)
		}
	}
	return trusted
}

// checkLineage orders the steps and refuses a lineage that is not about this model or names artifacts that we do not have.
func (f *Flow) checkLineage(ctx context.Context, steps []hallmark.LineageStep, model hallmark.Artifact) (hallmark.Lineage, error) {
	made := func(d hallmark.Digest) bool {
		return slices.ContainsFunc(steps, func(s hallmark.LineageStep) bool { return s.Output.Digest == d })
	}
	if other, ok := soleProduct(steps); ok && !made(model.Digest) {
		// The usual case of changed bytes: say both digests instead of "no step has it as output".
		changed := &hallmark.DigestMismatchError{What: fmt.Sprintf("model %q", model.Name), Want: other, Got: model.Digest}
		return hallmark.Lineage{}, fmt.Errorf("the bytes are not those that lineage and signature name: %w", changed)
	}
	have := make(map[hallmark.Digest]bool)
	for _, s := range steps {
		for _, in := range s.Inputs {
			_, err := f.cfg.Store.Artifact(ctx, in.Digest)
			if err != nil && !errors.Is(err, hallmark.ErrNotFound) {
				return hallmark.Lineage{}, err
			}
			have[in.Digest] = err == nil
		}
	}
	return statement.CheckLineage(steps, func(d hallmark.Digest) bool { return have[d] }, model.Digest)
}

// soleProduct returns the one output that no step consumes, evaluations aside.
func soleProduct(steps []hallmark.LineageStep) (hallmark.Digest, bool) {
	consumed := make(map[hallmark.Digest]bool)
	for _, s := range steps {
		for _, in := range s.Inputs {
			consumed[in.Digest] = consumed[in.Digest] || s.Operation != hallmark.OpEvaluate
		}
	}
	var products []hallmark.Digest
	for _, s := range steps {
		if d := s.Output.Digest; s.Operation != hallmark.OpEvaluate && !consumed[d] && !slices.Contains(products, d) {
			products = append(products, d)
		}
	}
	if len(products) != 1 {
		return hallmark.Digest{}, false
	}
	return products[0], true
}

// lineageHash is the identity of what a lineage says: two signatures of the same steps have the same one.
func lineageHash(l hallmark.Lineage) (hallmark.Digest, error) {
	bare := hallmark.Lineage{Target: l.Target, Steps: slices.Clone(l.Steps)}
	for i := range bare.Steps {
		bare.Steps[i].SignerKey, bare.Steps[i].Bundle = "", hallmark.Digest{}
	}
	text, err := hallmark.CanonicalJSON(bare)
	if err != nil {
		return hallmark.Digest{}, err
	}
	return hallmark.DigestOf(text), nil
}

// storeLineage puts the submitter's bundles into the evidence store and returns them in the order of the lineage.
func (f *Flow) storeLineage(
	ctx context.Context, l hallmark.Lineage, bundles [][]byte, steps []hallmark.LineageStep,
) ([]hallmark.Bundle, error) {
	byEnvelope := make(map[hallmark.Digest]string, len(bundles))
	for i, b := range bundles {
		cid, err := f.cfg.Evidence.Put(ctx, b)
		if err != nil {
			return nil, err
		}
		byEnvelope[steps[i].Bundle] = cid
	}
	stored := make([]hallmark.Bundle, len(l.Steps))
	for i, s := range l.Steps {
		stored[i] = hallmark.Bundle{Predicate: statement.PredicateProvenance, CID: byEnvelope[s.Bundle], Envelope: s.Bundle}
	}
	return stored, nil
}
