package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/oms"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

// A fetchedBundle is one bundle as an outsider gets it: the bytes from the evidence gateway, and the key that the list
// on the chain names for it.
type fetchedBundle struct {
	predicate string
	raw       []byte
	key       string // PEM
	payload   []byte
	statement statement.Statement
}

// fetchBundles gets every bundle of a served model, with nothing but RPC endpoint, contract and gateway.
func (w *workspace) fetchBundles(t *testing.T, model string) (hallmark.Digest, []fetchedBundle) {
	t.Helper()
	v, err := verifyFlags{rpc: w.info.RPC, contract: w.info.Contract, gateway: w.info.Evidence, head: string(hallmark.AnchorFinal)}.run(t.Context(), model)
	require.NoError(t, err)
	var out []fetchedBundle
	for _, b := range v.manifest.Bundles {
		raw, err := v.fetch(t.Context(), "bundle", b.CID, maxFetched)
		require.NoError(t, err)
		checked, err := sign.Verify(raw, append(v.keys.PEMs(sign.PurposeService), v.keys.PEMs(sign.PurposeSubmitter)...)...)
		require.NoError(t, err)
		i := slices.IndexFunc(v.keys.Keys, func(k sign.ListedKey) bool { return k.ID == checked.KeyHint })
		require.GreaterOrEqual(t, i, 0, b.Predicate)
		s, err := statement.Parse(checked.Statement)
		require.NoError(t, err)
		out = append(out, fetchedBundle{b.Predicate, raw, v.keys.Keys[i].Text, checked.Statement, s})
	}
	return v.Model, out
}

// subjectDigest is the digest by which an outsider compares a statement with what it is about.
func (b fetchedBundle) subjectDigest(t *testing.T) (algorithm, digest string) {
	t.Helper()
	require.NotEmpty(t, b.statement.Subject, b.predicate)
	for algorithm, digest := range b.statement.Subject[0].Digest {
		return algorithm, digest
	}
	t.Fatalf("%s: the subject has no digest", b.predicate)
	return "", ""
}

// changed is the bundle with one byte of its payload replaced, still well-formed.
func (b fetchedBundle) changed(t *testing.T) json.RawMessage {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(b.raw, &doc))
	envelope := doc["dsseEnvelope"].(map[string]any)
	payload := bytes.Replace(b.payload, []byte("gguf"), []byte("gguF"), 1)
	require.NotEqual(t, b.payload, payload, b.predicate)
	envelope["payload"] = payload // encoded in base64
	raw, err := json.Marshal(doc)
	require.NoError(t, err)
	return raw
}

// outsideVerifiers holds the bundles of the served model against the verifiers that other people have.
func (w *workspace) outsideVerifiers(t *testing.T) {
	model, bundles := w.fetchBundles(t, tinychat+"guarded-q8_0.gguf")
	kinds := map[string]int{}
	for _, b := range bundles {
		kinds[b.predicate]++
	}
	require.Equal(t, map[string]int{
		statement.PredicateProvenance: 2, statement.PredicateFingerprint: 1, oms.PredicateType: 1, statement.PredicateTestResult: 1,
		statement.PredicateRunPlan: 1, statement.PredicateRuntimeTrace: 1, statement.PredicateSummary: 1,
	}, kinds)
	t.Run("cosign", func(t *testing.T) { cosignAgrees(t, model, bundles) })
	t.Run("sigstore-js", func(t *testing.T) { sigstoreJSAgrees(t, bundles) })
}

// cosignVerify does what "cosign verify-blob-attestation --key --insecure-ignore-tlog" does.
func cosignVerify(t *testing.T, raw []byte, key, algorithm, digest string) error {
	t.Helper()
	b := new(bundle.Bundle)
	require.NoError(t, b.UnmarshalJSON(raw))
	public, err := cosign.PemToECDSAKey([]byte(key))
	require.NoError(t, err)
	verifier, err := signature.LoadDefaultVerifier(public)
	require.NoError(t, err)
	want, err := hex.DecodeString(digest)
	require.NoError(t, err)
	_, err = cosign.VerifyNewBundle(t.Context(), &cosign.CheckOpts{
		SigVerifier: verifier, IgnoreTlog: true, NewBundleFormat: true, TrustedMaterial: &root.BaseTrustedMaterial{},
	}, verify.WithArtifactDigest(algorithm, want), b)
	return err
}

func cosignAgrees(t *testing.T, model hallmark.Digest, bundles []fetchedBundle) {
	t.Helper()
	about := 0
	for i, b := range bundles {
		algorithm, digest := b.subjectDigest(t)
		if digest == model.Hex() {
			about++
		}
		require.NoError(t, cosignVerify(t, b.raw, b.key, algorithm, digest), b.predicate)
		require.Error(t, cosignVerify(t, b.changed(t), b.key, algorithm, digest), "%s: changed payload", b.predicate)
		require.Error(t, cosignVerify(t, b.raw, b.key, algorithm, hallmark.Digest{1}.Hex()), "%s: another artifact", b.predicate)
		if other := bundles[(i+1)%len(bundles)].key; other != b.key {
			require.Error(t, cosignVerify(t, b.raw, other, algorithm, digest), "%s: another key", b.predicate)
		}
	}
	require.Equal(t, 6, about, "of the model's file: its lineage step, fingerprint, run plan, test result, run record and summary")
}

func sigstoreJSAgrees(t *testing.T, bundles []fetchedBundle) {
	t.Helper()
	const dir = "../../tools/npm"
	if _, err := os.Stat(dir + "/node_modules/@sigstore/verify"); err != nil {
		t.Skip("@sigstore/verify is not installed: run `make deps`")
	}
	type job struct {
		Bundle json.RawMessage `json:"bundle"`
		Key    string          `json:"key"`
	}
	_, stranger, err := sign.GenerateKey([]byte("x"))
	require.NoError(t, err)
	var jobs []job
	for _, b := range bundles {
		jobs = append(jobs, job{b.raw, b.key}, job{b.changed(t), b.key}, job{b.raw, string(stranger)})
	}
	in, err := json.Marshal(jobs)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "node", "verify.mjs")
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	var results []struct {
		Payload []byte `json:"payload"`
		Code    string `json:"code"`
	}
	require.NoError(t, json.Unmarshal(out, &results))
	require.Len(t, results, len(jobs))
	for i, b := range bundles {
		require.Equal(t, string(b.payload), string(results[3*i].Payload), "%s: %s", b.predicate, results[3*i].Code)
		require.Equal(t, "SIGNATURE_ERROR", results[3*i+1].Code, "%s: changed payload", b.predicate)
		require.Equal(t, "SIGNATURE_ERROR", results[3*i+2].Code, "%s: another key", b.predicate)
	}
}
