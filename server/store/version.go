package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-ml/hallmark"
)

const versionColumns = `digest, submission, name, state, fingerprint, scan, runs, report, report_cid, cases_cid, record, verdict, bundles,
	evidence, evidence_cid, checkpoint, anchor, review, problem, hint, created_ns, updated_ns`

// Version returns a version.
func (s *Store) Version(ctx context.Context, d hallmark.Digest) (hallmark.Version, error) {
	v, err := scanVersion(s.db.QueryRowContext(ctx, "SELECT "+versionColumns+" FROM versions WHERE digest = ?", d[:]))
	return v, s.fail(err, "look up version", "versions", d.String())
}

// PreviousVersion returns the newest version of the same name as d that was submitted before it and has a report; ErrNotFound
// if there is none.
func (s *Store) PreviousVersion(ctx context.Context, d hallmark.Digest) (hallmark.Version, error) {
	const q = "SELECT " + versionColumns + ` FROM versions WHERE report IS NOT NULL
		AND name = (SELECT name FROM versions WHERE digest = ?1) AND seq < (SELECT seq FROM versions WHERE digest = ?1)
		ORDER BY seq DESC LIMIT 1`
	v, err := scanVersion(s.db.QueryRowContext(ctx, q, d[:]))
	return v, s.fail(err, "look up the version before", "versions", d.String())
}

// VersionsIn returns the versions in a state, oldest first. Corrupt rows are left out and named in the error, which comes
// beside the readable ones.
func (s *Store) VersionsIn(ctx context.Context, state hallmark.State) ([]hallmark.Version, error) {
	const q = "SELECT " + versionColumns + " FROM versions WHERE state = ? ORDER BY seq"
	return s.listVersions(ctx, q, string(state))
}

// ListVersions returns up to limit versions, newest first, that are older than the one named; zero starts at the newest.
func (s *Store) ListVersions(ctx context.Context, before hallmark.Digest, limit int) ([]hallmark.Version, error) {
	const q = "SELECT " + versionColumns + ` FROM versions
		WHERE ?1 IS NULL OR seq < (SELECT seq FROM versions WHERE digest = ?1) ORDER BY seq DESC LIMIT ?2`
	return s.listVersions(ctx, q, nullDigest(before), limit)
}

func (s *Store) listVersions(ctx context.Context, query string, args ...any) ([]hallmark.Version, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, s.fail(err, "list versions", "versions", "")
	}
	all, err := collect(rows, scanVersion)
	return all, s.fail(err, "list versions", "versions", "")
}

func scanVersion(row scanner) (hallmark.Version, error) {
	var (
		v                                                                                  hallmark.Version
		digest, report, evidence                                                           []byte
		fingerprint, scan, runs, record, verdict, bundles, checkpoint, anchorState, review sql.NullString
		created, updated                                                                   int64
	)
	if err := row.Scan(&digest, &v.Submission, &v.Name, &v.State, &fingerprint, &scan, &runs, &report, &v.ReportCID, &v.CasesCID,
		&record, &verdict, &bundles, &evidence, &v.EvidenceCID, &checkpoint, &anchorState, &review, &v.Problem, &v.Hint, &created, &updated); err != nil {
		return hallmark.Version{}, err
	}
	r := reader{table: "versions", key: fmt.Sprintf("%x", digest)}
	v.Digest = r.digest("digest", digest)
	v.Report = r.optionalDigest("report", report)
	v.Evidence = r.optionalDigest("evidence", evidence)
	v.Fingerprint = decode[hallmark.Fingerprint](&r, "fingerprint", fingerprint)
	v.Scan = decode[hallmark.Scan](&r, "scan", scan)
	if runs := decode[runsJSON](&r, "runs", runs); runs != nil {
		v.Runs = runs.Runs
	}
	v.Record = decode[hallmark.RunRecord](&r, "record", record)
	v.Verdict = decode[hallmark.Verdict](&r, "verdict", verdict)
	if b := decode[bundlesJSON](&r, "bundles", bundles); b != nil {
		v.Bundles = b.Bundles
	}
	v.Checkpoint = decode[hallmark.Checkpoint](&r, "checkpoint", checkpoint)
	v.Anchor = decode[hallmark.Anchor](&r, "anchor", anchorState)
	v.Review = decode[hallmark.Review](&r, "review", review)
	v.Created, v.Updated = fromNano(created), fromNano(updated)
	if !slices.Contains(allStates(), v.State) {
		r.problem("state %q is not one", v.State)
	}
	if r.err != nil {
		return hallmark.Version{}, r.err
	}
	return v, nil
}

