package gguf

import "fmt"

// Type is the storage type of a tensor, numbered as in the file.
type Type uint32

// The types that the engine computes with. Others are known by name and size only.
const (
	F32    Type = 0
	F16    Type = 1
	Q4_0   Type = 2
	Q4_1   Type = 3
	Q5_0   Type = 6
	Q5_1   Type = 7
	Q8_0   Type = 8
	Q2_K   Type = 10
	Q3_K   Type = 11
	Q4_K   Type = 12
	Q5_K   Type = 13
	Q6_K   Type = 14
	IQ4_NL Type = 20
	IQ4_XS Type = 23
	BF16   Type = 30
	MXFP4  Type = 39
)

// layout is how a type lies in the file: elements a block, bytes a block.
type layout struct {
	name         string
	block, bytes uint64
}

// layouts is indexed by the type. Numbers that the format has withdrawn have a name and no size.
var layouts = [...]layout{
	{"F32", 1, 4},
	{"F16", 1, 2},
	{"Q4_0", 32, 18},
	{"Q4_1", 32, 20},
	{"Q4_2", 0, 0},
	{"Q4_3", 0, 0},
	{"Q5_0", 32, 22},
	{"Q5_1", 32, 24},
	{"Q8_0", 32, 34},
	{"Q8_1", 32, 36},
	{"Q2_K", 256, 84},
	{"Q3_K", 256, 110},
	{"Q4_K", 256, 144},
	{"Q5_K", 256, 176},
	{"Q6_K", 256, 210},
	{"Q8_K", 256, 292},
	{"IQ2_XXS", 256, 66},
	{"IQ2_XS", 256, 74},
	{"IQ3_XXS", 256, 98},
	{"IQ1_S", 256, 50},
	{"IQ4_NL", 32, 18},
	{"IQ3_S", 256, 110},
	{"IQ2_S", 256, 82},
	{"IQ4_XS", 256, 136},
	{"I8", 1, 1},
	{"I16", 1, 2},
	{"I32", 1, 4},
	{"I64", 1, 8},
	{"F64", 1, 8},
	{"IQ1_M", 256, 56},
	{"BF16", 1, 2},
	{"Q4_0_4_4", 0, 0},
	{"Q4_0_4_8", 0, 0},
	{"Q4_0_8_8", 0, 0},
	{"TQ1_0", 256, 54},
	{"TQ2_0", 256, 66},
	{"IQ4_NL_4_4", 0, 0},
	{"IQ4_NL_4_8", 0, 0},
	{"IQ4_NL_8_8", 0, 0},
	{"MXFP4", 32, 17},
	{"NVFP4", 64, 36},
	{"Q1_0", 128, 18},
	{"Q2_0", 64, 18},
}

// layoutOf returns the layout of t.
func layoutOf(t Type) (layout, bool) {
	if uint64(t) >= uint64(len(layouts)) {
		return layout{}, false
	}
	return layouts[t], true
}

func (t Type) String() string {
	if l, ok := layoutOf(t); ok {
		return l.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// Block returns how many elements a block of t has and how many bytes it takes; both are 0 for a type of unknown size.
func (t Type) Block() (elements, bytes int) {
	l, _ := layoutOf(t)
	return int(l.block), int(l.bytes)
}

// ValueType is the type of a metadata value, numbered as in the file.
type ValueType uint32

// The types of metadata values.
const (
	Uint8 ValueType = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	Array
	Uint64
	Int64
	Float64
)

func (t ValueType) String() string {
	names := [...]string{"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "bool", "string", "array", "uint64", "int64", "float64"}
	if uint64(t) < uint64(len(names)) {
		return names[t]
	}
	return fmt.Sprintf("value type %d", uint32(t))
}

// size returns the bytes of a value of fixed size, 0 for strings, arrays and unknown types.
func (t ValueType) size() int {
	switch t {
	case Uint8, Int8, Bool:
		return 1
	case Uint16, Int16:
		return 2
	case Uint32, Int32, Float32:
		return 4
	case Uint64, Int64, Float64:
		return 8
	case String, Array:
		return 0
	default:
		return 0
	}
}
