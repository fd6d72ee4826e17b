package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/server/pipeline"
)

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		change func(t *testing.T, b *bench, r *pipeline.SubmitRequest)
		kinds  []error
		text   string
	}{
		"unsigned lineage": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Lineage = [][]byte{[]byte(`{"statement":""}`)}
		}, []error{hallmark.ErrRefused, hallmark.ErrSignature}, "lineage bundle 0"},
		"another submitter's key": {func(t *testing.T, b *bench, r *pipeline.SubmitRequest) {
			t.Helper()
			_, other, err := b.store.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "other", Scope: hallmark.ScopeWrite})
			require.NoError(t, err)
			_, err = b.store.RegisterKey(t.Context(), other.ID, hallmark.KeySubmitter, "another key")
			require.NoError(t, err)
			r.Owner = other.ID
		}, []error{hallmark.ErrRefused, hallmark.ErrKey}, "not yours"},
		"the service's key": {func(t *testing.T, b *bench, r *pipeline.SubmitRequest) {
			t.Helper()
			model, data, script := b.add(t, hallmark.KindModel, "m", "w"), b.add(t, hallmark.KindDataset, "d", "d"), b.add(t, hallmark.KindScript, "s", "s")
			r.Model, r.Lineage = model.Digest, b.lineage(t, "service", trained(model, data, script))
		}, []error{hallmark.ErrRefused, hallmark.ErrKey}, ""},
		"no key registered": {func(t *testing.T, b *bench, r *pipeline.SubmitRequest) {
			t.Helper()
			_, other, err := b.store.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "new", Scope: hallmark.ScopeWrite})
			require.NoError(t, err)
			r.Owner = other.ID
		}, []error{hallmark.ErrRefused, hallmark.ErrKey}, "no signing key"},
		"signed, but no provenance": {func(_ *testing.T, b *bench, r *pipeline.SubmitRequest) {
			r.Lineage = [][]byte{b.bundle(submitterPEM, []byte(`{}`))}
		}, []error{hallmark.ErrRefused}, "lineage bundle 0"},
		"one byte changed": {func(t *testing.T, b *bench, r *pipeline.SubmitRequest) {
			t.Helper()
			r.Model = b.add(t, hallmark.KindModel, "changed.gguf", "weights of good.gguG").Digest
		}, []error{hallmark.ErrRefused, hallmark.ErrDigest}, "not those that lineage and signature name"},
		"dangling data set": {func(t *testing.T, b *bench, r *pipeline.SubmitRequest) {
			t.Helper()
			model, script := b.add(t, hallmark.KindModel, "m", "w"), b.add(t, hallmark.KindScript, "s", "s")
			gone := hallmark.Artifact{Kind: hallmark.KindDataset, Name: "gone.jsonl", Digest: hallmark.Digest{5}}
			r.Model, r.Lineage = model.Digest, b.lineage(t, submitterPEM, trained(model, gone, script))
		}, []error{hallmark.ErrRefused, hallmark.ErrLineage}, "gone.jsonl"},
		"cycle": {func(t *testing.T, b *bench, r *pipeline.SubmitRequest) {
			t.Helper()
			a, c := b.add(t, hallmark.KindModel, "a", "a"), b.add(t, hallmark.KindModel, "c", "c")
			convert := func(from, to hallmark.Artifact) hallmark.LineageStep {
				return hallmark.LineageStep{Operation: hallmark.OpConvert, Output: node(to), Inputs: []hallmark.LineageInput{{LineageNode: node(from), Role: hallmark.RoleBase}}}
			}
			r.Model, r.Lineage = a.Digest, b.lineage(t, submitterPEM, convert(a, c), convert(c, a))
		}, []error{hallmark.ErrRefused, hallmark.ErrLineage}, "cycle"},
		"model that is not there": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Model = hallmark.Digest{1}
		}, []error{hallmark.ErrNotFound}, "submit model"},
		"model that is a data set": {func(t *testing.T, b *bench, r *pipeline.SubmitRequest) {
			t.Helper()
			r.Model = b.add(t, hallmark.KindDataset, "d", "x").Digest
		}, []error{hallmark.ErrInvalid}, "not a model"},
		"broken policy": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.PolicyText = []byte("rules: [")
		}, []error{hallmark.ErrInvalid}, ""},
		"bad name": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Name = "../etc"
		}, []error{hallmark.ErrInvalid}, "name"},
		"name too long": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Name = strings.Repeat("a", 65)
		}, []error{hallmark.ErrInvalid}, "name"},
		"unknown profile": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Profile = "image"
		}, []error{hallmark.ErrInvalid}, "profile"},
		"no lineage": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Lineage = nil
		}, []error{hallmark.ErrInvalid}, "lineage is missing"},
		"too many steps": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Lineage = make([][]byte, pipeline.MaxLineage+1)
		}, []error{hallmark.ErrTooLarge}, "257 steps"},
		"bundle too large": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.Lineage = [][]byte{make([]byte, pipeline.MaxBundle+1)}
		}, []error{hallmark.ErrTooLarge}, "bundle 0"},
		"idempotency key too long": {func(_ *testing.T, _ *bench, r *pipeline.SubmitRequest) {
			r.IdempotencyKey = strings.Repeat("k", pipeline.MaxIdempotencyKey+1)
		}, []error{hallmark.ErrTooLarge}, "idempotency key"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			b := newBench(t)
			r := b.request(t, "good.gguf")
			tt.change(t, b, &r)
			_, created, err := b.flow.Submit(t.Context(), r)
			require.False(t, created)
			for _, kind := range tt.kinds {
				require.ErrorIs(t, err, kind)
			}
			require.ErrorContains(t, err, tt.text)
			all, err := b.store.ListVersions(t.Context(), hallmark.Digest{}, 10)
			require.NoError(t, err)
			require.Empty(t, all, "nothing is kept of a refused submission")
		})
	}
}

