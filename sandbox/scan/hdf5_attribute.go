package scan

import (
	"bytes"
	"fmt"
)

// Bounds of attributes.
const (
	maxH5Values = 1 << 16  // texts of one attribute
	maxH5Text   = 16 << 20 // bytes of all texts of one attribute
)

// attr reads an attribute message and hands on what is text.
func (d *h5Header) attr(c *cursor) error {
	version := c.u8()
	if version < 1 || version > 3 {
		return fmt.Errorf("version %d of the attribute is not known: %w", version, errForm)
	}
	flags := c.u8()
	sizes := [3]int{c.u16(), c.u16(), c.u16()} // name, type, space
	if version == 3 {
		c.skip(1)
	}
	var parts [3][]byte
	for i, n := range sizes {
		parts[i] = c.take(n)
		if version == 1 {
			c.align(n)
		}
	}
	if c.short {
		return shortErr(c)
	}
	name, _, _ := bytes.Cut(parts[0], []byte{0})
	if version > 1 && flags&3 != 0 {
		return fmt.Errorf("attribute %.80q has a type that stands elsewhere: %w", name, errForm)
	}
	d.controls(d.object.path, string(name))
	n, err := d.elements(parts[2])
	if err != nil {
		return err
	}
	texts, err := d.texts(parts[1], n, c)
	if err != nil {
		return fmt.Errorf("attribute %.80q: %w", name, err)
	}
	if len(texts) > 0 {
		d.attribute(d.object.path, string(name), texts)
	}
	return nil
}

// elements returns how many elements a dataspace has.
func (h *h5File) elements(space []byte) (uint64, error) {
	c := &cursor{b: space}
	version, rank, kind := c.u8(), c.u8(), 0
	switch version {
	case 1:
		c.skip(6)
	case 2:
		c.skip(1)
		kind = c.u8()
	default:
		return 0, fmt.Errorf("version %d of the dataspace is not known: %w", version, errForm)
	}
	if kind == 2 {
		return 0, shortErr(c)
	}
	n := uint64(1)
	for range rank {
		dim := c.uint(h.len)
		if n, kind = product(n, dim); kind != 0 {
			return 0, fmt.Errorf("a shape that overflows: %w", errForm)
		}
	}
	return n, shortErr(c)
}

// product multiplies; the second result is not 0 if that overflows 63 bits.
func product(a, b uint64) (uint64, int) {
	if a != 0 && b > (1<<63-1)/a {
		return 0, 1
	}
	return a * b, 0
}

// texts reads n elements of a type if it is a text of fixed or variable length; other types have none.
func (h *h5File) texts(datatype []byte, n uint64, c *cursor) ([]string, error) {
	t := &cursor{b: datatype}
	class, kind := t.u8()&15, t.u8()&15
	t.skip(2)
	size := t.u32()
	if t.short {
		return nil, shortErr(t)
	}
	variable := class == 9 && kind == 1
	if class != 3 && !variable {
		return nil, nil
	}
	if n > maxH5Values || size > maxH5Text || uint64(size)*n > maxH5Text { //nolint:gosec // G115: four bytes
		return nil, fmt.Errorf("%d texts of %d bytes are over the limit: %w", n, size, errForm)
	}
	var out []string
	total := 0
	for range n {
		field := c.take(size)
		if c.short {
			return nil, shortErr(c)
		}
		if variable {
			var err error
			if field, err = h.globalText(&cursor{b: field}); err != nil {
				return nil, err
			}
		}
		if total += len(field); total > maxH5Text {
			return nil, fmt.Errorf("texts of more than %d bytes: %w", maxH5Text, errForm)
		}
		out = append(out, string(bytes.TrimRight(field, "\x00")))
	}
	return out, nil
}

// globalText reads a text of variable length: its length, and the place of its bytes in a global heap.
func (h *h5File) globalText(c *cursor) ([]byte, error) {
	n, at, index := c.u32(), h.address(c), c.u32()
	if c.short {
		return nil, shortErr(c)
	}
	if n == 0 {
		return nil, nil
	}
	heap, err := h.globalHeap(at)
	if err != nil {
		return nil, err
	}
	for g := (&cursor{b: heap}); len(g.b) >= 8+h.len; {
		id := g.u16()
		g.skip(6)
		size := g.uint(h.len)
		if id == 0 {
			break
		}
		if size > uint64(len(g.b)) {
			return nil, fmt.Errorf("an object of %d bytes in a global heap: %w", size, errForm)
		}
		body := g.take(int(size)) //nolint:gosec // G115: bounded above
		g.align(int(size))        //nolint:gosec // G115: bounded above
		if id == index {
			if n > len(body) {
				return nil, fmt.Errorf("a text of %d bytes in %d: %w", n, len(body), errForm)
			}
			return body[:n], nil
		}
		h.read += 16 // a heap of many objects is searched for each text
		if h.read > h.limit {
			return nil, fmt.Errorf("its description takes more than %d bytes: %w", h.limit, errForm)
		}
	}
	return nil, fmt.Errorf("object %d is not in its global heap: %w", index, errForm)
}

// globalHeap returns the objects of a collection. The last few collections are kept.
func (h *h5File) globalHeap(at uint64) ([]byte, error) {
	if b, ok := h.heaps[at]; ok {
		return b, nil
	}
	c, err := h.block(at, 8+h.len, "GCOL")
	if err != nil {
		return nil, err
	}
	c.skip(4)
	n := c.uint(h.len)
	head := uint64(8 + h.len) //nolint:gosec // G115: at most 16
	if n < head || n > maxH5Block {
		return nil, fmt.Errorf("a global heap of %d bytes: %w", n, errForm)
	}
	b, err := h.bytes(at+head, int(n-head))
	if err != nil {
		return nil, err
	}
	if len(h.heaps) >= 2 {
		clear(h.heaps)
	}
	h.heaps[at] = b
	return b, nil
}
