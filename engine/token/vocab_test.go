package token_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/token"
)

// keys are the metadata of a file under test.
type keys map[string]any

// with returns a copy of k with the value of a key changed, or without the key if v is nil.
func (k keys) with(key string, v any) keys {
	out := maps.Clone(k)
	if v == nil {
		delete(out, key)
	} else {
		out[key] = v
	}
	return out
}

func (k keys) file(tb testing.TB) *gguf.File {
	tb.Helper()
	var entries []gguf.Entry
	for _, key := range slices.Sorted(maps.Keys(k)) {
		entries = append(entries, gguf.Entry{Key: key, Value: k[key]})
	}
	var b bytes.Buffer
	require.NoError(tb, gguf.Write(&b, entries, nil))
	f, err := gguf.Parse(bytes.NewReader(b.Bytes()), int64(b.Len()), gguf.Limits{})
	require.NoError(tb, err)
	return f
}

func (k keys) open(tb testing.TB) *token.Tokenizer {
	tb.Helper()
	tok, err := token.New(k.file(tb))
	require.NoError(tb, err)
	return tok
}

// byteTexts are the characters that stand for the 256 bytes in a byte-level vocabulary.
func byteTexts() []string {
	out := make([]string, 256)
	other := rune(0x100)
	for c := range rune(256) {
		r := c
		if c < '!' || c > '~' && c < 0xa1 || c == 0xad {
			r = other
			other++
		}
		out[c] = string(r)
	}
	return out
}

// smallBPE has the 256 bytes, six merges, two control tokens, a user-defined one and one that nothing gives.
func smallBPE() keys {
	tokens := append(byteTexts(), "he", "ll", "llo", "hello", "Ġhello", "ab", "<s>", "<|end|>", "[U]", "")
	types := slices.Repeat([]int32{1}, len(tokens))
	types[262], types[263], types[264] = 3, 3, 4
	return keys{
		"tokenizer.ggml.model":        "gpt2",
		"tokenizer.ggml.pre":          "gpt-2",
		"tokenizer.ggml.tokens":       tokens,
		"tokenizer.ggml.token_type":   types,
		"tokenizer.ggml.merges":       []string{"h e", "l l", "ll o", "he llo", "Ġ hello", "a b"},
		"tokenizer.ggml.bos_token_id": uint32(262),
		"tokenizer.ggml.eos_token_id": uint32(263),
	}
}

// smallSPM has an unknown token, two control tokens, the 256 bytes and a few words.
func smallSPM() keys {
	tokens := []string{"<unk>", "<s>", "</s>"}
	types := []int32{2, 3, 3}
	for c := range 256 {
		tokens, types = append(tokens, fmt.Sprintf("<0x%02X>", c)), append(types, 6)
	}
	scores := slices.Repeat([]float32{0}, len(tokens))
	for i, word := range []string{"▁", "h", "e", "l", "o", "he", "ll", "llo", "▁he", "▁hello", "é", "<", "s", ">", "s>"} {
		tokens, types, scores = append(tokens, word), append(types, 1), append(scores, float32(-i))
	}
	return keys{
		"tokenizer.ggml.model":            "llama",
		"tokenizer.ggml.tokens":           tokens,
		"tokenizer.ggml.token_type":       types,
		"tokenizer.ggml.scores":           scores,
		"tokenizer.ggml.bos_token_id":     uint32(1),
		"tokenizer.ggml.eos_token_id":     uint32(2),
		"tokenizer.ggml.unknown_token_id": uint32(0),
	}
}

// smallBERT has five special tokens and a few words and parts of words.
func smallBERT() keys {
	tokens := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "▁un", "▁a", "▁able", "able", "▁affe", "▁ch", "ᅡ", "▁,", "▁漢", "▁한", "▁ᄒ", "ᆫ", "b", "▁[", "▁]", "▁cls"}
	types := slices.Repeat([]int32{1}, len(tokens))
	for i := range 5 {
		types[i] = 3
	}
	return keys{
		"tokenizer.ggml.model":              "bert",
		"tokenizer.ggml.tokens":             tokens,
		"tokenizer.ggml.token_type":         types,
		"tokenizer.ggml.cls_token_id":       uint32(2),
		"tokenizer.ggml.seperator_token_id": uint32(3),
	}
}

