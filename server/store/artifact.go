package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// PutArtifact records an artifact. One that is there keeps its row, but the path of a reference is replaced: by a copy,
// which is worth more than a file that its owner may change, or by a reference that was read later.
func (s *Store) PutArtifact(ctx context.Context, a hallmark.Artifact) error {
	return s.write(ctx, target{"record artifact", "artifacts", a.Digest.String()}, func(tx *sql.Tx) error {
		const q = `INSERT INTO artifacts (digest, kind, name, dir, size, path, referenced, cid, created_ns)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (digest) DO UPDATE SET path = excluded.path, referenced = excluded.referenced
			WHERE referenced = 1`
		_, err := tx.ExecContext(ctx, q, a.Digest[:], string(a.Kind), a.Name, a.Dir, a.Size, a.Path, a.Referenced, a.CID,
			time.Now().UnixNano())
		return err
	})
}

// Artifact returns what is known about the bytes of a digest.
func (s *Store) Artifact(ctx context.Context, d hallmark.Digest) (hallmark.Artifact, error) {
	const q = "SELECT digest, kind, name, dir, size, path, referenced, cid FROM artifacts WHERE digest = ?"
	a, err := scanArtifact(s.db.QueryRowContext(ctx, q, d[:]))
	return a, s.fail(err, "look up artifact", "artifacts", d.String())
}

func scanArtifact(row scanner) (hallmark.Artifact, error) {
	var (
		a      hallmark.Artifact
		digest []byte
	)
	if err := row.Scan(&digest, &a.Kind, &a.Name, &a.Dir, &a.Size, &a.Path, &a.Referenced, &a.CID); err != nil {
		return hallmark.Artifact{}, err
	}
	r := reader{table: "artifacts", key: a.Name}
	a.Digest = r.digest("digest", digest)
	switch a.Kind {
	case hallmark.KindModel, hallmark.KindDataset, hallmark.KindScript, hallmark.KindAdapter, hallmark.KindReport:
	default:
		r.problem("kind %q is not one", a.Kind)
	}
	if r.err != nil {
		return hallmark.Artifact{}, r.err
	}
	return a, nil
}
