package gguf

import (
	"encoding/binary"
	"fmt"
	"io"
)

// windowBytes is how much of the file the decoder holds at a time.
const windowBytes = 64 << 10

// decoder reads the header's primitive values. Its first error sticks; after it, all reads give zero.
type decoder struct {
	r     io.ReaderAt
	size  int64 // bytes of the file
	limit int64 // bytes of header allowed
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
	if d.err != nil {
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
	if n <= windowBytes {
		return string(d.next(int(n)))
	}
	return string(d.bytes(int(n)))
}
