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

// CreateAPIKey makes a key with a random 32-byte token. The token is returned once; the database keeps its SHA-256, which
// needs no slow hash because nobody can guess 32 random bytes.
func (s *Store) CreateAPIKey(ctx context.Context, name string, scope hallmark.Scope) (token string, key hallmark.APIKey, err error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails: the runtime ends the process instead
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	key = hallmark.APIKey{Name: name, Scope: scope, Created: time.Now().UTC()}
	hash := hashToken(token)
	err = s.write(ctx, target{"create API key", "api_keys", name}, func(tx *sql.Tx) error {
		const q = "INSERT INTO api_keys (hash, name, scope, created_ns) VALUES (?, ?, ?, ?) RETURNING id"
		return tx.QueryRowContext(ctx, q, hash[:], name, string(scope), key.Created.UnixNano()).Scan(&key.ID)
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
	key, err := scanAPIKey(s.db.QueryRowContext(ctx, "SELECT id, name, scope, created_ns FROM api_keys WHERE hash = ?", hash[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return hallmark.APIKey{}, fmt.Errorf("API key is unknown: %w", hallmark.ErrUnauthenticated)
	}
	return key, s.fail(err, "look up API key", "api_keys", "")
}

// APIKeys returns all keys, oldest first.
func (s *Store) APIKeys(ctx context.Context) ([]hallmark.APIKey, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, name, scope, created_ns FROM api_keys ORDER BY id")
	if err != nil {
		return nil, s.fail(err, "list API keys", "api_keys", "")
	}
	keys, err := collect(rows, scanAPIKey)
	return keys, s.fail(err, "list API keys", "api_keys", "")
}

func scanAPIKey(row scanner) (hallmark.APIKey, error) {
	var (
		k       hallmark.APIKey
		created int64
	)
	if err := row.Scan(&k.ID, &k.Name, &k.Scope, &created); err != nil {
		return hallmark.APIKey{}, err
	}
	if k.Scope != hallmark.ScopeRead && k.Scope != hallmark.ScopeWrite {
		return hallmark.APIKey{}, corrupt("api_keys", fmt.Sprint(k.ID), "scope %q is not one", k.Scope)
	}
	k.Created = fromNano(created)
	return k, nil
}

// RegisterSubmitterKey binds a public key (PEM) to an API key. The same binding again is the first one; a key that
// another API key has is [hallmark.ErrConflict], since a signature must say whose it is.
func (s *Store) RegisterSubmitterKey(ctx context.Context, owner int64, publicPEM string) (hallmark.SubmitterKey, error) {
	hint := hallmark.DigestOf([]byte(publicPEM)).Hex()
	var key hallmark.SubmitterKey
	err := s.write(ctx, target{"register submitter key", "submitter_keys", hint}, func(tx *sql.Tx) error {
		const insert = "INSERT INTO submitter_keys (hint, owner, pem, created_ns) VALUES (?, ?, ?, ?) ON CONFLICT (hint) DO NOTHING"
		if _, err := tx.ExecContext(ctx, insert, hint, owner, publicPEM, time.Now().UnixNano()); err != nil {
			return err
		}
		var err error
		key, err = scanSubmitterKey(tx.QueryRowContext(ctx, "SELECT hint, owner, pem, created_ns FROM submitter_keys WHERE hint = ?", hint))
		if err == nil && key.Owner != owner {
			return fmt.Errorf("key %.12s belongs to another API key: %w", hint, hallmark.ErrConflict)
		}
		return err
	})
	if err != nil {
		return hallmark.SubmitterKey{}, err
	}
	return key, nil
}

// SubmitterKeys returns the keys that an API key registered, oldest first; owner 0 returns all.
func (s *Store) SubmitterKeys(ctx context.Context, owner int64) ([]hallmark.SubmitterKey, error) {
	const q = "SELECT hint, owner, pem, created_ns FROM submitter_keys WHERE owner = ?1 OR ?1 = 0 ORDER BY created_ns, hint"
	rows, err := s.db.QueryContext(ctx, q, owner)
	if err != nil {
		return nil, s.fail(err, "list submitter keys", "submitter_keys", "")
	}
	keys, err := collect(rows, scanSubmitterKey)
	return keys, s.fail(err, "list submitter keys", "submitter_keys", "")
}

func scanSubmitterKey(row scanner) (hallmark.SubmitterKey, error) {
	var (
		k       hallmark.SubmitterKey
		created int64
	)
	if err := row.Scan(&k.Hint, &k.Owner, &k.PublicPEM, &created); err != nil {
		return hallmark.SubmitterKey{}, err
	}
	if got := hallmark.DigestOf([]byte(k.PublicPEM)).Hex(); got != k.Hint {
		return hallmark.SubmitterKey{}, corrupt("submitter_keys", k.Hint, "its PEM hashes to %s", got)
	}
	k.Created = fromNano(created)
	return k, nil
}
