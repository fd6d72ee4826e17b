package chain

import (
	"encoding/base32"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// Multicodecs of the CIDs that the contract can hold.
const (
	codecRaw   = 0x55
	codecDagPB = 0x70
)

// cidBytes is the length of every CID here: version, codec, hash function, hash length, hash.
const cidBytes = 4 + len(hallmark.Digest{})

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// splitCID takes a CIDv1 in base32 apart. The contract holds SHA-256 CIDs of raw or dag-pb blocks only; anything else is
// ErrInvalid. Source: the CID specification, "Decoding Algorithm"; all its varints have one byte here.
func splitCID(text string) (digest hallmark.Digest, codec uint8, err error) {
	if len(text) != 1+base32Lower.EncodedLen(cidBytes) || text[0] != 'b' {
		return hallmark.Digest{}, 0, fmt.Errorf("CID %.80q: want CIDv1 in base32 of a SHA-256: %w", text, hallmark.ErrInvalid)
	}
	raw, err := base32Lower.DecodeString(text[1:])
	if err != nil {
		return hallmark.Digest{}, 0, fmt.Errorf("CID %q: %w: %w", text, err, hallmark.ErrInvalid)
	}
	codec = raw[1]
	if raw[0] != 1 || codec != codecRaw && codec != codecDagPB || raw[2] != 0x12 || raw[3] != 0x20 {
		return hallmark.Digest{}, 0, fmt.Errorf("CID %q: want version 1, codec raw or dag-pb, SHA-256: %w", text, hallmark.ErrInvalid)
	}
	digest = hallmark.Digest(raw[4:])
	if joinCID(digest, codec) != text {
		return hallmark.Digest{}, 0, fmt.Errorf("CID %q: unused bits are set: %w", text, hallmark.ErrInvalid)
	}
	return digest, codec, nil
}

// splitRawCID is splitCID for the places where the contract knows the codec to be raw.
func splitRawCID(text string) (hallmark.Digest, error) {
	digest, codec, err := splitCID(text)
	if err == nil && codec != codecRaw {
		err = fmt.Errorf("CID %q: want one block of codec raw: %w", text, hallmark.ErrInvalid)
	}
	return digest, err
}

// joinCID is the inverse of splitCID; the zero digest is no CID.
func joinCID(digest hallmark.Digest, codec uint8) string {
	if digest.IsZero() {
		return ""
	}
	raw := append([]byte{1, codec, 0x12, 0x20}, digest[:]...)
	return "b" + base32Lower.EncodeToString(raw)
}
