package sign

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/note"

	"github.com/hallmark-ml/hallmark"
)

// Purpose says what a key may sign.
type Purpose string

// The purposes.
const (
	PurposeService   Purpose = "service"   // the service's own claims: fingerprint, test result, run record, summary
	PurposeSubmitter Purpose = "submitter" // lineage
	PurposeReviewer  Purpose = "reviewer"  // decisions on versions whose verdict is challenge
	PurposeLog       Purpose = "log"       // checkpoints of the transparency log
)

// keyListSchema marks the document.
const keyListSchema = "https://github.com/hallmark-ml/hallmark/key-list/v1"

// Bounds of a key list.
const (
	maxKeyList = 16 << 20 // bytes
	maxKeys    = 10_000
	maxOwner   = 256 // bytes
)

// A KeyList names the keys of a registrar and when each may be believed. The contract holds its digest, so that a
// verifier can trust a list that it fetched from anywhere. Lists only grow: a key that is no longer to be trusted stays
// with its end, because what it signed before is still to be checked.
type KeyList struct {
	Schema string      `json:"schema"` // filled in by Encode
	Keys   []ListedKey `json:"keys"`   // sorted by ID, which is unique
}

// A ListedKey is one key of a list. Times are in UTC and whole seconds.
type ListedKey struct {
	ID string `json:"id"` // hex SHA-256 of Text: the hint in bundles
	// Text is the public key: PEM, or for [PurposeLog] the verifier key of a signed note.
	Text       string    `json:"pem"`
	Owner      string    `json:"owner"` // who holds it, for people to read
	Purpose    Purpose   `json:"purpose"`
	ValidFrom  time.Time `json:"validFrom"`
	ValidUntil time.Time `json:"validUntil,omitzero"` // exclusive; no end if zero
	RevokedAt  time.Time `json:"revokedAt,omitzero"`  // nothing signed from then on is believed
}

// Encode returns the list as canonical JSON, sorted. A list that [ParseKeyList] would refuse is an error.
func (l KeyList) Encode() ([]byte, error) {
	out := KeyList{Schema: keyListSchema, Keys: slices.Clone(l.Keys)}
	for i := range out.Keys {
		k := &out.Keys[i]
		k.ID = hallmark.DigestOf([]byte(k.Text)).Hex()
		for _, t := range []*time.Time{&k.ValidFrom, &k.ValidUntil, &k.RevokedAt} {
			*t = t.UTC().Truncate(time.Second)
		}
	}
	slices.SortFunc(out.Keys, func(a, b ListedKey) int { return strings.Compare(a.ID, b.ID) })
	if out.Keys == nil {
		out.Keys = []ListedKey{}
	}
	if err := out.check(); err != nil {
		return nil, fmt.Errorf("encode key list: %w", err)
	}
	return hallmark.CanonicalJSON(out)
}

// ParseKeyList reads a list. It must be in the canonical form that Encode gives, so that one list has one digest; the
// digest itself is [hallmark.DigestOf] of b.
func ParseKeyList(b []byte) (KeyList, error) {
	var l KeyList
	if len(b) > maxKeyList {
		return l, fmt.Errorf("key list: %d bytes, at most %d: %w", len(b), maxKeyList, hallmark.ErrTooLarge)
	}
	if err := hallmark.DecodeJSON(b, &l); err != nil {
		return KeyList{}, fmt.Errorf("key list: %w", err)
	}
	if l.Schema != keyListSchema {
		return KeyList{}, fmt.Errorf("key list: schema %.100q, want %q: %w", l.Schema, keyListSchema, hallmark.ErrInvalid)
	}
	canonical, err := l.Encode()
	if err != nil {
		return KeyList{}, fmt.Errorf("key list: %w", err)
	}
	if !bytes.Equal(b, canonical) {
		return KeyList{}, fmt.Errorf("key list: not in canonical form: %w", hallmark.ErrInvalid)
	}
	return l, nil
}

