package scan

import (
	"bytes"
	"fmt"
	"math"

	"github.com/hallmark-ml/hallmark"
)

// Bounds of an HDF5 file. Tensor data is not read, so they bound what describes it.
const (
	maxH5Objects = 1 << 17   // groups, datasets and types
	maxH5Block   = 16 << 20  // bytes of one header, heap or index node
	maxH5Read    = 128 << 20 // bytes read in all
	maxH5Depth   = 64        // groups in one another, nodes of an index above its leaves
	maxH5Links   = 1 << 20
	maxH5Path    = 4096
	maxH5Names   = 16 << 20 // bytes of the paths that wait to be looked at
)

const h5Magic = "\x89HDF\r\n\x1a\n"

// h5Attribute receives one attribute that holds text, of the object at path.
type h5Attribute func(path, name string, texts []string)

// An h5File reads the description in an HDF5 file: groups, links, attributes and where data lies. It decompresses nothing
// and follows nothing that leads out of the file.
//
// Source: HDF5 File Format Specification 3.0.
type h5File struct {
	s         *scanner
	attribute h5Attribute
	addr, len int   // bytes of an address and of a length
	read      int64 // bytes read so far
	limit     int64 // of read
	links     int   // links seen so far
	seen      map[uint64]struct{}
	todo      []h5Object
	names     int               // bytes of the paths in todo
	heaps     map[uint64][]byte // global heap collections, by address
}

type h5Object struct {
	at    uint64
	path  string
	depth int
}

// hdf5 scans a whole file and gives the attributes that hold text to attribute.
func (s *scanner) hdf5(attribute h5Attribute) {
	if err := s.newH5(attribute).walk(); err != nil {
		s.cannotParse(s.name, "HDF5: %v", err)
	}
}

func (s *scanner) newH5(attribute h5Attribute) *h5File {
	return &h5File{
		s: s, attribute: attribute, limit: min(maxH5Read, 1<<20+16*s.size),
		seen: map[uint64]struct{}{}, heaps: map[uint64][]byte{},
	}
}

// lateHDF5 looks for an HDF5 file behind something else: readers of HDF5 look for its beginning at every power of two
// from 512.
func (s *scanner) lateHDF5() {
	magic := make([]byte, len(h5Magic))
	for at := int64(512); at <= s.size-int64(len(magic)) && at < 1<<62; at *= 2 {
		if _, err := s.r.ReadAt(magic, at); err != nil {
			return // kept by the reader
		}
		if string(magic) == h5Magic {
			s.add("polyglot", hallmark.SeverityCritical, fmt.Sprintf("byte %d", at), "the file is an HDF5 file as well")
		}
	}
}

// walk looks at every object of the file.
func (h *h5File) walk() error {
	root, err := h.superblock()
	if err != nil {
		return err
	}
	h.todo, h.names = append(h.todo, h5Object{at: root, path: "/"}), h.names+1
	for len(h.todo) > 0 {
		o := h.todo[len(h.todo)-1]
		h.todo, h.names = h.todo[:len(h.todo)-1], h.names-len(o.path)
		if err := h.object(o); err != nil {
			return fmt.Errorf("%s: %w", o.path, err)
		}
	}
	return nil
}

// bytes reads n bytes at an address.
func (h *h5File) bytes(at uint64, n int) ([]byte, error) {
	size := uint64(h.s.size) //nolint:gosec // G115: not negative
	if n < 0 || n > maxH5Block || at > size || uint64(n) > size-at {
		return nil, fmt.Errorf("%d bytes at %d are over the limit or past the end: %w", n, at, errForm)
	}
	if h.read += int64(n) + 64; h.read > h.limit {
		return nil, fmt.Errorf("its description takes more than %d bytes: %w", h.limit, errForm)
	}
	b := make([]byte, n)
	if _, err := h.s.r.ReadAt(b, int64(at)); err != nil { //nolint:gosec // G115: inside the file
		return nil, err
	}
	return b, nil
}

