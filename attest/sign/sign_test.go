package sign_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/fingerprint"
	"github.com/hallmark-ml/hallmark/attest/oms"
	"github.com/hallmark-ml/hallmark/attest/sign"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

type pair struct {
	key             *sign.Key
	private, public []byte
}

var password = []byte("correct horse")

// shared holds two keys for all tests, since scrypt takes a tenth of a second.
var shared = sync.OnceValue(func() []pair {
	var out []pair
	for range 2 {
		private, public, _ := sign.GenerateKey(password)
		key, _ := sign.LoadKey(private, password)
		out = append(out, pair{key: key, private: private, public: public})
	}
	return out
})

func artifact() []byte { return []byte("weights") }

func fileFingerprint() hallmark.Fingerprint {
	f := hallmark.FileDigest{Path: "m.gguf", Size: 7, SHA256: hallmark.DigestOf(artifact())}
	return hallmark.Fingerprint{
		Name: "m.gguf", Kind: hallmark.KindModel, Digest: f.SHA256, OMSRoot: fingerprint.OMSRoot([]hallmark.FileDigest{f}),
		CID: fingerprint.CIDOf(artifact()), CIDProfile: hallmark.CIDProfile, Size: 7, Files: []hallmark.FileDigest{f},
	}
}

func signed(tb testing.TB) (payload, bundle []byte) {
	tb.Helper()
	payload, err := statement.Fingerprint(fileFingerprint())
	require.NoError(tb, err)
	bundle, err = shared()[0].key.Sign(tb.Context(), payload)
	require.NoError(tb, err)
	return payload, bundle
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()

	payload, bundle := signed(t)
	mine, other := shared()[0], shared()[1]
	v, err := sign.Verify(bundle, other.public, mine.public)
	require.NoError(t, err)
	require.Equal(t, payload, v.Statement)
	require.Equal(t, mine.key.Hint(), v.KeyHint)
	require.Equal(t, mine.public, v.Key.PEM())
	require.Equal(t, mine.public, mine.key.PublicPEM())
	require.Equal(t, mine.key.Public().Hint(), v.KeyHint)

	sum := sha256.Sum256(mine.public)
	require.Equal(t, hex.EncodeToString(sum[:]), v.KeyHint, "the hint of OpenSSF Model Signing")

	var doc struct {
		MediaType    string          `json:"mediaType"`
		DSSEEnvelope json.RawMessage `json:"dsseEnvelope"`
	}
	require.NoError(t, json.Unmarshal(bundle, &doc))
	require.Equal(t, "application/vnd.dev.sigstore.bundle.v0.3+json", doc.MediaType)
	require.Equal(t, string(doc.DSSEEnvelope), string(v.Envelope), "the leaf of the log is the envelope as it stands in the bundle")

	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, bundle, " ", "\t"))
	again, err := sign.Verify(indented.Bytes(), mine.public)
	require.NoError(t, err)
	require.Equal(t, v, again, "white space around values does not count")
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()

	_, bundle := signed(t)
	mine, other := shared()[0].public, shared()[1].public
	text := string(bundle)
	hint := shared()[0].key.Hint()
	replace := func(old, by string) string {
		out := strings.Replace(text, old, by, 1)
		require.NotEqual(t, text, out, old)
		return out
	}
	tests := map[string]struct {
		bundle  string
		trusted [][]byte
		want    error
	}{
		"no trusted key":      {text, nil, hallmark.ErrKey},
		"another key":         {text, [][]byte{other}, hallmark.ErrKey},
		"hint of another key": {replace(hint, shared()[1].key.Hint()), [][]byte{mine, other}, hallmark.ErrSignature},
		"unknown hint":        {replace(hint, strings.Repeat("0", 64)), [][]byte{mine}, hallmark.ErrKey},
		"upper-case hint":     {replace(hint, strings.ToUpper(hint)), [][]byte{mine}, hallmark.ErrKey},
		"empty hint":          {replace(hint, ""), [][]byte{mine}, hallmark.ErrSignature},
		"long hint":           {replace(hint, strings.Repeat("a", 200)), [][]byte{mine}, hallmark.ErrSignature},
		"unreadable trusted":  {text, [][]byte{[]byte("key"), mine}, hallmark.ErrKey},
		"bundle v0.2":         {replace("v0.3+json", "v0.2+json"), [][]byte{mine}, hallmark.ErrSignature},
		"no key":              {replace(`"publicKey":{"hint":"`+hint+`"},`, ""), [][]byte{mine}, hallmark.ErrSignature},
		"certificate":         {replace(`"tlogEntries"`, `"certificate":{"rawBytes":"AA=="},"tlogEntries"`), [][]byte{mine}, hallmark.ErrSignature},
		"certificate chain":   {replace(`"tlogEntries"`, `"x509CertificateChain":{},"tlogEntries"`), [][]byte{mine}, hallmark.ErrSignature},
		"log entry":           {replace(`"tlogEntries":[]`, `"tlogEntries":[{}]`), [][]byte{mine}, hallmark.ErrSignature},
		"time stamps":         {replace(`"tlogEntries"`, `"timestampVerificationData":{},"tlogEntries"`), [][]byte{mine}, hallmark.ErrSignature},
		"unknown key":         {replace(`{"dsse`, `{"x":1,"dsse`), [][]byte{mine}, hallmark.ErrSignature},
		"envelope twice":      {replace(`"mediaType"`, `"dsseEnvelope":{},"mediaType"`), [][]byte{mine}, hallmark.ErrSignature},
		"letter case":         {replace(`"mediaType"`, `"MediaType"`), [][]byte{mine}, hallmark.ErrSignature},
		"no envelope":         {`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"a"}}}`, [][]byte{mine}, hallmark.ErrSignature},
		"trailing data":       {text + "x", [][]byte{mine}, hallmark.ErrSignature},
		"too long":            {text + strings.Repeat(" ", sign.MaxBundle), [][]byte{mine}, hallmark.ErrSignature},
		"empty":               {"", [][]byte{mine}, hallmark.ErrSignature},
	}
	for name, tt := range tests {
		_, err := sign.Verify([]byte(tt.bundle), tt.trusted...)
		require.ErrorIs(t, err, tt.want, name)
	}
}

