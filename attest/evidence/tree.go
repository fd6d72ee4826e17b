package evidence

import (
	"context"
	"fmt"

	"github.com/ipfs/boxo/ipld/merkledag"
	"github.com/ipfs/boxo/ipld/unixfs"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"

	"github.com/hallmark-ml/hallmark"
)

// maxDepth bounds a file's tree; 1024 links a node hold 1 PiB in 3 levels.
const maxDepth = 16

// verified returns data as the block that c names, if that is what it is.
func verified(c cid.Cid, data []byte) (*blocks.BasicBlock, error) {
	want, err := digestOf(c)
	if err != nil {
		return nil, err
	}
	if got := hallmark.DigestOf(data); got != want {
		return nil, &hallmark.DigestMismatchError{What: "block " + c.String(), Want: want, Got: got}
	}
	return blocks.NewBlockWithCid(data, c)
}

// A node is a verified block and what it says: a raw block is bytes of a file, any other has a tree.
type node struct {
	raw   []byte
	links []cid.Cid
	tree  *merkledag.ProtoNode // nil for a raw block
}

// decode reads verified data as a node.
func decode(c cid.Cid, data []byte) (node, error) {
	b, err := verified(c, data)
	if err != nil {
		return node{}, err
	}
	n := node{raw: data}
	if c.Prefix().Codec == cid.Raw {
		return n, nil
	}
	if n.tree, err = merkledag.DecodeProtobuf(b.RawData()); err != nil {
		return node{}, fmt.Errorf("block %s: %w: %w", c, err, hallmark.ErrInvalid)
	}
	for _, l := range n.tree.Links() {
		n.links = append(n.links, l.Cid)
	}
	return n, nil
}

// size is how many bytes of blocks the node says that there are, itself included.
func (n node) size() int64 {
	sum := int64(len(n.raw))
	if n.tree != nil {
		for _, l := range n.tree.Links() {
			sum += int64(min(l.Size, 1<<60/uint64(len(n.links)+1))) //nolint:gosec // G115: bounded
		}
	}
	return sum
}

// walk visits every block below the roots once, parents first and in the order of their links.
func walk(roots []cid.Cid, visit func(cid.Cid) ([]cid.Cid, error)) error {
	seen := cid.NewSet()
	var stack []cid.Cid
	push := func(cs []cid.Cid) {
		for i := range cs {
			stack = append(stack, cs[len(cs)-1-i])
		}
	}
	push(roots)
	for len(stack) > 0 {
		c := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if !seen.Visit(c) {
			continue
		}
		links, err := visit(c)
		if err != nil {
			return err
		}
		push(links)
	}
	return nil
}

// A source gives verified nodes.
type source func(context.Context, cid.Cid) (node, error)

// readFile reads a UnixFS file of at most limit bytes.
func readFile(ctx context.Context, from source, c cid.Cid, limit int64) ([]byte, error) {
	f := &fileReader{from: from, limit: uint64(max(limit, 0)), out: []byte{}}
	if err := f.read(ctx, c, 0); err != nil {
		return nil, err
	}
	return f.out, nil
}

type fileReader struct {
	from  source
	limit uint64
	out   []byte
}

// read appends the bytes of the tree under c. What a node says about sizes is checked: at the start, so that nothing
// beyond the limit is fetched, and at its end.
func (f *fileReader) read(ctx context.Context, c cid.Cid, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth == maxDepth {
		return fmt.Errorf("a file tree of more than %d levels: %w", maxDepth, hallmark.ErrInvalid)
	}
	n, err := f.from(ctx, c)
	if err != nil {
		return err
	}
	if n.tree == nil {
		return f.append(n.raw)
	}
	fs, err := unixfs.FSNodeFromBytes(n.tree.Data())
	if err != nil {
		return fmt.Errorf("block %s: %w: %w", c, err, hallmark.ErrInvalid)
	}
	if fs.Type() != unixfs.TFile && fs.Type() != unixfs.TRaw {
		return fmt.Errorf("block %s is a %s and not a file: %w", c, fs.Type(), hallmark.ErrInvalid)
	}
	start := uint64(len(f.out))
	if size := fs.FileSize(); size > f.limit-start {
		return fmt.Errorf("%d bytes, at most %d: %w", size, f.limit-start, hallmark.ErrTooLarge)
	}
	if err := f.append(fs.Data()); err != nil {
		return err
	}
	for _, link := range n.links {
		if err := f.read(ctx, link, depth+1); err != nil {
			return err
		}
	}
	if got := uint64(len(f.out)) - start; got != fs.FileSize() {
		return fmt.Errorf("block %s: %d bytes below it, and it says %d: %w", c, got, fs.FileSize(), hallmark.ErrInvalid)
	}
	return nil
}

func (f *fileReader) append(b []byte) error {
	if uint64(len(b)) > f.limit-uint64(len(f.out)) {
		return fmt.Errorf("more than %d bytes: %w", f.limit, hallmark.ErrTooLarge)
	}
	f.out = append(f.out, b...)
	return nil
}
