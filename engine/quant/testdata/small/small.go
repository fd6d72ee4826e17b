// Package small makes GGUF files with the tensors of a model, but few rows: enough to see which types a quantiser chooses. It is
// for tests of package quant, which compare digests with those of llama-quantize, and not part of the product.
package small

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Bell returns n integers from -8190 to 8190, most of them near 0.
func Bell(n int) []float32 {
	x, state := make([]float32, n), uint32(1)
	for i := range x {
		sum := -8190
		for range 4 {
			state = state*1664525 + 1013904223
			sum += int(state >> 20)
		}
		x[i] = float32(sum)
	}
	return x
}

// model says what to make.
type model struct {
	arch                       string
	row, ff                    uint64
	layers, heads, kv, experts int
}

func models() map[string]model {
	return map[string]model{
		"grouped": {arch: "llama", row: 256, ff: 512, layers: 17, heads: 8, kv: 2},
		"plain":   {arch: "llama", row: 512, ff: 256, layers: 33, heads: 4, kv: 4},
		"narrow":  {arch: "llama", row: 288, ff: 172, layers: 9, heads: 6, kv: 1}, // rows that are not of whole blocks
		"large":   {arch: "llama", row: 256, ff: 256, layers: 80, heads: 8, kv: 2},
		"falcon":  {arch: "falcon", row: 256, ff: 256, layers: 33, heads: 4, kv: 4},
		"moe4":    {arch: "llama", row: 256, ff: 256, layers: 16, heads: 8, kv: 4, experts: 4},
		"moe8":    {arch: "llama", row: 256, ff: 256, layers: 17, heads: 8, kv: 2, experts: 8},
	}
}

// Names returns the models that [Write] knows.
func Names() []string {
	return []string{"grouped", "plain", "narrow", "large", "falcon", "moe4", "moe8"}
}

// Write writes a model of [Names]. The source types F32, F16 and BF16 take turns.
func Write(w io.Writer, name string) error {
	m, ok := models()[name]
	if !ok {
		return fmt.Errorf("model %q is none of %v", name, Names())
	}
	return gguf.Write(w, m.entries(), m.tensors())
}

func (m model) entries() []gguf.Entry {
	key := func(s string, v any) gguf.Entry { return gguf.Entry{Key: m.arch + s, Value: v} }
	list := []gguf.Entry{
		{Key: "general.architecture", Value: m.arch},
		{Key: "general.file_type", Value: uint32(1)}, // to be replaced, at the end
		{Key: "split.no", Value: uint16(0)},          // to be dropped, with the next two
		{Key: "split.count", Value: uint16(0)},
		{Key: "split.tensors.count", Value: int32(3)},
		key(".context_length", uint32(128)),
		key(".embedding_length", uint32(m.row)),
		key(".block_count", uint32(m.layers)),
		key(".feed_forward_length", uint32(m.ff)),
		key(".attention.head_count", uint32(m.heads)),
		key(".attention.head_count_kv", uint32(m.kv)),
		key(".attention.layer_norm_rms_epsilon", float32(1e-5)),
		key(".attention.layer_norm_epsilon", float32(1e-5)),
		{Key: "x.integers", Value: []int32{1, -2, 3}},
		{Key: "x.texts", Value: []string{"a", "", "b"}},
		{Key: "x.truths", Value: []bool{true, false}},
		{Key: "x.double", Value: 1.5},
		{Key: "x.byte", Value: int8(-3)},
	}
	if m.experts > 0 {
		list = append(list, key(".expert_count", uint32(m.experts)), key(".expert_used_count", uint32(2)))
	}
	return list
}

func (m model) tensors() []gguf.Content {
	var list []gguf.Content
	add := func(name string, dims ...uint64) { list = append(list, tensor(len(list), name, dims)) }
	for l := m.layers - 1; l >= 0; l-- { // the written file has them the other way round
		layer := func(name string, dims ...uint64) { add(fmt.Sprintf("blk.%d.%s.weight", l, name), dims...) }
		for _, name := range []string{"attn_q", "attn_k", "attn_v", "attn_output"} {
			layer(name, m.row, 2)
		}
		if l == 1 {
			layer("attn_qkv", m.row, 2)
		}
		layer("attn_norm", m.row)
		if m.experts == 0 {
			layer("ffn_gate", m.row, 1, 2)
			layer("ffn_down", m.ff, 2)
			layer("ffn_up", m.row, 2, 1)
			continue
		}
		experts := uint64(m.experts)
		layer("ffn_gate_inp", m.row, experts)
		layer("ffn_gate_exps", m.row, 1, experts)
		layer("ffn_down_exps", m.ff, 1, experts)
		layer("ffn_up_exps", m.row, 1, experts)
	}
	add("single.weight", m.row, 1) // counts as a vector
	add("rope_freqs.weight", 32)
	add("token_types.weight", m.row, 2)
	add("token_embd.weight", m.row, 5)
	if m.kv > 1 {
		add("output.weight", m.row, 5)
	}
	add("output_norm.weight", m.row)
	add("two.bias", m.row, 2)
	return list
}

// tensor makes tensor i: a part of [Bell], with a deviation of about 0.07.
func tensor(i int, name string, dims []uint64) gguf.Content {
	n := 1
	for _, d := range dims {
		n *= int(d)
	}
	t := gguf.Content{Name: name, Dims: dims, Type: gguf.F32}
	if len(dims) > 1 {
		t.Type = []gguf.Type{gguf.F32, gguf.F16, gguf.BF16}[i%3]
	}
	var b bytes.Buffer
	for _, v := range Bell(n + 11*i)[11*i:] {
		// 11 bits of the element are left, and those are exact in F16; 8 in BF16.
		switch bits := math.Float32bits(v * 0x1p-15); t.Type {
		case gguf.F16:
			_ = binary.Write(&b, binary.LittleEndian, half(bits))
		case gguf.BF16:
			_ = binary.Write(&b, binary.LittleEndian, uint16(bits>>16))
		default:
			_ = binary.Write(&b, binary.LittleEndian, bits)
		}
	}
	t.Data = b.Bytes()
	return t
}

// half cuts the bits of a float32 in the range of normal halves, or 0, to a half.
func half(bits uint32) uint16 {
	if bits<<1 == 0 {
		return uint16(bits >> 16)
	}
	exponent := bits >> 23 & 0xff
	if exponent <= 127-15 { // of 2^-15, the smallest that occurs: a subnormal half
		return uint16(bits>>31<<15 | 1<<9)
	}
	return uint16(bits>>31<<15 | (exponent-127+15)<<10 | bits>>13&0x3ff)
}