// TestSignedButNotAStatement: a good signature does not make JSON a statement.
func TestSignedButNotAStatement(t *testing.T) {
	t.Parallel()

	_, err := shared()[0].key.Sign(t.Context(), []byte(`{"a":1}`))
	require.ErrorIs(t, err, hallmark.ErrInvalid)

	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	for _, payload := range []string{`{"a":1}`, `{"_type":"https://in-toto.io/Statement/v1","_type":"x"}`, `null`} {
		bundle, public := handmade(t, private, []byte(payload))
		_, err = sign.Verify(bundle, public)
		require.ErrorIs(t, err, hallmark.ErrSignature, payload)
	}
}

// handmade signs any payload with the standard library.
func handmade(t *testing.T, private *ecdsa.PrivateKey, payload []byte) (bundle, public []byte) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	require.NoError(t, err)
	public = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	hint := sha256.Sum256(public)
	sum := sha256.Sum256(statement.PAE(statement.PayloadType, payload))
	sig, err := ecdsa.SignASN1(rand.Reader, private, sum[:])
	require.NoError(t, err)
	envelope, err := statement.Envelope{Payload: payload, Signature: sig}.Encode()
	require.NoError(t, err)
	return []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"` +
		hex.EncodeToString(hint[:]) + `"}},"dsseEnvelope":` + string(envelope) + `}`), public
}

// TestTamperMatrix changes a bundle in every bit and byte; none of the mutants may verify.
func TestTamperMatrix(t *testing.T) {
	t.Parallel()

	_, bundle := signed(t)
	mine, other := shared()[0].public, shared()[1].public
	mutants, accepted := 0, 0
	try := func(mutant []byte) {
		mutants++
		if _, err := sign.Verify(mutant, mine, other); err == nil {
			accepted++
			t.Errorf("accepted: %s", mutant)
		}
	}
	for i := range bundle {
		for bit := range 8 {
			mutant := bytes.Clone(bundle)
			mutant[i] ^= 1 << bit
			try(mutant)
		}
		try(bundle[:i])
		try(append(bytes.Clone(bundle[:i]), bundle[i+1:]...))
		try(append(append(bytes.Clone(bundle[:i]), 'A'), bundle[i:]...))
		try(append(append(bytes.Clone(bundle[:i]), bundle[i]), bundle[i:]...))
	}
	t.Logf("%d mutants, %d accepted", mutants, accepted)
	require.Greater(t, mutants, 10_000)
}

