package fingerprint

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/hallmark-ml/hallmark"
)

// hamtLevels is how often the 64-bit hash of a name can choose one of 256 slots.
const hamtLevels = 8

// hamt returns the root of a sharded directory (UnixFS HAMTShard): each node has 256 slots, chosen by one byte of the
// name's hash a level; a slot that two names share becomes a node of the next level. The shape depends on the set of
// names only. Names that collide in all 64 bits (they can be made on purpose) are [hallmark.ErrInvalid].
func hamt(links []link) (link, error) {
	return hamtNode(links, 0)
}

func hamtNode(links []link, level int) (link, error) {
	if level == hamtLevels {
		return link{}, fmt.Errorf("directory entries %q and %q collide in the HAMT hash: %w", links[0].name, links[1].name, hallmark.ErrInvalid)
	}
	var slots [hamtFanout][]link
	for _, l := range links {
		slot := murmur3(l.name) >> (56 - 8*level) & (hamtFanout - 1)
		slots[slot] = append(slots[slot], l)
	}
	var out []link
	var bitfield [hamtFanout / 8]byte // big endian: slot 0 is the lowest bit of the last byte
	for slot, entries := range slots {
		if len(entries) == 0 {
			continue
		}
		bitfield[len(bitfield)-1-slot/8] |= 1 << (slot % 8)
		prefix := fmt.Sprintf("%02X", slot)
		child := entries[0]
		if len(entries) > 1 {
			var err error
			if child, err = hamtNode(entries, level+1); err != nil {
				return link{}, err
			}
		}
		child.name = prefix + child.name // a node of the next level has no name of its own
		out = append(out, child)
	}
	trimmed := bitfield[:]
	for trimmed[0] == 0 {
		trimmed = trimmed[1:]
	}
	data := field(nil, 1, unixfsShard)
	data = bytesField(data, 2, trimmed)
	data = field(data, 5, murmur3x64)
	data = field(data, 6, hamtFanout)
	return dagPB(out, data), nil
}

// murmur3 is the first half of MurmurHash3 x64 128 with seed 0.
// Source: the public-domain description of MurmurHash3 by its author.
func murmur3(s string) uint64 {
	const c1, c2 = 0x87c37b91114253d5, 0x4cf5ad432745937f
	b := []byte(s)
	n := uint64(len(b))
	var h1, h2 uint64
	for ; len(b) >= 16; b = b[16:] {
		h1 ^= bits.RotateLeft64(binary.LittleEndian.Uint64(b)*c1, 31) * c2
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= bits.RotateLeft64(binary.LittleEndian.Uint64(b[8:])*c2, 33) * c1
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	var tail [16]byte
	copy(tail[:], b)
	h2 ^= bits.RotateLeft64(binary.LittleEndian.Uint64(tail[8:])*c2, 33) * c1
	h1 ^= bits.RotateLeft64(binary.LittleEndian.Uint64(tail[:])*c1, 31) * c2
	h1 ^= n
	h2 ^= n
	h1 += h2
	h2 += h1
	h1, h2 = murmurMix(h1), murmurMix(h2)
	return h1 + h2
}

func murmurMix(k uint64) uint64 {
	k ^= k >> 33
	k *= 0xff51afd7ed558ccd
	k ^= k >> 33
	k *= 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}
