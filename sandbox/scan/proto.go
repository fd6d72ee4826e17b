package scan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Wire types of protocol buffers.
const (
	protoVarint = 0
	proto64     = 1
	protoBytes  = 2
	proto32     = 5
)

const protoWindow = 32 << 10 // bytes of the file held at a time

// A protoReader walks messages in a file without holding them. Payloads that nobody asks for are not read.
//
// Source: the encoding's description in the documentation of Protocol Buffers.
type protoReader struct {
	s      *scanner
	window []byte
	at     int64 // of the window in the file
}

// A protoField is one field of a message. value is the number, or the length of the payload at byte at.
type protoField struct {
	num   int
	wire  int
	value uint64
	at    int64
}

// end is where the payload ends.
func (f protoField) end() int64 { return f.at + int64(f.value) } //nolint:gosec // G115: inside the file

func newProto(s *scanner) *protoReader {
	return &protoReader{s: s, window: make([]byte, 0, protoWindow)}
}

// peek returns the bytes from pos on that are at hand, at least one and, unless the file ends, at least 20.
func (p *protoReader) peek(pos int64) ([]byte, error) {
	if off := pos - p.at; off >= 0 && off < int64(len(p.window)) && (int64(len(p.window))-off >= 20 || p.at+int64(len(p.window)) == p.s.size) {
		return p.window[off:], nil
	}
	w := p.window[:min(protoWindow, max(0, p.s.size-pos))]
	if len(w) == 0 {
		return nil, fmt.Errorf("the file ends at byte %d: %w", pos, errForm)
	}
	p.window = p.window[:0]
	if _, err := p.s.r.ReadAt(w, pos); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	p.window, p.at = w, pos
	return w, nil
}

// varint reads a number at pos that has to end before end, and returns it and how many bytes it takes.
func (p *protoReader) varint(pos, end int64) (uint64, int64, error) {
	b, err := p.peek(pos)
	if err != nil {
		return 0, 0, err
	}
	v, n := binary.Uvarint(b[:min(len(b), 10)])
	if n <= 0 || pos+int64(n) > end {
		return 0, 0, fmt.Errorf("a number at byte %d does not end: %w", pos, errForm)
	}
	return v, int64(n), nil
}

// fields calls visit with each field of the message at [pos, end).
func (p *protoReader) fields(pos, end int64, visit func(f protoField) error) error {
	for pos < end {
		f, next, err := p.field(pos, end)
		if err != nil {
			return err
		}
		if err := visit(f); err != nil {
			return err
		}
		pos = next
	}
	return nil
}

func (p *protoReader) field(pos, end int64) (protoField, int64, error) {
	tag, n, err := p.varint(pos, end)
	if err != nil {
		return protoField{}, 0, err
	}
	f := protoField{num: int(min(tag>>3, math.MaxInt32)), wire: int(tag & 7), at: pos + n}
	left := uint64(end - f.at) //nolint:gosec // G115: not negative
	switch f.wire {
	case protoVarint:
		f.value, n, err = p.varint(f.at, end)
		return f, f.at + n, err
	case proto64, proto32:
		f.value = map[int]uint64{proto64: 8, proto32: 4}[f.wire]
	case protoBytes:
		f.value, n, err = p.varint(f.at, end)
		if err != nil {
			return f, 0, err
		}
		f.at += n
		left = uint64(end - f.at) //nolint:gosec // G115: not negative
	default:
		return f, 0, fmt.Errorf("field %d at byte %d is of wire type %d: %w", f.num, pos, f.wire, errForm)
	}
	if f.num == 0 || f.value > left {
		return f, 0, fmt.Errorf("field %d at byte %d has %d bytes, %d are left: %w", f.num, pos, f.value, left, errForm)
	}
	return f, f.end(), nil
}

// text reads a payload of at most most bytes.
func (p *protoReader) text(f protoField, most uint64) (string, error) {
	if f.wire != protoBytes || f.value > most {
		return "", fmt.Errorf("field %d is no text of at most %d bytes: %w", f.num, most, errForm)
	}
	if off := f.at - p.at; off >= 0 && f.end()-p.at <= int64(len(p.window)) {
		return string(p.window[off : f.end()-p.at]), nil
	}
	b := make([]byte, f.value)
	if _, err := p.s.r.ReadAt(b, f.at); err != nil && f.value > 0 {
		return "", err
	}
	return string(b), nil
}

// message walks the payload of a field.
func (p *protoReader) message(f protoField, visit func(f protoField) error) error {
	if f.wire != protoBytes {
		return fmt.Errorf("field %d is no message: %w", f.num, errForm)
	}
	return p.fields(f.at, f.end(), visit)
}

// numbers gives each number of a field that is one varint or a run of them.
func (p *protoReader) numbers(f protoField, each func(v uint64) error) error {
	if f.wire == protoVarint {
		return each(f.value)
	}
	if f.wire != protoBytes {
		return fmt.Errorf("field %d holds no whole numbers: %w", f.num, errForm)
	}
	for pos := f.at; pos < f.end(); {
		v, n, err := p.varint(pos, f.end())
		if err == nil {
			err = each(v)
		}
		if err != nil {
			return err
		}
		pos += n
	}
	return nil
}

// count returns how many elements a field adds to a repeated one: of width bytes each, or varints if width is 0.
func (p *protoReader) count(f protoField, width uint64) (uint64, error) {
	if f.wire != protoBytes {
		return 1, nil
	}
	if width > 0 {
		if f.value%width != 0 {
			return 0, fmt.Errorf("field %d has %d bytes: %w", f.num, f.value, errForm)
		}
		return f.value / width, nil
	}
	n := uint64(0)
	for pos := f.at; pos < f.end(); {
		b, err := p.peek(pos)
		if err != nil {
			return 0, err
		}
		b = b[:min(int64(len(b)), f.end()-pos)]
		for _, c := range b {
			n += uint64(^c >> 7) // the last byte of a number
		}
		pos += int64(len(b))
	}
	return n, nil
}
