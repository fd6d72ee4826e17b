package token_test

import (
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

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

// growth is how many times as long f takes for the larger of two texts, in processor time of this thread; the least of
// some tries, since whatever else the machine does can but add to a time.
func growth(t *testing.T, small, big string, f func(text string)) float64 {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	took := func(text string) float64 {
		var before, after unix.Timespec
		require.NoError(t, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before))
		f(text)
		require.NoError(t, unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after))
		return float64(after.Nano() - before.Nano())
	}
	least := math.Inf(1)
	for tries := 0; tries < 12 && least > linear-2; tries++ {
		least = min(least, took(big)/took(small))
	}
	return least
}

// linear is what the growth for texts of four times the length stays under: a linear step has 4, one that sorts little more,
// a quadratic one 16.
const linear = 8

func TestEncodeIsNotQuadratic(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector's own work is not linear in the text")
	}
	const n = 40_000
	texts := map[string]func(n int) string{
		"one letter":       func(n int) string { return strings.Repeat("a", n) },
		"spaces":           func(n int) string { return strings.Repeat(" ", n) },
		"new lines":        func(n int) string { return strings.Repeat("\n", n) },
		"spaces and text":  func(n int) string { return strings.Repeat(" ", n) + "x" },
		"spaces and kanji": func(n int) string { return strings.Repeat(" ", n) + "漢" },
		"tabs and spaces":  func(n int) string { return strings.Repeat("\t ", n/2) + "x" },
		"digits":           func(n int) string { return strings.Repeat("1", n) },
		"upper case":       func(n int) string { return strings.Repeat("A", n) },
		"marks":            func(n int) string { return strings.Repeat("!", n) },
		"quotes":           func(n int) string { return strings.Repeat("'", n) },
		"continuations":    func(n int) string { return strings.Repeat("\x80", n) },
		"almost special":   func(n int) string { return strings.Repeat("<s", n/2) },
		"many b":           func(n int) string { return strings.Repeat("b", n) },
		"many b and x":     func(n int) string { return strings.Repeat(strings.Repeat("b", 1023)+"x", n/1024) },
	}
	vocabularies := map[string]*token.Tokenizer{"spm": hostileSPM().open(t), "phi": hostileSPM().with("general.name", "phi3").open(t)}
	vocabularies["bert"], vocabularies["gemma4"] = hostileWords().open(t), hostileRaw().open(t)
	for _, pre := range []string{"default", "gpt-2", "llama-bpe", "qwen2", "qwen35", "starcoder", "falcon", "deepseek-llm", "deepseek-coder", "gpt-4o", "tekken"} {
		vocabularies[pre] = hostileBPE().with("tokenizer.ggml.pre", pre).open(t)
	}
	worst := 0.
	for vocabulary, tok := range vocabularies {
		for name, text := range texts {
			encode := func(text string) {
				got := tok.Encode(text, token.EncodeOptions{ParseSpecial: true})
				if len(got) > 4*len(text)+2 {
					t.Errorf("%s, %s: %d tokens of %d bytes", vocabulary, name, len(got), len(text))
				}
			}
			grows := growth(t, text(n/4), text(n), encode)
			require.Less(t, grows, float64(linear), "%s, %s", vocabulary, name)
			worst = max(worst, grows)
			if got := tok.Encode(text(n), token.EncodeOptions{ParseSpecial: true}); len(got) > 0 {
				requireTiling(t, text(n), got)
			}
		}
	}
	t.Logf("texts of four times the length take at most %.1f times as long", worst)
}