// block reads n bytes at an address that begin with magic, and returns what follows it.
func (h *h5File) block(at uint64, n int, magic string) (*cursor, error) {
	b, err := h.bytes(at, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", magic, err)
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		return nil, fmt.Errorf("no %s at byte %d: %w", magic, at, errForm)
	}
	return &cursor{b: b[len(magic):]}, nil
}

// rest is how many of at most n bytes the file has from an address on.
func (h *h5File) rest(at uint64, n int) int {
	size := uint64(h.s.size) //nolint:gosec // G115: not negative
	if at >= size {
		return 0
	}
	return int(min(uint64(n), size-at)) //nolint:gosec // G115: at most n
}

func (h *h5File) address(c *cursor) uint64 {
	v := c.uint(h.addr)
	if h.addr < 8 && v == 1<<(8*h.addr)-1 {
		return h5Undefined
	}
	return v
}

// h5Undefined is the address of what does not exist.
const h5Undefined = math.MaxUint64

func (h *h5File) superblock() (uint64, error) {
	b, err := h.bytes(0, h.rest(0, 128))
	if err != nil {
		return 0, err
	}
	c := &cursor{b: b}
	c.skip(len(h5Magic))
	version := c.u8()
	switch version {
	case 0, 1:
		c.skip(4)
		h.addr, h.len = c.u8(), c.u8()
		c.skip(1 + 2 + 2 + 4 + 4*version)
	case 2, 3:
		h.addr, h.len = c.u8(), c.u8()
		c.skip(1)
	default:
		return 0, fmt.Errorf("version %d of the superblock is not known: %w", version, errForm)
	}
	if !h5Width(h.addr) || !h5Width(h.len) {
		return 0, fmt.Errorf("addresses of %d and lengths of %d bytes: %w", h.addr, h.len, errForm)
	}
	base, second, end := h.address(c), h.address(c), h.address(c)
	if base != 0 || end > uint64(h.s.size) { //nolint:gosec // G115: not negative
		return 0, fmt.Errorf("base %d and end %d in a file of %d bytes: %w", base, end, h.s.size, errForm)
	}
	if end < uint64(h.s.size) { //nolint:gosec // G115: not negative
		h.s.add("trailing-bytes", hallmark.SeverityHigh, fmt.Sprintf("byte %d", end), "%d bytes after the end of the HDF5 file belong to nothing", uint64(h.s.size)-end) //nolint:gosec // G115
	}
	if version >= 2 {
		root := h.address(c)
		if second != h5Undefined {
			h.todo, h.names = append(h.todo, h5Object{at: second, path: "(superblock)"}), h.names+len("(superblock)")
		}
		return root, shortErr(c)
	}
	if h.address(c) != h5Undefined {
		return 0, fmt.Errorf("a driver that keeps the data elsewhere: %w", errForm)
	}
	c.skip(h.addr)
	return h.address(c), shortErr(c)
}

func h5Width(n int) bool { return n == 2 || n == 4 || n == 8 }

func shortErr(c *cursor) error {
	if c.short {
		return fmt.Errorf("a part ends too early: %w", errForm)
	}
	return nil
}

// push notes an object that a link leads to. What several links lead to is looked at once.
func (h *h5File) push(at uint64, parent h5Object, name string) error {
	if h.links++; h.links > maxH5Links {
		return fmt.Errorf("more than %d links: %w", maxH5Links, errForm)
	}
	if _, ok := h.seen[at]; ok {
		return nil
	}
	if parent.depth >= maxH5Depth || len(parent.path)+len(name) > maxH5Path || len(h.seen) >= maxH5Objects {
		return fmt.Errorf("more than %d levels, %d objects or %d bytes of a path: %w", maxH5Depth, maxH5Objects, maxH5Path, errForm)
	}
	path := parent.path + name
	if parent.path != "/" {
		path = parent.path + "/" + name
	}
	if h.names += len(path); h.names > maxH5Names {
		return fmt.Errorf("paths of more than %d bytes: %w", maxH5Names, errForm)
	}
	h.seen[at] = struct{}{}
	h.todo = append(h.todo, h5Object{at: at, path: path, depth: parent.depth + 1})
	return nil
}
