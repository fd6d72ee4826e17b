package token_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/token"
)

func float32NaN() float32 { return float32(math.NaN()) }

// hostileBPE merges the letter a with itself in all ways, up to 1,024 letters.
func hostileBPE() keys {
	tokens := append(byteTexts(), "<s>")
	var merges []string
	for n := 2; n <= 1024; n++ {
		tokens = append(tokens, strings.Repeat("a", n))
		merges = append(merges, strings.Repeat("a", n-1)+" a")
	}
	return keys{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": merges}
}

// hostileSPM is the same for a vocabulary with scores; longer tokens come first, and all are special when parsed.
func hostileSPM() keys {
	tokens := []string{"<unk>", "▁", "a"}
	scores := []float32{0, -1, 0}
	types := []int32{2, 1, 1}
	for n := 2; n <= 1024; n++ {
		tokens, scores, types = append(tokens, strings.Repeat("a", n)), append(scores, float32(n)), append(types, 1)
		tokens, scores, types = append(tokens, strings.Repeat("b", n)), append(scores, 0), append(types, 3)
	}
	return keys{
		"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokens, "tokenizer.ggml.scores": scores,
		"tokenizer.ggml.token_type": types, "tokenizer.ggml.unknown_token_id": uint32(0), "tokenizer.ggml.bos_token_id": uint32(1),
	}
}

// hostileWords has long words, of which only the first letter is a token by itself: each is looked for to its end.
func hostileWords() keys {
	tokens := []string{"[UNK]", "▁a", "a", "▁b", "b", "▁1", "1"}
	for n := 2; n <= 1024; n++ {
		tokens = append(tokens, strings.Repeat("a", n), strings.Repeat("b", n)+"x")
	}
	return keys{"tokenizer.ggml.model": "bert", "tokenizer.ggml.tokens": tokens}
}

// hostileRaw is hostileBPE with characters instead of bytes.
func hostileRaw() keys {
	return hostileBPE().with("tokenizer.ggml.model", "gemma4").with("tokenizer.ggml.unknown_token_id", uint32(0))
}

// Each takes some 30 ms of CPU; with one quadratic step it would be ten seconds.
func TestEncodeIsNotQuadratic(t *testing.T) {
	if testing.Short() {
		t.Skip("times; of no use under the race detector")
	}
	const n = 100_000
	texts := map[string]string{
		"one letter":       strings.Repeat("a", n),
		"spaces":           strings.Repeat(" ", n),
		"new lines":        strings.Repeat("\n", n),
		"spaces and text":  strings.Repeat(" ", n) + "x",
		"spaces and kanji": strings.Repeat(" ", n) + "漢",
		"tabs and spaces":  strings.Repeat("\t ", n/2) + "x",
		"digits":           strings.Repeat("1", n),
		"upper case":       strings.Repeat("A", n),
		"marks":            strings.Repeat("!", n),
		"quotes":           strings.Repeat("'", n),
		"continuations":    strings.Repeat("\x80", n),
		"almost special":   strings.Repeat("<s", n/2),
		"many b":           strings.Repeat("b", n),
		"many b and x":     strings.Repeat(strings.Repeat("b", 1023)+"x", n/1024),
	}
	vocabularies := map[string]*token.Tokenizer{"spm": hostileSPM().open(t), "phi": hostileSPM().with("general.name", "phi3").open(t)}
	vocabularies["bert"], vocabularies["gemma4"] = hostileWords().open(t), hostileRaw().open(t)
	for _, pre := range []string{"default", "gpt-2", "llama-bpe", "qwen2", "qwen35", "starcoder", "falcon", "deepseek-llm", "deepseek-coder", "gpt-4o", "tekken"} {
		vocabularies[pre] = hostileBPE().with("tokenizer.ggml.pre", pre).open(t)
	}
	for vocabulary, tok := range vocabularies {
		for name, text := range texts {
			start := time.Now()
			got := tok.Encode(text, token.EncodeOptions{ParseSpecial: true})
			require.Less(t, time.Since(start), 5*time.Second, "%s, %s", vocabulary, name)
			require.LessOrEqual(t, len(got), 4*len(text)+2)
			if len(got) > 0 {
				requireTiling(t, text, got)
			}
		}
	}
}
