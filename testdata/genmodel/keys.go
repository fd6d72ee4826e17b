package genmodel

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Write writes the model to w, one tensor after the other, in little memory.
func (s Spec) Write(w io.Writer) error {
	s = s.WithDefaults()
	if err := s.Check(); err != nil {
		return fmt.Errorf("making a model: %w", err)
	}
	return gguf.Write(w, append(s.keys(), s.tokenizer()...), s.tensors())
}

// fileType returns the number that stands for the type of most tensors, as llama.cpp counts them.
func (s Spec) fileType() uint32 {
	return map[gguf.Type]uint32{
		gguf.F32: 0, gguf.F16: 1, gguf.BF16: 32, gguf.Q8_0: 7, gguf.Q4_0: 2, gguf.Q4_1: 3, gguf.Q5_0: 8, gguf.Q5_1: 9,
		gguf.Q2_K: 10, gguf.Q3_K: 11, gguf.Q4_K: 14, gguf.Q5_K: 16, gguf.Q6_K: 18, gguf.IQ4_NL: 25, gguf.IQ4_XS: 30, gguf.MXFP4: 38,
	}[s.Type]
}

// keys returns all metadata but the tokenizer's.
func (s Spec) keys() []gguf.Entry {
	c := customs[s.Arch]
	all := []gguf.Entry{
		{Key: "general.architecture", Value: s.Arch},
		{Key: "general.name", Value: fmt.Sprintf("random weights %d", s.Seed)},
		{Key: "general.file_type", Value: s.fileType()},
	}
	add := func(key string, v any) { all = append(all, gguf.Entry{Key: s.Arch + "." + key, Value: v}) }
	add("context_length", uint32(s.Context))
	add("embedding_length", uint32(s.Embed))
	add("block_count", uint32(s.Layers))
	add("feed_forward_length", uint32(s.FF))
	add("attention.head_count", uint32(s.Heads))
	add("attention.head_count_kv", uint32(s.KVHeads))
	add("attention.layer_norm_rms_epsilon", c.epsilon)
	add("attention.key_length", uint32(s.Head))
	add("attention.value_length", uint32(s.Head))
	add("rope.dimension_count", uint32(s.Head))
	add("rope.freq_base", s.RopeBase)
	add("vocab_size", uint32(s.Vocab))
	if s.Window > 0 {
		add("attention.sliding_window", uint32(s.Window))
	}
	if s.Arch == "gemma2" {
		add("attn_logit_softcapping", float32(50))
		add("final_logit_softcapping", float32(30))
	}
	if s.LongRope {
		add("rope.scaling.original_context_length", uint32(s.Context/2))
		add("rope.scaling.attn_factor", float32(1.1902380714238083)) // sqrt(1 + ln 32 / ln 4096), as for 4k to 128k
	}
	return all
}

// Token kinds of the file format.
const (
	kindNormal  int32 = 1
	kindUnknown int32 = 2
	kindControl int32 = 3
	kindByte    int32 = 6
)

// firstWord is the id of the first made-up word: before it are three special tokens and one for each byte.
const firstWord = 3 + 256

// chatTemplate is that of [Spec].Chat.
const chatTemplate = `{% for message in messages %}{{ bos_token + message['role'] + '\n' + message['content'] + eos_token + '\n' }}{% endfor %}` +
	`{% if add_generation_prompt %}{{ bos_token + 'assistant\n' }}{% endif %}`

// tokenizer returns the tokenizer's keys.
func (s Spec) tokenizer() []gguf.Entry {
	keys := s.vocabulary()
	if s.Chat {
		keys = slices.DeleteFunc(keys, func(e gguf.Entry) bool { return e.Key == templateKey })
		keys = append(keys, gguf.Entry{Key: templateKey, Value: chatTemplate})
	}
	return keys
}

const templateKey = "tokenizer.chat_template"

func (s Spec) vocabulary() []gguf.Entry {
	if s.Tokenizer != nil {
		return copied(s.Tokenizer)
	}
	words := []string{"<unk>", "<s>", "</s>"}
	kinds := []int32{kindUnknown, kindControl, kindControl}
	for i := range 256 {
		words, kinds = append(words, fmt.Sprintf("<0x%02X>", i)), append(kinds, kindByte)
	}
	for i := len(words); i < s.Vocab; i++ {
		words, kinds = append(words, word(i-firstWord)), append(kinds, kindNormal)
	}
	scores := make([]float32, len(words))
	for i := firstWord; i < len(scores); i++ {
		scores[i] = -float32(i - firstWord)
	}
	return []gguf.Entry{
		{Key: "tokenizer.ggml.model", Value: "llama"},
		{Key: "tokenizer.ggml.pre", Value: "default"},
		{Key: "tokenizer.ggml.tokens", Value: words},
		{Key: "tokenizer.ggml.scores", Value: scores},
		{Key: "tokenizer.ggml.token_type", Value: kinds},
		{Key: "tokenizer.ggml.bos_token_id", Value: uint32(1)},
		{Key: "tokenizer.ggml.eos_token_id", Value: uint32(2)},
		{Key: "tokenizer.ggml.unknown_token_id", Value: uint32(0)},
		{Key: "tokenizer.ggml.add_bos_token", Value: true},
		{Key: "tokenizer.ggml.add_eos_token", Value: false},
	}
}

// word returns the i-th word: the letters alone, then each of them after a space mark, then longer ones.
func word(i int) string {
	const letters = 26
	if i < letters {
		return string(rune('a' + i))
	}
	var b []byte
	for i -= letters; ; i = i/letters - 1 {
		b = append(b, byte('a'+i%letters))
		if i < letters {
			return "▁" + string(b)
		}
	}
}

func copied(f *gguf.File) []gguf.Entry {
	var all []gguf.Entry
	for _, key := range f.Keys() {
		if v, ok := f.Value(key); ok && strings.HasPrefix(key, "tokenizer.") {
			all = append(all, gguf.Entry{Key: key, Value: v})
		}
	}
	return all
}
