package pii

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each byte of a block is what the table of classes says of it.
func TestClassify(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		text := make([]byte, blockBytes)
		for i := range text {
			text[i] = byte(r.IntN(256))
		}
		words, digits, triggers := classify(string(text))
		for i, c := range text {
			require.Equal(t, classOf[c]&word != 0, words>>i&1 == 1, "%q", c)
			require.Equal(t, classOf[c]&digit != 0, digits>>i&1 == 1, "%q", c)
			require.Equal(t, classOf[c] == trigger, triggers>>i&1 == 1, "%q", c)
		}
	}
}

// What is found does not depend on where blocks begin: words over their borders, of many blocks, and at the end.
func TestBlocksHaveNoBorders(t *testing.T) {
	t.Parallel()

	const value = "bob@corp.io, card 4012 8888 8888 1881; key = \"" + "gh" + "p_abcdefghijklmnopqrstuvwxyz0123456789\", SSN 219-45-6789 and DE75512108001245126199"
	s := NewScanner(Config{})
	want := len(s.Scan(value))
	require.GreaterOrEqual(t, want, 4)
	for _, fill := range []string{" ", "a", "long_words_without_end"} {
		for n := range 200 {
			before := ""
			for len(before) < n {
				before += fill
			}
			text := before[:n] + "\n" + value
			found := s.Scan(text)
			require.Len(t, found, want, "%d of %q", n, fill)
			require.Equal(t, n+1, found[0].Start)
		}
	}
}
