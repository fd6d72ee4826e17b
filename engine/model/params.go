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

// params are the hyper-parameters of a model, all checked.
type params struct {
	arch                 *architecture
	layers, embed, ff    int
	heads, kvHeads, head int // head is the size of one
	rotated              int // elements of a head that rotary positions turn
	context, vocab       int
	epsilon, ropeBase    float32
	scaling              scaling
	queryScale           float32 // of the products of queries and keys
	inputScale           float32 // of the embeddings of tokens; 0: none
	attentionCap         float32 // of the products, when scaled; 0: none
	finalCap             float32 // of the logits; 0: none

	window     int     // positions that a local block sees, its own included; 0: there is no local block
	local      []bool  // by block; nil if there is none
	windowBase float32 // of rotary positions in local blocks
}

// keyReader reads hyper-parameters; its first error sticks.
type keyReader struct {
	f    *gguf.File
	arch *architecture
	err  error
}

func (k *keyReader) fail(kind error, format string, args ...any) {
	if k.err == nil {
		k.err = fmt.Errorf("loading model: %s: %w", fmt.Sprintf(format, args...), kind)
	}
}

// value returns the value of the architecture's own key.
func (k *keyReader) value(key string) (gguf.Value, bool) { return k.f.Value(k.arch.name + "." + key) }

// number returns an integer in 1..most. A key that is absent has the value def, or is an error if def is 0.
func (k *keyReader) number(key string, most, def int) int {
	value, there := k.value(key)
	if !there && def > 0 {
		return def
	}
	key = k.arch.name + "." + key
	v, ok := value.Uint()
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
	value, there := k.value(key)
	if !there && def > 0 {
		return float32(def)
	}
	key = k.arch.name + "." + key
	v, ok := value.Float()
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

// Known returns why the architecture that a file names is none that this engine computes, which says more than what else
// may be wrong with it; nil if it is one.
func Known(f *gguf.File) error {
	name, named := f.String("general.architecture")
	_, known := architectureOf(name)
	k := &keyReader{f: f}
	switch {
	case !named:
		k.fail(gguf.ErrInvalid, "general.architecture is missing")
	case !known:
		k.fail(gguf.ErrUnsupported, "architecture %.40q; supported: %s", name, supported())
	}
	return k.err
}

// readParams reads and checks the hyper-parameters. It allocates nothing in proportion to them but one truth value a block.
func readParams(f *gguf.File) (params, error) {
	if err := Known(f); err != nil {
		return params{}, err
	}
	name, _ := f.String("general.architecture")
	arch, _ := architectureOf(name)
	k := &keyReader{f: f, arch: arch}
	const dim = 1 << 20
	p := params{
		arch:     arch,
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
	k.scales(&p)
	p.scaling = k.ropeScaling(p.context)
	if p.scaling.yarn && p.ropeBase < 2 {
		k.fail(gguf.ErrInvalid, "%s.rope.freq_base is %v, with yarn at least 2", arch.name, p.ropeBase)
	}
	k.windows(&p)
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
	if _, own := k.value("attention.key_length"); !own && p.embed%p.heads != 0 {
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

// scales derives what products are multiplied by and bounded to.
func (k *keyReader) scales(p *params) {
	share := p.head
	if p.layers == k.arch.largeLayers {
		share = max(1, p.embed/p.heads)
	}
	p.queryScale = float32(1 / math.Sqrt(float64(share)))
	if k.arch.scaledInput {
		p.inputScale = float32(math.Sqrt(float64(p.embed)))
	}
	p.attentionCap = k.cap("attn_logit_softcapping", k.arch.attentionCap)
	p.finalCap = k.cap("final_logit_softcapping", k.arch.finalCap)
}

// cap reads a bound. A file that has one which the architecture does not know means something else.
func (k *keyReader) cap(key string, c caps) float32 {
	_, there := k.value(key)
	switch {
	case !c.there && there:
		k.fail(gguf.ErrUnsupported, "%s.%s", k.arch.name, key)
	case there:
		return k.float(key, 0, 0)
	}
	return float32(c.value)
}

// windows reads which blocks see the latest positions only, and how many.
func (k *keyReader) windows(p *params) {
	w, key := k.arch.window, "attention.sliding_window"
	value, there := k.value(key)
	switch size, ok := value.Uint(); {
	case !w.there:
		return // files of other architectures name windows that their models do not use
	case there && !ok:
		k.fail(gguf.ErrInvalid, "%s.%s is not an integer", k.arch.name, key)
	case there:
		p.window = int(min(size, MaxContext))
	default:
		p.window = w.size
	}
	if p.window == 0 {
		return
	}
	p.local = make([]bool, p.layers)
	k.pattern(p.local)
	p.windowBase = p.ropeBase
	if w.ownBase > 0 {
		p.windowBase = float32(w.ownBase)
	}
	if _, there := k.value("rope.freq_base_swa"); there && w.baseKeyed {
		p.windowBase = k.float("rope.freq_base_swa", 1, 0)
	}
}

// pattern sets which blocks are local: the file says so block by block, or by the period of those that are not.
func (k *keyReader) pattern(local []bool) {
	key := "attention.sliding_window_pattern"
	period := k.arch.window.period
	if value, there := k.value(key); there && value.Type == gguf.Array {
		list, ok := k.f.Bools(k.arch.name + "." + key)
		if !ok || len(list) < len(local) {
			k.fail(gguf.ErrInvalid, "%s.%s is not a list of truth values, one a block", k.arch.name, key)
			return
		}
		copy(local, list)
		return
	} else if there {
		period = k.number(key, 1<<12, 0)
	}
	for i := range local {
		local[i] = period == 0 || i%period < period-1
	}
}

// refuseVariants refuses models that need what is not computed here, and parts of models.
func (k *keyReader) refuseVariants() {
	experts, used := k.count(k.arch.name+".expert_count", 0), k.count(k.arch.name+".expert_used_count", 0)
	switch {
	case used > experts:
		k.fail(gguf.ErrInvalid, "%d of %d experts are used", used, experts)
	case experts > 0:
		k.fail(gguf.ErrUnsupported, "mixture of %d experts", experts)
	}
	part, parts := k.count("split.no", 0), k.count("split.count", 1)
	switch {
	case part >= max(1, parts):
		k.fail(gguf.ErrInvalid, "part %d of %d, counted from 0", part, parts)
	case parts > 1:
		k.fail(gguf.ErrUnsupported, "the file is part %d of a model that is split into %d; join them", part+1, parts)
	}
}

// count returns an integer that is not negative: def, if the key is absent.
func (k *keyReader) count(key string, def uint64) uint64 {
	value, there := k.f.Value(key)
	if !there {
		return def
	}
	n, ok := value.Uint()
	if !ok {
		k.fail(gguf.ErrInvalid, "%s is not an integer", key)
	}
	return n
}

// vocabulary returns the number of tokens, which embedding, tokenizer and hyper-parameters must agree on.
func (k *keyReader) vocabulary() int {
	t, ok := k.f.Tensor("token_embd.weight")
	if !ok || len(t.Dims) != 2 || t.Dims[1] > math.MaxInt32 {
		k.fail(gguf.ErrInvalid, "tensor token_embd.weight is missing or not a matrix")
		return 1
	}
	n := t.Dims[1]
	if value, there := k.value("vocab_size"); there {
		if v, ok := value.Uint(); !ok || v != n {
			k.fail(gguf.ErrInvalid, "%s.vocab_size is %d, but there are %d embeddings", k.arch.name, v, n)
		}
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
