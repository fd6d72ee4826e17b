package gguf

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	magic            = "GGUF"
	keyAlignment     = "general.alignment"
	defaultAlignment = 32

	minEntryBytes  = 8 + 1 + 4 + 1         // key length, key, value type, value
	minTensorBytes = 8 + 1 + 4 + 8 + 4 + 8 // name length, name, dimensions, one dimension, type, offset
)

// Parse reads the header of a GGUF file of size bytes. It looks at no tensor data; a read may end up to 64 KiB behind the
// header. Errors are of kind [ErrInvalid], [ErrUnsupported] or [ErrLimit] and of type [*ParseError], except for those that r
// returns, which are wrapped. Memory stays below a small multiple of the header bytes that are really there, and below
// twice the header bytes that lim allows, but for the first megabyte.
func Parse(r io.ReaderAt, size int64, lim Limits) (*File, error) {
	lim = lim.withDefaults()
	d := &decoder{r: r, size: max(0, size), limit: lim.HeaderBytes, left: max(2*lim.HeaderBytes, 1<<20), part: "header"}
	d.window = make([]byte, 0, min(windowBytes, d.size))
	d.left -= windowBytes
	f := &File{Size: d.size, Alignment: defaultAlignment, values: map[string]Value{}}

	tensors, keys := d.head(f, lim)
	if d.err == nil {
		f.readKeys(d, keys, lim)
	}
	if d.err == nil {
		f.readTensors(d, tensors, lim)
	}
	if d.err == nil {
		f.place(d)
	}
	if d.err != nil {
		return nil, d.err
	}
	return f, nil
}

// head reads magic, version and the two counts.
func (d *decoder) head(f *File, lim Limits) (tensors, keys uint64) {
	if m := d.next(4); d.err == nil && string(m) != magic {
		d.pos = 0
		d.fail(ErrInvalid, "not a GGUF file: it begins with %q", m)
	}
	f.Version = d.u32()
	switch f.Version {
	case 2, 3:
	default:
		if v := bits.ReverseBytes32(f.Version); v > 0 && v < 1<<16 {
			d.fail(ErrUnsupported, "big-endian file of version %d; little-endian versions 2 and 3 are read", v)
		}
		d.fail(ErrUnsupported, "version %d; versions 2 and 3 are read", f.Version)
	}
	tensors, keys = d.u64(), d.u64()
	if keys > lim.Keys {
		d.fail(ErrLimit, "%d keys, at most %d", keys, lim.Keys)
	}
	if tensors > lim.Tensors {
		d.fail(ErrLimit, "%d tensors, at most %d", tensors, lim.Tensors)
	}
	d.has(keys, minEntryBytes)
	d.has(tensors, minTensorBytes)
	return tensors, keys
}

// label checks a key or tensor name.
func (d *decoder) label(s string) {
	bad := func(r rune) bool { return r == utf8.RuneError || unicode.IsControl(r) }
	switch {
	case s == "":
		d.fail(ErrInvalid, "empty name")
	case strings.ContainsFunc(s, bad):
		d.fail(ErrInvalid, "name with control characters or bad UTF-8")
	}
}

func (f *File) readKeys(d *decoder, n uint64, lim Limits) {
	for range n {
		d.part, d.name = "key", ""
		d.spend(1, entryCost)
		key := d.text(lim.KeyBytes)
		d.name = key
		d.label(key)
		if _, twice := f.values[key]; twice {
			d.fail(ErrInvalid, "key stands twice")
		}
		v := d.value(lim)
		if d.err != nil {
			return
		}
		f.keys = append(f.keys, key)
		f.values[key] = v
	}
	f.readAlignment(d, lim)
}

func (f *File) readAlignment(d *decoder, lim Limits) {
	v, ok := f.values[keyAlignment]
	if !ok {
		return
	}
	d.name = keyAlignment
	f.Alignment = v.bits
	switch {
	case v.Type != Uint32:
		d.fail(ErrInvalid, "value is not a uint32")
	case f.Alignment < 8 || bits.OnesCount64(f.Alignment) != 1:
		d.fail(ErrInvalid, "alignment %d is not a power of two from 8", f.Alignment)
	case f.Alignment > lim.Alignment:
		d.fail(ErrLimit, "alignment %d, at most %d", f.Alignment, lim.Alignment)
	}
}

// value reads the type and content of a metadata value.
func (d *decoder) value(lim Limits) Value {
	v := Value{Type: ValueType(d.u32()), set: true}
	switch {
	case d.err != nil:
	case v.Type == String:
		v.str = d.text(lim.StringBytes)
	case v.Type == Array:
		d.array(&v, lim)
	case v.Type.size() == 0:
		d.fail(ErrInvalid, "unknown value type %d", uint32(v.Type))
	default:
		if b := d.next(v.Type.size()); b != nil {
			v.bits = scalar(b)
			d.truth(v.Type, b)
		}
	}
	return v
}

