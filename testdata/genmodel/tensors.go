package genmodel

import (
	"fmt"
	"io"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// chunk is the number of weights made at a time.
const chunk = 1 << 14

// tensors lists all tensors of a model, in the order of the file.
func (s Spec) tensors() []gguf.Content {
	embed, last := factorFor(s.Embed), float32(1)
	if s.gemma() { // scales embeddings; smaller ones leave something to the layers, and the last norm makes up for it
		embed, last = embed/4, 4
	}
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
	all = append(all, s.matrix(blk+"attn_output.weight", wide, s.Embed))
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
	all = append(all, s.matrix(blk+"ffn_down.weight", s.FF, s.Embed))
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
	for i := range w {
		w[i] = 1 + float32(float32(i)*step)
	}
	return gguf.Content{Name: name, Dims: dims(len(w)), Type: gguf.F32, Data: appendAs(nil, w, gguf.F32)}
}

func (s Spec) random(name string, t gguf.Type, dims []uint64, offset, factor float32) gguf.Content {
	n := 1
	for _, d := range dims {
		n *= int(d)
	}
	return gguf.Content{Name: name, Dims: dims, Type: t, Fill: func(w io.Writer) error {
		r := newStream(s.Seed, name)
		weights, b := make([]float32, chunk), []byte(nil)
		for done := 0; done < n; done += len(weights) {
			weights = weights[:min(chunk, n-done)]
			r.fill(weights, offset, factor)
			b = appendAs(b[:0], weights, t)
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	}}
}