// cosignVerify does what "cosign verify-blob-attestation --key --insecure-ignore-tlog" does, offline.
func cosignVerify(t *testing.T, raw, public []byte, artifact verify.ArtifactPolicyOption) error {
	t.Helper()
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(raw); err != nil {
		return err
	}
	key, err := cosign.PemToECDSAKey(public)
	require.NoError(t, err)
	verifier, err := signature.LoadDefaultVerifier(key)
	require.NoError(t, err)
	_, err = cosign.VerifyNewBundle(t.Context(), &cosign.CheckOpts{
		SigVerifier: verifier, IgnoreTlog: true, NewBundleFormat: true, TrustedMaterial: &root.BaseTrustedMaterial{},
	}, artifact, b)
	return err
}

func TestCosignAgrees(t *testing.T) {
	t.Parallel()

	_, raw := signed(t)
	mine, other := shared()[0].public, shared()[1].public
	good := verify.WithArtifactDigest("sha256", digestBytes())
	require.NoError(t, cosignVerify(t, raw, mine, good))
	require.NoError(t, cosignVerify(t, raw, mine, verify.WithArtifact(bytes.NewReader(artifact()))))

	require.Error(t, cosignVerify(t, raw, other, good), "wrong key")
	require.Error(t, cosignVerify(t, raw, mine, verify.WithArtifactDigest("sha256", make([]byte, 32))), "wrong artifact")

	var doc map[string]any
	require.NoError(t, json.Unmarshal(raw, &doc))
	envelope := doc["dsseEnvelope"].(map[string]any)
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	require.NoError(t, err)
	envelope["payload"] = base64.StdEncoding.EncodeToString(bytes.Replace(payload, []byte("m.gguf"), []byte("n.gguf"), 1))
	tampered, err := json.Marshal(doc)
	require.NoError(t, err)
	require.Error(t, cosignVerify(t, tampered, mine, good), "tampered payload")
	_, err = sign.Verify(tampered, mine)
	require.ErrorIs(t, err, hallmark.ErrSignature)
}

// TestCosignReadsDirectories: the name-bound digest of a directory, and the OMS root of a model, as cosign compares them.
func TestCosignReadsDirectories(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("1"), 0o600))
	fp, err := fingerprint.Compute(t.Context(), dir, fingerprint.Options{Kind: hallmark.KindModel})
	require.NoError(t, err)
	own, err := statement.Fingerprint(fp)
	require.NoError(t, err)
	raw, err := shared()[0].key.Sign(t.Context(), own)
	require.NoError(t, err)
	require.NoError(t, cosignVerify(t, raw, shared()[0].public, verify.WithArtifactDigest("dirHash", fp.Digest[:])))

	model, err := oms.Statement(fp)
	require.NoError(t, err)
	raw, err = shared()[0].key.Sign(t.Context(), model)
	require.NoError(t, err)
	require.NoError(t, cosignVerify(t, raw, shared()[0].public, verify.WithArtifactDigest("sha256", fp.OMSRoot[:])))
	v, err := sign.Verify(raw, shared()[0].public)
	require.NoError(t, err)
	m, err := oms.Parse(v.Statement)
	require.NoError(t, err)
	require.NoError(t, m.Verify(t.Context(), dir, oms.VerifyOptions{}))
}

