package scan

import (
	"bytes"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// The messages of an object header that are looked into.
const (
	h5Dataspace    = 0x01
	h5LinkInfo     = 0x02
	h5Datatype     = 0x03
	h5Link         = 0x06
	h5External     = 0x07
	h5Layout       = 0x08
	h5Filters      = 0x0b
	h5Attr         = 0x0c
	h5Continuation = 0x10
	h5SymbolTable  = 0x11
	h5Driver       = 0x14
	h5AttrInfo     = 0x15
	h5LastMessage  = 0x17
)

const h5Shared = 2 // flag of a message: it stands elsewhere

// An h5Header reads the messages of one object.
type h5Header struct {
	*h5File
	object h5Object
	v2     bool
	order  int // bytes of the creation order in a message of version 2
	parts  []h5Part
	blocks int
}

type h5Part struct {
	at uint64
	n  uint64
}

// object reads the header of an object with all its continuations.
func (h *h5File) object(o h5Object) error {
	b, err := h.bytes(o.at, h.rest(o.at, 64))
	if err != nil {
		return err
	}
	d := &h5Header{h5File: h, object: o}
	c := &cursor{b: b}
	if bytes.HasPrefix(b, []byte("OHDR")) {
		err = d.headV2(c)
	} else {
		err = d.headV1(c)
	}
	if err != nil {
		return err
	}
	for len(d.parts) > 0 {
		part := d.parts[0]
		d.parts = d.parts[1:]
		if d.blocks++; d.blocks > 1024 || part.n > maxH5Block {
			return fmt.Errorf("a header of %d blocks, %d bytes: %w", d.blocks, part.n, errForm)
		}
		if err := d.messages(part); err != nil {
			return err
		}
	}
	return nil
}

func (d *h5Header) headV1(c *cursor) error {
	if version := c.u8(); version != 1 {
		return fmt.Errorf("version %d of the object header is not known: %w", version, errForm)
	}
	c.skip(1 + 2 + 4)
	size := c.uint(4)
	d.parts = append(d.parts, h5Part{d.object.at + 16, size})
	return shortErr(c)
}

func (d *h5Header) headV2(c *cursor) error {
	d.v2 = true
	c.skip(4)
	version, flags := c.u8(), c.u8()
	if version != 2 {
		return fmt.Errorf("version %d of the object header is not known: %w", version, errForm)
	}
	start := 6
	if flags&0x20 != 0 {
		c.skip(16)
		start += 16
	}
	if flags&0x10 != 0 {
		c.skip(4)
		start += 4
	}
	if flags&0x04 != 0 {
		d.order = 2
	}
	width := 1 << (flags & 3)
	size := c.uint(width)
	d.parts = append(d.parts, h5Part{d.object.at + uint64(start+width), size}) //nolint:gosec // G115: at most 34
	return shortErr(c)
}

// messages reads one block of messages.
func (d *h5Header) messages(part h5Part) error {
	b, err := d.bytes(part.at, int(part.n)) //nolint:gosec // G115: bounded by the caller
	if err != nil {
		return err
	}
	c := &cursor{b: b}
	head := 8
	if d.v2 {
		head = 4 + d.order
	}
	for len(c.b) >= head {
		var kind, size, flags int
		if d.v2 {
			kind, size, flags = c.u8(), c.u16(), c.u8()
			c.skip(d.order)
		} else {
			kind, size, flags = c.u16(), c.u16(), c.u8()
			c.skip(3)
		}
		body := c.take(size)
		if c.short {
			return fmt.Errorf("message %d of %d bytes ends past its block: %w", kind, size, errForm)
		}
		if err := d.message(kind, flags, body); err != nil {
			return fmt.Errorf("message %d: %w", kind, err)
		}
	}
	return nil
}

func (d *h5Header) message(kind, flags int, body []byte) error {
	if kind > h5LastMessage {
		return fmt.Errorf("it is not known: %w", errForm)
	}
	c := &cursor{b: body}
	if flags&h5Shared != 0 {
		if kind == h5Datatype || kind == h5Dataspace { // of a dataset, whose values are not looked at
			return nil
		}
		return fmt.Errorf("it stands elsewhere: %w", errForm)
	}
	switch kind {
	case h5LinkInfo:
		return d.linkInfo(c)
	case h5Link:
		return d.link(c)
	case h5External:
		d.s.add("hdf5-external-data", hallmark.SeverityCritical, d.object.path, "the data lies in another file")
	case h5Layout:
		return d.layout(c)
	case h5Filters:
		return d.filters(c)
	case h5Attr:
		return d.attr(c)
	case h5AttrInfo:
		return d.attrInfo(c)
	case h5Continuation:
		return d.continuation(c)
	case h5SymbolTable:
		tree, heap := d.address(c), d.address(c)
		if c.short {
			return shortErr(c)
		}
		return d.symbolTable(d.object, tree, heap)
	case h5Driver:
		return fmt.Errorf("a driver that keeps the data elsewhere: %w", errForm)
	}
	return nil
}

func (d *h5Header) continuation(c *cursor) error {
	at, n := d.address(c), c.uint(d.len)
	if d.v2 {
		if n < 8 || n > maxH5Block {
			return fmt.Errorf("a block of %d bytes: %w", n, errForm)
		}
		if _, err := d.block(at, 4, "OCHK"); err != nil {
			return err
		}
		at, n = at+4, n-8 // without the checksum
	}
	d.parts = append(d.parts, h5Part{at, n})
	return shortErr(c)
}

// layout checks that the data of a dataset lies in the file.
func (d *h5Header) layout(c *cursor) error {
	version := c.u8()
	switch version {
	case 1, 2:
		rank, class := c.u8(), c.u8()
		c.skip(5)
		if class == 0 || class > 2 {
			return shortErr(c)
		}
		at := d.address(c)
		_ = rank
		return d.inside(at, 0, c)
	case 3, 4:
	default:
		return fmt.Errorf("version %d of the layout is not known: %w", version, errForm)
	}
	switch class := c.u8(); class {
	case 0:
		c.skip(c.u16())
		return shortErr(c)
	case 1:
		at, n := d.address(c), c.uint(d.len)
		return d.inside(at, n, c)
	case 2:
		if version == 3 {
			c.skip(1)
			return d.inside(d.address(c), 0, c)
		}
		return shortErr(c)
	case 3:
		d.s.add("hdf5-virtual", hallmark.SeverityCritical, d.object.path, "the data is put together from other files")
		return nil
	default:
		return fmt.Errorf("class %d of the layout is not known: %w", class, errForm)
	}
}

func (d *h5Header) inside(at, n uint64, c *cursor) error {
	if c.short {
		return shortErr(c)
	}
	size := uint64(d.s.size) //nolint:gosec // G115: not negative
	if at != h5Undefined && (at > size || n > size-at) {
		return fmt.Errorf("%d bytes of data at %d end past the file: %w", n, at, errForm)
	}
	return nil
}

// h5KnownFilters are built into the library, and the one that h5py brings. All others are loaded from a directory of
// shared libraries when data is read.
var h5KnownFilters = map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 32000: true}

func (d *h5Header) filters(c *cursor) error {
	version, n := c.u8(), c.u8()
	if version == 1 {
		c.skip(6)
	} else if version != 2 {
		return fmt.Errorf("version %d of the filters is not known: %w", version, errForm)
	}
	for range n {
		id, name := c.u16(), 0
		if version == 1 || id >= 256 {
			name = c.u16()
		}
		c.skip(2)
		values := c.u16()
		c.skip(name)
		if version == 1 {
			c.align(name)
		}
		c.skip(4 * values)
		if version == 1 && values%2 == 1 {
			c.skip(min(4, len(c.b)))
		}
		if c.short {
			return shortErr(c)
		}
		if !h5KnownFilters[id] {
			d.s.add("hdf5-filter", hallmark.SeverityCritical, d.object.path, "reading the data loads a program for filter %d", id)
		}
	}
	return nil
}
