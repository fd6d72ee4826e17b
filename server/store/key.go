package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// tokenPrefix marks our tokens for people and for scanners that look for leaked secrets.
const tokenPrefix = "hmk_"

// CreateAPIKey makes a key of the name, scope and rights given, with a random 32-byte token. The token is returned once;
// the database keeps its SHA-256, which needs no slow hash because nobody can guess 32 random bytes.
func (s *Store) CreateAPIKey(ctx context.Context, key hallmark.APIKey) (token string, made hallmark.APIKey, err error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: the runtime ends the process instead
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	key.Created, key.Revoked = time.Now().UTC(), time.Time{}
	hash := hashToken(token)
	err = s.write(ctx, target{"create API key", "api_keys", key.Name}, func(tx *sql.Tx) error {
		const q = "INSERT INTO api_keys (hash, name, scope, reviewer, admin, created_ns) VALUES (?, ?, ?, ?, ?, ?) RETURNING id"
		row := tx.QueryRowContext(ctx, q, hash[:], key.Name, string(key.Scope), key.Reviewer, key.Admin, key.Created.UnixNano())
		return row.Scan(&key.ID)
	})
	if err != nil {
		return "", hallmark.APIKey{}, err
	}
	return token, key, nil
}

func hashToken(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

// Authenticate returns the key of a token; [hallmark.ErrUnauthenticated] for every token that we do not know.
func (s *Store) Authenticate(ctx context.Context, token string) (hallmark.APIKey, error) {
	if !strings.HasPrefix(token, tokenPrefix) {
		return hallmark.APIKey{}, fmt.Errorf("API key is not one of ours: %w", hallmark.ErrUnauthenticated)
	}
	hash := hashToken(token)
	key, err := scanAPIKey(s.db.QueryRowContext(ctx, "SELECT "+apiKeyColumns+" FROM api_keys WHERE hash = ?", hash[:]))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return hallmark.APIKey{}, fmt.Errorf("API key is unknown: %w", hallmark.ErrUnauthenticated)
	case err == nil && !key.Revoked.IsZero():
		return hallmark.APIKey{}, fmt.Errorf("API key %d was revoked: %w", key.ID, hallmark.ErrUnauthenticated)
	}
	return key, s.fail(err, "look up API key", "api_keys", "")
}

const apiKeyColumns = "id, name, scope, reviewer, admin, created_ns, revoked_ns" //nolint:gosec // G101: names of columns

// APIKeys returns all keys, oldest first, revoked ones included.
func (s *Store) APIKeys(ctx context.Context) ([]hallmark.APIKey, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+apiKeyColumns+" FROM api_keys ORDER BY id")
	if err != nil {
		return nil, s.fail(err, "list API keys", "api_keys", "")
	}
	keys, err := collect(rows, scanAPIKey)
	return keys, s.fail(err, "list API keys", "api_keys", "")
}

// RevokeAPIKey ends a key for good: its token opens nothing, and its signing keys are not believed from now on. Revoking it
// again changes nothing. The last key of an admin is not revoked: [hallmark.ErrConflict].
func (s *Store) RevokeAPIKey(ctx context.Context, id int64) (key hallmark.APIKey, err error) {
	name := fmt.Sprint(id)
	err = s.write(ctx, target{"revoke API key", "api_keys", name}, func(tx *sql.Tx) error {
		const q = `UPDATE api_keys SET revoked_ns = ?2 WHERE id = ?1 AND revoked_ns IS NULL AND (admin = 0 OR EXISTS
			(SELECT 1 FROM api_keys WHERE id <> ?1 AND admin = 1 AND revoked_ns IS NULL))`
		if _, err := tx.ExecContext(ctx, q, id, time.Now().UnixNano()); err != nil {
			return err
		}
		key, err = scanAPIKey(tx.QueryRowContext(ctx, "SELECT "+apiKeyColumns+" FROM api_keys WHERE id = ?", id))
		if err == nil && key.Revoked.IsZero() {
			return fmt.Errorf("API key %d is the last one of an admin: %w", id, hallmark.ErrConflict)
		}
		return err
	})
	if err != nil {
		return hallmark.APIKey{}, err
	}
	return key, nil
}

