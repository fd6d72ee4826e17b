-- Digests are 32 raw bytes, times Unix nanoseconds (UTC), JSON columns the form that the root package's types encode to.

-- +goose Up
CREATE TABLE leases (
    name     TEXT    PRIMARY KEY,
    holder   TEXT    NOT NULL,
    fence    INTEGER NOT NULL CHECK (fence > 0), -- raised by every new holder; writes with an older one are refused
    taken_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the token
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
    scope      TEXT    NOT NULL CHECK (scope IN ('read', 'write')),
    created_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE submitter_keys (
    hint       TEXT    PRIMARY KEY CHECK (length(hint) = 64), -- hex SHA-256 of pem
    owner      INTEGER NOT NULL REFERENCES api_keys (id),
    pem        TEXT    NOT NULL,
    created_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX submitter_keys_owner ON submitter_keys (owner);

CREATE TABLE artifacts (
    digest     BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    kind       TEXT    NOT NULL CHECK (kind IN ('model', 'dataset', 'script', 'adapter', 'report')),
    name       TEXT    NOT NULL,
    dir        INTEGER NOT NULL CHECK (dir IN (0, 1)),
    size       INTEGER NOT NULL CHECK (size >= 0),
    path       TEXT    NOT NULL,
    referenced INTEGER NOT NULL CHECK (referenced IN (0, 1)),
    cid        TEXT    NOT NULL,
    created_ns INTEGER NOT NULL
) STRICT;

CREATE TABLE submissions (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    owner        INTEGER NOT NULL REFERENCES api_keys (id),
    model        BLOB    NOT NULL REFERENCES artifacts (digest),
    name         TEXT    NOT NULL,
    policy       TEXT    NOT NULL,
    policy_hash  BLOB    NOT NULL CHECK (length(policy_hash) = 32),
    policy_text  BLOB    NOT NULL,
    profile      TEXT    NOT NULL,
    lineage      TEXT    NOT NULL,
    lineage_hash BLOB    NOT NULL CHECK (length(lineage_hash) = 32),
    bundles      TEXT    NOT NULL,
    idempotency  TEXT, -- the caller's own key for this request
    created_ns   INTEGER NOT NULL,
    UNIQUE (owner, idempotency)
) STRICT;

CREATE TABLE versions (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    digest       BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    submission   TEXT    NOT NULL REFERENCES submissions (id),
    name         TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('submitted', 'fingerprinted', 'scanned', 'tested', 'decided', 'attested',
                                                   'anchored', 'serving', 'blocked', 'challenged', 'revoked', 'failed')),
    fingerprint  TEXT,
    scan         TEXT,
    report       BLOB CHECK (length(report) = 32),
    report_cid   TEXT    NOT NULL DEFAULT '',
    cases_cid    TEXT    NOT NULL DEFAULT '',
    record       TEXT,
    verdict      TEXT,
    bundles      TEXT,
    evidence     BLOB CHECK (length(evidence) = 32),
    evidence_cid TEXT    NOT NULL DEFAULT '',
    checkpoint   TEXT,
    anchor       TEXT,
    problem      TEXT    NOT NULL DEFAULT '',
    hint         TEXT    NOT NULL DEFAULT '',
    created_ns   INTEGER NOT NULL,
    updated_ns   INTEGER NOT NULL
) STRICT;
CREATE INDEX versions_state ON versions (state);
CREATE INDEX versions_name ON versions (name, seq);

-- The journal of a test run: one row per completed case, written while the next one runs.
CREATE TABLE cases (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    submission TEXT    NOT NULL REFERENCES submissions (id),
    run        TEXT    NOT NULL, -- suite, engine version and seed; a journal of another run is worthless
    case_id    TEXT    NOT NULL,
    evidence   TEXT    NOT NULL,
    UNIQUE (submission, run, case_id)
) STRICT;

CREATE TABLE events (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    submission TEXT    NOT NULL REFERENCES submissions (id),
    body       TEXT    NOT NULL,
    created_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX events_submission ON events (submission, id);
