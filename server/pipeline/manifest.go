package pipeline

import (
	"context"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// ManifestSchema is the value of [Manifest.Schema].
const ManifestSchema = "https://github.com/hallmark-ml/hallmark/manifest/v1"

// A Manifest leads from one CID, the one on the chain, to everything that was signed about a version. It is stored as
// canonical JSON. It proves nothing by itself: every bundle is verified by its own signature and its log proof.
type Manifest struct {
	Schema   string          `json:"schema"`
	Model    hallmark.Digest `json:"model"`
	Name     string          `json:"name"`
	ModelCID string          `json:"modelCid"`
	// Bundles are the submitter's lineage in the order of its steps, then the service's statements.
	Bundles    []ManifestBundle   `json:"bundles"`
	Checkpoint ManifestCheckpoint `json:"checkpoint"`
	Report     Document           `json:"report"`
	Cases      string             `json:"casesCid"` // texts of the failing and undecided cases
	Policy     Document           `json:"policy"`
	// KeyList names the keys as they were when the version was attested; lists only grow.
	KeyList Document `json:"keyList"`
}

// A ManifestBundle is a signed statement and its proof of inclusion in the log under the manifest's checkpoint.
type ManifestBundle struct {
	hallmark.Bundle
	Proof []hallmark.Digest `json:"proof"`
}

// A ManifestCheckpoint is the log's head with its signed text.
type ManifestCheckpoint struct {
	hallmark.Checkpoint
	Note string `json:"note"`
}

// A Document is stored evidence by CID and digest.
type Document struct {
	CID    string          `json:"cid"`
	Digest hallmark.Digest `json:"digest"`
}

// manifest collects what a version's evidence is. The version's bundles have their log indices.
func (f *Flow) manifest(ctx context.Context, t *task, head LogHead) (Manifest, error) {
	v := t.version
	m := Manifest{
		Schema: ManifestSchema, Model: v.Digest, Name: v.Name, ModelCID: v.Fingerprint.CID,
		Checkpoint: ManifestCheckpoint{Checkpoint: *v.Checkpoint, Note: string(head.Text)},
		Report:     Document{CID: v.ReportCID, Digest: v.Report},
		Cases:      v.CasesCID,
	}
	for _, b := range v.Bundles {
		proof, err := f.cfg.Log.Proof(ctx, b.LogIndex, head.Size)
		if err != nil {
			return Manifest{}, fmt.Errorf("prove bundle %s: %w", b.CID, err)
		}
		if proof == nil {
			proof = []hallmark.Digest{}
		}
		m.Bundles = append(m.Bundles, ManifestBundle{Bundle: b, Proof: proof})
	}
	var err error
	if m.Policy, err = f.document(ctx, t.sub.PolicyText); err != nil {
		return Manifest{}, err
	}
	m.KeyList, err = f.keyList(ctx)
	return m, err
}

// ReviewManifestSchema is the value of [ReviewManifest.Schema].
const ReviewManifestSchema = "https://github.com/hallmark-ml/hallmark/review-manifest/v1"

// A ReviewManifest leads from one CID to a reviewer's signed decision and its proof of inclusion in the log. It is stored as
// canonical JSON, and proves nothing by itself.
type ReviewManifest struct {
	Schema string          `json:"schema"`
	Model  hallmark.Digest `json:"model"`
	// Evidence is the version's manifest.
	Evidence   Document           `json:"evidence"`
	Review     ManifestBundle     `json:"review"`
	Checkpoint ManifestCheckpoint `json:"checkpoint"`
}

// document stores text as evidence.
func (f *Flow) document(ctx context.Context, text []byte) (Document, error) {
	cid, err := f.cfg.Evidence.Put(ctx, text)
	return Document{CID: cid, Digest: hallmark.DigestOf(text)}, err
}
