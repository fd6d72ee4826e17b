package sign

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

const mediaTypeV03 = "application/vnd.dev.sigstore.bundle.v0.3+json"

// MaxBundle bounds a bundle in bytes: a statement in base64 and what is around it.
const MaxBundle = 2 * statement.MaxSize

// wireBundle is the part of a Sigstore bundle v0.3 that a signature by key uses. Source: sigstore_bundle.proto.
type wireBundle struct {
	MediaType            string          `json:"mediaType"`
	VerificationMaterial wireMaterial    `json:"verificationMaterial"`
	DSSEEnvelope         json.RawMessage `json:"dsseEnvelope"`
}

type wireMaterial struct {
	PublicKey            *wireKey          `json:"publicKey,omitempty"`
	TlogEntries          []json.RawMessage `json:"tlogEntries"`
	Certificate          json.RawMessage   `json:"certificate,omitempty"`          // read only to say why it is refused
	X509CertificateChain json.RawMessage   `json:"x509CertificateChain,omitempty"` // likewise
}

type wireKey struct {
	Hint string `json:"hint"`
}

func encodeBundle(hint string, e statement.Envelope) ([]byte, error) {
	envelope, err := e.Encode()
	if err != nil {
		return nil, err
	}
	return hallmark.CanonicalJSON(wireBundle{
		MediaType:            mediaTypeV03,
		VerificationMaterial: wireMaterial{PublicKey: &wireKey{Hint: hint}, TlogEntries: []json.RawMessage{}},
		DSSEEnvelope:         envelope,
	})
}

// A Verified bundle: what was signed, and by which of the trusted keys.
type Verified struct {
	Statement []byte // raw bytes of the statement, as signed
	Envelope  []byte // canonical DSSE envelope; its SHA-256 is the leaf of the transparency log
	Key       PublicKey
	KeyHint   string // of Key, in the OMS form
}

// Verify checks a bundle against the trusted public keys (PEM) with the standard library alone.
//
// A bundle that names a key that is not trusted is [hallmark.ErrKey]; one whose signature does not fit, or that is not
// strictly formed (another media type, not exactly one signature, certificates, log entries or time stamps that nobody
// would check, unknown, repeated or oddly cased keys, trailing data), is [hallmark.ErrSignature]. Whether the statement
// says what the caller expects, of the artifact that the caller has, is the caller's to check.
func Verify(bundle []byte, trusted ...[]byte) (Verified, error) {
	hint, envelope, err := parseBundle(bundle)
	if err != nil {
		return Verified{}, fmt.Errorf("verify bundle: %w: %w", err, hallmark.ErrSignature)
	}
	key, err := choose(hint, trusted)
	if err != nil {
		return Verified{}, fmt.Errorf("verify bundle: %w", err)
	}
	sum := sha256.Sum256(statement.PAE(statement.PayloadType, envelope.Payload))
	if !ecdsa.VerifyASN1(key.key, sum[:], envelope.Signature) {
		return Verified{}, fmt.Errorf("verify bundle: signature does not fit statement and key %s: %w", key.Hint(), hallmark.ErrSignature)
	}
	if _, err := statement.Parse(envelope.Payload); err != nil {
		return Verified{}, fmt.Errorf("verify bundle: %w: %w", err, hallmark.ErrSignature)
	}
	raw, err := envelope.Encode()
	if err != nil {
		return Verified{}, fmt.Errorf("verify bundle: %w: %w", err, hallmark.ErrSignature)
	}
	return Verified{Statement: envelope.Payload, Envelope: raw, Key: key, KeyHint: key.Hint()}, nil
}

func parseBundle(b []byte) (hint string, e statement.Envelope, err error) {
	var w wireBundle
	if len(b) > MaxBundle {
		return "", e, fmt.Errorf("%d bytes, at most %d: %w", len(b), MaxBundle, hallmark.ErrTooLarge)
	}
	if err := hallmark.DecodeJSON(b, &w); err != nil {
		return "", e, err
	}
	m := w.VerificationMaterial
	switch {
	case w.MediaType != mediaTypeV03:
		return "", e, fmt.Errorf("media type %.100q, want %q: %w", w.MediaType, mediaTypeV03, hallmark.ErrInvalid)
	case m.Certificate != nil || m.X509CertificateChain != nil:
		return "", e, fmt.Errorf("signed with a certificate; only keys are trusted here: %w", hallmark.ErrInvalid)
	case len(m.TlogEntries) > 0:
		return "", e, fmt.Errorf("%d log entries, which nobody would check here: %w", len(m.TlogEntries), hallmark.ErrInvalid)
	case m.PublicKey == nil || m.PublicKey.Hint == "" || len(m.PublicKey.Hint) > 128:
		return "", e, fmt.Errorf("no key hint, or a long one: %w", hallmark.ErrInvalid)
	case len(w.DSSEEnvelope) == 0:
		return "", e, fmt.Errorf("no DSSE envelope: %w", hallmark.ErrInvalid)
	}
	e, err = statement.ParseEnvelope(w.DSSEEnvelope)
	return m.PublicKey.Hint, e, err
}

// choose returns the trusted key that hint names. A trusted key that cannot be read is an error, not a key less.
func choose(hint string, trusted [][]byte) (PublicKey, error) {
	for _, text := range trusted {
		key, err := ParsePublicKey(text)
		if err != nil {
			return PublicKey{}, fmt.Errorf("trusted key: %w", err)
		}
		if key.named(hint) {
			return key, nil
		}
	}
	return PublicKey{}, fmt.Errorf("signed with key %.128q, which is not among the %d trusted ones: %w", hint, len(trusted), hallmark.ErrKey)
}