// smallRaw has the tokens of smallSPM, with merges instead of scores, new lines and a user-defined tag.
func smallRaw() keys {
	k := smallSPM()
	k["tokenizer.ggml.model"] = "gemma4"
	delete(k, "tokenizer.ggml.scores")
	k["tokenizer.ggml.tokens"] = append(slices.Clone(k["tokenizer.ggml.tokens"].([]string)), "\n", "\n\n", "▁▁", "[U]")
	k["tokenizer.ggml.token_type"] = append(slices.Clone(k["tokenizer.ggml.token_type"].([]int32)), 1, 1, 1, 4)
	k["tokenizer.ggml.merges"] = []string{"h e", "l l", "ll o", "▁ he", "▁he llo", "▁ ▁"}
	return k
}

func TestWordPiece(t *testing.T) {
	t.Parallel()

	tok := smallBERT().open(t)
	tests := map[string]struct {
		text string
		opt  token.EncodeOptions
		want []token.Token
	}{
		"empty":              {"", token.EncodeOptions{}, []token.Token{}},
		"parts":              {"Unable", token.EncodeOptions{}, []token.Token{{5, 0, 2}, {8, 2, 6}}},
		"around":             {"a", token.EncodeOptions{AddSpecial: true}, []token.Token{{2, 0, 0}, {6, 0, 1}, {3, 1, 1}}},
		"space in front":     {"  a a ", token.EncodeOptions{}, []token.Token{{6, 0, 3}, {6, 3, 6}}},
		"punctuation":        {"a,a", token.EncodeOptions{}, []token.Token{{6, 0, 1}, {12, 1, 2}, {6, 2, 3}}},
		"ideographs":         {"a漢a", token.EncodeOptions{}, []token.Token{{6, 0, 1}, {13, 1, 4}, {6, 4, 5}}},
		"unknown":            {"a unx a", token.EncodeOptions{}, []token.Token{{6, 0, 1}, {1, 1, 5}, {6, 5, 7}}},
		"unknown beginning":  {"xable", token.EncodeOptions{}, []token.Token{{1, 0, 5}}},
		"accents":            {"ÀBLÉ", token.EncodeOptions{}, []token.Token{{7, 0, 6}}},
		"marks":              {"a\u0301ble", token.EncodeOptions{}, []token.Token{{7, 0, 6}}},
		"Hangul":             {"한", token.EncodeOptions{}, []token.Token{{15, 0, 3}, {11, 3, 3}, {16, 3, 3}}},
		"control characters": {"a\x00b\u200db\xff", token.EncodeOptions{}, []token.Token{{6, 0, 1}, {17, 1, 3}, {17, 3, 8}}},
		"control is text":    {"[CLS]", token.EncodeOptions{}, []token.Token{{18, 0, 1}, {20, 1, 4}, {19, 4, 5}}},
		"control":            {" [CLS] a", token.EncodeOptions{ParseSpecial: true}, []token.Token{{2, 0, 6}, {6, 6, 8}}},
		"nothing":            {" \x01 ", token.EncodeOptions{}, []token.Token{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := tok.Encode(tt.text, tt.opt)
			require.Equal(t, tt.want, got)
			if len(got) > 0 {
				requireTiling(t, tt.text, got)
			}
		})
	}
	require.Equal(t, "unable a", tok.Decode(ids(tok.Encode(" Unable\nÀ", token.EncodeOptions{}))))
}

// Punctuation stands alone after accents are dropped, and a control character that Unicode calls white space is dropped.
func TestWordPieceNormalizesFirst(t *testing.T) {
	t.Parallel()

	k := smallBERT()
	tokens := append(slices.Clone(k["tokenizer.ggml.tokens"].([]string)), "▁=", "▁<", "=", "<")
	types := append(slices.Clone(k["tokenizer.ggml.token_type"].([]int32)), 1, 1, 1, 1)
	tok := k.with("tokenizer.ggml.tokens", tokens).with("tokenizer.ggml.token_type", types).open(t)
	encode := func(text string) []token.Token { return tok.Encode(text, token.EncodeOptions{}) }
	require.Equal(t, []token.Token{{6, 0, 1}, {21, 1, 4}, {6, 4, 5}, {22, 5, 8}}, encode("a≠a≮"))
	require.Equal(t, []token.Token{{7, 0, 6}}, encode("a\vb\fle"))
	require.Equal(t, []token.Token{{6, 0, 1}, {6, 1, 3}}, encode("a\na"))
	require.Equal(t, []token.Token{{6, 0, 1}, {6, 1, 5}}, encode("a\u2028a"))
}

