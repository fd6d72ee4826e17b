package scan

import (
	"bytes"
	"fmt"

	"github.com/hallmark-ml/hallmark"
)

// link reads one link message: the name, and where it leads.
func (d *h5Header) link(c *cursor) error {
	version, flags := c.u8(), c.u8()
	if version != 1 {
		return fmt.Errorf("version %d of the link is not known: %w", version, errForm)
	}
	kind := 0
	if flags&8 != 0 {
		kind = c.u8()
	}
	if flags&4 != 0 {
		c.skip(8)
	}
	if flags&16 != 0 {
		c.skip(1)
	}
	n := c.uint(1 << (flags & 3))
	name := string(c.take(int(min(n, maxH5Path+1))))
	if c.short || len(name) > maxH5Path || name == "" {
		return fmt.Errorf("a name of %d bytes: %w", n, errForm)
	}
	d.controls(d.object.path, name)
	switch kind {
	case 0:
		at := d.address(c)
		if c.short {
			return shortErr(c)
		}
		return d.push(at, d.object, name)
	case 1: // soft: a path inside the file
		c.skip(c.u16())
	case 64:
		target := c.take(c.u16())
		d.externalLink(d.object.path, name, bytes.TrimLeft(target, "\x00"))
	default:
		d.s.add("hdf5-user-link", hallmark.SeverityCritical, d.object.path, "following %.80q runs a program that is registered for links of type %d", name, kind)
		return nil
	}
	return shortErr(c)
}

func (h *h5File) externalLink(path, name string, target []byte) {
	file, _, _ := bytes.Cut(target, []byte{0})
	h.s.add("hdf5-external-link", hallmark.SeverityCritical, path, "%.80q leads to file %.80q", name, file)
}

func (h *h5File) controls(path, name string) { h.s.controls(path, name) }

// symbolTable reads a group of the old kind: a tree of nodes with entries whose names stand in a heap.
func (h *h5File) symbolTable(o h5Object, tree, heap uint64) error {
	names, err := h.localHeap(heap)
	if err != nil {
		return err
	}
	visited := map[uint64]bool{}
	level := []uint64{tree}
	for range maxH5Depth {
		var next []uint64
		for _, at := range level {
			if visited[at] {
				return fmt.Errorf("a tree that leads back to byte %d: %w", at, errForm)
			}
			visited[at] = true
			children, leaf, err := h.treeNode(at)
			if err != nil {
				return err
			}
			if !leaf {
				next = append(next, children...)
				continue
			}
			for _, child := range children {
				if err := h.symbolNode(o, child, names); err != nil {
					return err
				}
			}
		}
		if len(next) == 0 {
			return nil
		}
		level = next
	}
	return fmt.Errorf("a tree of more than %d levels: %w", maxH5Depth, errForm)
}

func (h *h5File) localHeap(at uint64) ([]byte, error) {
	c, err := h.block(at, 8+2*h.len+h.addr, "HEAP")
	if err != nil {
		return nil, err
	}
	c.skip(4)
	n := c.uint(h.len)
	c.skip(h.len)
	data := h.address(c)
	if c.short || n > maxH5Block {
		return nil, fmt.Errorf("a heap of %d bytes: %w", n, errForm)
	}
	return h.bytes(data, int(n))
}

// treeNode returns the children of a node of version 1 of the trees.
func (h *h5File) treeNode(at uint64) (children []uint64, leaf bool, err error) {
	head := 8 + 2*h.addr
	c, err := h.block(at, head, "TREE")
	if err != nil {
		return nil, false, err
	}
	kind, level, n := c.u8(), c.u8(), c.u16()
	if kind != 0 {
		return nil, false, fmt.Errorf("a tree of type %d in a group: %w", kind, errForm)
	}
	b, err := h.bytes(at+uint64(head), n*(h.len+h.addr)) //nolint:gosec // G115: two bytes by sixteen
	if err != nil {
		return nil, false, err
	}
	c = &cursor{b: b}
	for range n {
		c.skip(h.len)
		children = append(children, h.address(c))
	}
	return children, level == 0, shortErr(c)
}

// symbolNode reads the entries of one node: a name, and the address of an object or a soft link.
func (h *h5File) symbolNode(o h5Object, at uint64, names []byte) error {
	c, err := h.block(at, 8, "SNOD")
	if err != nil {
		return err
	}
	c.skip(2)
	n := c.u16()
	b, err := h.bytes(at+8, n*(2*h.addr+24))
	if err != nil {
		return err
	}
	c = &cursor{b: b}
	for range n {
		nameAt, target, cache := c.uint(h.addr), h.address(c), c.u32()
		c.skip(4 + 16)
		if nameAt >= uint64(len(names)) {
			return fmt.Errorf("a name outside of its heap: %w", errForm)
		}
		name, _, ended := bytes.Cut(names[nameAt:min(nameAt+maxH5Path, uint64(len(names)))], []byte{0})
		if !ended || len(name) == 0 {
			return fmt.Errorf("a name without an end: %w", errForm)
		}
		h.controls(o.path, string(name))
		if cache == 2 {
			continue // a soft link: a path inside the file
		}
		if err := h.push(target, o, string(name)); err != nil {
			return err
		}
	}
	return shortErr(c)
}
