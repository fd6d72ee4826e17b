package evidence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"github.com/hallmark-ml/hallmark"
)

func (s *Store) blockPath(d hallmark.Digest) string {
	return filepath.Join(s.dir, "blocks", d.Hex()[:2], d.Hex())
}

// hasBlock reports whether the bytes of a block are in the store itself.
func (s *Store) hasBlock(d hallmark.Digest) bool {
	_, err := os.Lstat(s.blockPath(d))
	return err == nil
}

// writeBlocks writes the blocks that are not here yet, durably, and returns those. The caller holds mu, and takes them
// back on an error.
func (s *Store) writeBlocks(bs []blocks.Block) (added []hallmark.Digest, err error) {
	dirs := map[string]struct{}{}
	for _, b := range bs {
		d, err := digestOf(b.Cid())
		if err != nil {
			return added, err
		}
		if s.hasBlock(d) {
			delete(s.unsettled, d)
			continue
		}
		path := s.blockPath(d)
		if err := s.writeFile(path, b.RawData()); err != nil {
			return added, err
		}
		added = append(added, d)
		dirs[filepath.Dir(path)] = struct{}{}
	}
	for dir := range dirs {
		if err := syncDir(dir); err != nil {
			return added, err
		}
	}
	if len(dirs) > 0 {
		return added, syncDir(s.path("blocks"))
	}
	return added, nil
}

// writeFile makes a file whole or not at all. Its directory is not synced.
func (s *Store) writeFile(path string, data []byte) (err error) {
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.CreateTemp(s.path("tmp"), "block-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

func syncDir(dir string) error {
	f, err := os.Open(dir) //nolint:gosec // a directory of this store
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (s *Store) removeBlocks(ds []hallmark.Digest) error {
	var errs []error
	for _, d := range ds {
		errs = append(errs, os.Remove(s.blockPath(d)))
	}
	return errors.Join(errs...)
}

// A reader is the store as boxo's libraries see it: a block store that cannot be written or listed.
type reader struct{ s *Store }

var errReadOnly = errors.New("the store is read-only here")

// Get returns a block whose bytes were hashed just now.
func (r reader) Get(_ context.Context, c cid.Cid) (blocks.Block, error) { //nolint:ireturn // boxo's interface
	data, err := r.bytes(c)
	if err != nil {
		return nil, err
	}
	return verified(c, data)
}

// node is Get for a tree reader.
func (r reader) node(_ context.Context, c cid.Cid) (node, error) {
	data, err := r.bytes(c)
	if err != nil {
		return node{}, err
	}
	return decode(c, data)
}

// bytes returns what lies in the place of a block, not verified.
func (r reader) bytes(c cid.Cid) ([]byte, error) {
	d, err := digestOf(c)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(r.s.blockPath(d))
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	data, err = r.s.refs.read(d)
	if err == nil && data == nil {
		err = ipld.ErrNotFound{Cid: c}
	}
	return data, err
}

// Has reports whether the block or a reference to it is here, without reading it.
func (r reader) Has(_ context.Context, c cid.Cid) (bool, error) {
	d, err := digestOf(c)
	if err != nil {
		return false, err
	}
	return r.s.hasBlock(d) || r.s.refs.has(d), nil
}

// GetSize returns the size of a block in bytes.
func (r reader) GetSize(ctx context.Context, c cid.Cid) (int, error) {
	b, err := r.Get(ctx, c)
	if err != nil {
		return -1, err
	}
	return len(b.RawData()), nil
}

// Put is refused: the gateway and the tree readers never write.
func (r reader) Put(context.Context, blocks.Block) error { return errReadOnly }

// PutMany is refused.
func (r reader) PutMany(context.Context, []blocks.Block) error { return errReadOnly }

// DeleteBlock is refused.
func (r reader) DeleteBlock(context.Context, cid.Cid) error { return errReadOnly }

// AllKeysChan is refused: evidence is found by CID.
func (r reader) AllKeysChan(context.Context) (<-chan cid.Cid, error) {
	return nil, fmt.Errorf("listing the store: %w", errors.ErrUnsupported)
}