func TestWordPieceKeepsCase(t *testing.T) {
	t.Parallel()

	k := smallBERT()
	tokens := append(slices.Clone(k["tokenizer.ggml.tokens"].([]string)), "▁A", "▁À", "▁à", "▁")
	types := append(slices.Clone(k["tokenizer.ggml.token_type"].([]int32)), 1, 1, 1, 1)
	k = k.with("tokenizer.ggml.tokens", tokens).with("tokenizer.ggml.token_type", types)
	encode := func(k keys, text string) []int32 { return ids(k.open(t).Encode(text, token.EncodeOptions{})) }
	require.Equal(t, []int32{6}, encode(k, "À"))
	require.Equal(t, []int32{22}, encode(k.with("tokenizer.ggml.normalizer.lowercase", false), "À"))
	require.Equal(t, []int32{21}, encode(k.with("tokenizer.ggml.normalizer.lowercase", false).with("tokenizer.ggml.normalizer.strip_accents", true), "À"))
	require.Equal(t, []int32{23}, encode(k.with("tokenizer.ggml.normalizer.strip_accents", false), "À"))
	require.Equal(t, []int32{24, 17}, encode(k, "b"), "the mark alone starts a word that has no start")
}

func TestRawBPE(t *testing.T) {
	t.Parallel()

	tok := smallRaw().open(t)
	tests := map[string]struct {
		text string
		opt  token.EncodeOptions
		want []token.Token
	}{
		"no space in front": {"hello", token.EncodeOptions{}, []token.Token{{264, 0, 2}, {266, 2, 5}}},
		"opened":            {" hello", token.EncodeOptions{AddSpecial: true}, []token.Token{{1, 0, 0}, {268, 0, 6}}},
		"spaces":            {"  he", token.EncodeOptions{}, []token.Token{{259, 0, 1}, {267, 1, 4}}},
		"only spaces":       {"   ", token.EncodeOptions{}, []token.Token{{276, 0, 2}, {259, 2, 3}}},
		"new lines":         {"h\n\nh\n", token.EncodeOptions{}, []token.Token{{260, 0, 1}, {275, 1, 3}, {260, 3, 4}, {274, 4, 5}}},
		"many new lines":    {"\n\n\n", token.EncodeOptions{}, []token.Token{{274, 0, 1}, {274, 1, 2}, {274, 2, 3}}},
		"bytes":             {"é🙂", token.EncodeOptions{}, []token.Token{{269, 0, 2}, {3 + 0xf0, 2, 3}, {3 + 0x9f, 3, 4}, {3 + 0x99, 4, 5}, {3 + 0x82, 5, 6}}},
		"not UTF-8":         {"\xff", token.EncodeOptions{}, []token.Token{{3 + 0xff, 0, 1}}},
		"user-defined":      {"h[U]h", token.EncodeOptions{}, []token.Token{{260, 0, 1}, {277, 1, 4}, {260, 4, 5}}},
		"control is text":   {"<s>", token.EncodeOptions{}, []token.Token{{270, 0, 1}, {271, 1, 2}, {272, 2, 3}}},
		"control":           {"<s>h", token.EncodeOptions{ParseSpecial: true}, []token.Token{{1, 0, 3}, {260, 3, 4}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := tok.Encode(tt.text, tt.opt)
			require.Equal(t, tt.want, got)
			requireTiling(t, tt.text, got)
			if !tt.opt.AddSpecial {
				require.Equal(t, tt.text, tok.Decode(ids(got)))
			}
		})
	}
}

