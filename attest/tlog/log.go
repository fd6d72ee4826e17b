// Package tlog keeps the transparency log: an append-only RFC 6962 tree over the digests of everything that Hallmark
// signs, as tlog-tiles files in a directory that any static file server can publish.
//
// A leaf's data is the 32-byte SHA-256 of a DSSE envelope; its hash in the tree is SHA-256(0x00 || data). A leaf is in
// the log once: appending it again, also after a crash, gives the index that it has. The index of leaves is kept in
// memory and made from the log itself at the start, so there is no second file that could contradict it.
//
// The library publishes its own signed checkpoint within 200 ms for readers of the files. [Log.Checkpoint] does not wait
// for that: it signs the tree as it is durably integrated, which is at least as large as every index handed out.
package tlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"github.com/hallmark-ml/hallmark"
)

const (
	// batchAge is how long a leaf waits for others to be integrated with it.
	batchAge = 5 * time.Millisecond
	// publishEvery is how often the checkpoint file is brought up to date, and about how long Close takes.
	publishEvery = 200 * time.Millisecond
)

// RouteLibraryLog sends what the log's library writes to standard error to log instead. It changes process-wide state:
// call it once, before the first Open.
func RouteLibraryLog(log *slog.Logger) { klog.SetSlogLogger(log) }

// A Log is an open log, safe for concurrent use. One process has it open at a time.
type Log struct {
	signer   note.Signer
	lock     *os.File
	appender *tessera.Appender
	reader   tessera.LogReader
	shutdown func(context.Context) error
	cancel   context.CancelFunc // ends the library's background work

	open   sync.RWMutex // read-held by every call, so that Close waits for them
	closed bool

	mu        sync.Mutex
	index     map[hallmark.Digest]uint64
	pending   map[hallmark.Digest]tessera.IndexFuture // handed to the library, not yet known to be integrated
	scanned   uint64                                  // index holds the leaves below this size
	uncertain bool                                    // an append failed, and the log may have it all the same
}

// Open opens the log in dir, creating it if it is not there, with a private note key whose name is the log's origin. A
// log that another process has open is [hallmark.ErrConflict]; one that was signed with another key is
// [hallmark.ErrKey]; files that contradict the published checkpoint are [hallmark.ErrLogProof].
func Open(ctx context.Context, dir, private string) (*Log, error) {
	l, err := open(ctx, dir, private)
	if err != nil {
		return nil, fmt.Errorf("opening transparency log %s: %w", dir, err)
	}
	return l, nil
}

func open(ctx context.Context, dir, private string) (*Log, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	public, err := PublicKey(private)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("note key: %w: %w", err, hallmark.ErrKey)
	}
	l := &Log{signer: signer, index: map[hallmark.Digest]uint64{}, pending: map[hallmark.Digest]tessera.IndexFuture{}}
	if l.lock, err = takeLock(dir); err != nil {
		return nil, err
	}
	if err := checkPublished(dir, public); err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	if err := l.start(ctx, dir); err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	err = l.catchUp(ctx)
	if err == nil {
		err = l.checkConsistent(ctx, dir, public)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close(ctx))
	}
	return l, nil
}

// takeLock also finds out whether the state directory can be written: the library panics where it cannot.
func takeLock(dir string) (*os.File, error) {
	state := filepath.Join(dir, ".state")
	if err := os.MkdirAll(state, 0o755); err != nil { //nolint:gosec // a log is public
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(state, "open.lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // our own file
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("it is open already: %w", hallmark.ErrConflict)
	}
	return f, nil
}

func (l *Log) start(ctx context.Context, dir string) error {
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	opts := tessera.NewAppendOptions().
		WithCheckpointSigner(l.signer).
		WithBatching(tessera.DefaultBatchMaxSize, batchAge).
		WithCheckpointInterval(publishEvery).
		WithCheckpointRepublishInterval(0) // an unchanged tree is not signed again
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.appender, l.shutdown, l.reader, err = tessera.NewAppender(background, driver, opts)
	if err != nil {
		cancel()
		return err
	}
	l.cancel = cancel
	return nil
}

// Close publishes what was appended and ends the log's background work. Calls that are under way are waited for; later
// ones are [hallmark.ErrUnavailable].
func (l *Log) Close(ctx context.Context) error {
	l.open.Lock()
	defer l.open.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	err := l.shutdown(ctx)
	l.cancel()
	if err := errors.Join(err, l.lock.Close()); err != nil {
		return fmt.Errorf("closing transparency log: %w", err)
	}
	return nil
}

// enter begins a call; the caller defers l.open.RUnlock when there is no error.
func (l *Log) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.open.RLock()
	if l.closed {
		l.open.RUnlock()
		return fmt.Errorf("transparency log is closed: %w", hallmark.ErrUnavailable)
	}
	return nil
}

