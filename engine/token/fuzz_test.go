package token_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/token"
)

// Encode and Decode give the same bytes again, the offsets tile the text, and number of tokens and memory are linear in it.
func FuzzTokenizer(f *testing.F) {
	bpe, spm, raw, pieces := open(f, tinychat+"guarded-q4_k_m.gguf"), smallSPM().open(f), smallRaw().open(f), smallBERT().open(f)
	for _, s := range []string{"", "hello", "<|im_start|>user\nhi<|im_end|>", " \n\t é漢🙂\xff\x00", "<s>▁ hello</s>  hello", "<0x0A>", "Unáble [CLS] 한", "[U]\n\n\n"} {
		f.Add(s, true, 1, 5)
		f.Add(s, false, 0, 0)
	}
	f.Fuzz(func(t *testing.T, text string, special bool, start, end int) {
		start = min(max(start, 0), len(text))
		literal := token.Range{Start: start, End: min(max(start, end), len(text))}
		opt := token.EncodeOptions{ParseSpecial: special, Literal: []token.Range{literal}}
		all := []*token.Tokenizer{bpe, spm, raw, pieces}
		for i, got := range requireLinear(t, all, text, opt) {
			tok := all[i]
			if tok != pieces || len(got) > 0 {
				requireTiling(t, text, got)
			}
			for _, g := range got {
				if tok.IsControl(g.ID) {
					require.True(t, special && (g.End <= literal.Start || g.Start >= literal.End || literal.Start == literal.End), "%d from text", g.ID)
				}
				if tok == bpe {
					require.Equal(t, text[g.Start:g.End], string(tok.Piece(g.ID)))
				}
			}
			want := text
			switch tok {
			case pieces:
				tok.Decode(ids(got))
				continue
			case spm, raw:
				want = strings.ReplaceAll(text, "▁", " ")
			}
			require.Equal(t, want, tok.Decode(ids(got)))
		}
	})
}

// requireLinear encodes text with each tokenizer, twice: at most four tokens for each byte, the same again, and memory in
// proportion.
func requireLinear(t *testing.T, all []*token.Tokenizer, text string, opt token.EncodeOptions) [][]token.Token {
	t.Helper()
	var before, after runtime.MemStats
	out := make([][]token.Token, len(all))
	runtime.ReadMemStats(&before)
	for i, tok := range all {
		out[i] = tok.Encode(text, opt)
	}
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(len(all)*(4<<10+512*len(text))))
	for i, tok := range all {
		require.LessOrEqual(t, len(out[i]), 4*len(text)+2)
		require.Equal(t, out[i], tok.Encode(text, opt))
	}
	return out
}

// FuzzLongTexts repeats a text, for vocabularies that are made to take long.
func FuzzLongTexts(f *testing.F) {
	vocabularies := []*token.Tokenizer{hostileBPE().open(f), hostileSPM().open(f), hostileRaw().open(f), hostileWords().open(f)}
	for i, s := range []string{"a", " ", "ab", "<s", "a\n ", "\x80", "漢", "1a", "'"} {
		f.Add(byte(i), s, s)
	}
	f.Fuzz(func(t *testing.T, which byte, unit, end string) {
		tok := vocabularies[int(which)%len(vocabularies)]
		small, big := strings.Repeat(unit, (16<<10)/max(1, len(unit)))+end, strings.Repeat(unit, (64<<10)/max(1, len(unit)))+end
		if len(big) > 80<<10 || len(unit)+len(end) > 4<<10 { // the smaller one is to be a quarter of it
			return
		}
		require.LessOrEqual(t, len(tok.Encode(big, token.EncodeOptions{ParseSpecial: true})), 4*len(big)+2)
		if !testing.Short() {
			require.Less(t, growth(t, small, big, func(text string) { tok.Encode(text, token.EncodeOptions{ParseSpecial: true}) }), float64(linear))
		}
	})
}

// Any metadata gives a tokenizer that works or a typed error.
func FuzzVocabulary(f *testing.F) {
	data, err := os.ReadFile(tinychat + "guarded-q4_k_m.gguf")
	require.NoError(f, err)
	f.Add(string(data[:4096]), "gpt2", "gpt-2", "a\nb\nab\n<s>", "a b", []byte{1, 1, 1, 3}, uint32(3))
	f.Add("a\n\nb", "gemma4", "", "<unk>\n▁\na\n<0x0A>", "▁ a", []byte{2, 1, 1, 6}, uint32(0))
	f.Add("a b", "bert", "", "[UNK]\n▁a\na\n▁", "", []byte{3, 1, 1, 1}, uint32(0))
	f.Add("text", "llama", "", "<unk>\n▁\na\n<0x0A>", "", []byte{2, 1, 1, 6}, uint32(0))
	f.Fuzz(func(t *testing.T, text, model, pre, tokens, merges string, types []byte, id uint32) {
		k := keys{
			"tokenizer.ggml.model": model, "tokenizer.ggml.pre": pre, "tokenizer.ggml.tokens": strings.Split(tokens, "\n"),
			"tokenizer.ggml.merges": strings.Split(merges, "\n"), "tokenizer.ggml.unknown_token_id": id, "tokenizer.ggml.bos_token_id": id,
		}
		kinds, scores := make([]int32, len(types)), make([]float32, len(types))
		for i, b := range types {
			kinds[i], scores[i] = int32(int8(b)), float32(int8(b))
		}
		k["tokenizer.ggml.token_type"], k["tokenizer.ggml.scores"] = kinds, scores
		tok, err := token.New(k.file(t))
		if err != nil {
			var vocab *token.VocabError
			require.ErrorAs(t, err, &vocab)
			return
		}
		got := tok.Encode(text, token.EncodeOptions{ParseSpecial: true, AddSpecial: true})
		require.LessOrEqual(t, len(got), 4*len(text)+2)
		for _, g := range got {
			require.Less(t, int(g.ID), tok.Size())
		}
		tok.Decode(ids(got))
	})
}
