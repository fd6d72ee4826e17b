package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/hallmark-ml/hallmark"
)

// fileName is the database in the data directory.
const fileName = "hallmark.db"

// serverLease is the lease that the holder of the data directory's lock takes.
const serverLease = "server"

// Config opens a [Store].
type Config struct {
	// Dir is the data directory; it is created if it is not there.
	Dir string
	// Committed is called after every transaction that may have written events. Optional; it must not block.
	Committed func()
	// Logger gets what the job runner reports. Required.
	Logger *slog.Logger
}

// A Store is an open database under an exclusive lock. It is safe for concurrent use.
//
// One connection does everything, so a transaction excludes all other calls: whoever holds one must use nothing but it.
type Store struct {
	db     *sql.DB
	lock   *os.File
	jobs   *river.Client[*sql.Tx] // inserts jobs; it works none
	log    *slog.Logger
	commit func()
	fence  int64
	closed atomic.Bool
}

// Open locks the data directory, opens its database, brings it to this program's version, and makes every job that a
// dead server left running available at once. Errors: ErrConflict when another process holds the directory or the
// database is newer than this program, [*CorruptError] when the file is not a database.
func Open(ctx context.Context, c Config) (*Store, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create data directory: %w", err)
	}
	lock, err := lockDir(c.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock, log: c.Logger, commit: c.Committed}
	if s.commit == nil {
		s.commit = func() {}
	}
	if err := s.open(ctx, filepath.Join(c.Dir, fileName)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) error {
	// Full synchronisation: a row that was acknowledged survives a loss of power, since chain and log rely on it.
	const options = "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)&_txlock=immediate"
	db, err := sql.Open("sqlite", "file:"+path+options)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(1) // River's driver asks for it; SQLite has one writer anyway
	s.db = db
	if err := migrate(ctx, db, s.log); err != nil {
		return s.fail(err, "open database", fileName, "")
	}
	s.jobs, err = river.NewClient(riversqlite.New(db), &river.Config{Logger: s.log})
	if err != nil {
		return fmt.Errorf("open job queue: %w", err)
	}
	if err := s.takeLease(ctx); err != nil {
		return err
	}
	return s.recoverJobs(ctx)
}

// takeLease raises the fencing number: from here on, writes of any earlier holder are refused.
func (s *Store) takeLease(ctx context.Context) error {
	const q = `INSERT INTO leases (name, holder, fence, taken_ns) VALUES (?1, ?2, 1, ?3)
		ON CONFLICT (name) DO UPDATE SET holder = ?2, fence = fence + 1, taken_ns = ?3 RETURNING fence`
	holder := fmt.Sprintf("process %d", os.Getpid())
	err := s.db.QueryRowContext(ctx, q, serverLease, holder, time.Now().UnixNano()).Scan(&s.fence)
	return s.fail(err, "take lease", "leases", serverLease)
}

// Close closes the database and gives the lock back. Work must have ended.
func (s *Store) Close() error {
	s.closed.Store(true)
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	errs = append(errs, s.lock.Close())
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	return s.fail(s.db.QueryRowContext(ctx, "SELECT 1").Scan(&one), "ping database", fileName, "")
}

// A target names what a call works on, for its errors.
type target struct{ doing, table, key string }

// write runs f in a transaction that is refused if another server took the lease meanwhile.
func (s *Store) write(ctx context.Context, t target, f func(tx *sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.fail(err, t.doing, t.table, t.key)
	}
	if err := s.inTx(ctx, tx, f); err != nil {
		_ = tx.Rollback() // the first error is the one that matters
		if errors.Is(err, errFenced) {
			s.retire(ctx)
		}
		return s.giveKind(err, t)
	}
	if err := tx.Commit(); err != nil {
		return s.fail(err, t.doing, t.table, t.key)
	}
	s.commit()
	return nil
}

func (s *Store) inTx(ctx context.Context, tx *sql.Tx, f func(tx *sql.Tx) error) error {
	var fence int64
	if err := tx.QueryRowContext(ctx, "SELECT fence FROM leases WHERE name = ?", serverLease).Scan(&fence); err != nil {
		return err
	}
	if fence != s.fence {
		return fmt.Errorf("%w: it had lease %d, lease %d is held now: %w", errFenced, s.fence, fence, hallmark.ErrConflict)
	}
	return f(tx)
}

// errFenced says that this store's server is not the one any more.
var errFenced = errors.New("another server took the data directory over")

// retire closes the database of a server that was replaced: the job runner writes its own rows without looking at the
// lease, and must not touch those that the new server's has.
func (s *Store) retire(ctx context.Context) {
	s.closed.Store(true)
	if err := s.db.Close(); err != nil {
		s.log.ErrorContext(ctx, "close database of a replaced server", slog.Any("cause", err))
	}
}

// giveKind leaves an error that was made in this package as it is.
func (s *Store) giveKind(err error, t target) error {
	var known *CorruptError
	if errors.As(err, &known) || hasKind(err) {
		return fmt.Errorf("%s: %w", t.doing, err)
	}
	return s.fail(err, t.doing, t.table, t.key)
}

func hasKind(err error) bool {
	for _, kind := range []error{hallmark.ErrNotFound, hallmark.ErrInvalid, hallmark.ErrConflict, hallmark.ErrUnavailable} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
