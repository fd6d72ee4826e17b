package scan

import "encoding/binary"

// A cursor reads fields from bytes that are at hand. A read past the end gives zeros and sticks in short.
type cursor struct {
	b     []byte
	short bool
}

// take returns the next n bytes, or nil.
func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.short, c.b = true, nil
		return nil
	}
	out := c.b[:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) skip(n int) { c.take(n) }

// uint reads a little-endian number of n bytes, 0 to 8.
func (c *cursor) uint(n int) uint64 {
	var wide [8]byte
	copy(wide[:], c.take(n))
	return binary.LittleEndian.Uint64(wide[:])
}

func (c *cursor) u8() int  { return int(c.uint(1)) } //nolint:gosec // G115: one byte
func (c *cursor) u16() int { return int(c.uint(2)) } //nolint:gosec // G115: two bytes
func (c *cursor) u32() int { return int(c.uint(4)) } //nolint:gosec // G115: four bytes

// align drops bytes so that the n bytes of a field that was just read are followed by padding to a multiple of eight.
func (c *cursor) align(n int) { c.skip(min((8-n%8)%8, len(c.b))) }
