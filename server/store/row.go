package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hallmark-ml/hallmark"
)

// A scanner is a row: [*sql.Row] or [*sql.Rows].
type scanner interface{ Scan(dest ...any) error }

// encode returns the column form of v; a nil pointer is NULL.
func encode[T any](v *T) (any, error) {
	if v == nil {
		return nil, nil //nolint:nilnil // NULL
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return string(b), nil
}

// A reader decodes the columns of one row and keeps the first problem.
type reader struct {
	table, key string
	err        error
}

func (r *reader) problem(format string, args ...any) {
	if r.err == nil {
		r.err = corrupt(r.table, r.key, format, args...)
	}
}

// digest reads a digest column.
func (r *reader) digest(column string, b []byte) hallmark.Digest {
	var d hallmark.Digest
	if len(b) != len(d) {
		r.problem("%s has %d bytes, not %d", column, len(b), len(d))
		return d
	}
	copy(d[:], b)
	return d
}

// optionalDigest reads a digest column that may be NULL.
func (r *reader) optionalDigest(column string, b []byte) hallmark.Digest {
	if b == nil {
		return hallmark.Digest{}
	}
	return r.digest(column, b)
}

// decode reads a JSON column; NULL is nil.
func decode[T any](r *reader, column string, text sql.NullString) *T {
	if !text.Valid {
		return nil
	}
	v := new(T)
	if err := hallmark.DecodeJSON([]byte(text.String), v); err != nil {
		r.problem("%s: %w", column, err)
		return nil
	}
	return v
}

// must reads a JSON column that is never NULL.
func must[T any](r *reader, column, text string) T { //nolint:ireturn // T is always a struct
	if v := decode[T](r, column, sql.NullString{String: text, Valid: true}); v != nil {
		return *v
	}
	var zero T
	return zero
}

func nullDigest(d hallmark.Digest) any {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// optionalTime reads a time column that may be NULL.
func optionalTime(ns sql.NullInt64) time.Time {
	if !ns.Valid {
		return time.Time{}
	}
	return fromNano(ns.Int64)
}

func fromNano(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// collect reads all rows with scan. Rows that scan calls corrupt are left out; their errors are joined and returned
// beside the rows that could be read. Any other error ends it.
func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) ([]T, error) {
	defer rows.Close() // rows.Err below says how reading went
	var (
		all []T
		bad []error
	)
	for rows.Next() {
		v, err := scan(rows)
		var c *CorruptError
		switch {
		case errors.As(err, &c):
			bad = append(bad, err)
		case err != nil:
			return nil, err
		default:
			all = append(all, v)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return all, errors.Join(bad...)
}
