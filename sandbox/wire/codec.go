package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/hallmark-ml/hallmark"
)

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

func appendBool(b []byte, v bool) []byte { //nolint:revive // v is data
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendFloat(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}

// appendCount writes the length of a list, or a count that the caller knows to be in range.
func appendCount(b []byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(b, uint32(n))
}

func appendInts(b []byte, v []int32) []byte {
	b = appendCount(b, len(v))
	for _, e := range v {
		b = binary.LittleEndian.AppendUint32(b, uint32(e))
	}
	return b
}

func appendFloats(b []byte, v []float32) []byte {
	b = appendCount(b, len(v))
	for _, e := range v {
		b = appendFloat(b, e)
	}
	return b
}

func appendStrings(b []byte, v []string) []byte {
	b = appendCount(b, len(v))
	for _, s := range v {
		b = appendString(b, s)
	}
	return b
}

// A decoder takes fields off a payload. After its first error every method returns zero values, so that a message's
// decoder is a plain list of its fields; finish reports the error.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf(format+": %w", append(args, ErrProtocol)...)
	}
	d.b = nil
}

func (d *decoder) finish() error {
	if len(d.b) > 0 {
		d.fail("%d bytes too many", len(d.b))
	}
	return d.err
}

func (d *decoder) take(n int) []byte {
	if n > len(d.b) {
		d.fail("%d bytes wanted, %d left", n, len(d.b))
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) uint8() uint8 {
	if v := d.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *decoder) uint16() uint16 {
	if v := d.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if v := d.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if v := d.take(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

// size is a non-negative number of bytes or an offset in a file.
func (d *decoder) size() int64 {
	v := d.uint64()
	if v > math.MaxInt64 {
		d.fail("size %d is out of range", v)
		return 0
	}
	return int64(v)
}

// number is a non-negative count that is not the length of a list in the message.
func (d *decoder) number() int {
	v := d.uint32()
	if v > math.MaxInt32 {
		d.fail("number %d is out of range", v)
		return 0
	}
	return int(v)
}

func (d *decoder) bool() bool {
	v := d.uint8()
	if v > 1 {
		d.fail("truth value %d", v)
	}
	return v == 1
}

func (d *decoder) float() float32 {
	v := math.Float32frombits(d.uint32())
	if v != v {
		d.fail("not a number")
		return 0
	}
	return v
}

// count is the length of a list whose elements take at least size bytes each; it is bounded by the bytes that are left.
func (d *decoder) count(size int) int {
	v := d.uint32()
	if uint64(v)*uint64(size) > uint64(len(d.b)) {
		d.fail("list of %d elements in %d bytes", v, len(d.b))
		return 0
	}
	return int(v)
}

// text is a string that passes as it is: model text, prompts.
func (d *decoder) text() string {
	return string(d.take(d.count(1)))
}

// label is a string for people, cleaned and cut at limit bytes.
func (d *decoder) label(limit int) string {
	return hallmark.CleanText(d.text(), limit)
}

func (d *decoder) ints() []int32 {
	v := make([]int32, d.count(4))
	for i := range v {
		v[i] = int32(d.uint32())
	}
	return v
}

func (d *decoder) floats() []float32 {
	v := make([]float32, d.count(4))
	for i := range v {
		v[i] = d.float()
	}
	return v
}

func (d *decoder) texts() []string {
	v := make([]string, d.count(4))
	for i := range v {
		v[i] = d.text()
	}
	return v
}
