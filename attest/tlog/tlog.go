// Package tlog keeps the transparency log: an append-only RFC 6962 tree in tlog-tiles files in a directory.
package tlog

import (
	"context"
	"log/slog"

	"github.com/hallmark-ml/hallmark"
)

// A Log is an open log.
type Log struct{}

// A Head is a state of the log: Text is the signed note that commits to Size leaves under Root.
type Head struct {
	Origin string
	Size   uint64
	Root   hallmark.Digest
	Text   []byte
}

// GenerateKey makes a note key for a log of the given origin name.
func GenerateKey(origin string) (private, public string, err error) { return "", "", nil }

// Open opens the log in dir, creating it if it is not there, to be signed with a private note key.
func Open(ctx context.Context, dir, private string) (*Log, error) { return nil, nil }

// Append adds leaves and returns their indices once they are durable and integrated.
func (l *Log) Append(ctx context.Context, leaves []hallmark.Digest) ([]uint64, error) { return nil, nil }

// Checkpoint returns the signed head of everything that was appended.
func (l *Log) Checkpoint(ctx context.Context) (Head, error) { return Head{}, nil }

// Proof returns the inclusion proof of the leaf at index in the tree of the first size leaves.
func (l *Log) Proof(ctx context.Context, index, size uint64) ([]hallmark.Digest, error) { return nil, nil }

// Consistency returns the proof that the tree of size to extends the tree of size from.
func (l *Log) Consistency(ctx context.Context, from, to uint64) ([]hallmark.Digest, error) { return nil, nil }

// Close ends the log's background work.
func (l *Log) Close(ctx context.Context) error { return nil }

// RouteLibraryLog sends what the log's library writes to standard error to log instead. It changes process-wide state
// and must be called once, before the first Open.
func RouteLibraryLog(log *slog.Logger) {}

// VerifyInclusion checks that the leaf is at index in the tree of size leaves and the given root; otherwise
// [hallmark.ErrLogProof].
func VerifyInclusion(leaf hallmark.Digest, index, size uint64, proof []hallmark.Digest, root hallmark.Digest) error {
	return nil
}

// VerifyConsistency checks that the larger tree extends the smaller one; otherwise [hallmark.ErrLogProof].
func VerifyConsistency(from, to uint64, proof []hallmark.Digest, fromRoot, toRoot hallmark.Digest) error {
	return nil
}

// ParseCheckpoint verifies a signed note with a public note key and returns what it commits to.
func ParseCheckpoint(text []byte, public string) (Head, error) { return Head{}, nil }
