package scan

import (
	"fmt"
	"hash/maphash"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-ml/hallmark"
	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// A valid header may still say things of the model that lead a reader that trusts it to divide by zero, to read past its
// tables or to ask for all memory.

const (
	ruleHyperparameter = "gguf-hyperparameter"
	ruleVocabulary     = "gguf-tokenizer"
	ruleSplit          = "gguf-split"
)

// ggufInts are the bounds of whole numbers that sizes are computed from, by the key after the architecture.
var ggufInts = map[string]struct{ least, most int64 }{
	"block_count":                          {1, 512},
	"context_length":                       {1, math.MaxInt32 - 1},
	"embedding_length":                     {1, 1 << 24},
	"feed_forward_length":                  {0, 1 << 28},
	"vocab_size":                           {1, 1 << 24},
	"attention.head_count":                 {0, 1 << 16},
	"attention.head_count_kv":              {0, 1 << 16},
	"attention.key_length":                 {0, 1 << 20},
	"attention.value_length":               {0, 1 << 20},
	"expert_count":                         {0, 1 << 16},
	"expert_used_count":                    {0, 1 << 16},
	"rope.dimension_count":                 {0, 1 << 20},
	"rope.scaling.original_context_length": {1, math.MaxInt32 - 1},
}

// ggufFloats are numbers that are divided by, or that everything is multiplied with.
var ggufFloats = []string{
	"rope.freq_base", "rope.scaling.factor", "rope.scale_linear", "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon",
}

// headless are architectures without attention; their writers put 0 for the number of heads.
var headless = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:mamba|a?rwkv)`) })

func (s *scanner) ggufModel(f *gguf.File) {
	arch, _ := f.String("general.architecture")
	if arch != "" {
		for name := range ggufInts {
			s.ggufInt(f, arch, name)
		}
		for _, name := range ggufFloats {
			s.ggufFloat(f, arch+"."+name)
		}
		heads, ok := f.Int(arch + ".attention.head_count")
		if ok && heads == 0 && !headless().MatchString(arch) {
			s.add(ruleHyperparameter, hallmark.SeverityHigh, arch+".attention.head_count", "the value is 0, which sizes are divided by")
		}
		all, ok1 := f.Int(arch + ".expert_count")
		used, ok2 := f.Int(arch + ".expert_used_count")
		if ok1 && ok2 && used > all {
			s.add(ruleHyperparameter, hallmark.SeverityHigh, arch+".expert_used_count", "%d of %d experts are used", used, all)
		}
	}
	s.ggufTokens(f)
	s.ggufSplit(f)
}

func (s *scanner) ggufInt(f *gguf.File, arch, name string) {
	key := arch + "." + name
	v, ok := f.Value(key)
	if !ok {
		return
	}
	values, isList := f.Ints(key)
	if !isList {
		n, isInt := v.Int()
		if !isInt {
			s.add(ruleHyperparameter, hallmark.SeverityHigh, key, "the value is no whole number but of type %s", v.Type)
			return
		}
		values = []int64{n}
	}
	bounds := ggufInts[name]
	for _, n := range values {
		least := bounds.least
		if isList {
			least = 0
		}
		if n < least || n > bounds.most {
			s.add(ruleHyperparameter, hallmark.SeverityHigh, key, "the value is %d, not in %d..%d", n, least, bounds.most)
			return
		}
	}
}

func (s *scanner) ggufFloat(f *gguf.File, key string) {
	if _, ok := f.Value(key); !ok {
		return
	}
	x, ok := f.Float(key)
	if !ok || math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		s.add(ruleHyperparameter, hallmark.SeverityHigh, key, "the value is %v, not a number from 0", x)
	}
}

const vocabulary = "tokenizer.ggml."

// ggufTokens checks the tables of the vocabulary against one another.
func (s *scanner) ggufTokens(f *gguf.File) {
	bad := func(key, format string, args ...any) {
		s.add(ruleVocabulary, hallmark.SeverityHigh, vocabulary+key, format, args...)
	}
	tokens, ok := f.Strings(vocabulary + "tokens")
	if _, there := f.Value(vocabulary + "tokens"); there && !ok {
		bad("tokens", "the vocabulary is no list of texts")
	}
	if !ok {
		return
	}
	if v, there := f.Value(vocabulary + "scores"); there {
		if v.Elem != gguf.Float32 || v.Len != len(tokens) {
			bad("scores", "%d scores of type %s for %d tokens", v.Len, v.Elem, len(tokens))
		}
	}
	if v, there := f.Value(vocabulary + "token_type"); there {
		if v.Elem != gguf.Int32 && v.Elem != gguf.Uint32 || v.Len != len(tokens) {
			bad("token_type", "%d types of type %s for %d tokens", v.Len, v.Elem, len(tokens))
		}
	}
	merges, ok := f.Strings(vocabulary + "merges")
	if _, there := f.Value(vocabulary + "merges"); there && !ok {
		bad("merges", "the merges are no list of texts")
	}
	checkMerges(tokens, merges, bad)
	s.ggufSpecials(f, len(tokens), bad)
}

// checkMerges looks for merges that are not of two tokens to a third one: a reader that looks their numbers up has none.
func checkMerges(tokens, merges []string, bad func(key, format string, args ...any)) {
	if len(merges) == 0 {
		return
	}
	known := newTextSet(tokens)
	for i, m := range merges {
		space := -1
		if len(m) >= 3 {
			space = strings.IndexByte(m[1:len(m)-1], ' ') + 1 // a piece may begin with a space
		}
		if space <= 0 {
			bad("merges", "merge %d is not two pieces", i)
			return
		}
		first, second := m[:space], m[space+1:]
		if !known.has(first) || !known.has(second) || !known.has(first+second) {
			bad("merges", "merge %d, %.60q, is not of two tokens to a third one", i, m)
			return
		}
	}
}

// A textSet holds texts by their hashes, eight bytes each: a vocabulary may have millions.
type textSet struct {
	seed   maphash.Seed
	hashes []uint64 // sorted
}

func newTextSet(texts []string) *textSet {
	set := &textSet{seed: maphash.MakeSeed(), hashes: make([]uint64, len(texts))}
	for i, t := range texts {
		set.hashes[i] = maphash.String(set.seed, t)
	}
	slices.Sort(set.hashes)
	return set
}

func (s *textSet) has(text string) bool {
	_, ok := slices.BinarySearch(s.hashes, maphash.String(s.seed, text))
	return ok
}

// noToken is written by some converters for a special token that the model does not have.
const noToken = math.MaxUint32

func (s *scanner) ggufSpecials(f *gguf.File, tokens int, bad func(key, format string, args ...any)) {
	for _, key := range f.Keys() {
		name, ok := strings.CutPrefix(key, vocabulary)
		if !ok || !strings.HasSuffix(name, "_token_id") {
			continue
		}
		if id, isInt := f.Int(key); !isInt || (id < 0 || id >= int64(tokens)) && id != noToken && id != -1 {
			bad(name, "token %d of a vocabulary of %d", id, tokens)
		}
	}
	if t, ok := f.Tensor("token_embd.weight"); ok && len(t.Dims) > 1 && uint64(tokens) > t.Dims[1] { //nolint:gosec // G115: not negative
		bad("tokens", "%d tokens, but %d rows of embeddings", tokens, t.Dims[1])
	}
}

var splitName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`-([0-9]{5})-of-([0-9]{5})\.gguf$`) })

// ggufSplit checks what a part of a split file says of itself, against its name.
func (s *scanner) ggufSplit(f *gguf.File) {
	count, hasCount := f.Int("split.count")
	no, hasNo := f.Int("split.no")
	_, there1 := f.Value("split.count")
	_, there2 := f.Value("split.no")
	if !there1 && !there2 {
		return
	}
	bad := func(format string, args ...any) {
		s.add(ruleSplit, hallmark.SeverityHigh, "split.no", format, args...)
	}
	if !hasCount || !hasNo || count < 1 || count > 99999 || no < 0 || no >= count {
		bad("part %d of %d", no, count)
		return
	}
	if n, ok := f.Int("split.tensors.count"); ok && (n < int64(len(f.Tensors)) || n > hallmark.MaxTensors) {
		bad("%d tensors in all, %d in this part", n, len(f.Tensors))
	}
	if m := splitName().FindStringSubmatch(s.name); m != nil && (m[1] != pad5(no+1) || m[2] != pad5(count)) {
		bad("the name says part %s of %s, the file %d of %d", m[1], m[2], no+1, count)
	}
}

func pad5(n int64) string { return fmt.Sprintf("%05d", n) }
