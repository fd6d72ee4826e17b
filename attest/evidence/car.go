package evidence

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"github.com/hallmark-ml/hallmark"
)

// A Tally is how far an export or an import has come.
type Tally struct {
	Blocks int
	Bytes  int64 // of blocks
	// Total is how many bytes there are, as the roots say of what is below them: a block that is there twice is written once.
	// Of an import it is zero.
	Total int64
}

// ExportCAR writes a CAR (version 1) of the roots and everything below them, each block once, parents first. After an
// error what was written is worth nothing. told, which may be nil, is called after each block.
func (s *Store) ExportCAR(ctx context.Context, w io.Writer, told func(Tally), roots ...string) error {
	return exportCAR(ctx, w, reader{s}.node, told, roots)
}

// FetchCAR is [Store.ExportCAR] of what an IPFS HTTP gateway has. It trusts the gateway in nothing: every block is hashed. Its
// errors are those of [FetchVerified].
func FetchCAR(ctx context.Context, client *http.Client, gatewayURL string, w io.Writer, told func(Tally), roots ...string) error {
	from, err := newRemote(client, gatewayURL)
	if err != nil {
		return err
	}
	return exportCAR(ctx, w, from.node, told, roots)
}

func exportCAR(ctx context.Context, w io.Writer, from source, told func(Tally), roots []string) error {
	var done Tally
	ids := make([]cid.Cid, len(roots))
	for i, r := range roots {
		c, err := parseCID(r)
		if err != nil {
			return fmt.Errorf("exporting a CAR: %w", err)
		}
		ids[i] = c
		n, err := from(ctx, c)
		if err != nil {
			return fmt.Errorf("exporting a CAR: block %s: %w", c, kind(err))
		}
		done.Total += n.size()
	}
	out, err := storage.NewWritable(w, ids, car.WriteAsCarV1(true))
	if err != nil {
		return fmt.Errorf("exporting a CAR: %w", err)
	}
	err = walk(ids, func(c cid.Cid) ([]cid.Cid, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := from(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("block %s: %w", c, kind(err))
		}
		if err := out.Put(ctx, c.KeyString(), n.raw); err != nil {
			return nil, err
		}
		done.Blocks, done.Bytes = done.Blocks+1, done.Bytes+int64(len(n.raw))
		if told != nil {
			told(done)
		}
		return n.links, nil
	})
	if err == nil {
		err = out.Finalize()
	}
	if err != nil {
		return fmt.Errorf("exporting a CAR: %w", err)
	}
	return nil
}

// Limits bounds an import.
type Limits struct {
	Bytes  int64       // of the CAR; 256 MiB if zero
	Blocks int         // and links between them; 65536 if zero
	Told   func(Tally) // called after each block was hashed. Optional
}

// ImportCAR stores a CAR (version 1) and returns its roots. Every block is hashed, and everything below the roots must
// be in the CAR or here already, else [hallmark.ErrEvidenceMissing]. A CAR that is malformed or holds other hashes or
// codecs is [hallmark.ErrInvalid], a block that is not what its CID says [hallmark.ErrDigest], one over the limits
// [hallmark.ErrTooLarge]. On an error nothing of it is stored.
func (s *Store) ImportCAR(ctx context.Context, r io.Reader, lim Limits) ([]string, error) {
	if lim.Bytes == 0 {
		lim.Bytes = 256 << 20
	}
	if lim.Blocks == 0 {
		lim.Blocks = 1 << 16
	}
	roots, err := s.importCAR(ctx, r, lim)
	if err != nil {
		return nil, fmt.Errorf("importing a CAR: %w", kind(err))
	}
	return roots, nil
}

