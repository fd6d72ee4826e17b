package token

import (
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
)

// The oracle is the normalization of golang.org/x/text.
func TestWithoutAccents(t *testing.T) {
	t.Parallel()

	for r := range rune(unicode.MaxRune + 1) {
		if r >= 0xd800 && r < 0xe000 || unicode.IsSpace(r) {
			continue
		}
		var want, got []rune
		for _, c := range norm.NFD.String(string(r)) {
			if !unicode.Is(unicode.Mn, c) {
				want = append(want, c)
			}
		}
		withoutAccents(r, func(c rune) { got = append(got, c) })
		if string(want) != string(got) {
			require.Equal(t, string(want), string(got), "%U", r)
		}
	}
}
