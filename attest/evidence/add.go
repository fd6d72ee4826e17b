package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	chunk "github.com/ipfs/boxo/chunker"
	"github.com/ipfs/boxo/files"
	"github.com/ipfs/boxo/filestore/posinfo"
	"github.com/ipfs/boxo/ipld/unixfs/importer/balanced"
	"github.com/ipfs/boxo/ipld/unixfs/importer/helpers"
	uio "github.com/ipfs/boxo/ipld/unixfs/io"
	blocks "github.com/ipfs/go-block-format"
	ipld "github.com/ipfs/go-ipld-format"

	"github.com/hallmark-ml/hallmark"
)

// writeGroup is how many bytes of a file are read before their references are written.
const writeGroup = 16 << 20

// Put stores a document and returns its CID: one raw block up to 1 MiB, a balanced tree above. The bytes are in memory
// twice. Without space for all of it nothing is stored, [hallmark.ErrUnavailable].
func (s *Store) Put(ctx context.Context, data []byte) (string, error) {
	w := &writer{DAGService: s.dag, store: s}
	node, err := layout(w, bytes.NewReader(data), helpers.DagBuilderParams{})
	if err == nil {
		err = w.flush(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("storing %d bytes of evidence: %w", len(data), kind(err))
	}
	return node.Cid().String(), nil
}

// AddFile makes a file or a directory available by reference and returns its CID. The files must stay where they are and
// as they are; one that does not reads as an error until it is added again. Hidden entries and empty directories count;
// symbolic links and anything else that is not a file or a directory are [hallmark.ErrInvalid].
func (s *Store) AddFile(ctx context.Context, path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("adding %s: %w", path, err)
	}
	w := &writer{DAGService: s.dag, store: s, group: writeGroup}
	node, err := w.addPath(ctx, abs)
	if err == nil {
		err = w.flush(ctx)
	}
	if err != nil {
		return "", fmt.Errorf("adding %s: %w", path, kind(err))
	}
	return node.Cid().String(), nil
}

func (w *writer) addPath(ctx context.Context, path string) (ipld.Node, error) { //nolint:ireturn // boxo's importers work on its nodes
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Not following a link and not waiting for a pipe's other end; what was opened is then looked at.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0) //nolint:gosec // the file that the caller names is the job
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, fmt.Errorf("%s is a symbolic link: %w", path, hallmark.ErrInvalid)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %w", err, hallmark.ErrNotFound)
	case err != nil:
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return w.addDir(ctx, path, f)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file: %w", path, hallmark.ErrInvalid)
	}
	ref, err := files.NewReaderPathFile(path, f, info)
	if err != nil {
		return nil, err
	}
	return layout(w, ref, helpers.DagBuilderParams{NoCopy: true})
}

func (w *writer) addDir(ctx context.Context, path string, f *os.File) (ipld.Node, error) { //nolint:ireturn // boxo's importers work on its nodes
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) }) // so that refs.jsonl is the same too
	profile := uio.UnixFS_v1_2025
	dir, err := uio.NewDirectory(w, uio.WithCidBuilder(profile.CidBuilder()), uio.WithMaxHAMTFanout(profile.HAMTShardWidth),
		uio.WithSizeEstimationMode(profile.HAMTSizeEstimation))
	if err != nil {
		return nil, err
	}
	dir.SetHAMTShardingSize(profile.HAMTShardingSize)
	for _, e := range entries {
		child, err := w.addPath(ctx, filepath.Join(path, e.Name()))
		if err != nil {
			return nil, err
		}
		if err := dir.AddChild(ctx, e.Name(), child); err != nil {
			return nil, err
		}
	}
	node, err := dir.GetNode()
	if err != nil {
		return nil, err
	}
	return node, w.Add(ctx, node)
}

// layout builds the tree of profile unixfs-v1-2025 over r.
func layout(w *writer, r io.Reader, p helpers.DagBuilderParams) (ipld.Node, error) { //nolint:ireturn // boxo's importers work on its nodes
	profile := uio.UnixFS_v1_2025
	p.Maxlinks, p.RawLeaves, p.CidBuilder, p.Dagserv = profile.FileDAGWidth, profile.RawLeaves, profile.CidBuilder(), w
	builder, err := p.New(chunk.NewSizeSplitter(r, profile.ChunkSize))
	if err != nil {
		return nil, err
	}
	return balanced.Layout(builder)
}

// A writer collects the nodes that the importers make and commits them in groups of about group bytes, or all at once
// in flush when group is 0. Trees are made from the leaves up, so the root comes last.
type writer struct {
	ipld.DAGService // reads

	store *Store
	group int

	pending []blocks.Block
	lines   []line // references
	size    int
}

// Add implements [ipld.NodeAdder].
func (w *writer) Add(ctx context.Context, n ipld.Node) error {
	w.size += len(n.RawData())
	if leaf, ok := n.(*posinfo.FilestoreNode); ok {
		if err := w.addRef(leaf); err != nil {
			return err
		}
	} else {
		w.pending = append(w.pending, n)
	}
	if w.group > 0 && w.size >= w.group {
		return w.flush(ctx)
	}
	return nil
}

// AddMany implements [ipld.NodeAdder].
func (w *writer) AddMany(ctx context.Context, nodes []ipld.Node) error {
	for _, n := range nodes {
		if err := w.Add(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// addRef notes where a leaf lies. A block that is stored, or that a reference names which still holds, is left as it is;
// a reference that no longer holds is replaced, so that adding a file again repairs it.
func (w *writer) addRef(leaf *posinfo.FilestoreNode) error {
	d, err := digestOf(leaf.Cid())
	if err != nil {
		return err
	}
	if w.store.hasBlock(d) || w.store.refs.holds(d) {
		return nil
	}
	size, offset := int64(len(leaf.RawData())), int64(leaf.PosInfo.Offset) //nolint:gosec // an offset in a file
	if n := len(w.lines); n > 0 {
		last := &w.lines[n-1]
		if last.Path == leaf.PosInfo.FullPath && last.Offset+last.Size == offset && last.Size == last.Block*int64(len(last.SHA256)) {
			last.Size += size
			last.SHA256 = append(last.SHA256, d)
			return nil
		}
	}
	w.lines = append(w.lines, line{Path: leaf.PosInfo.FullPath, Offset: offset, Size: size, Block: size, SHA256: []hallmark.Digest{d}})
	return nil
}

// flush commits what was collected. When it fails, none of the blocks that it wrote stays; references, which nothing
// leads to without the tree above them, may.
func (w *writer) flush(ctx context.Context) error {
	pending, lines := w.pending, w.lines
	w.pending, w.lines, w.size = nil, nil, 0
	if err := ctx.Err(); err != nil {
		return err
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if len(lines) > 0 {
		if err := w.store.refs.add(lines); err != nil {
			return err
		}
	}
	added, err := w.store.writeBlocks(pending)
	if err != nil {
		return errors.Join(err, w.store.removeBlocks(added))
	}
	return nil
}
