// Package genmodel makes GGUF models of any size with random weights, for tests and benchmarks. Equal specifications give
// equal bytes on every machine. It is not part of the product.
package genmodel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/quant"
)

// Spec says what model to make. Zero fields have the default that [Spec.WithDefaults] gives them.
type Spec struct {
	Arch    string // llama, qwen2, qwen3, phi3, gemma2, gemma3
	Embed   int    // elements of an embedding
	Layers  int
	Heads   int
	KVHeads int // heads of keys and values, a divisor of Heads; Heads if 0
	Head    int // elements of a head; Embed/Heads if 0
	FF      int // elements of the feed-forward layer
	Vocab   int // tokens; those of Tokenizer if 0
	Context int // longest context, 2048 if 0

	Tied      bool      // the embeddings are the output matrix too; always so for gemma2
	Window    int       // sliding window of attention in positions (phi3, gemma2, gemma3), 0 for none
	RopeBase  float32   // base of rotary positions; the architecture's custom if 0
	Steady    bool      // what layers add to the residual stream is smaller, and amplifies rounding less, as in trained models
	Frequency bool      // a tensor of frequency factors, as Llama 3.1 has (llama)
	LongRope  bool      // two tensors of frequency factors (phi3), chosen at half of Context
	Type      gguf.Type // of matrices whose rows are whole blocks of it; others are F16, and vectors F32
	Chat      bool      // a chat template that opens and closes turns with the tokens of a text's beginning and end
	Seed      uint64

	// Tokenizer is a model or vocabulary whose tokenizer keys are copied. If it is nil a vocabulary of bytes and made-up
	// words is made, of SentencePiece kind.
	Tokenizer *gguf.File
}

// custom is what an architecture's public models do.
type custom struct {
	epsilon, ropeBase float32
}

var customs = map[string]custom{
	"llama":  {1e-5, 10000},
	"qwen2":  {1e-6, 1000000},
	"qwen3":  {1e-6, 1000000},
	"phi3":   {1e-5, 10000},
	"gemma2": {1e-6, 10000},
	"gemma3": {1e-6, 1000000},
}

// Architectures returns the names that [Spec].Arch may have, sorted.
func Architectures() []string { return slices.Sorted(maps.Keys(customs)) }

// WithDefaults returns s with its defaults filled in.
func (s Spec) WithDefaults() Spec {
	or := func(v *int, def int) {
		if *v == 0 {
			*v = def
		}
	}
	or(&s.KVHeads, s.Heads)
	or(&s.Head, s.Embed/max(1, s.Heads))
	or(&s.Context, 2048)
	if s.Tokenizer != nil {
		words, _ := s.Tokenizer.Strings("tokenizer.ggml.tokens")
		or(&s.Vocab, len(words))
	}
	if s.RopeBase == 0 {
		s.RopeBase = customs[s.Arch].ropeBase
	}
	s.Tied = s.Tied || s.Arch == "gemma2"
	return s
}

// Check returns every problem of a specification with its defaults, or nil.
func (s Spec) Check() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	_, known := customs[s.Arch]
	bad(!known, "architecture %q is not one of %v", s.Arch, Architectures())
	sizes := []int{s.Embed, s.Layers, s.Heads, s.KVHeads, s.Head, s.FF, s.Context}
	bad(slices.Min(sizes) < 1, "a size below 1 among embedding, layers, heads, kv heads, head size, feed-forward, context: %v", sizes)
	bad(s.KVHeads > 0 && s.Heads%s.KVHeads != 0, "%d heads do not divide among %d kv heads", s.Heads, s.KVHeads)
	bad(s.Head%2 != 0, "a head of %d elements is odd", s.Head)
	bad((s.Arch == "qwen2" || s.Arch == "phi3") && s.Heads*s.Head != s.Embed, "%s needs heads x head size = embedding, not %d x %d = %d", s.Arch, s.Heads, s.Head, s.Embed)
	bad(s.Tokenizer == nil && s.Vocab < firstWord, "a vocabulary of %d, at least %d", s.Vocab, firstWord)
	bad(s.LongRope && s.Arch != "phi3", "longrope is of phi3")
	bad(s.Frequency && s.Arch != "llama", "frequency factors are of llama")
	bad(s.Window > 0 && !slices.Contains([]string{"phi3", "gemma2", "gemma3"}, s.Arch), "%s has no sliding window", s.Arch)
	bad(!slices.Contains(quant.Types(), s.Type), "type %v is not one of %v", s.Type, quant.Types())
	return errors.Join(errs...)
}

// Preset returns a named specification and whether there is one of that name; its Type is F16 and its Seed 1.
func Preset(name string) (Spec, bool) {
	s, ok := presets()[name]
	return s, ok
}

// Presets returns the names of the specifications, sorted.
func Presets() []string { return slices.Sorted(maps.Keys(presets())) }

func presets() map[string]Spec {
	all := map[string]Spec{
		"15M":       {Arch: "llama", Embed: 288, Layers: 6, Heads: 6, FF: 768, Vocab: 32000, Tied: true},
		"110M":      {Arch: "llama", Embed: 768, Layers: 12, Heads: 12, FF: 2048, Vocab: 32000, Tied: true},
		"0.5B":      {Arch: "qwen2", Embed: 896, Layers: 24, Heads: 14, KVHeads: 2, FF: 4864, Vocab: 151936, Context: 32768, Tied: true},
		"1.1B":      {Arch: "llama", Embed: 2048, Layers: 22, Heads: 32, KVHeads: 4, FF: 5632, Vocab: 32000},
		"phi3-mini": {Arch: "phi3", Embed: 3072, Layers: 32, Heads: 32, FF: 8192, Vocab: 32064, Context: 4096, Window: 2047},

		"tiny-llama-frequency": {Arch: "llama", Embed: 256, Layers: 1, Heads: 4, KVHeads: 1, FF: 512, Vocab: 512, Context: 512, Frequency: true},
		"tiny-phi3-longrope":   {Arch: "phi3", Embed: 256, Layers: 1, Heads: 4, KVHeads: 2, FF: 512, Vocab: 512, Context: 512, LongRope: true},
	}
	for arch := range customs {
		tiny := Spec{Arch: arch, Embed: 256, Layers: 2, Heads: 4, KVHeads: 2, FF: 512, Vocab: 512, Context: 512}
		large := Spec{Arch: arch, Embed: 768, Layers: 12, Heads: 12, KVHeads: 4, FF: 2048, Vocab: 32000, Steady: true}
		switch arch {
		case "qwen3":
			tiny.Head, large.Head = 128, 128
		case "gemma2":
			tiny.Head, tiny.Window, large.Head, large.Window = 128, 16, 128, 32
		case "gemma3":
			tiny.Layers = 6 // the sixth is the first that sees everything
			tiny.Head, tiny.Window, large.Head, large.Window = 128, 16, 128, 32
			tiny.Tied, large.Tied = true, true
		}
		all["tiny-"+arch], all["110M-"+arch] = tiny, large
	}
	for name, s := range all {
		s.Type, s.Seed = gguf.F16, 1
		all[name] = s
	}
	return all
}

// ParseType returns the type of that name, in any case, among those that matrices may have.
func ParseType(name string) (gguf.Type, bool) {
	for _, t := range quant.Types() {
		if strings.EqualFold(t.String(), name) {
			return t, true
		}
	}
	return 0, false
}