func allStates() []hallmark.State {
	return []hallmark.State{
		hallmark.StateSubmitted, hallmark.StateFingerprinted, hallmark.StateScanned, hallmark.StateTested, hallmark.StateDecided,
		hallmark.StateAttested, hallmark.StateAnchored, hallmark.StateServing, hallmark.StateBlocked, hallmark.StateChallenged,
		hallmark.StateRevoked, hallmark.StateFailed,
	}
}

// Apply writes a change that no job stands behind.
func (s *Store) Apply(ctx context.Context, c hallmark.Change) error {
	return s.write(ctx, target{"write version", "versions", c.Version.Digest.String()}, func(tx *sql.Tx) error {
		return s.apply(ctx, tx, c)
	})
}

// apply writes a change inside a transaction: the row, the events, the next job.
func (s *Store) apply(ctx context.Context, tx *sql.Tx, c hallmark.Change) error {
	if err := s.updateVersion(ctx, tx, c); err != nil {
		return err
	}
	for _, e := range c.Events {
		if err := insertEvent(ctx, tx, e); err != nil {
			return err
		}
	}
	if c.Next == nil {
		return nil
	}
	return s.enqueue(ctx, tx, *c.Next, c.Delay)
}

func (s *Store) updateVersion(ctx context.Context, tx *sql.Tx, c hallmark.Change) error {
	v := c.Version
	columns, err := jsonColumns(v)
	if err != nil {
		return err
	}
	const q = `UPDATE versions SET state = ?, report = ?, report_cid = ?, cases_cid = ?, evidence = ?, evidence_cid = ?, problem = ?,
		hint = ?, updated_ns = ?, fingerprint = ?, scan = ?, record = ?, verdict = ?, bundles = ?, checkpoint = ?, anchor = ?, runs = ?, review = ?
		WHERE digest = ? AND submission = ? AND state = ? AND (updated_ns = ? OR ?)`
	args := []any{
		string(v.State), nullDigest(v.Report), v.ReportCID, v.CasesCID, nullDigest(v.Evidence), v.EvidenceCID, v.Problem, v.Hint,
		time.Now().UnixNano(),
	}
	args = append(append(args, columns...), v.Digest[:], v.Submission, string(c.From), c.Since.UnixNano(), c.Since.IsZero())
	res, err := tx.ExecContext(ctx, q, args...)
	if err != nil {
		return s.fail(err, "write version", "versions", v.Digest.String())
	}
	if n, err := res.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return s.explainMiss(ctx, tx, c)
}

// jsonColumns returns fingerprint, scan, record, verdict, bundles, checkpoint, anchor, runs and review in their column form.
func jsonColumns(v hallmark.Version) ([]any, error) {
	fingerprint, err1 := encode(v.Fingerprint)
	scan, err2 := encode(v.Scan)
	record, err3 := encode(v.Record)
	verdict, err4 := encode(v.Verdict)
	bundles, err5 := encode(&bundlesJSON{v.Bundles})
	checkpoint, err6 := encode(v.Checkpoint)
	anchor, err7 := encode(v.Anchor)
	runs, err8 := encode(&runsJSON{v.Runs})
	review, err9 := encode(v.Review)
	for _, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9} {
		if err != nil {
			return nil, err
		}
	}
	return []any{fingerprint, scan, record, verdict, bundles, checkpoint, anchor, runs, review}, nil
}

// explainMiss says why a change found no row to write.
func (s *Store) explainMiss(ctx context.Context, tx *sql.Tx, c hallmark.Change) error {
	var submission, state string
	d := c.Version.Digest
	err := tx.QueryRowContext(ctx, "SELECT submission, state FROM versions WHERE digest = ?", d[:]).Scan(&submission, &state)
	if err != nil {
		return s.fail(err, "look up version", "versions", d.String())
	}
	if submission == c.Version.Submission && state == string(c.From) {
		return fmt.Errorf("version %v was changed meanwhile: %w", d, hallmark.ErrConflict)
	}
	return fmt.Errorf("version %v is %s for submission %s, not %s for %s: %w", d, state, submission, c.From, c.Version.Submission, hallmark.ErrConflict)
}
