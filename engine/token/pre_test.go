package token

import (
	"math/rand/v2"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/stretchr/testify/require"
)

const (
	gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	cjkPattern  = `[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+`
)

// patterns are what the public tokenizers have; each cuts the pieces that the one before left.
var patterns = map[string][]string{
	"gpt-2":          {gpt2Pattern},
	"starcoder":      {`\p{N}`, gpt2Pattern},
	"llama-bpe":      {`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"qwen2":          {`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"qwen35":         {`(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"falcon":         {"[\\p{P}\\$\\+<=>\\^~\\|`]+", gpt2Pattern, `[0-9][0-9][0-9]`},
	"default":        {`[\p{P}\$\+<=>\^~\|]+`, gpt2Pattern, `\p{N}+`, `[0-9][0-9][0-9]`},
	"gpt-4o":         {`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"tekken":         {`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`},
	"deepseek-coder": {`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, cjkPattern, `\p{N}`},
}

// isolate cuts each piece at the matches of a pattern; matches and what is between them are pieces.
func isolate(t *testing.T, pieces [][]rune, re *regexp2.Regexp) [][]rune {
	t.Helper()
	var out [][]rune
	for _, piece := range pieces {
		at := 0
		m, err := re.FindRunesMatch(piece)
		for ; err == nil && m != nil; m, err = re.FindNextMatch(m) {
			if m.Index > at {
				out = append(out, piece[at:m.Index])
			}
			if m.Length > 0 {
				out = append(out, piece[m.Index:m.Index+m.Length])
			}
			at = m.Index + m.Length
		}
		require.NoError(t, err)
		if at < len(piece) {
			out = append(out, piece[at:])
		}
	}
	return out
}

// The oracle is a regular-expression engine with backtracking; texts are random mixes of what the patterns tell apart.
func TestPreTokenizersLikePatterns(t *testing.T) {
	t.Parallel()

	alphabet := []rune("aZéßΩжא漢字가ﬁᾳʔ0159½٣Ⅷ²  \t\r\n\u00a0\u3000\u2028\u0085.,!?'\"`$+<=>^~|-_()/ǅʰABC（。、～’\u0301\u0947\u200d\u200b\ufeff🙂€©\u0000\u001f\ufffd\U0010ffff\U00010400sStTrReEvVmMlLdD")
	rng := rand.New(rand.NewPCG(1, 2))
	for name, exprs := range patterns {
		var res []*regexp2.Regexp
		for _, e := range exprs {
			res = append(res, regexp2.MustCompile(e, regexp2.None))
		}
		pre, ok := preTokenizers(name)
		require.True(t, ok, name)
		for range 1000 {
			text := make([]rune, rng.IntN(24))
			for i := range text {
				text[i] = alphabet[rng.IntN(len(alphabet))]
				if i > 0 && rng.IntN(3) == 0 {
					text[i] = text[i-1]
				}
			}
			pieces := [][]rune{text}
			if len(text) == 0 {
				pieces = nil
			}
			for _, re := range res {
				pieces = isolate(t, pieces, re)
			}
			var want, got []string
			for _, p := range pieces {
				want = append(want, string(p))
			}
			pre.split(string(text), func(start, end int) { got = append(got, string(text)[start:end]) })
			require.Equal(t, want, got, "%s: %q", name, string(text))
		}
	}
}

// Pieces follow one another and cover the text, also where it is not UTF-8.
func FuzzSplit(f *testing.F) {
	names := []string{"default", "gpt-2", "llama-bpe", "qwen2", "qwen35", "starcoder", "falcon", "deepseek-llm", "deepseek-coder", "gpt-4o", "tekken"}
	for _, s := range []string{"", " a  b\n\n 123's\t\r\n", "\xff\xfe\xf0\x9f", "漢字 かな 한글。'LL\u00a0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range names {
			pre, _ := preTokenizers(name)
			at := 0
			pre.split(text, func(start, end int) {
				require.Equal(t, at, start)
				require.Less(t, start, end)
				at = end
			})
			require.Equal(t, len(text), at)
		}
	})
}