// The refusal of changed bytes names what was signed and what was given.
func TestChangedByteNamesBothDigests(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	r := b.request(t, "good.gguf")
	signed := r.Model
	r.Model = b.add(t, hallmark.KindModel, "changed.gguf", "weights of good.gguG").Digest
	_, _, err := b.flow.Submit(t.Context(), r)
	require.ErrorContains(t, err, signed.String())
	require.ErrorContains(t, err, r.Model.String())
}

func TestDuplicateSubmissionReturnsTheFirst(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	r := b.request(t, "good.gguf")
	first, _, err := b.flow.Submit(t.Context(), r)
	require.NoError(t, err)

	again := b.request(t, "good.gguf") // the same steps, signed anew
	require.NotEqual(t, r.Lineage, again.Lineage)
	second, created, err := b.flow.Submit(t.Context(), again)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first, second)

	again.PolicyText = []byte(strings.Replace(policyText, `version: "1"`, `version: "2"`, 1))
	_, _, err = b.flow.Submit(t.Context(), again)
	require.ErrorIs(t, err, hallmark.ErrConflict)
}

func TestAddArtifactByReferenceReadsItsDigest(t *testing.T) {
	t.Parallel()

	b := newBench(t)
	b.content["/theirs"] = []byte("bytes")
	a, err := b.flow.AddArtifact(t.Context(), hallmark.Artifact{Kind: hallmark.KindModel, Name: "m", Path: "/theirs", Referenced: true})
	require.NoError(t, err)
	require.Equal(t, hallmark.DigestOf([]byte("bytes")), a.Digest)
	require.Equal(t, cidOf([]byte("bytes")), a.CID)
	_, err = b.flow.AddArtifact(t.Context(), hallmark.Artifact{Kind: hallmark.KindModel, Name: "m", Path: "/gone"})
	require.ErrorIs(t, err, hallmark.ErrNotFound)
}
