package sign

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/options"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/attest/statement"
)

// maxKeyFile bounds a key file; a P-256 one has about 650 bytes.
const maxKeyFile = 16 << 10

// A Key signs statements. It is safe for concurrent use.
type Key struct {
	signer signature.Signer
	public PublicKey
}

// GenerateKey returns a new P-256 key pair: the private key encrypted with password in cosign's format (scrypt and NaCl
// secretbox), the public key as PEM. An empty password is [hallmark.ErrInvalid].
func GenerateKey(password []byte) (privatePEM, publicPEM []byte, err error) {
	if len(password) == 0 {
		return nil, nil, fmt.Errorf("generate key: empty password: %w", hallmark.ErrInvalid)
	}
	keys, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return password, nil })
	if err != nil {
		return nil, nil, fmt.Errorf("generate key: %w", err)
	}
	return keys.PrivateBytes, keys.PublicBytes, nil
}

// LoadKey opens a private key that [GenerateKey] or cosign wrote; both of cosign's PEM labels are read. A wrong password,
// a damaged file and a key other than ECDSA P-256 are [hallmark.ErrKey].
func LoadKey(privatePEM, password []byte) (*Key, error) {
	if len(privatePEM) > maxKeyFile {
		return nil, fmt.Errorf("load key: %d bytes, at most %d: %w", len(privatePEM), maxKeyFile, hallmark.ErrTooLarge)
	}
	block, rest := pem.Decode(privatePEM)
	if block == nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("load key: not one PEM block: %w", hallmark.ErrKey)
	}
	signer, err := cosign.LoadPrivateKey(privatePEM, password, nil)
	if err != nil {
		return nil, fmt.Errorf("load key: wrong password or damaged file: %w: %w", err, hallmark.ErrKey)
	}
	raw, err := signer.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("load key: %w: %w", err, hallmark.ErrKey)
	}
	der, err := x509.MarshalPKIXPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("load key: %w: %w", err, hallmark.ErrKey)
	}
	public, err := ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: publicLabel, Bytes: der}))
	if err != nil {
		return nil, fmt.Errorf("load key: %w", err)
	}
	return &Key{signer: signer, public: public}, nil
}

// Public returns the public half.
func (k *Key) Public() PublicKey { return k.public }

// PublicPEM returns the public key as PEM.
func (k *Key) PublicPEM() []byte { return k.public.PEM() }

// Hint returns the key hint that the key's bundles carry.
func (k *Key) Hint() string { return k.public.Hint() }

// Sign returns a Sigstore bundle v0.3 with an in-toto statement in a DSSE envelope. What is not a statement is not
// signed: [hallmark.ErrInvalid]. Two calls give two different bundles; a caller that must not sign twice keeps the first.
func (k *Key) Sign(ctx context.Context, payload []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if _, err := statement.Parse(payload); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	sig, err := k.signer.SignMessage(bytes.NewReader(statement.PAE(statement.PayloadType, payload)), options.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	bundle, err := encodeBundle(k.Hint(), statement.Envelope{Payload: payload, Signature: sig})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return bundle, nil
}

const publicLabel = "PUBLIC KEY"

// A PublicKey checks signatures. The zero value checks none.
type PublicKey struct {
	text []byte
	key  *ecdsa.PublicKey
}

// ParsePublicKey reads an ECDSA P-256 key from PEM in exactly the form that cosign and openssl write, since the hint
// depends on the text. Anything else is [hallmark.ErrKey].
func ParsePublicKey(text []byte) (PublicKey, error) {
	if len(text) > maxKeyFile {
		return PublicKey{}, fmt.Errorf("public key: %d bytes, at most %d: %w", len(text), maxKeyFile, hallmark.ErrTooLarge)
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != publicLabel {
		return PublicKey{}, fmt.Errorf("public key: no PEM block %q: %w", publicLabel, hallmark.ErrKey)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key: %w: %w", err, hallmark.ErrKey)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return PublicKey{}, fmt.Errorf("public key: %T, want ECDSA P-256: %w", parsed, hallmark.ErrKey)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key: %w: %w", err, hallmark.ErrKey)
	}
	if !bytes.Equal(text, pem.EncodeToMemory(&pem.Block{Type: publicLabel, Bytes: der})) {
		return PublicKey{}, fmt.Errorf("public key: not in canonical PEM form: %w", hallmark.ErrKey)
	}
	return PublicKey{text: bytes.Clone(text), key: key}, nil
}

// PEM returns the key's text.
func (p PublicKey) PEM() []byte { return bytes.Clone(p.text) }

// Hint is the key's name in bundles: hex SHA-256 of the PEM text, as OpenSSF Model Signing has it.
func (p PublicKey) Hint() string {
	sum := sha256.Sum256(p.text)
	return hex.EncodeToString(sum[:])
}

// named reports whether hint means this key, in the form of OMS or that of cosign: base64 SHA-256 of the DER.
func (p PublicKey) named(hint string) bool {
	block, _ := pem.Decode(p.text)
	sum := sha256.Sum256(block.Bytes)
	return hint == p.Hint() || hint == base64.StdEncoding.EncodeToString(sum[:])
}
