package grammar_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/grammar"
)

const anyJSON = `root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? "}" ws
array  ::= "[" ws (value ("," ws value)*)? "]" ws
string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\"" ws
number ::= "-"? ([0-9] | [1-9] [0-9]{0,15}) ("." [0-9]+)? ([eE] [-+]? [0-9]{1,15})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
`

func BenchmarkVocabulary(b *testing.B) {
	for _, m := range public(b, "*qwen2.gguf") {
		for b.Loop() {
			_, err := grammar.NewVocabulary(m.tokens.Size(), m.tokens.Piece, m.tokens.EndOfGeneration)
			require.NoError(b, err)
		}
	}
}

// BenchmarkMask has three cases: a machine that knows nothing, one that has seen the state under another stack, and one
// that has seen the state.
func BenchmarkMask(b *testing.B) {
	for _, m := range public(b, "*qwen2.gguf") {
		g := gbnf(b, anyJSON)
		at := func(c *grammar.Constraint, text string) *grammar.State {
			s, err := c.Start()
			require.NoError(b, err)
			require.NoError(b, s.AcceptText(text))
			return &s
		}
		ask := func(s *grammar.State) {
			_, err := s.Mask()
			require.NoError(b, err)
		}
		for _, text := range []string{``, `{`, `{"key`, `{"key":[1`, `{"key":"`} {
			b.Run(fmt.Sprintf("cold/%q", text), func(b *testing.B) {
				for b.Loop() {
					ask(at(grammar.NewConstraint(g, m.v), text))
				}
			})
		}
		b.Run("new stack", func(b *testing.B) {
			c := grammar.NewConstraint(g, m.v)
			ask(at(c, `{"key":"`))
			text := `{"key":`
			for b.Loop() {
				b.StopTimer()
				if len(text) > 900 {
					text = `{"key":`
					c = grammar.NewConstraint(g, m.v)
					ask(at(c, `{"key":"`))
				}
				text += `[`
				s := at(c, text+`"`)
				b.StartTimer()
				ask(s)
			}
		})
		b.Run("warm", func(b *testing.B) {
			s := at(grammar.NewConstraint(g, m.v), `{"key":"`)
			ask(s)
			b.ReportAllocs()
			for b.Loop() {
				ask(s)
			}
		})
	}
}
