-- All runs of a version: what each was announced to do, and how those ended that have no report.

-- +goose Up
ALTER TABLE versions ADD COLUMN runs TEXT;
