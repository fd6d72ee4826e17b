package scan

import (
	"fmt"
	"math/bits"
)

// Large groups and objects with many attributes keep them as objects of a fractal heap, which an index of version 2
// names one by one.

// linkInfo reads where the links of a large group stand.
func (d *h5Header) linkInfo(c *cursor) error {
	version, flags := c.u8(), c.u8()
	if version != 0 {
		return fmt.Errorf("version %d of the link information is not known: %w", version, errForm)
	}
	if flags&1 != 0 {
		c.skip(8)
	}
	return d.dense(c, 5, 4, d.link)
}

// attrInfo reads where the attributes of an object with many of them stand.
func (d *h5Header) attrInfo(c *cursor) error {
	version, flags := c.u8(), c.u8()
	if version != 0 {
		return fmt.Errorf("version %d of the attribute information is not known: %w", version, errForm)
	}
	if flags&1 != 0 {
		c.skip(2)
	}
	return d.dense(c, 8, 0, d.attr)
}

// dense reads the addresses of heap and index and gives each object in them to message. The index is of type kind; the
// heap's identifiers begin idAt bytes into its records.
func (d *h5Header) dense(c *cursor, kind, idAt int, message func(*cursor) error) error {
	heapAt, index := d.address(c), d.address(c)
	if c.short || heapAt == h5Undefined || index == h5Undefined {
		return shortErr(c)
	}
	heap, err := d.fractalHeap(heapAt)
	if err != nil {
		return err
	}
	return d.index(index, kind, func(record []byte) error {
		if len(record) < idAt+heap.idLen {
			return fmt.Errorf("a record of %d bytes: %w", len(record), errForm)
		}
		if kind == 8 && record[heap.idLen]&h5Shared != 0 {
			return fmt.Errorf("an attribute that stands elsewhere: %w", errForm)
		}
		body, err := heap.get(record[idAt : idAt+heap.idLen])
		if err != nil {
			return err
		}
		return message(&cursor{b: body})
	})
}

// An h5Index walks a tree of version 2.
type h5Index struct {
	*h5File
	kind, record, node int
	countBytes         int   // of the number of records in a pointer
	totalBytes         []int // of the number of all records below, by depth of the child
	visited            map[uint64]bool
	each               func(record []byte) error
}

// index calls each with every record of the tree at an address.
func (h *h5File) index(at uint64, kind int, each func(record []byte) error) error {
	c, err := h.block(at, 4+12+h.addr+2+h.len+4, "BTHD")
	if err != nil {
		return err
	}
	version, got := c.u8(), c.u8()
	x := &h5Index{h5File: h, kind: kind, node: c.u32(), record: c.u16(), visited: map[uint64]bool{}, each: each}
	depth := c.u16()
	c.skip(2)
	root, n := h.address(c), c.u16()
	switch {
	case version != 0 || got != kind:
		return fmt.Errorf("an index of version %d and type %d, not %d: %w", version, got, kind, errForm)
	case x.record == 0 || x.node < 10+x.record || x.node > maxH5Block || depth > 16:
		return fmt.Errorf("an index of %d levels with records of %d in nodes of %d bytes: %w", depth, x.record, x.node, errForm)
	case root == h5Undefined:
		return nil
	}
	x.widths(depth)
	return x.walk(root, depth, n)
}

// widths computes how many bytes the counts in pointers take, from how many records fit below.
func (x *h5Index) widths(depth int) {
	most := uint64((x.node - 10) / x.record) //nolint:gosec // G115: positive
	x.countBytes = limitBytes(most)
	x.totalBytes = []int{0}
	total := most
	for u := 1; u < depth; u++ {
		pointer := x.addr + x.countBytes + x.totalBytes[u-1]
		here := uint64(max(0, x.node-10-pointer) / (x.record + pointer)) //nolint:gosec // G115: not negative
		hi, lo := bits.Mul64(here+1, total)
		if total = lo + here; hi != 0 {
			total = 1<<64 - 1
		}
		x.totalBytes = append(x.totalBytes, limitBytes(total))
	}
}

// limitBytes is how many bytes a number up to limit is written in.
func limitBytes(limit uint64) int { return (bits.Len64(max(limit, 1))-1)/8 + 1 }

func (x *h5Index) walk(at uint64, depth, n int) error {
	if x.visited[at] {
		return fmt.Errorf("an index that leads back to byte %d: %w", at, errForm)
	}
	x.visited[at] = true
	magic := "BTIN"
	if depth == 0 {
		magic = "BTLF"
	}
	c, err := x.block(at, x.node, magic)
	if err != nil {
		return err
	}
	if version, kind := c.u8(), c.u8(); version != 0 || kind != x.kind {
		return fmt.Errorf("a node of version %d and type %d: %w", version, kind, errForm)
	}
	for range n {
		record := c.take(x.record)
		if c.short {
			return shortErr(c)
		}
		if err := x.each(record); err != nil {
			return err
		}
	}
	if depth == 0 {
		return nil
	}
	for range n + 1 {
		child, below := x.address(c), c.uint(x.countBytes)
		c.skip(x.totalBytes[depth-1])
		if c.short || below > uint64(x.node) { //nolint:gosec // G115: positive
			return fmt.Errorf("a pointer to %d records: %w", below, errForm)
		}
		if err := x.walk(child, depth-1, int(below)); err != nil { //nolint:gosec // G115: bounded above
			return err
		}
	}
	return nil
}

// An h5Heap finds objects of a fractal heap.
type h5Heap struct {
	*h5File
	idLen, offsetBytes, lengthBytes int
	width                           uint64 // blocks in a row
	start, mostDirect               uint64 // bytes of the first block, and of the largest that holds objects
	root                            uint64
	rows                            int
	huge                            uint64 // index of the objects that stand alone
	hugeAt                          map[uint64]h5Part
}