// Trusted returns the key that hint names if it may sign for purpose at the time. An unknown key, another purpose and a
// time outside the key's validity are [hallmark.ErrKey]; a key that was revoked by then is [hallmark.ErrRevoked] too.
func (l KeyList) Trusted(hint string, purpose Purpose, at time.Time) (ListedKey, error) {
	i := slices.IndexFunc(l.Keys, func(k ListedKey) bool { return k.ID == hint })
	if i < 0 {
		return ListedKey{}, fmt.Errorf("key %.80q is not in the key list: %w", hint, hallmark.ErrKey)
	}
	k := l.Keys[i]
	switch {
	case k.Purpose != purpose:
		return ListedKey{}, fmt.Errorf("key %s of %q is a %s key, not a %s key: %w", k.ID, k.Owner, k.Purpose, purpose, hallmark.ErrKey)
	case at.Before(k.ValidFrom):
		return ListedKey{}, fmt.Errorf("key %s of %q is valid from %s, not yet at %s: %w", k.ID, k.Owner, k.ValidFrom.Format(time.RFC3339), at.UTC().Format(time.RFC3339), hallmark.ErrKey)
	case !k.RevokedAt.IsZero() && !at.Before(k.RevokedAt):
		return ListedKey{}, fmt.Errorf("key %s of %q was revoked at %s: %w: %w", k.ID, k.Owner, k.RevokedAt.Format(time.RFC3339), hallmark.ErrRevoked, hallmark.ErrKey)
	case !k.ValidUntil.IsZero() && !at.Before(k.ValidUntil):
		return ListedKey{}, fmt.Errorf("key %s of %q was valid until %s: %w", k.ID, k.Owner, k.ValidUntil.Format(time.RFC3339), hallmark.ErrKey)
	default:
		return k, nil
	}
}

// PEMs returns the texts of all keys of a purpose, for [Verify]; whether they were valid at the time is asked with
// Trusted afterwards.
func (l KeyList) PEMs(purpose Purpose) [][]byte {
	var out [][]byte
	for _, k := range l.Keys {
		if k.Purpose == purpose {
			out = append(out, []byte(k.Text))
		}
	}
	return out
}

func (l KeyList) check() error {
	if len(l.Keys) > maxKeys {
		return fmt.Errorf("%d keys, at most %d: %w", len(l.Keys), maxKeys, hallmark.ErrTooLarge)
	}
	for i, k := range l.Keys {
		if i > 0 && l.Keys[i-1].ID == k.ID {
			return fmt.Errorf("key %s is listed twice: %w", k.ID, hallmark.ErrInvalid)
		}
		if err := k.check(); err != nil {
			return fmt.Errorf("key %d of %.80q: %w", i, k.Owner, err)
		}
	}
	return nil
}

func (k ListedKey) check() error {
	switch k.Purpose {
	case PurposeService, PurposeSubmitter, PurposeReviewer:
		if _, err := ParsePublicKey([]byte(k.Text)); err != nil {
			return err
		}
	case PurposeLog:
		if _, err := note.NewVerifier(k.Text); err != nil {
			return fmt.Errorf("log key: %w: %w", err, hallmark.ErrKey)
		}
	default:
		return fmt.Errorf("unknown purpose %.40q: %w", k.Purpose, hallmark.ErrInvalid)
	}
	notPrintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case k.Owner == "" || len(k.Owner) > maxOwner || strings.ContainsFunc(k.Owner, notPrintable):
		return fmt.Errorf("owner is empty, longer than %d bytes or not plain text: %w", maxOwner, hallmark.ErrInvalid)
	case k.ValidFrom.IsZero():
		return fmt.Errorf("no start of validity: %w", hallmark.ErrInvalid)
	case !k.ValidUntil.IsZero() && !k.ValidUntil.After(k.ValidFrom):
		return fmt.Errorf("validity ends before it starts: %w", hallmark.ErrInvalid)
	default:
		return nil
	}
}
