-- What goes on the chain. The document is the chain package's own; only its state is looked at here.

-- +goose Up
CREATE TABLE outbox (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    key     TEXT    NOT NULL UNIQUE,
    version INTEGER NOT NULL CHECK (version > 0), -- raised by every update
    state   TEXT    NOT NULL,
    doc     BLOB    NOT NULL
) STRICT;
CREATE INDEX outbox_state ON outbox (state, seq);
