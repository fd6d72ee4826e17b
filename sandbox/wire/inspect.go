package wire

import (
	"encoding/binary"

	"github.com/hallmark-ml/hallmark"
)

// maxDims is the most dimensions a tensor may have.
const maxDims = 4

// Inspect describes the header of a model file, whether or not the engine can run it, and answers [Inspection].
type Inspect struct{}

// Quantise writes the model file anew with weights of another type, named as in "Q4_K_M", and answers pieces, which joined
// are the new file, then [Quantised].
type Quantise struct{ Target string }

// MetaEntry is one metadata entry; Value is as people read it, shortened.
type MetaEntry struct{ Key, Type, Value string }

// TensorInfo is one tensor of a header.
type TensorInfo struct {
	Name, Type   string
	Dims         []int64 // the length of a row first
	Offset, Size int64   // bytes
}

// Inspection answers [Inspect].
type Inspection struct {
	Version              int
	Alignment, DataStart int64 // bytes
	Metadata             []MetaEntry
	Tensors              []TensorInfo
	Template             string // of chats; empty if there is none
	Refusal              string // why the engine does not run the file; empty if it does
}

// Quantised ends the pieces of a new file.
type Quantised struct{ Size int64 } // bytes

// Type implements [Message].
func (Inspect) Type() Type { return TypeInspect }

// Type implements [Message].
func (Quantise) Type() Type { return TypeQuantise }

// Type implements [Message].
func (Inspection) Type() Type { return TypeInspection }

// Type implements [Message].
func (Quantised) Type() Type { return TypeQuantised }

func (Inspect) encode(b []byte) []byte { return b }

func (m Quantise) encode(b []byte) []byte { return appendString(b, m.Target) }

func appendSize(b []byte, v int64) []byte { return binary.LittleEndian.AppendUint64(b, uint64(v)) }

func (m Inspection) encode(b []byte) []byte {
	b = appendSize(appendSize(appendCount(b, m.Version), m.Alignment), m.DataStart)
	b = appendCount(b, len(m.Metadata))
	for _, e := range m.Metadata {
		b = appendString(appendString(appendString(b, e.Key), e.Type), e.Value)
	}
	b = appendCount(b, len(m.Tensors))
	for _, t := range m.Tensors {
		b = appendCount(appendString(appendString(b, t.Name), t.Type), len(t.Dims))
		for _, d := range t.Dims {
			b = appendSize(b, d)
		}
		b = appendSize(appendSize(b, t.Offset), t.Size)
	}
	return appendString(appendString(b, m.Template), m.Refusal)
}

func decodeInspection(d *decoder) Inspection {
	m := Inspection{Version: d.number(), Alignment: d.size(), DataStart: d.size()}
	m.Metadata = make([]MetaEntry, d.bounded(12, maxMetadata, "metadata keys"))
	for i := range m.Metadata {
		m.Metadata[i] = MetaEntry{Key: d.label(maxMessage), Type: d.label(maxLabel), Value: d.label(maxMessage)}
	}
	m.Tensors = make([]TensorInfo, d.bounded(28, hallmark.MaxTensors, "tensors"))
	for i := range m.Tensors {
		m.Tensors[i] = decodeTensorInfo(d)
	}
	m.Template, m.Refusal = d.text(), d.label(maxMessage)
	return m
}

func decodeTensorInfo(d *decoder) TensorInfo {
	t := TensorInfo{Name: d.label(maxLabel), Type: d.label(maxLabel)}
	t.Dims = make([]int64, d.bounded(8, maxDims, "dimensions"))
	for i := range t.Dims {
		t.Dims[i] = d.size()
	}
	t.Offset, t.Size = d.size(), d.size()
	return t
}

func (m Quantised) encode(b []byte) []byte {
	return appendSize(b, m.Size)
}

func decodeQuantised(d *decoder) Quantised {
	return Quantised{Size: d.size()}
}
