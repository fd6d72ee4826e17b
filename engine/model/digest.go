package model

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
)

// canonicalNaN is what every number that is not one counts as: its sign and payload differ by machine.
const canonicalNaN = 0x7fc00000

// Digest is a running SHA-256 of a stream of logits, each as the 4 bytes of its float32, little-endian. It does not depend
// on how the stream is cut into calls.
type Digest struct {
	hash   hash.Hash
	buffer []byte
}

// NewDigest returns the digest of no logits.
func NewDigest() *Digest { return &Digest{hash: sha256.New(), buffer: make([]byte, 0, 1<<12)} }

// Add appends logits to the stream.
func (d *Digest) Add(logits []float32) {
	for _, v := range logits {
		bits := math.Float32bits(v)
		if v != v {
			bits = canonicalNaN
		}
		d.buffer = binary.LittleEndian.AppendUint32(d.buffer, bits)
		if len(d.buffer) == cap(d.buffer) {
			d.flush()
		}
	}
	d.flush()
}

func (d *Digest) flush() {
	_, _ = d.hash.Write(d.buffer) // a hash takes everything
	d.buffer = d.buffer[:0]
}

// Sum returns the 32 bytes of the digest so far.
func (d *Digest) Sum() []byte { return d.hash.Sum(nil) }
