package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// AddIntent stores a document of the chain's outbox under a new key, with version 1. A key that is there is left as it
// is, and added is false.
func (s *Store) AddIntent(ctx context.Context, key, state string, doc []byte) (added bool, err error) {
	err = s.write(ctx, target{"add intent", "outbox", key}, func(tx *sql.Tx) error {
		const q = "INSERT INTO outbox (key, version, state, doc) VALUES (?, 1, ?, ?) ON CONFLICT (key) DO NOTHING"
		res, err := tx.ExecContext(ctx, q, key, state, doc)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		added = n == 1
		return err
	})
	return added && err == nil, err
}

// Intent returns a document of the outbox and its version.
func (s *Store) Intent(ctx context.Context, key string) (doc []byte, version int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT doc, version FROM outbox WHERE key = ?", key).Scan(&doc, &version)
	if err != nil {
		return nil, 0, s.fail(err, "look up intent", "outbox", key)
	}
	if !json.Valid(doc) {
		return nil, 0, corrupt("outbox", key, "doc is not JSON")
	}
	return doc, version, nil
}

// UpdateIntent replaces state and document if the version is still the given one, and raises it; otherwise
// [hallmark.ErrConflict].
func (s *Store) UpdateIntent(ctx context.Context, key string, version int64, state string, doc []byte) error {
	return s.write(ctx, target{"update intent", "outbox", key}, func(tx *sql.Tx) error {
		const q = "UPDATE outbox SET version = version + 1, state = ?, doc = ? WHERE key = ? AND version = ?"
		res, err := tx.ExecContext(ctx, q, state, doc, key, version)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 1 {
			return err
		}
		var now int64
		if err := tx.QueryRowContext(ctx, "SELECT version FROM outbox WHERE key = ?", key).Scan(&now); err != nil {
			return s.fail(err, "look up intent", "outbox", key)
		}
		return fmt.Errorf("intent %s has version %d, not %d: %w", key, now, version, hallmark.ErrConflict)
	})
}

// IntentKeys returns the keys whose state is one of those given, in the order in which they were added.
func (s *Store) IntentKeys(ctx context.Context, states ...string) ([]string, error) {
	wanted, err := json.Marshal(states)
	if err != nil {
		return nil, fmt.Errorf("list intents: %w", err)
	}
	const q = "SELECT key FROM outbox WHERE state IN (SELECT value FROM json_each(?)) ORDER BY seq"
	rows, err := s.db.QueryContext(ctx, q, string(wanted))
	if err != nil {
		return nil, s.fail(err, "list intents", "outbox", "")
	}
	keys, err := collect(rows, func(row scanner) (key string, err error) { return key, row.Scan(&key) })
	return keys, s.fail(err, "list intents", "outbox", "")
}
