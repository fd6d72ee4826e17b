package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-ml/hallmark"
)

const submissionColumns = `id, owner, model, name, policy, policy_hash, policy_text, profile, lineage, lineage_hash, bundles, created_ns`

// Submit accepts sub and enqueues its first job in one transaction. It returns the submission that
// stands, and whether that is sub under a new ID: the same model, policy, profile and lineage, or the same idempotency
// key (if not empty) of the same owner, give the first one. The same model with something else is
// [hallmark.ErrConflict], unless its version failed: then sub takes over the version and starts it anew.
func (s *Store) Submit(
	ctx context.Context, sub hallmark.Submission, idempotencyKey string, first hallmark.Job,
) (standing hallmark.Submission, created bool, err error) {
	err = s.write(ctx, target{"record submission", "submissions", sub.Model.String()}, func(tx *sql.Tx) error {
		prior, err := s.prior(ctx, tx, sub, idempotencyKey)
		if err == nil {
			standing = prior
			return nil
		}
		if !errors.Is(err, hallmark.ErrNotFound) {
			return err
		}
		created, standing = true, sub
		standing.ID, standing.Created = newSubmissionID(), time.Now().UTC()
		return s.insertSubmission(ctx, tx, standing, idempotencyKey, first)
	})
	if err != nil {
		return hallmark.Submission{}, false, err
	}
	return standing, created, nil
}

// prior returns the submission that sub repeats; ErrNotFound if sub is new, ErrConflict if its place is taken.
func (s *Store) prior(ctx context.Context, tx *sql.Tx, sub hallmark.Submission, idempotencyKey string) (hallmark.Submission, error) {
	if idempotencyKey != "" {
		const q = "SELECT " + submissionColumns + " FROM submissions WHERE owner = ? AND idempotency = ?"
		first, err := scanSubmission(tx.QueryRowContext(ctx, q, sub.Owner, idempotencyKey))
		switch {
		case err == nil && same(first, sub):
			return first, nil
		case err == nil:
			return first, fmt.Errorf("idempotency key was used for submission %s, which asks for something else: %w", first.ID, hallmark.ErrConflict)
		case !errors.Is(err, sql.ErrNoRows):
			return first, err
		}
	}
	const q = "SELECT submission, state FROM versions WHERE digest = ?"
	var (
		id    string
		state hallmark.State
	)
	if err := tx.QueryRowContext(ctx, q, sub.Model[:]).Scan(&id, &state); err != nil {
		return hallmark.Submission{}, s.fail(err, "look up version", "versions", sub.Model.String())
	}
	if state == hallmark.StateFailed {
		return hallmark.Submission{}, fmt.Errorf("version %v failed: %w", sub.Model, hallmark.ErrNotFound)
	}
	first, err := scanSubmission(tx.QueryRowContext(ctx, "SELECT "+submissionColumns+" FROM submissions WHERE id = ?", id))
	if err == nil && !same(first, sub) {
		return first, fmt.Errorf("model %v is submission %s under policy %q already, with another policy, profile or lineage: %w",
			sub.Model, first.ID, first.Policy, hallmark.ErrConflict)
	}
	return first, err
}

// same reports whether two submissions ask for the same thing.
func same(a, b hallmark.Submission) bool {
	return a.Model == b.Model && a.PolicyHash == b.PolicyHash && a.Profile == b.Profile && a.LineageHash == b.LineageHash
}

func newSubmissionID() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails: the runtime ends the process instead
	return "sub-" + hex.EncodeToString(b)
}

// submissionJSON is the form of the list columns.
type bundlesJSON struct {
	Bundles []hallmark.Bundle `json:"bundles"`
}

func (s *Store) insertSubmission(ctx context.Context, tx *sql.Tx, sub hallmark.Submission, idempotencyKey string, first hallmark.Job) error {
	lineage, err := encode(&sub.Lineage)
	if err != nil {
		return err
	}
	bundles, err := encode(&bundlesJSON{sub.Bundles})
	if err != nil {
		return err
	}
	const q = `INSERT INTO submissions (` + submissionColumns + `, idempotency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''))`
	if _, err := tx.ExecContext(ctx, q, sub.ID, sub.Owner, sub.Model[:], sub.Name, sub.Policy, sub.PolicyHash[:], sub.PolicyText,
		sub.Profile, lineage, sub.LineageHash[:], bundles, sub.Created.UnixNano(), idempotencyKey); err != nil {
		return err
	}
	if err := s.startVersion(ctx, tx, sub); err != nil {
		return err
	}
	e := hallmark.Event{Submission: sub.ID, Model: sub.Model, Kind: hallmark.EventState, State: hallmark.StateSubmitted}
	if err := insertEvent(ctx, tx, e); err != nil {
		return err
	}
	first.Submission = sub.ID
	return s.enqueue(ctx, tx, first, 0)
}

// runsJSON is the form of a version's runs.
type runsJSON struct {
	Runs []hallmark.Run `json:"runs"`
}

// startVersion makes the row of a new version, or empties that of a failed one, whose runs stay on record.
func (s *Store) startVersion(ctx context.Context, tx *sql.Tx, sub hallmark.Submission) error {
	var runs sql.NullString
	err := tx.QueryRowContext(ctx, "SELECT runs FROM versions WHERE digest = ?", sub.Model[:]).Scan(&runs)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	const forget = "DELETE FROM versions WHERE digest = ? AND state = 'failed'"
	if _, err := tx.ExecContext(ctx, forget, sub.Model[:]); err != nil {
		return err
	}
	const q = "INSERT INTO versions (digest, submission, name, state, runs, created_ns, updated_ns) VALUES (?, ?, ?, ?, ?, ?6, ?6)"
	_, err = tx.ExecContext(ctx, q, sub.Model[:], sub.ID, sub.Name, string(hallmark.StateSubmitted), runs, sub.Created.UnixNano())
	return err
}

// Submission returns a submission.
func (s *Store) Submission(ctx context.Context, id string) (hallmark.Submission, error) {
	sub, err := scanSubmission(s.db.QueryRowContext(ctx, "SELECT "+submissionColumns+" FROM submissions WHERE id = ?", id))
	return sub, s.fail(err, "look up submission", "submissions", id)
}

func scanSubmission(row scanner) (hallmark.Submission, error) {
	var (
		sub                            hallmark.Submission
		model, policyHash, lineageHash []byte
		lineage, bundles               string
		created                        int64
	)
	if err := row.Scan(&sub.ID, &sub.Owner, &model, &sub.Name, &sub.Policy, &policyHash, &sub.PolicyText, &sub.Profile,
		&lineage, &lineageHash, &bundles, &created); err != nil {
		return hallmark.Submission{}, err
	}
	r := reader{table: "submissions", key: sub.ID}
	sub.Model = r.digest("model", model)
	sub.PolicyHash = r.digest("policy_hash", policyHash)
	sub.LineageHash = r.digest("lineage_hash", lineageHash)
	sub.Lineage = must[hallmark.Lineage](&r, "lineage", lineage)
	sub.Bundles = must[bundlesJSON](&r, "bundles", bundles).Bundles
	sub.Created = fromNano(created)
	if r.err == nil && hallmark.DigestOf(sub.PolicyText) != sub.PolicyHash {
		r.problem("policy_text does not hash to policy_hash")
	}
	if r.err != nil {
		return hallmark.Submission{}, r.err
	}
	return sub, nil
}
