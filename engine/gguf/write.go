package gguf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Entry is one metadata entry to write. Value is a bool, a string, a sized integer or float, a slice of those, or a [Value].
type Entry struct {
	Key   string
	Value any
}

// Content is a tensor to write with its bytes, which are Data or, if Fill is not nil, what Fill writes: for tensors that
// are made while they are written.
type Content struct {
	Name string
	Dims []uint64
	Type Type
	Data []byte
	Fill func(w io.Writer) error
}

// Write writes a file of version 3 with entries and tensors in the given order, each tensor padded to the alignment that
// a "general.alignment" entry names, 32 otherwise. Equal arguments give equal bytes.
func Write(w io.Writer, entries []Entry, tensors []Content) error {
	alignment := uint64(defaultAlignment)
	b := append([]byte(magic), 3, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(tensors)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(entries)))
	for _, e := range entries {
		if e.Key == keyAlignment {
			switch a := e.Value.(type) {
			case uint32:
				alignment = uint64(a)
			case Value: // as it was read
				alignment = a.bits
			}
		}
		var err error
		if b, err = appendValue(appendString(b, e.Key), e.Value); err != nil {
			return fmt.Errorf("writing key %q: %w", e.Key, err)
		}
	}
	if alignment == 0 || alignment&(alignment-1) != 0 {
		return fmt.Errorf("writing gguf: alignment %d is not a power of two: %w", alignment, ErrInvalid)
	}
	off := uint64(0)
	for _, t := range tensors {
		size, err := t.Type.Bytes(t.Dims)
		if err != nil || t.Fill == nil && size != uint64(len(t.Data)) {
			return fmt.Errorf("writing tensor %q: %d bytes do not fit %v %v: %w", t.Name, len(t.Data), t.Type, t.Dims, ErrInvalid)
		}
		b = appendString(b, t.Name)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(t.Dims)))
		for _, n := range t.Dims {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(t.Type))
		b = binary.LittleEndian.AppendUint64(b, off)
		off += padded(size, alignment)
	}
	return writeAll(w, b, tensors, alignment)
}

func writeAll(w io.Writer, header []byte, tensors []Content, alignment uint64) error {
	out := &counter{w: bufio.NewWriterSize(w, 1<<16)}
	put := func(b []byte) { // bufio keeps the first error for Flush
		_, _ = out.Write(b)
		_, _ = out.Write(make([]byte, padded(out.n, alignment)-out.n))
	}
	put(header)
	for _, t := range tensors {
		if t.Fill == nil {
			put(t.Data)
			continue
		}
		from := out.n
		if err := t.Fill(out); err != nil {
			return fmt.Errorf("writing tensor %q: %w", t.Name, err)
		}
		if size, _ := t.Type.Bytes(t.Dims); out.n-from != size {
			return fmt.Errorf("writing tensor %q: %d bytes were made for %v %v: %w", t.Name, out.n-from, t.Type, t.Dims, ErrInvalid)
		}
		put(nil)
	}
	if err := out.w.Flush(); err != nil {
		return fmt.Errorf("writing gguf: %w", err)
	}
	return nil
}

// counter counts what is written.
type counter struct {
	w *bufio.Writer
	n uint64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += uint64(n)
	return n, err
}

// padded rounds n up to a multiple of alignment, a power of two.
func padded(n, alignment uint64) uint64 { return (n + alignment - 1) &^ (alignment - 1) }

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// appendValue appends type and content of a value.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case Value:
		return appendParsed(b, v)
	case []string:
		return appendStrings(b, v), nil
	case []bool:
		return appendNumbers(b, v)
	case []uint8:
		return appendNumbers(b, v)
	case []int8:
		return appendNumbers(b, v)
	case []uint16:
		return appendNumbers(b, v)
	case []int16:
		return appendNumbers(b, v)
	case []uint32:
		return appendNumbers(b, v)
	case []int32:
		return appendNumbers(b, v)
	case []uint64:
		return appendNumbers(b, v)
	case []int64:
		return appendNumbers(b, v)
	case []float32:
		return appendNumbers(b, v)
	case []float64:
		return appendNumbers(b, v)
	case string:
		return appendString(binary.LittleEndian.AppendUint32(b, uint32(String)), v), nil
	default:
		t, _, err := number(v)
		if err != nil {
			return nil, err
		}
		return appendNumber(binary.LittleEndian.AppendUint32(b, uint32(t)), v)
	}
}

// appendParsed appends a value as it was read.
func appendParsed(b []byte, v Value) ([]byte, error) {
	switch {
	case !v.set:
		return nil, fmt.Errorf("no value: %w", ErrInvalid)
	case v.Type == String:
		return appendString(binary.LittleEndian.AppendUint32(b, uint32(String)), v.str), nil
	case v.Type == Array && v.Elem == String:
		return appendStrings(b, v.strs), nil
	case v.Type == Array:
		return append(appendArray(b, v.Elem, v.Len), v.raw...), nil
	default:
		return appendBits(binary.LittleEndian.AppendUint32(b, uint32(v.Type)), v.Type, v.bits), nil
	}
}

func appendStrings(b []byte, v []string) []byte {
	b = appendArray(b, String, len(v))
	for _, s := range v {
		b = appendString(b, s)
	}
	return b
}

func appendArray(b []byte, elem ValueType, n int) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(Array))
	b = binary.LittleEndian.AppendUint32(b, uint32(elem))
	return binary.LittleEndian.AppendUint64(b, uint64(n))
}

func appendNumbers[T any](b []byte, v []T) ([]byte, error) {
	var zero T
	t, _, err := number(zero)
	if err != nil {
		return nil, err
	}
	b = appendArray(b, t, len(v))
	for _, x := range v {
		if b, err = appendNumber(b, x); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendNumber(b []byte, v any) ([]byte, error) {
	t, bits, err := number(v)
	if err != nil {
		return nil, err
	}
	return appendBits(b, t, bits), nil
}

func appendBits(b []byte, t ValueType, bits uint64) []byte {
	var le [8]byte
	binary.LittleEndian.PutUint64(le[:], bits)
	return append(b, le[:t.size()]...)
}

// number returns the type and bits of a scalar.
func number(v any) (ValueType, uint64, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return Bool, 1, nil
		}
		return Bool, 0, nil
	case uint8:
		return Uint8, uint64(v), nil
	case int8:
		return Int8, uint64(v), nil
	case uint16:
		return Uint16, uint64(v), nil
	case int16:
		return Int16, uint64(v), nil
	case uint32:
		return Uint32, uint64(v), nil
	case int32:
		return Int32, uint64(v), nil
	case uint64:
		return Uint64, v, nil
	case int64:
		return Int64, uint64(v), nil
	case float32:
		return Float32, uint64(math.Float32bits(v)), nil
	case float64:
		return Float64, math.Float64bits(v), nil
	default:
		return 0, 0, fmt.Errorf("value of Go type %T: %w", v, ErrUnsupported)
	}
}