// array reads element type, length and elements.
func (d *decoder) array(v *Value, lim Limits) {
	v.Elem = ValueType(d.u32())
	n := d.u64()
	width := uint64(v.Elem.size())
	switch {
	case d.err != nil:
		return
	case v.Elem == String:
		width = 8
	case v.Elem == Array:
		d.fail(ErrUnsupported, "array of arrays")
		return
	case width == 0:
		d.fail(ErrInvalid, "array of unknown type %d", uint32(v.Elem))
		return
	}
	if !d.has(n, width) {
		return
	}
	if n > lim.ArrayLen {
		d.fail(ErrLimit, "array of %d elements, at most %d", n, lim.ArrayLen)
		return
	}
	v.Len = int(n)
	if v.Elem != String {
		v.raw = d.bytes(v.Len * int(width))
		d.truth(v.Elem, v.raw)
		return
	}
	if !d.spend(n, stringCost) {
		return
	}
	v.strs = make([]string, v.Len)
	for i := range v.strs {
		if v.strs[i] = d.text(lim.StringBytes); d.err != nil {
			return
		}
	}
}

// truth checks that truth values are 0 or 1.
func (d *decoder) truth(t ValueType, b []byte) {
	if t == Bool && slices.ContainsFunc(b, func(c byte) bool { return c > 1 }) {
		d.fail(ErrInvalid, "truth value that is neither 0 nor 1")
	}
}

func (f *File) readTensors(d *decoder, n uint64, lim Limits) {
	if !d.has(n, minTensorBytes) || !d.spend(n, tensorCost) {
		return
	}
	f.Tensors, f.tensors = make([]Tensor, 0, n), make(map[string]int, n)
	for range n {
		d.part, d.name = "tensor", ""
		t := Tensor{Name: d.text(lim.NameBytes)}
		d.name = t.Name
		d.label(t.Name)
		if _, twice := f.tensors[t.Name]; twice {
			d.fail(ErrInvalid, "tensor stands twice")
		}
		d.tensor(&t, f.Alignment)
		if d.err != nil {
			return
		}
		f.tensors[t.Name] = 0
		f.Tensors = append(f.Tensors, t)
	}
}

// tensor reads shape, type and offset, which is relative to the tensor data until [File.place].
func (d *decoder) tensor(t *Tensor, alignment uint64) {
	n := d.u32()
	if d.err == nil && (n < 1 || n > MaxDims) {
		d.fail(ErrInvalid, "%d dimensions, not 1 to %d", n, MaxDims)
	}
	if d.err != nil {
		return
	}
	t.Dims = make([]uint64, n)
	for i := range t.Dims {
		if t.Dims[i] = d.u64(); d.err == nil && t.Dims[i] == 0 {
			d.fail(ErrInvalid, "dimension %d is 0", i)
		}
	}
	t.Type = Type(d.u32())
	off := d.u64()
	if d.err != nil {
		return
	}
	size, err := t.Type.Bytes(t.Dims)
	if bad, ok := errors.AsType[*ParseError](err); ok {
		d.fail(bad.Kind, "%s", bad.Reason)
		return
	}
	switch {
	case off%alignment != 0:
		d.fail(ErrInvalid, "offset %d is not a multiple of the alignment %d", off, alignment)
	case off > uint64(d.size) || size > uint64(d.size)-off:
		d.fail(ErrInvalid, "%d bytes at data offset %d end past the file of %d bytes", size, off, d.size)
	}
	t.Offset, t.Size = int64(off), int64(size)
}

// Bytes returns how many bytes a tensor of that type and shape takes. Its errors are of type [*ParseError].
func (t Type) Bytes(dims []uint64) (uint64, error) {
	refuse := func(kind error, format string, args ...any) (uint64, error) {
		return 0, &ParseError{Part: "tensor", Reason: fmt.Sprintf(format, args...), Kind: kind}
	}
	l, ok := layoutOf(t)
	switch {
	case !ok:
		return refuse(ErrUnsupported, "unknown tensor type %d", uint32(t))
	case l.block == 0:
		return refuse(ErrUnsupported, "tensor type %s was withdrawn from the format", l.name)
	case len(dims) == 0:
		return refuse(ErrInvalid, "no dimensions")
	case dims[0]%l.block != 0:
		return refuse(ErrInvalid, "rows of %d elements do not divide into blocks of %d of type %s", dims[0], l.block, l.name)
	}
	hi, n := bits.Mul64(dims[0]/l.block, l.bytes)
	for _, dim := range dims[1:] {
		var h uint64
		h, n = bits.Mul64(n, dim)
		hi |= h
	}
	if hi != 0 || n > 1<<62 {
		return refuse(ErrInvalid, "shape %v of type %s overflows", dims, l.name)
	}
	return n, nil
}

// place makes offsets absolute, sorts the tensors and checks that they are disjoint and inside the file.
func (f *File) place(d *decoder) {
	d.part, d.name = "tensor", ""
	header := d.pos
	if pad := header % int64(f.Alignment); pad != 0 {
		header += int64(f.Alignment) - pad
	}
	f.DataOffset = header
	if len(f.Tensors) == 0 {
		f.DataOffset = min(header, f.Size) // a vocabulary alone needs no padding
		return
	}
	slices.SortStableFunc(f.Tensors, func(a, b Tensor) int { return cmp.Compare(a.Offset, b.Offset) })
	end := f.DataOffset
	for i := range f.Tensors {
		t := &f.Tensors[i]
		d.name = t.Name
		t.Offset += f.DataOffset
		d.pos = t.Offset
		switch {
		case t.Offset < end:
			d.fail(ErrInvalid, "overlaps tensor %s, which ends at byte %d", quote(f.Tensors[i-1].Name), end)
		case t.Offset > f.Size || t.Size > f.Size-t.Offset:
			d.fail(ErrInvalid, "%d bytes end past the file of %d bytes", t.Size, f.Size)
		}
		end = t.Offset + t.Size
		f.tensors[t.Name] = i
	}
}