func scanAPIKey(row scanner) (hallmark.APIKey, error) {
	var (
		k       hallmark.APIKey
		created int64
		revoked sql.NullInt64
	)
	if err := row.Scan(&k.ID, &k.Name, &k.Scope, &k.Reviewer, &k.Admin, &created, &revoked); err != nil {
		return hallmark.APIKey{}, err
	}
	if k.Scope != hallmark.ScopeRead && k.Scope != hallmark.ScopeWrite {
		return hallmark.APIKey{}, corrupt("api_keys", fmt.Sprint(k.ID), "scope %q is not one", k.Scope)
	}
	k.Created, k.Revoked = fromNano(created), optionalTime(revoked)
	return k, nil
}

// RegisterKey binds a public key (PEM) to an API key, for one role. The same binding again is the first one; a key that
// another API key has, or that has another role, is [hallmark.ErrConflict], since a signature must say whose and what it is.
func (s *Store) RegisterKey(ctx context.Context, owner int64, role hallmark.KeyRole, publicPEM string) (hallmark.SigningKey, error) {
	hint := hallmark.DigestOf([]byte(publicPEM)).Hex()
	var key hallmark.SigningKey
	err := s.write(ctx, target{"register key", "submitter_keys", hint}, func(tx *sql.Tx) error {
		const insert = "INSERT INTO submitter_keys (hint, owner, role, pem, created_ns) VALUES (?, ?, ?, ?, ?) ON CONFLICT (hint) DO NOTHING"
		if _, err := tx.ExecContext(ctx, insert, hint, owner, string(role), publicPEM, time.Now().UnixNano()); err != nil {
			return err
		}
		var err error
		key, err = scanSigningKey(tx.QueryRowContext(ctx, selectSigningKeys+" WHERE hint = ?", hint))
		switch {
		case err != nil:
			return err
		case key.Owner != owner:
			return fmt.Errorf("key %.12s belongs to another API key: %w", hint, hallmark.ErrConflict)
		case key.Role != role:
			return fmt.Errorf("key %.12s is registered as a %s's: %w", hint, key.Role, hallmark.ErrConflict)
		}
		return nil
	})
	if err != nil {
		return hallmark.SigningKey{}, err
	}
	return key, nil
}

const selectSigningKeys = `SELECT hint, owner, role, pem, submitter_keys.created_ns, revoked_ns
	FROM submitter_keys JOIN api_keys ON api_keys.id = owner`

// SigningKeys returns the keys that an API key registered, oldest first; owner 0 returns all.
func (s *Store) SigningKeys(ctx context.Context, owner int64) ([]hallmark.SigningKey, error) {
	const q = selectSigningKeys + " WHERE owner = ?1 OR ?1 = 0 ORDER BY submitter_keys.created_ns, hint"
	rows, err := s.db.QueryContext(ctx, q, owner)
	if err != nil {
		return nil, s.fail(err, "list signing keys", "submitter_keys", "")
	}
	keys, err := collect(rows, scanSigningKey)
	return keys, s.fail(err, "list signing keys", "submitter_keys", "")
}

func scanSigningKey(row scanner) (hallmark.SigningKey, error) {
	var (
		k       hallmark.SigningKey
		created int64
		revoked sql.NullInt64
	)
	if err := row.Scan(&k.Hint, &k.Owner, &k.Role, &k.PublicPEM, &created, &revoked); err != nil {
		return hallmark.SigningKey{}, err
	}
	if got := hallmark.DigestOf([]byte(k.PublicPEM)).Hex(); got != k.Hint {
		return hallmark.SigningKey{}, corrupt("submitter_keys", k.Hint, "its PEM hashes to %s", got)
	}
	if k.Role != hallmark.KeySubmitter && k.Role != hallmark.KeyReviewer {
		return hallmark.SigningKey{}, corrupt("submitter_keys", k.Hint, "role %q is not one", k.Role)
	}
	k.Created, k.Revoked = fromNano(created), optionalTime(revoked)
	return k, nil
}