// What stands in a literal range is never a control token, and nothing else changes: not the words, and not the space
// that SentencePiece puts at the start and after a special token.
func TestLiteral(t *testing.T) {
	t.Parallel()

	spm, bpe := smallSPM().open(t), smallBPE().open(t)
	encode := func(tok *token.Tokenizer, text string, literal ...token.Range) []token.Token {
		return tok.Encode(text, token.EncodeOptions{ParseSpecial: true, Literal: literal})
	}
	tests := map[string]struct {
		tok     *token.Tokenizer
		text    string
		literal []token.Range
		want    []token.Token
	}{
		"words reach over the border":  {bpe, "hello hello", []token.Range{{3, 7}}, []token.Token{{259, 0, 5}, {260, 5, 11}}},
		"outside":                      {bpe, "<s>ab<s>", []token.Range{{3, 5}}, []token.Token{{262, 0, 3}, {261, 3, 5}, {262, 5, 8}}},
		"inside":                       {bpe, "ab<s>ab", []token.Range{{2, 5}}, []token.Token{{261, 0, 2}, {'<', 2, 3}, {'s', 3, 4}, {'>', 4, 5}, {261, 5, 7}}},
		"begins outside":               {bpe, "<s>", []token.Range{{1, 3}}, []token.Token{{'<', 0, 1}, {'s', 1, 2}, {'>', 2, 3}}},
		"ends outside":                 {bpe, "<s>", []token.Range{{0, 1}}, []token.Token{{'<', 0, 1}, {'s', 1, 2}, {'>', 2, 3}}},
		"user-defined":                 {bpe, "[U]", []token.Range{{1, 2}}, []token.Token{{264, 0, 3}}},
		"empty":                        {bpe, "<s>", []token.Range{{1, 1}, {2, 2}}, []token.Token{{262, 0, 3}}},
		"several":                      {bpe, "<s><s><s>", []token.Range{{0, 2}, {6, 9}}, []token.Token{{'<', 0, 1}, {'s', 1, 2}, {'>', 2, 3}, {262, 3, 6}, {'<', 6, 7}, {'s', 7, 8}, {'>', 8, 9}}},
		"no space in the middle":       {spm, "hellohello", []token.Range{{5, 10}}, []token.Token{{268, 0, 5}, {264, 5, 7}, {266, 7, 10}}},
		"space after a special token":  {spm, "</s>hello<s>", []token.Range{{4, 12}}, []token.Token{{2, 0, 4}, {268, 4, 9}, {270, 9, 10}, {273, 10, 12}}},
		"no space after a literal one": {spm, "</s>hello", []token.Range{{0, 4}}, []token.Token{{259, 0, 0}, {270, 0, 1}, {3 + '/', 1, 2}, {273, 2, 4}, {264, 4, 6}, {266, 6, 9}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := encode(tt.tok, tt.text, tt.literal...)
			require.Equal(t, tt.want, got)
			requireTiling(t, tt.text, got)
		})
	}
}

func TestBPE(t *testing.T) {
	t.Parallel()

	tok := smallBPE().open(t)
	tests := map[string]struct {
		text string
		opt  token.EncodeOptions
		want []token.Token
	}{
		"empty":                   {"", token.EncodeOptions{}, []token.Token{}},
		"merged":                  {"hello hello", token.EncodeOptions{}, []token.Token{{259, 0, 5}, {260, 5, 11}}},
		"part of a character":     {"é", token.EncodeOptions{}, []token.Token{{0xc3, 0, 1}, {0xa9, 1, 2}}},
		"not UTF-8":               {"\xff\x00ab", token.EncodeOptions{}, []token.Token{{0xff, 0, 1}, {0, 1, 2}, {261, 2, 4}}},
		"text around":             {"ab", token.EncodeOptions{AddSpecial: true}, []token.Token{{261, 0, 2}}},
		"control token is text":   {"<s>", token.EncodeOptions{}, []token.Token{{'<', 0, 1}, {'s', 1, 2}, {'>', 2, 3}}},
		"control token":           {"ab<s>ab", token.EncodeOptions{ParseSpecial: true}, []token.Token{{261, 0, 2}, {262, 2, 5}, {261, 5, 7}}},
		"user-defined token":      {"ab[U]ab", token.EncodeOptions{}, []token.Token{{261, 0, 2}, {264, 2, 5}, {261, 5, 7}}},
		"user-defined and parsed": {"[U]<|end|>", token.EncodeOptions{ParseSpecial: true}, []token.Token{{264, 0, 3}, {263, 3, 10}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := tok.Encode(tt.text, tt.opt)
			require.Equal(t, tt.want, got)
			requireTiling(t, tt.text, got)
			require.Equal(t, tt.text, tok.Decode(ids(got)))
		})
	}
}

// Of the special tokens that start at a place, the longest is taken; of two that overlap, the first.
func TestLongestSpecial(t *testing.T) {
	t.Parallel()

	k := smallBPE()
	tokens := append(slices.Clone(k["tokenizer.ggml.tokens"].([]string)), "<s><", "<s><x", "x[U]!")
	types := append(slices.Clone(k["tokenizer.ggml.token_type"].([]int32)), 3, 3, 4)
	tok := k.with("tokenizer.ggml.tokens", tokens).with("tokenizer.ggml.token_type", types).open(t)
	for text, want := range map[string][]int32{
		"<s>":        {262},
		"<s><":       {266},
		"<s><x":      {267},
		"<s><y":      {266, 'y'},
		"<s><x[U]!":  {267, 264, '!'},
		"<s><s><s><": {266, 's', '>', 266},
	} {
		got := tok.Encode(text, token.EncodeOptions{ParseSpecial: true})
		require.Equal(t, want, ids(got), text)
		requireTiling(t, text, got)
	}
}

