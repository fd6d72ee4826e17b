package genmodel

import (
	"fmt"
	"io"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/quant"
)

// chunk is the number of weights made at a time, whole blocks of every type.
const chunk = 1 << 14

// tensors lists all tensors of a model, in the order of the file.
func (s Spec) tensors() []gguf.Content {
	embed, last := s.ends()
	all := []gguf.Content{s.random("token_embd.weight", s.Type, dims(s.Embed, s.Vocab), 0, embed)}
	if s.Frequency {
		all = append(all, s.factors("rope_freqs.weight", 0.25))
	}
	if s.LongRope {
		all = append(all, s.factors("rope_factors_long.weight", 0.5), s.factors("rope_factors_short.weight", 0.0625))
	}
	for i := range s.Layers {
		all = append(all, s.attention(fmt.Sprintf("blk.%d.", i))...)
		all = append(all, s.feedForward(fmt.Sprintf("blk.%d.", i))...)
	}
	all = append(all, s.random("output_norm.weight", gguf.F32, dims(s.Embed), last, factorFor(100)))
	if !s.Tied {
		all = append(all, s.matrix("output.weight", s.Embed, s.Vocab))
	}
	return all
}

// ends returns the factor of embeddings and what the last norm lies around. Embeddings that are the output matrix too must be
// small next to what layers add, or a token would predict itself and nothing else; the norm makes up for it where a Gemma model
// multiplies them by the square root of their size.
func (s Spec) ends() (embed, last float32) {
	switch {
	case s.gemma() && s.Steady:
		return factorFor(16 * s.Embed), 1.5
	case s.gemma():
		return factorFor(16 * s.Embed), 4
	case s.Steady && !s.Tied:
		return factorFor(1), 1
	default:
		return factorFor(s.Embed), 1
	}
}

func (s Spec) attention(blk string) []gguf.Content {
	wide, kv := s.Heads*s.Head, s.KVHeads*s.Head
	all := []gguf.Content{s.norm(blk+"attn_norm.weight", s.Embed)}
	if s.Arch == "phi3" {
		all = append(all, s.matrix(blk+"attn_qkv.weight", s.Embed, wide+2*kv))
	} else {
		all = append(all,
			s.matrix(blk+"attn_q.weight", s.Embed, wide),
			s.matrix(blk+"attn_k.weight", s.Embed, kv),
			s.matrix(blk+"attn_v.weight", s.Embed, kv))
	}
	switch s.Arch {
	case "qwen2":
		all = append(all, s.bias(blk+"attn_q.bias", wide), s.bias(blk+"attn_k.bias", kv), s.bias(blk+"attn_v.bias", kv))
	case "qwen3", "gemma3":
		all = append(all, s.norm(blk+"attn_q_norm.weight", s.Head), s.norm(blk+"attn_k_norm.weight", s.Head))
	}
	all = append(all, s.residual(blk+"attn_output.weight", wide, s.Embed))
	if s.gemma() {
		all = append(all, s.norm(blk+"post_attention_norm.weight", s.Embed))
	}
	return all
}

func (s Spec) feedForward(blk string) []gguf.Content {
	all := []gguf.Content{s.norm(blk+"ffn_norm.weight", s.Embed)}
	if s.Arch == "phi3" {
		all = append(all, s.matrix(blk+"ffn_up.weight", s.Embed, 2*s.FF)) // gate first
	} else {
		all = append(all, s.matrix(blk+"ffn_gate.weight", s.Embed, s.FF), s.matrix(blk+"ffn_up.weight", s.Embed, s.FF))
	}
	all = append(all, s.residual(blk+"ffn_down.weight", s.FF, s.Embed))
	if s.gemma() {
		all = append(all, s.norm(blk+"post_ffw_norm.weight", s.Embed))
	}
	return all
}

func (s Spec) gemma() bool { return s.Arch == "gemma2" || s.Arch == "gemma3" }

func dims(n ...int) []uint64 {
	d := make([]uint64, len(n))
	for i, v := range n {
		d[i] = uint64(v)
	}
	return d
}

// matrix is random with a deviation of 1/sqrt(cols), so that products are about as large as what goes in.
func (s Spec) matrix(name string, cols, rows int) gguf.Content {
	return s.random(name, s.Type, dims(cols, rows), 0, factorFor(cols))
}

// residual is a matrix whose product is added to the residual stream.
func (s Spec) residual(name string, cols, rows int) gguf.Content {
	small := 1
	if s.Steady { // as GPT-2 was initialised
		small = 2 * s.Layers
	}
	return s.random(name, s.Type, dims(cols, rows), 0, factorFor(small*cols))
}

// norm is random around 1.
func (s Spec) norm(name string, n int) gguf.Content {
	return s.random(name, gguf.F32, dims(n), 1, factorFor(100))
}

// bias is random around 0.
func (s Spec) bias(name string, n int) gguf.Content {
	return s.random(name, gguf.F32, dims(n), 0, factorFor(10))
}

// factors are frequency factors that grow from 1 by step.
func (s Spec) factors(name string, step float32) gguf.Content {
	w := make([]float32, s.Head/2)
	b := make([]byte, 4*len(w))
	for i := range w {
		w[i] = 1 + float32(float32(i)*step)
	}
	_ = quant.Quantise(b, gguf.F32, w) // finite numbers of the right length
	return gguf.Content{Name: name, Dims: dims(len(w)), Type: gguf.F32, Data: b}
}

func (s Spec) random(name string, t gguf.Type, dims []uint64, offset, factor float32) gguf.Content {
	n := 1
	for _, d := range dims {
		n *= int(d)
	}
	block, _ := t.Block()
	if dims[0]%uint64(block) != 0 {
		t = gguf.F16
	}
	block, size := t.Block()
	return gguf.Content{Name: name, Dims: dims, Type: t, Fill: func(w io.Writer) error {
		r := newStream(s.Seed, name)
		weights, b := make([]float32, chunk), make([]byte, chunk/block*size)
		for done := 0; done < n; done += len(weights) {
			weights = weights[:min(chunk, n-done)]
			r.fill(weights, offset, factor)
			b = b[:len(weights)/block*size]
			if err := quant.Quantise(b, t, weights); err != nil {
				return err
			}
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	}}
}
