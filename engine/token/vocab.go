package token

import (
	"math"
	"strings"

	"github.com/hallmark-ml/hallmark/engine/gguf"
)

// Metadata keys.
const (
	keyModel  = "tokenizer.ggml.model"
	keyPre    = "tokenizer.ggml.pre"
	keyList   = "tokenizer.ggml.tokens"
	keyTypes  = "tokenizer.ggml.token_type"
	keyScores = "tokenizer.ggml.scores"
	keyMerges = "tokenizer.ggml.merges"
	keyBOS    = "tokenizer.ggml.bos_token_id"
	keyEOS    = "tokenizer.ggml.eos_token_id"
	keyEOT    = "tokenizer.ggml.eot_token_id"
	keyEOM    = "tokenizer.ggml.eom_token_id"
	keyUNK    = "tokenizer.ggml.unknown_token_id"
	keyCLS    = "tokenizer.ggml.cls_token_id"
	keySEP    = "tokenizer.ggml.seperator_token_id" // spelled so in the format
	keyAddBOS = "tokenizer.ggml.add_bos_token"
	keyAddEOS = "tokenizer.ggml.add_eos_token"
	keyPrefix = "tokenizer.ggml.add_space_prefix"
	keyLower  = "tokenizer.ggml.normalizer.lowercase"
	keyAccent = "tokenizer.ggml.normalizer.strip_accents"
	keyName   = "general.name"
)

// Limits. The largest public vocabulary has 262,144 tokens, the longest token 1,024 bytes.
const (
	maxTokens     = 1 << 21
	maxTokenBytes = 2048
)

// kind is the type of a token, numbered as in the file.
type kind uint8

const (
	kindNormal  kind = 1
	kindUnknown kind = 2
	kindControl kind = 3
	kindUser    kind = 4 // user-defined: found in any text before it is cut into words
	kindUnused  kind = 5
	kindByte    kind = 6
)

// none stands for a special token that a vocabulary does not have.
const none int32 = -1

// vocab is what a file says about its tokens.
type vocab struct {
	texts []string // as in the file
	kinds []kind
	ids   map[string]int32 // by text

	made map[int32]bool // by a merge

	bos, eos, eot, eom, unk int32
	cls, sep                int32
	addBOS, addEOS          bool
	ends                    map[int32]bool // tokens that end a generation
}

