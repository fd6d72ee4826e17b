package fingerprint

import (
	"crypto/sha256"
	"slices"
)

// ChunkedCID is CIDOf with other leaves, so that deep trees need no large files.
func ChunkedCID(b []byte, size int) string {
	var f fileDAG
	for chunk := range slices.Chunk(b, size) {
		f.add(rawLeaf(sha256.Sum256(chunk), uint64(len(chunk))))
	}
	root := f.root()
	return root.text()
}

// Murmur3 is the hash of names in sharded directories.
func Murmur3(s string) uint64 { return murmur3(s) }

// HAMT builds the sharded directory of empty files.
func HAMT(names ...string) error {
	links := make([]link, 0, len(names))
	for _, n := range names {
		l := rawLeaf(sha256.Sum256(nil), 0)
		l.name = n
		links = append(links, l)
	}
	_, err := hamt(links)
	return err
}
