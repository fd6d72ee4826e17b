// Package evidence stores what Hallmark can be checked by: documents as IPFS blocks on disk, and model files by
// reference, without a second copy. Everything is found by CID (profile unixfs-v1-2025) and hashed again on every read,
// so a changed file gives an error and never wrong bytes.
//
// A store is a directory:
//
//	LOCK                  held by the one process that has the store open
//	blocks/<2>/<64 hex>   documents and tree nodes, one file a block, named by SHA-256
//	refs.jsonl            where blocks of files elsewhere lie: one line for up to 16 MiB of a file
//	tmp/                  blocks and imports that are not complete
//
// A block is written to tmp, synced and renamed, so that it is there whole or not at all; what a crash leaves of a line
// of refs.jsonl is cut off at the next start.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
	"github.com/multiformats/go-multihash"

	"github.com/hallmark-ml/hallmark"
)

// maxBlock is the largest block that IPFS implementations exchange, in bytes.
const maxBlock = 2 << 20

// A Store is an open evidence store, safe for concurrent use.
type Store struct {
	dir    string
	lock   *os.File
	refs   *refs
	blocks blockservice.BlockService // reads
	dag    ipld.DAGService           // reads

	imports sync.Mutex // held from the look at what an import builds on until its blocks are here

	// mu is held while blocks are written, so that a failed write can take back exactly what it wrote.
	mu        sync.Mutex
	unsettled map[hallmark.Digest]bool // blocks of the import under way that nobody else has found here since
}

// Open opens the store in dir, creating it if it is not there. A store that is open already is [hallmark.ErrConflict].
func Open(ctx context.Context, dir string) (*Store, error) {
	s, err := open(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("opening evidence store %s: %w", dir, kind(err))
	}
	return s, nil
}

func open(ctx context.Context, dir string) (*Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: abs, unsettled: map[hallmark.Digest]bool{}}
	if err := os.MkdirAll(s.path("blocks"), 0o700); err != nil {
		return nil, err
	}
	if s.lock, err = takeLock(s.path("LOCK")); err != nil {
		return nil, err
	}
	err = os.RemoveAll(s.path("tmp")) // what a crash cut off
	if err == nil {
		err = os.Mkdir(s.path("tmp"), 0o700)
	}
	if err == nil {
		s.refs, err = openRefs(s.path("refs.jsonl"))
	}
	if err != nil {
		return nil, errors.Join(err, s.lock.Close())
	}
	s.blocks = blockservice.New(reader{s}, offline.Exchange(reader{s}))
	s.dag = merkledag.NewDAGService(s.blocks)
	return s, nil
}

func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // a file of this store
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("it is open already: %w", hallmark.ErrConflict)
	}
	return f, nil
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

// Close releases the store. Handlers and readers must have ended.
func (s *Store) Close() error {
	// Closing alone would leave the lock to a process that is being started and still has the descriptor.
	return errors.Join(s.refs.close(), syscall.Flock(int(s.lock.Fd()), syscall.LOCK_UN), s.lock.Close())
}

// Has reports whether the block that a CID names is here. It does not look at the blocks below it.
func (s *Store) Has(ctx context.Context, id string) (bool, error) {
	c, err := parseCID(id)
	if err != nil {
		return false, err
	}
	return reader{s}.Has(ctx, c)
}

// Get returns the document or file that a CID names. More than limit bytes are [hallmark.ErrTooLarge], a CID that is not
// here [hallmark.ErrNotFound], a directory [hallmark.ErrInvalid], bytes that have changed on disk [hallmark.ErrDigest]
// and [hallmark.ErrConflict].
func (s *Store) Get(ctx context.Context, id string, limit int64) ([]byte, error) {
	c, err := parseCID(id)
	if err != nil {
		return nil, err
	}
	b, err := readFile(ctx, reader{s}.node, c, limit)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", id, kind(err))
	}
	return b, nil
}

// parseCID accepts what this project writes and what other implementations write for the same bytes: SHA-256, as a raw
// block or a dag-pb node.
func parseCID(s string) (cid.Cid, error) {
	c, err := cid.Decode(s)
	if err != nil {
		return cid.Undef, fmt.Errorf("CID %q: %w: %w", hallmark.CleanText(s, 100), err, hallmark.ErrInvalid)
	}
	if _, err := digestOf(c); err != nil {
		return cid.Undef, err
	}
	return c, nil
}

// CheckCID tells why a text is no CID of what this store holds: [hallmark.ErrInvalid].
func CheckCID(s string) error {
	_, err := parseCID(s)
	return err
}

// digestOf returns the SHA-256 in a CID.
func digestOf(c cid.Cid) (hallmark.Digest, error) {
	p := c.Prefix()
	if p.MhType != multihash.SHA2_256 || p.MhLength != len(hallmark.Digest{}) || p.Codec != cid.Raw && p.Codec != cid.DagProtobuf {
		return hallmark.Digest{}, fmt.Errorf("CID %s: not the SHA-256 of a raw block or dag-pb node: %w", hallmark.CleanText(c.String(), 100), hallmark.ErrInvalid)
	}
	hash := c.Hash()
	return hallmark.Digest(hash[len(hash)-len(hallmark.Digest{}):]), nil
}

// kind gives an error of the system or of a library the kind that callers branch on. One that has a kind keeps it.
func kind(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space: %w: %w", err, hallmark.ErrUnavailable)
	case ipld.IsNotFound(err):
		return fmt.Errorf("%w: %w", err, hallmark.ErrNotFound)
	default:
		return err
	}
}