// Append adds leaves and returns their indices once they are durably integrated. A leaf that the log has keeps its
// index, also when it is appended twice at the same time. A log that cannot be written is [hallmark.ErrUnavailable]:
// appending the same leaves again is then right.
func (l *Log) Append(ctx context.Context, leaves []hallmark.Digest) ([]uint64, error) {
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	defer l.open.RUnlock()
	futures, err := l.enqueue(ctx, leaves)
	if err != nil {
		return nil, fmt.Errorf("appending to transparency log: %w", err)
	}
	indices := make([]uint64, len(leaves))
	for i, leaf := range leaves {
		at, waitErr := futures[i]()
		l.settle(leaf, at.Index, waitErr)
		indices[i], err = at.Index, errors.Join(err, waitErr)
	}
	if err != nil {
		return nil, fmt.Errorf("appending to transparency log: %w: %w", err, hallmark.ErrUnavailable)
	}
	return indices, nil
}

func (l *Log) enqueue(ctx context.Context, leaves []hallmark.Digest) ([]tessera.IndexFuture, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, leaf := range leaves {
		if leaf.IsZero() {
			return nil, fmt.Errorf("leaf without a digest: %w", hallmark.ErrInvalid)
		}
	}
	if l.uncertain {
		if err := l.catchUp(ctx); err != nil {
			return nil, err
		}
		l.uncertain = false
	}
	futures := make([]tessera.IndexFuture, len(leaves))
	for i, leaf := range leaves {
		if at, ok := l.index[leaf]; ok {
			futures[i] = func() (tessera.Index, error) { return tessera.Index{Index: at, IsDup: true}, nil }
			continue
		}
		if _, ok := l.pending[leaf]; !ok {
			l.pending[leaf] = l.appender.Add(ctx, tessera.NewEntry(leaf[:]))
		}
		futures[i] = l.pending[leaf]
	}
	return futures, nil
}

// settle takes the outcome of an append into the index. After a failure the log itself has to say what it holds.
func (l *Log) settle(leaf hallmark.Digest, at uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, leaf)
	if err != nil {
		l.uncertain = true
		return
	}
	l.index[leaf] = at
}

// catchUp reads the leaves that the index does not have yet. The caller holds mu, or nobody else has the log.
func (l *Log) catchUp(ctx context.Context) error {
	size, err := l.reader.IntegratedSize(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", err, hallmark.ErrUnavailable)
	}
	for l.scanned < size {
		bundle, err := client.GetEntryBundle(ctx, l.reader.ReadEntryBundle, l.scanned/layout.EntryBundleWidth, size)
		if err != nil {
			return fmt.Errorf("leaves from %d: %w: %w", l.scanned, err, hallmark.ErrUnavailable)
		}
		first := l.scanned % layout.EntryBundleWidth
		if uint64(len(bundle.Entries)) <= first {
			return fmt.Errorf("leaf %d is missing from its file: %w", l.scanned, hallmark.ErrLogProof)
		}
		for _, data := range bundle.Entries[first:] {
			if l.scanned == size {
				break
			}
			if len(data) != len(hallmark.Digest{}) {
				return fmt.Errorf("leaf %d has %d bytes: %w", l.scanned, len(data), hallmark.ErrLogProof)
			}
			leaf := hallmark.Digest(data)
			if _, twice := l.index[leaf]; !twice {
				l.index[leaf] = l.scanned
			}
			l.scanned++
		}
	}
	return nil
}