// TestBundleMadeByCosign: a submitter may sign with cosign itself, whose key hint is another.
func TestBundleMadeByCosign(t *testing.T) {
	t.Parallel()

	payload, _ := signed(t)
	mine := shared()[0]
	signer, err := cosign.LoadPrivateKey(mine.private, password, nil)
	require.NoError(t, err)
	sig, err := signer.SignMessage(bytes.NewReader(statement.PAE(statement.PayloadType, payload)))
	require.NoError(t, err)
	envelope, err := statement.Envelope{Payload: payload, Signature: sig}.Encode()
	require.NoError(t, err)
	public, err := signer.PublicKey()
	require.NoError(t, err)
	raw, err := cosignbundle.MakeNewBundle(public, nil, payload, envelope, mine.public, nil)
	require.NoError(t, err)

	v, err := sign.Verify(raw, mine.public)
	require.NoError(t, err)
	require.Equal(t, mine.key.Hint(), v.KeyHint)
	require.Equal(t, envelope, v.Envelope)
}

func TestKeyFiles(t *testing.T) {
	t.Parallel()

	mine := shared()[0]
	cosignLabel := bytes.ReplaceAll(mine.private, []byte("ENCRYPTED SIGSTORE"), []byte("ENCRYPTED COSIGN"))
	key, err := sign.LoadKey(cosignLabel, password)
	require.NoError(t, err)
	require.Equal(t, mine.key.Hint(), key.Hint())

	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	block, _ := pem.Decode(mine.private)
	tests := map[string]struct {
		private  []byte
		password string
	}{
		"wrong password":  {mine.private, "correct house"},
		"empty password":  {mine.private, ""},
		"empty file":      {nil, string(password)},
		"not PEM":         {[]byte("key"), string(password)},
		"public key":      {mine.public, string(password)},
		"two blocks":      {append(bytes.Clone(mine.private), mine.private...), string(password)},
		"other label":     {bytes.ReplaceAll(mine.private, []byte("ENCRYPTED SIGSTORE"), []byte("ENCRYPTED")), string(password)},
		"costly scrypt":   {pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: bytes.Replace(block.Bytes, []byte("65536"), []byte("99999999"), 1)}), string(password)},
		"damaged":         {pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:len(block.Bytes)-9]}), string(password)},
		"ECDSA P-384":     {encrypt(t, p384), string(password)},
		"not a signature": {encrypt(t, ed25519.NewKeyFromSeed(make([]byte, 32))), string(password)},
	}
	for name, tt := range tests {
		_, err := sign.LoadKey(tt.private, []byte(tt.password))
		require.ErrorIs(t, err, hallmark.ErrKey, name)
		require.NotContains(t, err.Error(), string(password), name)
	}
	_, err = sign.LoadKey(make([]byte, 1<<20), password)
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
	_, _, err = sign.GenerateKey(nil)
	require.ErrorIs(t, err, hallmark.ErrInvalid)
}

// encrypt writes a key of another type in cosign's format.
func encrypt(t *testing.T, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "k")
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	keys, err := cosign.ImportKeyPair(path, func(bool) ([]byte, error) { return password, nil })
	require.NoError(t, err)
	return keys.PrivateBytes
}

func TestPublicKeys(t *testing.T) {
	t.Parallel()

	good := shared()[0].public
	block, _ := pem.Decode(good)
	marshal := func(key any) []byte {
		der, err := x509.MarshalPKIXPublicKey(key)
		require.NoError(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	bad := map[string][]byte{
		"empty":               nil,
		"line break missing":  bytes.TrimSpace(good),
		"line break more":     append(bytes.Clone(good), '\n'),
		"text before":         append([]byte("x\n"), good...),
		"two keys":            append(bytes.Clone(good), good...),
		"carriage returns":    bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
		"header":              pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Headers: map[string]string{"a": "b"}, Bytes: block.Bytes}),
		"other label":         pem.EncodeToMemory(&pem.Block{Type: "EC PUBLIC KEY", Bytes: block.Bytes}),
		"ECDSA P-384":         marshal(p384.Public()),
		"Ed25519":             marshal(ed25519.NewKeyFromSeed(make([]byte, 32)).Public()),
		"bytes after the DER": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: append(bytes.Clone(block.Bytes), 0)}),
		"not on the curve":    pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: append(bytes.Clone(block.Bytes[:len(block.Bytes)-1]), block.Bytes[len(block.Bytes)-1]^1)}),
	}
	for name, text := range bad {
		_, err := sign.ParsePublicKey(text)
		require.ErrorIs(t, err, hallmark.ErrKey, name)
	}
	_, err = sign.ParsePublicKey(make([]byte, 1<<20))
	require.ErrorIs(t, err, hallmark.ErrTooLarge)
	key, err := sign.ParsePublicKey(good)
	require.NoError(t, err)
	require.Equal(t, good, key.PEM())
}