func (h *h5File) fractalHeap(at uint64) (*h5Heap, error) {
	c, err := h.block(at, 4+1+2+2+1+4+12*h.len+3*h.addr+2+2+2+2, "FRHP")
	if err != nil {
		return nil, err
	}
	f := &h5Heap{h5File: h}
	version := c.u8()
	f.idLen = c.u16()
	filters := c.u16()
	c.skip(1)
	mostObject := c.uint(4)
	c.skip(h.len)
	f.huge = h.address(c)
	c.skip(h.len + h.addr + 4*h.len + 4*h.len)
	f.width = c.uint(2)
	f.start, f.mostDirect = c.uint(h.len), c.uint(h.len)
	heapBits := c.u16()
	c.skip(2)
	f.root = h.address(c)
	f.rows = c.u16()
	switch {
	case c.short, version != 0, filters != 0:
		return nil, fmt.Errorf("a heap of version %d with %d bytes of filters: %w", version, filters, errForm)
	case f.width == 0 || f.width > 1024 || bits.OnesCount64(f.width) != 1 || bits.OnesCount64(f.start) != 1 || bits.OnesCount64(f.mostDirect) != 1,
		f.start > f.mostDirect || f.mostDirect > maxH5Block || heapBits < 1 || heapBits > 64 || f.rows > 64 || f.idLen < 2 || f.idLen > 64:
		return nil, fmt.Errorf("a heap of blocks of %d to %d bytes, %d in a row: %w", f.start, f.mostDirect, f.width, errForm)
	}
	f.offsetBytes = (heapBits + 7) / 8
	f.lengthBytes = min((bits.Len64(f.mostDirect)+6)/8, limitBytes(mostObject))
	return f, nil
}

// get returns the object of an identifier.
func (f *h5Heap) get(id []byte) ([]byte, error) {
	c := &cursor{b: id[1:]}
	switch kind := id[0] & 0xf0; kind {
	case 0x00:
		offset, n := c.uint(f.offsetBytes), c.uint(f.lengthBytes)
		if c.short || n > f.mostDirect {
			return nil, fmt.Errorf("an object of %d bytes in a heap: %w", n, errForm)
		}
		return f.managed(offset, n)
	case 0x10:
		if f.hugeAt == nil {
			if err := f.readHuge(); err != nil {
				return nil, err
			}
		}
		part, ok := f.hugeAt[c.uint(min(len(c.b), f.len))]
		if !ok || part.n > maxH5Text {
			return nil, fmt.Errorf("an object of %d bytes outside of a heap: %w", part.n, errForm)
		}
		return f.bytes(part.at, int(part.n))
	case 0x20:
		n := int(id[0]&15) + 1
		if n > len(c.b) {
			return nil, fmt.Errorf("an object of %d bytes in its identifier: %w", n, errForm)
		}
		return c.b[:n], nil
	default:
		return nil, fmt.Errorf("an identifier of type %#x: %w", kind, errForm)
	}
}

// readHuge reads the index of the objects that are too large for the heap's blocks.
func (f *h5Heap) readHuge() error {
	f.hugeAt = map[uint64]h5Part{}
	if f.huge == h5Undefined {
		return nil
	}
	return f.index(f.huge, 1, func(record []byte) error {
		c := &cursor{b: record}
		part := h5Part{at: f.address(c), n: c.uint(f.len)}
		f.hugeAt[c.uint(f.len)] = part
		return shortErr(c)
	})
}

// managed reads n bytes at an offset into the heap, which its blocks cover row by row, each row twice as large as the
// one before from the third on.
func (f *h5Heap) managed(offset, n uint64) ([]byte, error) {
	p := h5Place{f.root, f.rows, offset}
	for range maxH5Depth {
		if p.rows == 0 {
			if n > f.mostDirect || p.offset > f.mostDirect {
				return nil, fmt.Errorf("an object outside of its block: %w", errForm)
			}
			return f.bytes(p.at+p.offset, int(n)) //nolint:gosec // G115: bounded above
		}
		var err error
		if p, err = f.child(p); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("a heap of more than %d levels: %w", maxH5Depth, errForm)
}

// An h5Place is an offset into a block of a heap, which has so many rows of blocks below, or none if it holds objects.
type h5Place struct {
	at     uint64
	rows   int
	offset uint64
}

// child finds the place in the block below that covers it.
func (f *h5Heap) child(p h5Place) (h5Place, error) {
	outside := fmt.Errorf("an offset of %d outside of its heap: %w", p.offset, errForm)
	entry, size, offset := uint64(0), f.start, p.offset
	for row := range p.rows {
		if row > 1 {
			size *= 2
		}
		hi, covered := bits.Mul64(size, f.width)
		if hi != 0 || size > 1<<62 {
			return p, outside
		}
		if offset >= covered {
			offset -= covered
			entry += f.width
			continue
		}
		entry += offset / size
		c, err := f.block(p.at, 4, "FHIB")
		if err == nil {
			c.b, err = f.bytes(p.at+uint64(5+f.addr+f.offsetBytes)+entry*uint64(f.addr), f.addr) //nolint:gosec // G115: small
		}
		if err != nil {
			return p, err
		}
		below := 0
		if size > f.mostDirect {
			below = bits.Len64(size) - bits.Len64(f.start) - bits.Len64(f.width) + 2
		}
		if next := f.address(c); next != h5Undefined && below >= 0 && below <= 64 {
			return h5Place{next, below, offset % size}, nil
		}
		return p, outside
	}
	return p, outside
}
