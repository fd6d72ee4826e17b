package model

import (
	"fmt"
	"math"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Version names the arithmetic of the engine: it is raised whenever a logit's bits change for some model.
const Version = "2"

// MaxContext is the longest context that a model may ask for.
const MaxContext = 1 << 20

const architecture = "llama"

// params are the hyper-parameters of a model, all checked.
type params struct {
	layers, embed, ff    int
	heads, kvHeads, head int // head is the size of one
	rotated              int // elements of a head that rotary positions turn
	context, vocab       int
	epsilon, ropeBase    float32
}

// keyReader reads hyper-parameters; its first error sticks.
type keyReader struct {
	f   *gguf.File
	err error
}

func (k *keyReader) fail(kind error, format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("loading model: %s: %w", fmt.Sprintf(format, args...), kind)
	}
}

// number returns an integer in 1..most. A key that is absent has the value def, or is an error if def is 0.
func (k *keyReader) number(key string, most, def int) int {
	key = architecture + "." + key
	if _, there := k.f.Value(key); !there && def > 0 {
		return def
	}
	v, ok := k.f.Uint(key)
	switch {
	case !ok:
		k.fail(gguf.ErrInvalid, "%s is missing or not an integer", key)
	case v == 0:
		k.fail(gguf.ErrInvalid, "%s is 0", key)
	case v > uint64(most):
		k.fail(gguf.ErrLimit, "%s is %d, at most %d", key, v, most)
	default:
		return int(v)
	}
	return 1
}

// float returns a finite number of at least least. A key that is absent has the value def, or is an error if def is 0.
func (k *keyReader) float(key string, least, def float64) float32 {
	key = architecture + "." + key
	if _, there := k.f.Value(key); !there && def > 0 {
		return float32(def)
	}
	v, ok := k.f.Float(key)
	switch {
	case !ok:
		k.fail(gguf.ErrInvalid, "%s is missing or not a floating-point number", key)
	case !(v >= least && v <= math.MaxFloat32): // false for what is not a number
		k.fail(gguf.ErrInvalid, "%s is %v, not in %v..%v", key, v, least, math.MaxFloat32)
	default:
		return float32(v)
	}
	return 1
}

// readParams reads and checks the hyper-parameters. It allocates nothing in proportion to them.
func readParams(f *gguf.File) (params, error) {
	k := &keyReader{f: f}
	switch arch, ok := f.String("general.architecture"); {
	case !ok:
		k.fail(gguf.ErrInvalid, "general.architecture is missing")
	case arch != architecture:
		k.fail(gguf.ErrUnsupported, "architecture %.40q; supported: %s", arch, architecture)
	}
	const dim = 1 << 20
	p := params{
		layers:   k.number("block_count", 1<<12, 0),
		embed:    k.number("embedding_length", dim, 0),
		ff:       k.number("feed_forward_length", dim, 0),
		heads:    k.number("attention.head_count", 1<<12, 0),
		context:  k.number("context_length", MaxContext, 0),
		epsilon:  k.float("attention.layer_norm_rms_epsilon", 0, 0),
		ropeBase: k.float("rope.freq_base", 1, 10000),
	}
	p.kvHeads = k.number("attention.head_count_kv", 1<<12, p.heads)
	k.heads(&p)
	k.refuseVariants()
	p.vocab = k.vocabulary()
	return p, k.err
}

// heads derives the size of a head and checks how heads divide.
func (k *keyReader) heads(p *params) {
	if p.heads%p.kvHeads != 0 {
		k.fail(gguf.ErrInvalid, "%d heads do not divide among %d key-value heads", p.heads, p.kvHeads)
	}
	p.head = k.number("attention.key_length", 1<<12, max(1, p.embed/p.heads))
	if _, own := k.f.Value(architecture + ".attention.key_length"); !own && p.embed%p.heads != 0 {
		k.fail(gguf.ErrInvalid, "an embedding of %d does not divide among %d heads", p.embed, p.heads)
	}
	if v := k.number("attention.value_length", 1<<12, p.head); v != p.head {
		k.fail(gguf.ErrUnsupported, "values of %d elements beside keys of %d", v, p.head)
	}
	p.rotated = k.number("rope.dimension_count", 1<<12, p.head)
	if p.rotated > p.head || p.rotated%2 != 0 {
		k.fail(gguf.ErrInvalid, "rope.dimension_count %d is odd or more than a head's %d", p.rotated, p.head)
	}
}

// refuseVariants refuses models that need what is not computed here.
func (k *keyReader) refuseVariants() {
	if v, ok := k.f.String(architecture + ".rope.scaling.type"); ok && v != "none" {
		k.fail(gguf.ErrUnsupported, "rope scaling %.40q; supported: none", v)
	}
	if n, ok := k.f.Uint(architecture + ".expert_count"); ok && n > 0 {
		k.fail(gguf.ErrUnsupported, "mixture of %d experts", n)
	}
}

// vocabulary returns the number of tokens, which embedding, tokenizer and hyper-parameters must agree on.
func (k *keyReader) vocabulary() int {
	t, ok := k.f.Tensor("token_embd.weight")
	if !ok || len(t.Dims) != 2 || t.Dims[1] > math.MaxInt32 {
		k.fail(gguf.ErrInvalid, "tensor token_embd.weight is missing or not a matrix")
		return 1
	}
	n := t.Dims[1]
	if v, ok := k.f.Uint(architecture + ".vocab_size"); ok && v != n {
		k.fail(gguf.ErrInvalid, "%s.vocab_size is %d, but there are %d embeddings", architecture, v, n)
	}
	if v, ok := k.f.Strings("tokenizer.ggml.tokens"); ok && uint64(len(v)) != n {
		k.fail(gguf.ErrInvalid, "the tokenizer has %d tokens, but there are %d embeddings", len(v), n)
	}
	return int(n)
}

// unused returns the name of a tensor that is not in used, if there is one: a model that has it means something else.
func unused(f *gguf.File, used map[string]bool) (string, bool) {
	for i := range f.Tensors {
		if name := f.Tensors[i].Name; !used[name] {
			return strings.ToValidUTF8(name, "?"), true
		}
	}
	return "", false
}
