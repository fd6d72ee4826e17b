// Package store keeps Hallmark's rows and runs its jobs: one SQLite file in the data directory, written with full
// synchronisation by one connection, and River's job tables in the same file.
//
// # What server/api calls on *Store beside what server/pipeline declares
//
//	Authenticate(ctx, token string) (hallmark.APIKey, error)          // ErrUnauthenticated for any unknown or revoked token
//	CreateAPIKey(ctx, key hallmark.APIKey) (token string, made hallmark.APIKey, err error)
//	APIKeys(ctx) ([]hallmark.APIKey, error)
//	RevokeAPIKey(ctx, id int64) (hallmark.APIKey, error)
//	RegisterKey(ctx, owner int64, role hallmark.KeyRole, publicPEM string) (hallmark.SigningKey, error)
//	SigningKeys(ctx, owner int64) ([]hallmark.SigningKey, error)      // owner 0: all
//	Artifact(ctx, digest) (hallmark.Artifact, error)
//	Submission(ctx, id) (hallmark.Submission, error)
//	Version(ctx, digest) (hallmark.Version, error)
//	ListVersions(ctx, before hallmark.Digest, limit int) ([]hallmark.Version, error)
//	FindVersion(ctx, nameOrDigest string) (hallmark.Version, error)
//	VersionsIn(ctx, state) ([]hallmark.Version, error)
//	Ping(ctx) error                                                   // for readyz
//
// # Corruption
//
// A row that cannot be decoded is a [*CorruptError] that names its table and key. Lists leave such rows out and return
// the error beside the rows that could be read, so that one bad row does not stop the server.
package store
