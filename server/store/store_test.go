package store

import (
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/hallmark-ml/hallmark"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println(child(dir)) // it never ends by itself
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// submission prepares rows for one submission whose model is named by n, without submitting it.
func submission(t *testing.T, s *Store, n int) hallmark.Submission {
	t.Helper()
	_, key, err := s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: fmt.Sprint("key ", n), Scope: hallmark.ScopeWrite})
	require.NoError(t, err)
	model := hallmark.DigestOf([]byte(fmt.Sprint("model ", n)))
	require.NoError(t, s.PutArtifact(t.Context(), hallmark.Artifact{
		Digest: model, Kind: hallmark.KindModel, Name: "m.gguf", Size: 3, Path: "/models/m.gguf", CID: "bafy",
	}))
	policy := []byte("name: demo")
	return hallmark.Submission{
		Owner: key.ID, Model: model, Name: "tiny", Policy: "demo", PolicyText: policy, PolicyHash: hallmark.DigestOf(policy),
		Profile: "chat", Lineage: hallmark.Lineage{Target: model, Steps: []hallmark.LineageStep{{Operation: hallmark.OpTrain}}},
		LineageHash: hallmark.DigestOf([]byte("lineage")), Bundles: []hallmark.Bundle{{Predicate: "p", CID: "bafyb"}},
	}
}

func submit(t *testing.T, s *Store, n int) hallmark.Submission {
	t.Helper()
	sub, created, err := s.Submit(t.Context(), submission(t, s, n), "", firstJob())
	require.NoError(t, err)
	require.True(t, created)
	return sub
}

func firstJob() hallmark.Job { return hallmark.Job{Kind: "first", Slow: true} }

func exec(t *testing.T, s *Store, query string, args ...any) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), query, args...)
	require.NoError(t, err)
}

func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	open(t, dir)
	_, err := Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.ErrorIs(t, err, hallmark.ErrConflict)
	require.ErrorContains(t, err, fmt.Sprintf("in use by process %d", os.Getpid()))
	var hint *hallmark.HintError
	require.ErrorAs(t, err, &hint)
}

func TestLockEndsWithClose(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	open(t, dir)
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()

	for name, newer := range map[string]string{
		"ours":  "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)",
		"jobs'": "INSERT INTO river_migration (line, version) VALUES ('main', 9999)",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dir := t.TempDir()
			s, err := Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			exec(t, s, newer)
			require.NoError(t, s.Close())

			_, err = Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
			require.ErrorIs(t, err, hallmark.ErrConflict)
			require.ErrorContains(t, err, "database is newer than this program")
			require.ErrorContains(t, err, "9999")
		})
	}
}

func TestNotADatabase(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, fileName), make([]byte, 4096), 0o600))
	junk := []byte("this is no database, and long enough to be taken for one if nobody looked at its header")
	require.NoError(t, os.WriteFile(filepath.Join(dir, fileName), append(junk, make([]byte, 4096)...), 0o600))
	_, err := Open(t.Context(), Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
	var c *CorruptError
	require.ErrorAs(t, err, &c)
	require.Equal(t, fileName, c.Table)
}

func TestDurability(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		require.NoError(t, s.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
	require.Equal(t, 1, s.db.Stats().MaxOpenConnections)
	require.NoError(t, s.Ping(t.Context()))

	var loose int
	const q = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND strict = 0 AND name NOT LIKE 'river%' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'"
	require.NoError(t, s.db.QueryRowContext(t.Context(), q).Scan(&loose))
	require.Zero(t, loose, "tables that are not STRICT")
}

func TestClosedDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()

	s, err := Open(t.Context(), Config{Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	sub := submit(t, s, 1)
	require.NoError(t, s.Close())

	_, err = s.Version(t.Context(), sub.Model)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	_, err = s.VersionsIn(t.Context(), hallmark.StateSubmitted)
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
	require.ErrorIs(t, s.AddEvent(t.Context(), hallmark.Event{Submission: sub.ID}), hallmark.ErrUnavailable)
	require.ErrorIs(t, s.Ping(t.Context()), hallmark.ErrUnavailable)
}

func TestBusyDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	s := open(t, dir)
	exec(t, s, "PRAGMA busy_timeout = 1")
	other, err := sql.Open("sqlite", "file:"+filepath.Join(dir, fileName)+"?_txlock=immediate")
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	tx, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()

	_, _, err = s.CreateAPIKey(t.Context(), hallmark.APIKey{Name: "k", Scope: hallmark.ScopeRead})
	require.ErrorIs(t, err, hallmark.ErrUnavailable)
}

func TestFullDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()

	s := open(t, t.TempDir())
	sub := submit(t, s, 1)
	var pages int
	require.NoError(t, s.db.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	exec(t, s, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	c := hallmark.CaseEvidence{PromptText: string(make([]byte, 1<<16)), CaseResult: hallmark.CaseResult{ID: "c"}}
	err := s.AddCase(t.Context(), "run", c, hallmark.Event{Submission: sub.ID})
	require.ErrorIs(t, err, hallmark.ErrUnavailable)

	exec(t, s, "PRAGMA max_page_count = 1000000")
	done, err := s.BeginRun(t.Context(), sub.ID, "run")
	require.NoError(t, err)
	require.Empty(t, done, "half a case was written")
}

// A server that lost its data directory to another one, as on a file system whose locks do not hold.
func TestReplacedServerIsFenced(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	old := open(t, dir)
	sub := submit(t, old, 1)
	require.NoError(t, old.lock.Close())
	successor := open(t, dir)

	err := old.AddCase(t.Context(), "run", hallmark.CaseEvidence{}, hallmark.Event{Submission: sub.ID})
	require.ErrorIs(t, err, hallmark.ErrConflict)
	require.ErrorContains(t, err, "another server took the data directory over")
	require.ErrorIs(t, old.Ping(t.Context()), hallmark.ErrUnavailable, "a replaced server keeps its hands off")

	done, err := successor.BeginRun(t.Context(), sub.ID, "run")
	require.NoError(t, err)
	require.Empty(t, done)
	require.NoError(t, successor.AddCase(t.Context(), "run", hallmark.CaseEvidence{}, hallmark.Event{Submission: sub.ID}))
	old.lock, err = os.Open(os.DevNull) // for Close
	require.NoError(t, err)
}