func TestAddedTokens(t *testing.T) {
	t.Parallel()

	tok := smallBPE().with("tokenizer.ggml.add_bos_token", true).with("tokenizer.ggml.add_eos_token", true).open(t)
	require.Equal(t, []token.Token{{262, 0, 0}, {261, 0, 2}, {263, 2, 2}}, tok.Encode("ab", token.EncodeOptions{AddSpecial: true}))
	require.Equal(t, []token.Token{{261, 0, 2}}, tok.Encode("ab", token.EncodeOptions{}))

	tok = smallSPM().with("tokenizer.ggml.add_bos_token", false).open(t)
	require.Equal(t, []int32{268}, ids(tok.Encode("hello", token.EncodeOptions{AddSpecial: true})))
	tok = smallSPM().open(t) // this kind of vocabulary opens a text unless told otherwise
	require.Equal(t, []int32{1, 268}, ids(tok.Encode("hello", token.EncodeOptions{AddSpecial: true})))
}

func TestSPM(t *testing.T) {
	t.Parallel()

	tok := smallSPM().open(t)
	tests := map[string]struct {
		text string
		opt  token.EncodeOptions
		want []token.Token
	}{
		"space in front":     {"hello", token.EncodeOptions{}, []token.Token{{268, 0, 5}}},
		"two spaces":         {" hello", token.EncodeOptions{}, []token.Token{{259, 0, 0}, {268, 0, 6}}},
		"bytes":              {"hé\U0001F642", token.EncodeOptions{}, []token.Token{{259, 0, 0}, {260, 0, 1}, {269, 1, 3}, {3 + 0xf0, 3, 4}, {3 + 0x9f, 4, 5}, {3 + 0x99, 5, 6}, {3 + 0x82, 6, 7}}},
		"not UTF-8":          {"h\xff", token.EncodeOptions{}, []token.Token{{259, 0, 0}, {260, 0, 1}, {3 + 0xff, 1, 2}}},
		"space mark in text": {"▁he", token.EncodeOptions{}, []token.Token{{259, 0, 0}, {267, 0, 5}}},
		"control is text":    {"<s>", token.EncodeOptions{}, []token.Token{{259, 0, 0}, {270, 0, 1}, {273, 1, 3}}},
		"byte name is text":  {"<0x0A>", token.EncodeOptions{}, []token.Token{{259, 0, 0}, {270, 0, 1}, {3 + '0', 1, 2}, {3 + 'x', 2, 3}, {3 + '0', 3, 4}, {3 + 'A', 4, 5}, {272, 5, 6}}},
		"after a special":    {"</s>hello", token.EncodeOptions{ParseSpecial: true}, []token.Token{{2, 0, 4}, {268, 4, 9}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := tok.Encode(tt.text, tt.opt)
			require.Equal(t, tt.want, got)
			requireTiling(t, tt.text, got)
		})
	}
}

func TestSPMWithoutPrefixOrBytes(t *testing.T) {
	t.Parallel()

	tok := smallSPM().with("tokenizer.ggml.add_space_prefix", false).open(t)
	require.Equal(t, []int32{264, 266}, ids(tok.Encode("hello", token.EncodeOptions{})))
	require.Equal(t, " hello", tok.Decode(ids(tok.Encode(" hello", token.EncodeOptions{}))))

	k := smallSPM()
	types := slices.Clone(k["tokenizer.ggml.token_type"].([]int32))
	for i := range types {
		if types[i] == 6 {
			types[i] = 5
		}
	}
	tok = k.with("tokenizer.ggml.token_type", types).open(t)
	require.Equal(t, []token.Token{{259, 0, 0}, {260, 0, 1}, {0, 1, 5}}, tok.Encode("h\U0001F642", token.EncodeOptions{}))
}

func TestTokens(t *testing.T) {
	t.Parallel()

	tok := smallBPE().open(t)
	require.Equal(t, 266, tok.Size())
	require.Equal(t, []byte(" hello"), tok.Piece(260))
	require.Equal(t, []byte{0xff}, tok.Piece(0xff))
	require.Equal(t, []byte("<s>"), tok.Piece(262))
	require.Empty(t, tok.Piece(265))
	require.Nil(t, tok.Piece(-1))
	require.Nil(t, tok.Piece(266))
	require.Equal(t, "hello<s>", tok.Decode([]int32{259, -5, 262, 1 << 30, 265}))
	require.True(t, tok.IsControl(262))
	require.False(t, tok.IsControl(264))
	require.False(t, tok.IsControl(-1))
	require.False(t, tok.IsControl(266))
	require.True(t, tok.EndOfGeneration(263))
	require.False(t, tok.EndOfGeneration(262))
	id, ok := tok.BOS()
	require.Equal(t, int32(262), id)
	require.True(t, ok)
	id, ok = tok.EOS()
	require.Equal(t, int32(263), id)
	require.True(t, ok)

	_, ok = smallBPE().with("tokenizer.ggml.bos_token_id", nil).open(t).BOS()
	require.False(t, ok)
}

