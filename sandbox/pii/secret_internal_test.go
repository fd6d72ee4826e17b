package pii

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every form is reached: a value made of its own prefix and alphabet is found, one letter less is not.
func TestEveryFormIsFound(t *testing.T) {
	t.Parallel()

	for _, f := range forms {
		letters := ""
		for _, c := range []byte("9Zk3Qd8Wf2Rb7Yc5X0a") {
			if f.letters(c) {
				letters += string(c)
			}
		}
		body := strings.Repeat(letters, f.least)[:f.least]
		if f.rule == "jwt" {
			body = "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"
		}
		find := func(text string) []Match {
			var out []Match
			for _, m := range Find("key " + text + " end") {
				if m.Class == Secret {
					out = append(out, m)
				}
			}
			return out
		}
		got := find(f.prefix + body)
		require.Len(t, got, 1, f.rule)
		require.Equal(t, f.rule, got[0].Rule)
		require.Equal(t, len(f.prefix+body), got[0].End-got[0].Start)
		if f.rule != "jwt" {
			require.Empty(t, find(f.prefix+body[1:]), f.rule)
		}
	}
}
