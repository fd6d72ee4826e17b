package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/hallmark-ml/hallmark"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrate brings a database to this program's version, ours and River's tables alike. A newer one is refused: this
// program does not know what its rows mean.
func migrate(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithSlog(log), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	current, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read database version: %w", err)
	}
	if current > known {
		return newerError("hallmark", current, known)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate database from version %d to %d: %w", current, known, err)
	}
	return migrateRiver(ctx, db, log)
}

func migrateRiver(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	m, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: log})
	if err != nil {
		return fmt.Errorf("read job migrations: %w", err)
	}
	current, err := riverVersion(ctx, db)
	if err != nil {
		return fmt.Errorf("read version of job tables: %w", err)
	}
	all := m.AllVersions()
	if known := all[len(all)-1].Version; current > known {
		return newerError("jobs", int64(current), int64(known))
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job tables: %w", err)
	}
	return nil
}

// riverVersion returns the newest migration of River's tables, 0 in a new database. The migrator cannot tell: it refuses
// to list one that it does not know.
func riverVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version int
	const table = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'river_migration'"
	if err := db.QueryRowContext(ctx, table).Scan(&version); err != nil || version == 0 {
		return 0, err
	}
	err := db.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM river_migration").Scan(&version)
	return version, err
}

func newerError(part string, current, known int64) error {
	err := fmt.Errorf("database is newer than this program: %s tables have version %d, this program knows up to %d: %w",
		part, current, known, hallmark.ErrConflict)
	return hallmark.WithHint(err, "run the program version that last used this data directory, or a later one")
}
