package fingerprint

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"
)

// Parameters of the profile unixfs-v1-2025 (IPIP-499).
const (
	leafSize     = 1 << 20   // bytes of one raw leaf
	maxLinks     = 1024      // links of one file node
	hamtAbove    = 256 << 10 // a directory block larger than this becomes a HAMT
	hamtFanout   = 256
	murmur3x64   = 0x22 // multihash code that HAMT nodes name
	codecRaw     = 0x55
	codecDagPB   = 0x70
	unixfsDir    = 1
	unixfsFile   = 2
	unixfsShard  = 5
	cidSHA256Len = 36 // version, codec, hash code, hash length, 32 bytes
)

// A link is a DAG node as its parent sees it.
type link struct {
	name  string
	cid   [cidSHA256Len]byte
	tsize uint64 // bytes of the block and of all blocks under it; what dag-pb calls Tsize
	size  uint64 // bytes of file content under it; unused in directories
}

// text is the CID in base32 with its multibase prefix.
func (l *link) text() string {
	return "b" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(l.cid[:]))
}

func newCID(codec byte, digest [sha256.Size]byte) (c [cidSHA256Len]byte) {
	c[0], c[1], c[2], c[3] = 1, codec, 0x12, sha256.Size
	copy(c[4:], digest[:])
	return c
}

func rawLeaf(digest [sha256.Size]byte, n uint64) link {
	return link{cid: newCID(codecRaw, digest), tsize: n, size: n}
}

// CIDOf returns the CID of a file that holds b.
func CIDOf(b []byte) string {
	var f fileDAG
	for chunk := range slices.Chunk(b, leafSize) {
		f.add(rawLeaf(sha256.Sum256(chunk), uint64(len(chunk))))
	}
	root := f.root()
	return root.text()
}

// A fileDAG builds the balanced tree of a file from its leaves: every node but the last of its level holds maxLinks
// links, and all leaves are equally deep. levels[0] holds leaves, levels[1] nodes over leaves, and so on; a level is
// folded into one node of the next when it is full, so memory stays at maxLinks links a level.
type fileDAG struct {
	levels [][]link
}

func (f *fileDAG) add(l link) { f.push(0, l) }

func (f *fileDAG) push(level int, l link) {
	if level == len(f.levels) {
		f.levels = append(f.levels, nil)
	}
	if len(f.levels[level]) == maxLinks { // folded late: a full level at the end may be the root's own
		node := fileNode(f.levels[level])
		f.levels[level] = f.levels[level][:0]
		f.push(level+1, node)
	}
	f.levels[level] = append(f.levels[level], l)
}

// root folds what is left, from the leaves up. A file of one leaf is that leaf; an empty file is the empty leaf.
func (f *fileDAG) root() link {
	if len(f.levels) == 0 {
		return rawLeaf(sha256.Sum256(nil), 0)
	}
	for level := 0; ; level++ {
		links := f.levels[level]
		if level == len(f.levels)-1 && len(links) == 1 {
			return links[0]
		}
		f.push(level+1, fileNode(links))
	}
}

func fileNode(links []link) link {
	data := field(nil, 1, unixfsFile)
	total := uint64(0)
	for i := range links {
		total += links[i].size
	}
	data = field(data, 3, total) // filesize
	for i := range links {
		data = field(data, 4, links[i].size) // blocksizes
	}
	node := dagPB(links, data)
	node.size = total
	return node
}

// directory returns the node of a directory. Links must have unique names; they are sorted in place.
func directory(links []link) (link, error) {
	slices.SortFunc(links, func(a, b link) int { return strings.Compare(a.name, b.name) })
	data := field(nil, 1, unixfsDir)
	if blockSize(links, data) > hamtAbove {
		return hamt(links)
	}
	return dagPB(links, data), nil
}

// dagPB encodes a node, links first (the canonical order), and returns the link to it.
// Source: DAG-PB specification; PBNode is {Links = 2, Data = 1}, PBLink {Hash = 1, Name = 2, Tsize = 3}.
func dagPB(links []link, data []byte) link {
	block := make([]byte, 0, blockSize(links, data))
	tsize := uint64(0)
	for i := range links {
		l := &links[i]
		block = append(block, 2<<3|2)
		block = binary.AppendUvarint(block, uint64(l.encodedSize())) //nolint:gosec // a length is not negative
		block = bytesField(block, 1, l.cid[:])
		block = bytesField(block, 2, []byte(l.name))
		block = field(block, 3, l.tsize)
		tsize += l.tsize
	}
	block = bytesField(block, 1, data)
	return link{cid: newCID(codecDagPB, sha256.Sum256(block)), tsize: tsize + uint64(len(block))}
}

// blockSize is the length of the block that dagPB encodes.
func blockSize(links []link, data []byte) int {
	n := 1 + uvarintLen(uint64(len(data))) + len(data)
	for i := range links {
		size := links[i].encodedSize()
		n += 1 + uvarintLen(uint64(size)) + size //nolint:gosec // a length is not negative
	}
	return n
}

func (l *link) encodedSize() int {
	return 2 + cidSHA256Len + 1 + uvarintLen(uint64(len(l.name))) + len(l.name) + 1 + uvarintLen(l.tsize)
}

func uvarintLen(v uint64) int {
	return len(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), v))
}

// field appends a protobuf varint field.
func field(b []byte, number byte, v uint64) []byte {
	return binary.AppendUvarint(append(b, number<<3), v)
}

// bytesField appends a protobuf length-delimited field.
func bytesField(b []byte, number byte, v []byte) []byte {
	b = binary.AppendUvarint(append(b, number<<3|2), uint64(len(v)))
	return append(b, v...)
}