// A name like <|end|> ends a generation, and is not text, whatever the type of the token.
func TestEndNames(t *testing.T) {
	t.Parallel()

	k := smallBPE()
	types := slices.Clone(k["tokenizer.ggml.token_type"].([]int32))
	types[263] = 4
	tok := k.with("tokenizer.ggml.token_type", types).with("tokenizer.ggml.eos_token_id", nil).open(t)
	require.True(t, tok.EndOfGeneration(263))
	require.True(t, tok.IsControl(263))
	require.NotContains(t, ids(tok.Encode("<|end|>", token.EncodeOptions{})), int32(263))

	tok = k.with("tokenizer.ggml.eot_token_id", uint32(262)).open(t)
	require.True(t, tok.EndOfGeneration(262))
}

// Bytes without a token belong to the token before them.
func TestMissingBytes(t *testing.T) {
	t.Parallel()

	k := smallBPE()
	tokens := slices.Clone(k["tokenizer.ggml.tokens"].([]string))
	tokens[0xff] = "never"
	tok := k.with("tokenizer.ggml.tokens", tokens).open(t)
	require.Equal(t, []token.Token{{261, 0, 3}, {261, 3, 6}}, tok.Encode("ab\xffab\xff", token.EncodeOptions{}))
	require.Equal(t, []token.Token{{261, 0, 3}}, tok.Encode("\xffab", token.EncodeOptions{}))
	require.Empty(t, tok.Encode("\xff", token.EncodeOptions{}))
}

func TestStripsAfterSpecial(t *testing.T) {
	t.Parallel()

	tok := smallSPM().with("general.name", "Phi-3 mini").open(t)
	encode := func(text string) []token.Token { return tok.Encode(text, token.EncodeOptions{ParseSpecial: true}) }
	require.Equal(t, []token.Token{{2, 0, 6}, {268, 6, 11}}, encode("</s>\n hello"))
	require.Equal(t, []token.Token{{1, 0, 3}, {259, 3, 3}, {268, 3, 9}}, encode("<s> hello"))
	require.Equal(t, 4, encode("</s>\u00a0hello")[0].End, "only ASCII")
}

