package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// File is the parsed header of a GGUF file: metadata and where the tensors lie. It is read-only after [Parse].
type File struct {
	Version    uint32
	Alignment  uint64
	DataOffset int64 // where tensor data begins
	Size       int64 // bytes of the whole file

	// Tensors is sorted by offset; its ranges are disjoint and inside the file.
	Tensors []Tensor

	keys    []string
	values  map[string]Value
	tensors map[string]int
}

// Tensor is one tensor's description. Dims[0] is the length of a row.
type Tensor struct {
	Name   string
	Dims   []uint64 // 1 to 4, none of them 0
	Type   Type
	Offset int64 // from the start of the file
	Size   int64 // bytes
}

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (*Tensor, bool) {
	i, ok := f.tensors[name]
	if !ok {
		return nil, false
	}
	return &f.Tensors[i], true
}

// Keys returns the metadata keys in the order of the file.
func (f *File) Keys() []string { return append([]string(nil), f.keys...) }

// Value returns the metadata value of key.
func (f *File) Value(key string) (Value, bool) {
	v, ok := f.values[key]
	return v, ok
}

// String returns the value of key if it is a string. Its bytes are the file's: any, of any encoding.
func (f *File) String(key string) (string, bool) {
	v, ok := f.values[key]
	return v.str, ok && v.Type == String
}

// Uint returns the value of key if it is an integer that is not negative.
func (f *File) Uint(key string) (uint64, bool) { return f.values[key].Uint() }

// Int returns the value of key if it is an integer that fits.
func (f *File) Int(key string) (int64, bool) { return f.values[key].Int() }

// Float returns the value of key if it is a floating-point number.
func (f *File) Float(key string) (float64, bool) { return f.values[key].Float() }

// Bool returns the value of key if it is a truth value.
func (f *File) Bool(key string) (value, ok bool) {
	v, ok := f.values[key]
	return v.bits == 1, ok && v.Type == Bool
}

// Strings returns the value of key if it is an array of strings. The caller must not change it.
func (f *File) Strings(key string) ([]string, bool) {
	v, ok := f.values[key]
	return v.strs, ok && v.Type == Array && v.Elem == String
}

// Ints returns the value of key if it is an array of integers that all fit.
func (f *File) Ints(key string) ([]int64, bool) {
	v, ok := f.values[key]
	if !ok || v.Type != Array {
		return nil, false
	}
	out := make([]int64, v.Len)
	for i := range out {
		if out[i], ok = v.at(i).Int(); !ok {
			return nil, false
		}
	}
	return out, true
}

// Floats returns the value of key if it is an array of 32-bit floating-point numbers.
func (f *File) Floats(key string) ([]float32, bool) {
	v, ok := f.values[key]
	if !ok || v.Type != Array || v.Elem != Float32 {
		return nil, false
	}
	out := make([]float32, v.Len)
	for i := range out {
		out[i] = math.Float32frombits(uint32(v.at(i).bits))
	}
	return out, true
}

// Bools returns the value of key if it is an array of truth values.
func (f *File) Bools(key string) ([]bool, bool) {
	v, ok := f.values[key]
	if !ok || v.Type != Array || v.Elem != Bool {
		return nil, false
	}
	out := make([]bool, v.Len)
	for i := range out {
		out[i] = v.at(i).bits == 1
	}
	return out, true
}

// Value is one metadata value. The zero Value is none: all its getters say no.
type Value struct {
	Type ValueType
	Elem ValueType // of an Array
	Len  int       // of an Array

	set  bool
	bits uint64 // a scalar's bits, not sign-extended
	str  string
	strs []string // an array of strings
	raw  []byte   // an array of scalars as in the file, little endian
}

// at returns element i of an array; none, if it is an array of strings.
func (v Value) at(i int) Value {
	n := v.Elem.size()
	if n == 0 {
		return Value{}
	}
	return Value{Type: v.Elem, set: true, bits: scalar(v.raw[i*n : i*n+n])}
}

// Text returns the value as people read it: a string as it is, of an array the first few elements. It looks at no more than
// limit bytes of strings, which are the file's, of any encoding.
func (v Value) Text(limit int) string {
	switch v.Type {
	case String:
		return v.str[:min(len(v.str), limit)]
	case Bool:
		return strconv.FormatBool(v.bits != 0)
	case Array:
		return v.list(limit)
	default:
		return v.number()
	}
}

func (v Value) number() string {
	if i, ok := v.Int(); ok {
		return strconv.FormatInt(i, 10)
	}
	if u, ok := v.Uint(); ok {
		return strconv.FormatUint(u, 10)
	}
	if f, ok := v.Float(); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return ""
}

// list is [Value.Text] of an array.
func (v Value) list(limit int) string {
	const most = 8
	var parts []string
	for i := range min(v.Len, most) {
		e := v.at(i)
		if v.Elem == String {
			parts = append(parts, strconv.Quote(v.strs[i][:min(len(v.strs[i]), limit/most)]))
			continue
		}
		parts = append(parts, e.Text(limit))
	}
	if v.Len > most {
		parts = append(parts, "...")
	}
	return fmt.Sprintf("%d of %v: [%s]", v.Len, v.Elem, strings.Join(parts, ", "))
}

// scalar reads a little-endian number of 1, 2, 4 or 8 bytes.
func scalar(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	default:
		return binary.LittleEndian.Uint64(b)
	}
}

// Uint returns an integer that is not negative.
func (v Value) Uint() (uint64, bool) {
	switch v.Type {
	case Uint8, Uint16, Uint32, Uint64:
		return v.bits, v.set
	case Int8, Int16, Int32, Int64:
		i, ok := v.Int()
		return uint64(i), ok && i >= 0
	default:
		return 0, false
	}
}

// Int returns an integer that fits.
func (v Value) Int() (int64, bool) {
	switch v.Type {
	case Uint8, Uint16, Uint32, Uint64:
		return int64(v.bits), v.set && v.bits <= math.MaxInt64
	case Int8:
		return int64(int8(v.bits)), true
	case Int16:
		return int64(int16(v.bits)), true
	case Int32:
		return int64(int32(v.bits)), true
	case Int64:
		return int64(v.bits), true
	default:
		return 0, false
	}
}

// Float returns a floating-point number, which may be infinite or not a number.
func (v Value) Float() (float64, bool) {
	switch v.Type {
	case Float32:
		return float64(math.Float32frombits(uint32(v.bits))), true
	case Float64:
		return math.Float64frombits(v.bits), true
	default:
		return 0, false
	}
}
