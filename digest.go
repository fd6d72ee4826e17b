package hallmark

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A Digest is the identity of an artifact: the SHA-256 of a file, or the name-bound in-toto dirHash (itself a SHA-256)
// of a directory. Its text form is "sha256:" and 64 lower-case hex digits.
type Digest [sha256.Size]byte

// DigestOf returns the SHA-256 of b.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// ParseDigest reads "sha256:<64 hex>" or the bare 64 hex digits. Any other text is [ErrInvalid].
func ParseDigest(s string) (Digest, error) {
	var d Digest
	text := strings.TrimPrefix(s, "sha256:")
	if len(text) != hex.EncodedLen(len(d)) || strings.ToLower(text) != text {
		return Digest{}, fmt.Errorf("digest %.80q: want sha256: and 64 lower-case hex digits: %w", s, ErrInvalid)
	}
	if _, err := hex.Decode(d[:], []byte(text)); err != nil {
		return Digest{}, fmt.Errorf("digest %.80q: not hexadecimal: %w", s, ErrInvalid)
	}
	return d, nil
}

// Hex returns the 64 hex digits without a prefix.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// String returns the text form that [ParseDigest] reads.
func (d Digest) String() string { return "sha256:" + d.Hex() }

// Short returns the first 12 hex digits, for people to read; never compare it.
func (d Digest) Short() string { return d.Hex()[:12] }

// IsZero reports whether no digest is set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes the text form; the zero digest is the empty text.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return []byte{}, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Digest{}
		return nil
	}
	parsed, err := ParseDigest(string(b))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
