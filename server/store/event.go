package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// AddEvent writes one event; its ID and time are set here.
func (s *Store) AddEvent(ctx context.Context, e hallmark.Event) error {
	return s.write(ctx, target{"write event", "events", e.Submission}, func(tx *sql.Tx) error { return insertEvent(ctx, tx, e) })
}

func insertEvent(ctx context.Context, tx *sql.Tx, e hallmark.Event) error {
	e.ID, e.Time = 0, time.Now().UTC()
	body, err := encode(&e)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO events (submission, body, created_ns) VALUES (?, ?, ?)", e.Submission, body, e.Time.UnixNano())
	return err
}

// Events returns up to limit events of a submission with IDs above after, oldest first. Corrupt rows are left out and
// named in the error, which comes beside the readable ones.
func (s *Store) Events(ctx context.Context, submission string, after int64, limit int) ([]hallmark.Event, error) {
	const q = "SELECT id, body FROM events WHERE submission = ? AND id > ? ORDER BY id LIMIT ?"
	rows, err := s.db.QueryContext(ctx, q, submission, after, limit)
	if err != nil {
		return nil, s.fail(err, "read events", "events", submission)
	}
	events, err := collect(rows, scanEvent)
	return events, s.fail(err, "read events", "events", submission)
}

func scanEvent(row scanner) (hallmark.Event, error) {
	var (
		id   int64
		body string
	)
	if err := row.Scan(&id, &body); err != nil {
		return hallmark.Event{}, err
	}
	r := reader{table: "events", key: fmt.Sprint(id)}
	e := must[hallmark.Event](&r, "body", body)
	e.ID = id
	return e, r.err
}

// BeginRun returns the cases of a submission's run that are complete, in the order in which they were added. Cases of any
// other run of the submission are deleted: another suite or engine gives other outcomes.
func (s *Store) BeginRun(ctx context.Context, submission, run string) ([]hallmark.CaseEvidence, error) {
	var done []hallmark.CaseEvidence
	err := s.write(ctx, target{"resume journal", "cases", submission}, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM cases WHERE submission = ? AND run <> ?", submission, run); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT seq, evidence FROM cases WHERE submission = ? ORDER BY seq", submission)
		if err != nil {
			return err
		}
		done, err = collect(rows, scanCase)
		return err
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// AddCase commits one completed case and its event. A case that is there already is left as it is, without an event.
func (s *Store) AddCase(ctx context.Context, run string, c hallmark.CaseEvidence, e hallmark.Event) error {
	body, err := encode(&c)
	if err != nil {
		return err
	}
	return s.write(ctx, target{"journal case", "cases", e.Submission + "/" + c.ID}, func(tx *sql.Tx) error {
		const q = "INSERT INTO cases (submission, run, case_id, evidence) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
		res, err := tx.ExecContext(ctx, q, e.Submission, run, c.ID, body)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return insertEvent(ctx, tx, e)
	})
}

func scanCase(row scanner) (hallmark.CaseEvidence, error) {
	var (
		seq  int64
		body string
	)
	if err := row.Scan(&seq, &body); err != nil {
		return hallmark.CaseEvidence{}, err
	}
	r := reader{table: "cases", key: fmt.Sprint(seq)}
	c := must[hallmark.CaseEvidence](&r, "evidence", body)
	return c, r.err
}
