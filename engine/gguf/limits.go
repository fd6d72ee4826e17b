package gguf

import "math"

// Limits bounds what [Parse] accepts. A zero field means its default, which fits every public model known to us.
type Limits struct {
	HeaderBytes int64  // everything before the tensor data, and half of the memory it may cost; 128 MiB
	Keys        uint64 // metadata keys; 4096
	KeyBytes    uint64 // length of a key; 1024
	StringBytes uint64 // length of a string value; 16 MiB
	ArrayLen    uint64 // elements of an array; 2^22
	Tensors     uint64 // tensors; 65,536
	NameBytes   uint64 // length of a tensor's name; 64, as the format says
	Alignment   uint64 // of the tensor data; 1 MiB
}

// MaxDims is the most dimensions a tensor may have.
const MaxDims = 4

func (l Limits) withDefaults() Limits {
	def := Limits{
		HeaderBytes: 128 << 20, Keys: 4096, KeyBytes: 1024, StringBytes: 16 << 20, ArrayLen: 1 << 22,
		Tensors: 1 << 16, NameBytes: 64, Alignment: 1 << 20,
	}
	or := func(v, d uint64) uint64 {
		if v == 0 {
			return d
		}
		return min(v, math.MaxInt32)
	}
	if l.HeaderBytes <= 0 {
		l.HeaderBytes = def.HeaderBytes
	}
	l.HeaderBytes = min(l.HeaderBytes, math.MaxInt64/4)
	l.Keys, l.KeyBytes = or(l.Keys, def.Keys), or(l.KeyBytes, def.KeyBytes)
	l.StringBytes, l.ArrayLen = or(l.StringBytes, def.StringBytes), or(l.ArrayLen, def.ArrayLen)
	l.Tensors, l.NameBytes = or(l.Tensors, def.Tensors), or(l.NameBytes, def.NameBytes)
	l.Alignment = or(l.Alignment, def.Alignment)
	return l
}
