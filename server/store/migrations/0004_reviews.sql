-- People: who may decide where a policy leaves it to a person, who may hand out API keys, and which of these are revoked.

-- +goose Up
ALTER TABLE versions ADD COLUMN review TEXT;
ALTER TABLE submitter_keys ADD COLUMN role TEXT NOT NULL DEFAULT 'submitter' CHECK (role IN ('submitter', 'reviewer'));
ALTER TABLE api_keys ADD COLUMN reviewer INTEGER NOT NULL DEFAULT 0 CHECK (reviewer IN (0, 1));
ALTER TABLE api_keys ADD COLUMN admin INTEGER NOT NULL DEFAULT 0 CHECK (admin IN (0, 1));
ALTER TABLE api_keys ADD COLUMN revoked_ns INTEGER; -- NULL: it is not
UPDATE api_keys SET admin = 1; -- until now there was but the server's own
