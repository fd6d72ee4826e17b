package pipeline

import (
	"context"

	"github.com/hallmark-ml/hallmark"
)

// A SubmitRequest asks for one model version to be attested and, if its policy allows, served.
type SubmitRequest struct {
	Owner int64           // ID of the API key that asks; its scope was checked
	Model hallmark.Digest // an artifact that AddArtifact recorded
	Name  string          // name to serve it under, 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit
	// PolicyText is the policy file; Policy is how the user named it (an embedded policy's name or a file's base name).
	Policy     string
	PolicyText []byte
	Profile    string // chat or completion
	// Lineage is the signed Sigstore bundles, one a step, in any order; at least one, at most MaxLineage.
	Lineage [][]byte
	// IdempotencyKey makes a repeated request give the first submission. Optional, at most 128 bytes.
	IdempotencyKey string
}

// MaxLineage bounds the steps of one submission's lineage.
const MaxLineage = 256

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
	return a, f.cfg.Store.PutArtifact(ctx, a)
}
