package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// FindVersion returns a version by its digest, or the newest one of a name.
func (s *Store) FindVersion(ctx context.Context, nameOrDigest string) (hallmark.Version, error) {
	if d, err := hallmark.ParseDigest(nameOrDigest); err == nil {
		return s.Version(ctx, d)
	}
	const q = "SELECT " + versionColumns + " FROM versions WHERE name = ? ORDER BY seq DESC LIMIT 1"
	v, err := scanVersion(s.db.QueryRowContext(ctx, q, nameOrDigest))
	return v, s.fail(err, "look up version", "versions", nameOrDigest)
}

// FindReview returns the version whose digest begins with the 12 hex digits given, its ID in the review queue.
func (s *Store) FindReview(ctx context.Context, id string) (hallmark.Version, error) {
	first, err := hex.DecodeString(id)
	if err != nil || len(first) != 6 {
		return hallmark.Version{}, fmt.Errorf("review %.80q: %w", id, hallmark.ErrNotFound)
	}
	var d hallmark.Digest
	rest := len(d) - len(first)
	lower, upper := append(bytes.Clone(first), make([]byte, rest)...), append(first, bytes.Repeat([]byte{0xff}, rest)...)
	found, err := s.listVersions(ctx, "SELECT "+versionColumns+" FROM versions WHERE digest BETWEEN ? AND ? LIMIT 2", lower, upper)
	switch {
	case err != nil:
		return hallmark.Version{}, err
	case len(found) == 0:
		return hallmark.Version{}, fmt.Errorf("review %s: %w", id, hallmark.ErrNotFound)
	case len(found) > 1:
		return hallmark.Version{}, hallmark.WithHint(fmt.Errorf("review %s: two versions begin so: %w", id, hallmark.ErrConflict), "name the version by its digest")
	}
	return found[0], nil
}
