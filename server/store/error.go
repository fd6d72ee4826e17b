package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hallmark-ml/hallmark"
)

// A CorruptError reports a row that this program did not write that way, or that the database file no longer gives back.
// It has no kind: nothing that the caller does makes it go away.
type CorruptError struct {
	Table string
	Key   string // the row's key for people: a digest, an ID; empty if no row could be named
	Err   error
}

func (e *CorruptError) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("corrupt table %s: %v", e.Table, e.Err)
	}
	return fmt.Sprintf("corrupt row %s in table %s: %v", e.Key, e.Table, e.Err)
}

// Unwrap returns the cause without its kind: a row that does not parse is not an invalid request.
func (e *CorruptError) Unwrap() error {
	if errors.Is(e.Err, hallmark.ErrInvalid) {
		return nil
	}
	return e.Err
}

func corrupt(table, key, format string, args ...any) error {
	return &CorruptError{Table: table, Key: key, Err: fmt.Errorf(format, args...)} //nolint:err113 // the type is the kind
}

// fail gives a database error its kind. doing says what was going on; table and key name the row where one was meant.
func (s *Store) fail(err error, doing, table, key string) error {
	if err == nil {
		return nil
	}
	wrap := func(kind error) error { return fmt.Errorf("%s: %w: %w", doing, err, kind) }
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%s %s: %w", doing, key, hallmark.ErrNotFound)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", doing, err)
	case s.closed.Load(), errors.Is(err, sql.ErrConnDone), errors.Is(err, sql.ErrTxDone):
		return wrap(hallmark.ErrUnavailable)
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch lite.Code() & 0xff { // the low byte is the primary result code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT:
		return wrap(hallmark.ErrUnavailable)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH:
		return &CorruptError{Table: table, Key: key, Err: err}
	case sqlite3.SQLITE_CONSTRAINT:
		return fmt.Errorf("%s: row %s of table %s: %w: %w", doing, key, table, err, constraintKind(lite.Code()))
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// constraintKind tells a place that is taken from a value that may not stand there.
func constraintKind(code int) error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return hallmark.ErrConflict
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return hallmark.ErrNotFound
	default:
		return hallmark.ErrInvalid
	}
}
