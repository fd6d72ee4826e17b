package chain

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/hallmark-ml/hallmark"
)

// An Address is an account or a contract. Its text form is 0x and 40 hex digits with the checksum of EIP-55.
type Address [20]byte

// ParseAddress reads 0x and 40 hex digits. If they are in mixed case, the checksum must be right.
func ParseAddress(s string) (Address, error) {
	if !common.IsHexAddress(s) || !strings.HasPrefix(s, "0x") {
		return Address{}, fmt.Errorf("address %.80q: want 0x and 40 hex digits: %w", s, hallmark.ErrInvalid)
	}
	a := Address(common.HexToAddress(s))
	digits := s[2:]
	if digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && s != a.String() {
		return Address{}, fmt.Errorf("address %q: wrong checksum, a digit is mistyped: %w", s, hallmark.ErrInvalid)
	}
	return a, nil
}

// String returns the text form.
func (a Address) String() string { return common.Address(a).Hex() }

// IsZero reports whether no address is set.
func (a Address) IsZero() bool { return a == Address{} }

// MarshalText writes the text form; the zero address is the empty text.
func (a Address) MarshalText() ([]byte, error) {
	if a.IsZero() {
		return []byte{}, nil
	}
	return []byte(a.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (a *Address) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*a = Address{}
		return nil
	}
	parsed, err := ParseAddress(string(b))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// A Hash names a block, a transaction or a record of the contract. It is a Keccak-256, never the digest of an artifact.
// Its text form is 0x and 64 hex digits.
type Hash [32]byte

// ParseHash reads the text form.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2+2*len(h) || !strings.HasPrefix(s, "0x") {
		return Hash{}, fmt.Errorf("hash %.80q: want 0x and 64 hex digits: %w", s, hallmark.ErrInvalid)
	}
	if _, err := hex.Decode(h[:], []byte(s[2:])); err != nil {
		return Hash{}, fmt.Errorf("hash %.80q: not hexadecimal: %w", s, hallmark.ErrInvalid)
	}
	return h, nil
}

// String returns the text form.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// IsZero reports whether no hash is set.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText writes the text form; the zero hash is the empty text.
func (h Hash) MarshalText() ([]byte, error) {
	if h.IsZero() {
		return []byte{}, nil
	}
	return []byte(h.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*h = Hash{}
		return nil
	}
	parsed, err := ParseHash(string(b))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}
