package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// windowBytes is how much of the file the decoder holds at a time.
const windowBytes = 64 << 10

// decoder reads the header's primitive values. Its first error sticks; after it, all reads give zero.
type decoder struct {
	r     io.ReaderAt
	size  int64 // bytes of the file
	limit int64 // bytes of header allowed
	left  int64 // bytes of memory allowed
	pos   int64

	window []byte // bytes of the file from windowAt
	at     int64

	part, name string // what is being read, for errors
	err        error
}

// fail records an error at the current position, unless there is one already.
func (d *decoder) fail(kind error, format string, args ...any) {
	if d.err == nil {
		d.err = &ParseError{Part: d.part, Name: d.name, Offset: d.pos, Reason: fmt.Sprintf(format, args...), Kind: kind}
	}
}

// has says whether n items of at least width bytes can follow, and fails otherwise. No overflow for any n.
func (d *decoder) has(n, width uint64) bool {
	if d.err != nil {
		return false
	}
	if rest := uint64(d.size - d.pos); n > rest/width {
		d.fail(ErrInvalid, "%d items of %d or more bytes, but the file has %d bytes left", n, width, rest)
		return false
	}
	if rest := uint64(max(0, d.limit-d.pos)); n > rest/width {
		d.fail(ErrLimit, "header over %d bytes", d.limit)
		return false
	}
	return true
}

// The most memory that parts of a header cost, rounding to the allocator's sizes and growth of tables included.
const (
	entryCost  = 640 // without the bytes of key and value
	tensorCost = 192 // without the bytes of the name
	stringCost = 16  // in an array, without its bytes
)

// bytesCost is the most memory that n bytes of their own cost: sizes are rounded, to pages of 8 KiB from 32 KiB on.
func bytesCost(n uint64) uint64 {
	switch {
	case n < 2: // these texts exist once
		return 0
	case n <= 128:
		return (n + 15) &^ 15
	default:
		return n + n/4
	}
}

// spend is called before n items of that cost are kept; it fails when they are more than the file may cost.
func (d *decoder) spend(n, cost uint64) bool {
	if d.err != nil {
		return false
	}
	if cost != 0 && n > uint64(d.left)/cost {
		d.fail(ErrLimit, "over the memory allowed for a header of %d bytes", d.limit)
		return false
	}
	d.left -= int64(n * cost)
	return true
}

// next returns the next n bytes, n <= windowBytes, valid until the next call; nil after an error.
func (d *decoder) next(n int) []byte {
	if !d.has(uint64(n), 1) {
		return nil
	}
	if d.pos < d.at || d.pos+int64(n) > d.at+int64(len(d.window)) {
		w := d.window[:min(int64(windowBytes), d.size-d.pos)]
		d.window = d.window[:0]
		if !d.read(w) {
			return nil
		}
		d.window, d.at = w, d.pos
	}
	b := d.window[d.pos-d.at:][:n]
	d.pos += int64(n)
	return b
}

// read fills b with the bytes at the current position. A file shorter than it was said to be is invalid.
func (d *decoder) read(b []byte) bool {
	n, err := d.r.ReadAt(b, d.pos)
	switch {
	case n == len(b):
		return true
	case err == nil || err == io.EOF:
		d.fail(ErrInvalid, "the file ends at byte %d, before the size of %d it was opened with", d.pos+int64(n), d.size)
	case d.err == nil:
		d.err = fmt.Errorf("reading %s at byte %d: %w", d.part, d.pos, err)
	}
	return false
}

// bytes returns a copy of the next n bytes, which the caller has checked with has.
func (d *decoder) bytes(n int) []byte {
	if !d.spend(1, bytesCost(uint64(n))) {
		return nil
	}
	b := make([]byte, n)
	if n <= windowBytes {
		copy(b, d.next(n))
		return b
	}
	if !d.read(b) {
		return nil
	}
	d.pos += int64(n)
	return b
}

func (d *decoder) u32() uint32 {
	if b := d.next(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.next(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// text reads a length-prefixed string of at most most bytes.
func (d *decoder) text(most uint64) string {
	n := d.u64()
	if !d.has(n, 1) {
		return ""
	}
	if n > most {
		d.fail(ErrLimit, "string of %d bytes, at most %d", n, most)
		return ""
	}
	if !d.spend(1, bytesCost(n)) {
		return ""
	}
	if n <= windowBytes {
		return string(d.next(int(n)))
	}
	var b strings.Builder
	b.Grow(int(n))
	for left := int(n); left > 0 && d.err == nil; left -= windowBytes {
		b.Write(d.next(min(left, windowBytes)))
	}
	return b.String()
}
