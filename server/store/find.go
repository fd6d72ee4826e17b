package store

import (
	"context"

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