func TestSignStopsWithItsContext(t *testing.T) {
	t.Parallel()

	payload, _ := signed(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := shared()[0].key.Sign(ctx, payload)
	require.ErrorIs(t, err, context.Canceled)
}

// TestMirroredSignature: whoever has a valid ECDSA signature (r, s) has (r, n-s) too. It verifies, as with every outside
// verifier, but it is another envelope, so no log has it.
func TestMirroredSignature(t *testing.T) {
	t.Parallel()

	_, bundle := signed(t)
	v, err := sign.Verify(bundle, shared()[0].public)
	require.NoError(t, err)
	e, err := statement.ParseEnvelope(v.Envelope)
	require.NoError(t, err)
	e.Signature = mirror(t, e.Signature)
	raw, err := e.Encode()
	require.NoError(t, err)
	mirrored := bytes.Replace(bundle, v.Envelope, raw, 1)
	w, err := sign.Verify(mirrored, shared()[0].public)
	require.NoError(t, err)
	require.Equal(t, v.Statement, w.Statement)
	require.NotEqual(t, v.Envelope, w.Envelope)
}

// mirror turns (r, s) into (r, n-s) in DER.
func mirror(t *testing.T, sig []byte) []byte {
	t.Helper()
	r, s := new(big.Int), new(big.Int)
	lr := int(sig[3])
	r.SetBytes(sig[4 : 4+lr])
	s.SetBytes(sig[6+lr:])
	s.Sub(elliptic.P256().Params().N, s)
	integer := func(v *big.Int) []byte {
		b := v.Bytes()
		if b[0]&0x80 != 0 {
			b = append([]byte{0}, b...)
		}
		return append([]byte{2, byte(len(b))}, b...)
	}
	body := append(integer(r), integer(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func FuzzVerify(f *testing.F) {
	_, bundle := signed(f)
	mine := shared()[0].public
	v, err := sign.Verify(bundle, mine)
	require.NoError(f, err)
	f.Add(bundle)
	f.Add(bytes.Replace(bundle, []byte("v0.3"), []byte("v0.2"), 1))
	f.Add([]byte(`{"mediaType":""}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := sign.Verify(b, mine)
		if err == nil {
			require.Equal(t, v.Statement, got.Statement)
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	f.Add(shared()[0].public)
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, err := sign.ParsePublicKey(b); err == nil {
			require.Equal(t, b, key.PEM())
		}
	})
}

func digestBytes() []byte {
	d := hallmark.DigestOf(artifact())
	return d[:]
}

func isAny(err error, kinds ...error) bool {
	return slices.ContainsFunc(kinds, func(k error) bool { return errors.Is(err, k) })
}

// TestSpecificationBundles reads the bundles of the OMS specification. Their keys are not published, so a well-formed
// one by key gets as far as the question who signed it.
func TestSpecificationBundles(t *testing.T) {
	t.Parallel()

	dir := os.Getenv("HALLMARK_TESTDATA")
	if dir == "" {
		t.Skip("HALLMARK_TESTDATA is not set: the OMS vectors are not in this repository")
	}
	for path, want := range map[string]error{
		"valid/key.bundle.json":                             hallmark.ErrKey,
		"valid/certificate.bundle.json":                     hallmark.ErrSignature,
		"valid/sigstore.bundle.json":                        hallmark.ErrSignature,
		"invalid/empty.bundle.json":                         hallmark.ErrSignature,
		"invalid/missing-envelope.bundle.json":              hallmark.ErrSignature,
		"invalid/missing-tlog-entries.bundle.json":          hallmark.ErrSignature,
		"invalid/missing-verification-material.bundle.json": hallmark.ErrSignature,
	} {
		raw, err := os.ReadFile(filepath.Join(dir, "oms/spec/test-vectors/v1.0", path))
		require.NoError(t, err)
		_, err = sign.Verify(raw, shared()[0].public)
		require.ErrorIs(t, err, want, path)
	}
}