func TestMalformedVocabularies(t *testing.T) {
	t.Parallel()

	bpe, spm := smallBPE(), smallSPM()
	tokens := bpe["tokenizer.ggml.tokens"].([]string)
	twice := slices.Clone(tokens)
	twice[10] = twice[20]
	long := slices.Clone(tokens)
	long[265] = string(bytes.Repeat([]byte("x"), 2049))
	noBytes := slices.Clone(tokens[256:])
	scores := spm["tokenizer.ggml.scores"].([]float32)
	nan := slices.Clone(scores)
	nan[5] = float32NaN()
	badType := slices.Clone(bpe["tokenizer.ggml.token_type"].([]int32))
	badType[3] = 7
	control := slices.Clone(bpe["tokenizer.ggml.token_type"].([]int32))
	control[259] = 3
	noUnknown := slices.Clone(spm["tokenizer.ggml.token_type"].([]int32))
	noUnknown[100] = 1

	tests := map[string]struct {
		k    keys
		key  string
		kind error
	}{
		"no tokenizer":           {keys{}, "tokenizer.ggml.model", token.ErrInvalid},
		"model is a number":      {bpe.with("tokenizer.ggml.model", uint32(1)), "tokenizer.ggml.model", token.ErrInvalid},
		"unknown model":          {bpe.with("tokenizer.ggml.model", "t5"), "tokenizer.ggml.model", token.ErrUnsupported},
		"unknown pre-tokenizer":  {bpe.with("tokenizer.ggml.pre", "nobody"), "tokenizer.ggml.pre", token.ErrUnsupported},
		"pre is a number":        {bpe.with("tokenizer.ggml.pre", uint32(1)), "tokenizer.ggml.pre", token.ErrInvalid},
		"no tokens":              {bpe.with("tokenizer.ggml.tokens", nil), "tokenizer.ggml.tokens", token.ErrInvalid},
		"empty tokens":           {bpe.with("tokenizer.ggml.tokens", []string{}), "tokenizer.ggml.tokens", token.ErrInvalid},
		"tokens are numbers":     {bpe.with("tokenizer.ggml.tokens", []int32{1}), "tokenizer.ggml.tokens", token.ErrInvalid},
		"token twice":            {bpe.with("tokenizer.ggml.tokens", twice), "tokenizer.ggml.tokens", token.ErrInvalid},
		"token too long":         {bpe.with("tokenizer.ggml.tokens", long), "tokenizer.ggml.tokens", token.ErrLimit},
		"no byte":                {bpe.with("tokenizer.ggml.tokens", noBytes).with("tokenizer.ggml.token_type", nil).with("tokenizer.ggml.merges", []string{}).with("tokenizer.ggml.bos_token_id", nil).with("tokenizer.ggml.eos_token_id", nil), "tokenizer.ggml.tokens", token.ErrInvalid},
		"too few types":          {bpe.with("tokenizer.ggml.token_type", badType[:5]), "tokenizer.ggml.token_type", token.ErrInvalid},
		"narrow types":           {bpe.with("tokenizer.ggml.token_type", make([]int8, len(tokens))), "tokenizer.ggml.token_type", token.ErrInvalid},
		"types are a string":     {bpe.with("tokenizer.ggml.token_type", "x"), "tokenizer.ggml.token_type", token.ErrInvalid},
		"unknown type":           {bpe.with("tokenizer.ggml.token_type", badType), "tokenizer.ggml.token_type", token.ErrInvalid},
		"no merges":              {bpe.with("tokenizer.ggml.merges", nil), "tokenizer.ggml.merges", token.ErrInvalid},
		"merges are numbers":     {bpe.with("tokenizer.ggml.merges", []int32{1}), "tokenizer.ggml.merges", token.ErrInvalid},
		"merge of one":           {bpe.with("tokenizer.ggml.merges", []string{"ab"}), "tokenizer.ggml.merges", token.ErrInvalid},
		"merge is empty":         {bpe.with("tokenizer.ggml.merges", []string{""}), "tokenizer.ggml.merges", token.ErrInvalid},
		"merge of no token":      {bpe.with("tokenizer.ggml.merges", []string{"zz z"}), "tokenizer.ggml.merges", token.ErrInvalid},
		"merge into no token":    {bpe.with("tokenizer.ggml.merges", []string{"x y"}), "tokenizer.ggml.merges", token.ErrInvalid},
		"merge into control":     {bpe.with("tokenizer.ggml.token_type", control), "tokenizer.ggml.merges", token.ErrInvalid},
		"bos out of range":       {bpe.with("tokenizer.ggml.bos_token_id", uint32(266)), "tokenizer.ggml.bos_token_id", token.ErrInvalid},
		"eos is negative":        {bpe.with("tokenizer.ggml.eos_token_id", int32(-1)), "tokenizer.ggml.eos_token_id", token.ErrInvalid},
		"eot is a string":        {bpe.with("tokenizer.ggml.eot_token_id", "x"), "tokenizer.ggml.eot_token_id", token.ErrInvalid},
		"adds no bos":            {bpe.with("tokenizer.ggml.bos_token_id", nil).with("tokenizer.ggml.add_bos_token", true), "tokenizer.ggml.add_bos_token", token.ErrInvalid},
		"adds no eos":            {bpe.with("tokenizer.ggml.eos_token_id", nil).with("tokenizer.ggml.add_eos_token", true), "tokenizer.ggml.add_eos_token", token.ErrInvalid},
		"add bos is a number":    {bpe.with("tokenizer.ggml.add_bos_token", uint32(1)), "tokenizer.ggml.add_bos_token", token.ErrInvalid},
		"prefix is a number":     {spm.with("tokenizer.ggml.add_space_prefix", uint32(1)), "tokenizer.ggml.add_space_prefix", token.ErrInvalid},
		"no scores":              {spm.with("tokenizer.ggml.scores", nil), "tokenizer.ggml.scores", token.ErrInvalid},
		"too few scores":         {spm.with("tokenizer.ggml.scores", scores[:7]), "tokenizer.ggml.scores", token.ErrInvalid},
		"wide scores":            {spm.with("tokenizer.ggml.scores", make([]float64, len(scores))), "tokenizer.ggml.scores", token.ErrInvalid},
		"score is no number":     {spm.with("tokenizer.ggml.scores", nan), "tokenizer.ggml.scores", token.ErrInvalid},
		"integer scores":         {spm.with("tokenizer.ggml.scores", make([]int32, len(scores))), "tokenizer.ggml.scores", token.ErrInvalid},
		"more scores":            {spm.with("tokenizer.ggml.scores", make([]float32, len(scores)+1)), "tokenizer.ggml.scores", token.ErrInvalid},
		"more types":             {bpe.with("tokenizer.ggml.token_type", make([]int32, len(tokens)+1)), "tokenizer.ggml.token_type", token.ErrInvalid},
		"unsigned types":         {bpe.with("tokenizer.ggml.token_type", make([]uint32, len(tokens))), "tokenizer.ggml.token_type", token.ErrInvalid},
		"bos is a long number":   {bpe.with("tokenizer.ggml.bos_token_id", uint64(1<<40)), "tokenizer.ggml.bos_token_id", token.ErrInvalid},
		"eom out of range":       {bpe.with("tokenizer.ggml.eom_token_id", uint32(1<<31)), "tokenizer.ggml.eom_token_id", token.ErrInvalid},
		"unknown out of range":   {spm.with("tokenizer.ggml.unknown_token_id", uint32(len(scores))), "tokenizer.ggml.unknown_token_id", token.ErrInvalid},
		"cls out of range":       {smallBERT().with("tokenizer.ggml.cls_token_id", uint32(99)), "tokenizer.ggml.cls_token_id", token.ErrInvalid},
		"sep is a truth value":   {smallBERT().with("tokenizer.ggml.seperator_token_id", true), "tokenizer.ggml.seperator_token_id", token.ErrInvalid},
		"case is a number":       {smallBERT().with("tokenizer.ggml.normalizer.lowercase", uint32(1)), "tokenizer.ggml.normalizer.lowercase", token.ErrInvalid},
		"accents are a string":   {smallBERT().with("tokenizer.ggml.normalizer.strip_accents", "x"), "tokenizer.ggml.normalizer.strip_accents", token.ErrInvalid},
		"pieces, no unknown":     {smallBERT().with("tokenizer.ggml.tokens", []string{"a"}).with("tokenizer.ggml.token_type", nil).with("tokenizer.ggml.cls_token_id", nil).with("tokenizer.ggml.seperator_token_id", nil), "tokenizer.ggml.unknown_token_id", token.ErrInvalid},
		"raw, no merges":         {smallRaw().with("tokenizer.ggml.merges", nil), "tokenizer.ggml.merges", token.ErrInvalid},
		"raw, no bytes":          {smallRaw().with("tokenizer.ggml.token_type", nil).with("tokenizer.ggml.unknown_token_id", nil), "tokenizer.ggml.tokens", token.ErrInvalid},
		"raw, merge of no token": {smallRaw().with("tokenizer.ggml.merges", []string{"h ?"}), "tokenizer.ggml.merges", token.ErrInvalid},
		"byte without token":     {spm.with("tokenizer.ggml.unknown_token_id", nil).with("tokenizer.ggml.token_type", noUnknown), "tokenizer.ggml.tokens", token.ErrInvalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, err := token.New(tt.k.file(t))
			require.ErrorIs(t, err, tt.kind)
			var vocab *token.VocabError
			require.ErrorAs(t, err, &vocab)
			require.Equal(t, tt.key, vocab.Key)
		})
	}
}

func TestUnsupportedIsNamed(t *testing.T) {
	t.Parallel()

	_, err := token.New(smallBPE().with("tokenizer.ggml.pre", "no\x1bbody").file(t))
	require.EqualError(t, err, `reading tokenizer.ggml.pre: pre-tokenizer "no\x1bbody" is not known: unsupported vocabulary`)
}

// Names that files have for pre-tokenizers which are those of better known models.
func TestOtherNamesOfPreTokenizers(t *testing.T) {
	t.Parallel()

	const text = "I'LL pay 12345 for  HelloWorld's\n\n naïve, 'twas"
	k := smallBPE()
	encode := func(pre string) []token.Token {
		return k.with("tokenizer.ggml.pre", pre).open(t).Encode(text, token.EncodeOptions{AddSpecial: true})
	}
	for known, others := range map[string][]string{
		"gpt-2":     {"gigachat", "mellum", "a.x-4.0", "modern-bert", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de"},
		"llama-bpe": {"jina-v5-nano"},
		"qwen2":     {"kormo", "f2llmv2"},
		"gpt-4o":    {"kanana2", "talkie", "minimax-m2"},
	} {
		for _, name := range others {
			require.Equal(t, encode(known), encode(name), name)
		}
	}
}