// Checkpoint returns the signed head of the durably integrated tree.
func (l *Log) Checkpoint(ctx context.Context) (Head, error) {
	if err := l.enter(ctx); err != nil {
		return Head{}, err
	}
	defer l.open.RUnlock()
	h, err := l.head(ctx)
	if err != nil {
		return Head{}, fmt.Errorf("transparency log checkpoint: %w", err)
	}
	if h.Text, err = sign(h, l.signer); err != nil {
		return Head{}, fmt.Errorf("transparency log checkpoint: %w", err)
	}
	return h, nil
}

// head computes size and root from the tiles.
func (l *Log) head(ctx context.Context) (Head, error) {
	size, err := l.reader.IntegratedSize(ctx)
	if err != nil {
		return Head{}, fmt.Errorf("%w: %w", err, hallmark.ErrUnavailable)
	}
	root := rfc6962.DefaultHasher.EmptyRoot()
	if size > 0 {
		nodes, err := client.FetchRangeNodes(ctx, size, l.tile)
		if err != nil {
			return Head{}, fmt.Errorf("%w: %w", err, hallmark.ErrUnavailable)
		}
		tree, err := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewRange(0, size, nodes)
		if err != nil {
			return Head{}, err
		}
		if root, err = tree.GetRootHash(nil); err != nil {
			return Head{}, err
		}
	}
	return Head{Origin: l.signer.Name(), Size: size, Root: hallmark.Digest(root)}, nil
}

// tile reads a tile as it was when it held p hashes (0: all 256). The file for exactly that size need not exist, since
// batches skip sizes, and after a crash it may be a left-over; the file of the current size is always right.
func (l *Log) tile(ctx context.Context, level, index uint64, p uint8) ([]byte, error) {
	size, err := l.reader.IntegratedSize(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := l.reader.ReadTile(ctx, level, index, layout.PartialTileSize(level, index, size))
	if err != nil {
		return nil, err
	}
	want := int(p) * len(hallmark.Digest{})
	if p == 0 {
		want = layout.TileWidth * len(hallmark.Digest{})
	}
	if len(raw) < want {
		return nil, fmt.Errorf("tile %d/%d has %d bytes, want %d", level, index, len(raw), want)
	}
	return raw[:want], nil
}

// Proof returns the inclusion proof of the leaf at index in the tree of the first size leaves. An index or size that the
// log does not have is [hallmark.ErrNotFound].
func (l *Log) Proof(ctx context.Context, index, size uint64) ([]hallmark.Digest, error) {
	if index >= size {
		return nil, fmt.Errorf("inclusion proof: leaf %d in a tree of %d: %w", index, size, hallmark.ErrNotFound)
	}
	return l.prove(ctx, size, func(b *client.ProofBuilder) ([][]byte, error) { return b.InclusionProof(ctx, index) })
}

// Consistency returns the proof that the tree of size to extends the tree of size from.
func (l *Log) Consistency(ctx context.Context, from, to uint64) ([]hallmark.Digest, error) {
	if from > to {
		return nil, fmt.Errorf("consistency proof: from %d to %d: %w", from, to, hallmark.ErrInvalid)
	}
	return l.prove(ctx, to, func(b *client.ProofBuilder) ([][]byte, error) {
		if from == 0 {
			return nil, nil // every tree extends the empty one
		}
		return b.ConsistencyProof(ctx, from, to)
	})
}

func (l *Log) prove(ctx context.Context, size uint64, build func(*client.ProofBuilder) ([][]byte, error)) ([]hallmark.Digest, error) {
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	defer l.open.RUnlock()
	have, err := l.reader.IntegratedSize(ctx)
	if err != nil {
		return nil, fmt.Errorf("log proof: %w: %w", err, hallmark.ErrUnavailable)
	}
	if size > have {
		return nil, fmt.Errorf("log proof: a tree of %d, the log has %d: %w", size, have, hallmark.ErrNotFound)
	}
	builder, err := client.NewProofBuilder(ctx, size, l.tile)
	if err != nil {
		return nil, fmt.Errorf("log proof: %w", err)
	}
	raw, err := build(builder)
	if err != nil {
		return nil, fmt.Errorf("log proof: %w: %w", err, hallmark.ErrUnavailable)
	}
	return fromRaw(raw), nil
}