func (s *Store) importCAR(ctx context.Context, r io.Reader, lim Limits) ([]string, error) {
	spool, err := os.CreateTemp(s.path("tmp"), "car-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = errors.Join(spool.Close(), os.Remove(spool.Name())) }()

	in := &staged{file: spool, at: map[cid.Cid]extent{}, limit: lim}
	if err := in.read(ctx, r); err != nil {
		return nil, err
	}
	s.imports.Lock() // another one could take back what this one builds on
	defer s.imports.Unlock()
	err = walk(in.roots, func(c cid.Cid) ([]cid.Cid, error) {
		if e, ok := in.at[c]; ok {
			return e.links, nil
		}
		n, err := reader{s}.node(ctx, c)
		if err != nil {
			return nil, fmt.Errorf("block %s below the roots: %w: %w", c, err, hallmark.ErrEvidenceMissing)
		}
		return n.links, nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.storeStaged(ctx, in); err != nil {
		return nil, err
	}
	roots := make([]string, len(in.roots))
	for i, c := range in.roots {
		roots[i] = c.String()
	}
	return roots, nil
}

// storeStaged writes all blocks of an import, or none. Others may write between two of them.
func (s *Store) storeStaged(ctx context.Context, in *staged) error {
	for _, c := range in.order {
		b, err := in.block(c)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = s.writeUnsettled(b)
		}
		if err != nil {
			return errors.Join(err, s.takeBack())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.unsettled)
	return nil
}

// writeUnsettled writes a block of an import that is not complete.
func (s *Store) writeUnsettled(b blocks.Block) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := digestOf(b.Cid())
	if err != nil || s.unsettled[d] { // it came with the other codec too
		return err
	}
	added, err := s.writeBlocks([]blocks.Block{b})
	for _, d := range added {
		s.unsettled[d] = true
	}
	return err
}

// takeBack removes what an import wrote, but not what others count on since.
func (s *Store) takeBack() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer clear(s.unsettled)
	return s.removeBlocks(slices.Collect(maps.Keys(s.unsettled)))
}

// staged is a CAR that was read and checked, its blocks in a temporary file.
type staged struct {
	file  *os.File
	limit Limits
	end   int64
	roots []cid.Cid
	order []cid.Cid
	at    map[cid.Cid]extent
	links int
}

type extent struct {
	offset int64
	size   int
	links  []cid.Cid
}

// carV2 is how a CAR of version 2 begins. Gateways and exports give version 1, and one reader is enough to trust.
const carV2 = "\x0a\xa1\x67version\x02"

func (in *staged) read(ctx context.Context, r io.Reader) error {
	limited := &io.LimitedReader{R: r, N: in.limit.Bytes + 1}
	buffered := bufio.NewReader(limited)
	if head, _ := buffered.Peek(len(carV2)); string(head) == carV2 {
		return fmt.Errorf("version 2, want version 1: %w", hallmark.ErrInvalid)
	}
	err := in.readBlocks(ctx, buffered)
	if limited.N <= 0 {
		return fmt.Errorf("more than %d bytes: %w", in.limit.Bytes, hallmark.ErrTooLarge)
	}
	return err
}

func (in *staged) readBlocks(ctx context.Context, r io.Reader) error {
	// Hashed in add, where the error gets its kind. A section is a CID and a block.
	reader, err := car.NewBlockReader(r, car.WithTrustedCAR(true), car.MaxAllowedHeaderSize(64<<10), car.MaxAllowedSectionSize(maxBlock+128))
	if err != nil {
		return fmt.Errorf("header: %w: %w", err, hallmark.ErrInvalid)
	}
	if in.roots = reader.Roots; len(in.roots) == 0 {
		return fmt.Errorf("no roots: %w", hallmark.ErrInvalid)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("block %d: %w: %w", len(in.order), err, hallmark.ErrInvalid)
		}
		if err := in.add(b); err != nil {
			return fmt.Errorf("block %d: %w", len(in.order), err)
		}
	}
}

func (in *staged) add(b blocks.Block) error {
	if _, twice := in.at[b.Cid()]; twice {
		return nil
	}
	if len(in.order) == in.limit.Blocks {
		return fmt.Errorf("more than %d blocks: %w", in.limit.Blocks, hallmark.ErrTooLarge)
	}
	n, err := decode(b.Cid(), b.RawData())
	if err != nil {
		return err
	}
	if in.links += len(n.links); in.links > in.limit.Blocks {
		return fmt.Errorf("more than %d links: %w", in.limit.Blocks, hallmark.ErrTooLarge)
	}
	if _, err := in.file.Write(b.RawData()); err != nil {
		return err
	}
	in.at[b.Cid()] = extent{offset: in.end, size: len(b.RawData()), links: n.links}
	in.order = append(in.order, b.Cid())
	in.end += int64(len(b.RawData()))
	if in.limit.Told != nil {
		in.limit.Told(Tally{Blocks: len(in.order), Bytes: in.end})
	}
	return nil
}

func (in *staged) block(c cid.Cid) (*blocks.BasicBlock, error) {
	e := in.at[c]
	data := make([]byte, e.size)
	if _, err := in.file.ReadAt(data, e.offset); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return blocks.NewBlockWithCid(data, c)
}