// readVocab reads the parts that all kinds of vocabulary have.
func readVocab(f *gguf.File) (*vocab, error) {
	texts, ok := f.Strings(keyList)
	switch {
	case !ok:
		return nil, invalid(keyList, "no list of strings")
	case len(texts) == 0:
		return nil, invalid(keyList, "no tokens")
	case len(texts) > maxTokens:
		return nil, &VocabError{keyList, "too many tokens", ErrLimit}
	}
	v := &vocab{texts: texts, ids: make(map[string]int32, len(texts))}
	for i, s := range texts {
		if len(s) > maxTokenBytes {
			return nil, &VocabError{keyList, "token over 2048 bytes", ErrLimit}
		}
		if s == "" {
			continue // a hole in the numbering: no text gives it
		}
		if first, ok := v.ids[s]; ok {
			return nil, invalid(keyList, "tokens %d and %d are the same", first, i)
		}
		v.ids[s] = int32(i)
	}
	if err := v.readKinds(f); err != nil {
		return nil, err
	}
	for _, id := range []struct {
		key string
		to  *int32
	}{{keyBOS, &v.bos}, {keyEOS, &v.eos}, {keyEOT, &v.eot}, {keyEOM, &v.eom}, {keyUNK, &v.unk}, {keyCLS, &v.cls}, {keySEP, &v.sep}} {
		var err error
		if *id.to, err = v.readID(f, id.key); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// readKinds reads the types of the tokens; all are normal if the file has none.
func (v *vocab) readKinds(f *gguf.File) error {
	v.kinds = make([]kind, len(v.texts))
	for i := range v.kinds {
		v.kinds[i] = kindNormal
	}
	value, ok := f.Value(keyTypes)
	if !ok {
		return nil
	}
	if value.Type != gguf.Array || value.Elem != gguf.Int32 {
		return invalid(keyTypes, "not an array of 32-bit integers")
	}
	types, _ := f.Ints(keyTypes)
	if len(types) != len(v.texts) {
		return invalid(keyTypes, "%d types for %d tokens", len(types), len(v.texts))
	}
	for i, t := range types {
		if t < int64(kindNormal) || t > int64(kindByte) {
			return invalid(keyTypes, "token %d has the type %d, which does not exist", i, t)
		}
		v.kinds[i] = kind(t)
	}
	return nil
}

// readID reads the id of a special token; none if the file does not name one.
func (v *vocab) readID(f *gguf.File, key string) (int32, error) {
	if _, ok := f.Value(key); !ok {
		return none, nil
	}
	id, ok := f.Uint(key)
	if !ok || id >= uint64(len(v.texts)) {
		return none, invalid(key, "not the number of one of %d tokens", len(v.texts))
	}
	return int32(id), nil
}

// readFlag reads a truth value, which may be absent.
func readFlag(f *gguf.File, key string, absent bool) (bool, error) {
	if _, ok := f.Value(key); !ok {
		return absent, nil
	}
	b, ok := f.Bool(key)
	if !ok {
		return false, invalid(key, "not true or false")
	}
	return b, nil
}

// readAdds reads whether Encode puts tokens around a text; absentBOS is what the kind of vocabulary does on its own.
func (v *vocab) readAdds(f *gguf.File, absentBOS bool) error {
	var err error
	if v.addBOS, err = readFlag(f, keyAddBOS, absentBOS && v.bos != none); err != nil {
		return err
	}
	if v.addEOS, err = readFlag(f, keyAddEOS, false); err != nil {
		return err
	}
	if v.addBOS && v.bos == none {
		return invalid(keyAddBOS, "a token that the vocabulary does not name")
	}
	if v.addEOS && v.eos == none {
		return invalid(keyAddEOS, "a token that the vocabulary does not name")
	}
	return nil
}

// readScores returns a number for each token that is smaller the higher its score is.
func (v *vocab) readScores(f *gguf.File) ([]uint32, error) {
	value, ok := f.Value(keyScores)
	if !ok {
		return nil, invalid(keyScores, "a vocabulary of this kind needs scores")
	}
	if value.Type != gguf.Array || value.Elem != gguf.Float32 {
		return nil, invalid(keyScores, "not an array of 32-bit floats")
	}
	scores, _ := f.Floats(keyScores)
	if len(scores) != len(v.texts) {
		return nil, invalid(keyScores, "%d scores for %d tokens", len(scores), len(v.texts))
	}
	ranks := make([]uint32, len(scores))
	for i, s := range scores {
		if s != s {
			return nil, invalid(keyScores, "score of token %d is not a number", i)
		}
		bits := math.Float32bits(s + 0) // + 0: negative zero is zero
		if bits>>31 == 0 {
			bits = ^bits & (1<<31 - 1) // positive: a larger score is a smaller number
		}
		ranks[i] = bits
	}
	return ranks, nil
}

// endNames are the texts of tokens that end a turn or a text in public models, whatever type the file gives them.
var endNames = []string{
	"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<|end_of_text|>",
	"<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<eos>", "<turn|>", "<|tool_response>", "<|return|>", "<|call|>", "<|calls|>",
	"<|flush|>", "<end_of_utterance>", "<｜end▁of▁sentence｜>", "</s>", "[e~[",
}

// fillNames are the texts of tokens that public models of code use to fill a gap. Those of padEndNames also end a text.
var (
	fillNames = []string{
		"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>", "<|prefix|>",
		"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>", "<|suffix|>",
		"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>", "<|middle|>",
	}
	padEndNames = []string{
		"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]",
		"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>",
	}
)

// findEnds lists the tokens that end a generation. One with a name known for it becomes a control token, since it must
// not come out of a user's text; but not if the vocabulary merges text into it, which is then an ordinary word.
func (v *vocab) findEnds() {
	v.ends = map[int32]bool{}
	v.control(fillNames)
	ends := append(v.control(padEndNames), v.control(endNames)...)
	for _, id := range append(ends, v.eos, v.eot, v.eom) {
		if id != none {
			v.ends[id] = true
		}
	}
	// In some vocabularies a name means something else.
	if v.has("<|call|>") && v.has("<|return|>") || v.has("<|call|>") && v.has("<|flush|>") || v.has("<|calls|>") && v.has("<|flush|>") {
		delete(v.ends, v.id("<|end|>")) // the end of a message, not of an answer
	}
	if id := v.id("</s>"); id != none && v.has("<|tool_response>") {
		delete(v.ends, id) // a mark-up tag
		v.kinds[id] = kindNormal
	}
}

// control makes the tokens with these texts control tokens, and returns them.
func (v *vocab) control(names []string) []int32 {
	var ids []int32
	for _, name := range names {
		if id := v.id(name); id != none && !v.made[id] {
			v.kinds[id] = kindControl
			ids = append(ids, id)
		}
	}
	return ids
}

// id returns the token with that text, or none.
func (v *vocab) id(text string) int32 {
	if id, ok := v.ids[text]; ok {
		return id
	}
	return none
}

func (v *vocab) has(text string) bool { return v.id(text) != none }

// stripsAfter says for which special tokens the white space that follows belongs to them; nil if for none. The file has
// no key for that; llama.cpp goes by the model's name, and so do we.
func (v *vocab) stripsAfter(f *gguf.File) []bool {
	name, _ := f.String(keyName)
	name = strings.ToLower(name)
	if !strings.Contains(name, "phi-3") && !strings.Contains(name, "phi3") {
		return nil
	}
	out := make([]bool, len(v.texts))
	for i := range out {
		out[i] = true
	}
	for _, text := range []string{"<unk>", "<s>", "<|endoftext|>"} {
		if id := v.id(text); id != none {
			out[id] = false
		}
	}
	return out
}
