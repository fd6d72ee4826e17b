package grammar_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/grammar"
	"github.com/hallmark-ml/hallmark/engine/token"
)

// vocabulary makes one of pieces; token 0 ends the text.
func vocabulary(tb testing.TB, pieces ...string) *grammar.Vocabulary {
	tb.Helper()
	v, err := grammar.NewVocabulary(len(pieces)+1, func(id int32) []byte { return []byte(pieces[id-1]) }, func(id int32) bool { return id == 0 })
	require.NoError(tb, err)
	return v
}

// everyByte is the vocabulary of single bytes; token b+1 is byte b.
func everyByte(tb testing.TB) *grammar.Vocabulary {
	tb.Helper()
	var pieces []string
	for b := range 256 {
		pieces = append(pieces, string([]byte{byte(b)}))
	}
	return vocabulary(tb, pieces...)
}

// start returns the state of an empty text.
func start(tb testing.TB, g *grammar.Grammar, v *grammar.Vocabulary) *grammar.State {
	tb.Helper()
	s, err := grammar.NewConstraint(g, v).Start()
	require.NoError(tb, err)
	return &s
}

// matches reports whether the whole text is in the language of g.
func matches(tb testing.TB, g *grammar.Grammar, text string) bool {
	tb.Helper()
	s := start(tb, g, vocabulary(tb, "x"))
	err := s.AcceptText(text)
	if err != nil {
		require.ErrorIs(tb, err, grammar.ErrRejected)
	}
	return err == nil && s.CanEnd()
}

func gbnf(tb testing.TB, src string) *grammar.Grammar {
	tb.Helper()
	g, err := grammar.ParseGBNF(src, grammar.Limits{})
	require.NoError(tb, err)
	return g
}

func allowed(mask []uint64, id int32) bool { return mask[id/64]>>(id%64)&1 == 1 }

// model is a vocabulary of a model file.
type model struct {
	name   string
	tokens *token.Tokenizer
	v      *grammar.Vocabulary
}

func open(tb testing.TB, path string) model {
	tb.Helper()
	data, err := os.ReadFile(path)
	require.NoError(tb, err)
	f, err := gguf.Parse(bytes.NewReader(data), int64(len(data)), gguf.Limits{})
	require.NoError(tb, err)
	t, err := token.New(f)
	require.NoError(tb, err)
	piece := func(id int32) []byte {
		if t.IsControl(id) {
			return nil
		}
		return t.Piece(id)
	}
	v, err := grammar.NewVocabulary(t.Size(), piece, t.EndOfGeneration)
	require.NoError(tb, err)
	return model{filepath.Base(path), t, v}
}

// public opens the public vocabularies whose names match.
func public(tb testing.TB, pattern string) []model {
	tb.Helper()
	root := os.Getenv("HALLMARK_TESTDATA")
	if root == "" {
		tb.Skip("HALLMARK_TESTDATA is not set: the public vocabularies are not at hand")
	}
	paths, err := filepath.Glob(filepath.Join(root, "vocab", pattern))
	require.NoError(tb, err)
	require.NotEmpty(tb, paths)
	var all []model
	for _, p := range paths {
		all = append(all, open(tb, p))
	}
	return all
}

// generate draws tokens evenly among the allowed ones; from the token calm on it takes the end as soon as it may come, and
// otherwise the shortest of a few draws. It returns the text and false if the limit was reached first.
func generate(tb testing.TB, r *rand.Rand, s *grammar.State, piece func(int32) []byte, calm, most int) (string, bool) {
	tb.Helper()
	var text []byte
	for n := range most {
		mask, err := s.Mask()
		require.NoError(tb, err, "after %q", text)
		var ids []int32
		for w, word := range mask {
			for b := range 64 {
				if word>>b&1 == 1 {
					ids = append(ids, int32(w*64+b))
				}
			}
		}
		id := ids[r.IntN(len(ids))]
		if n >= calm {
			for range 30 {
				if other := ids[r.IntN(len(ids))]; len(piece(other)) < len(piece(id)) {
					id = other
				}
			}
			closing := []string{`"`, "]", "}", `"}`, `"]`}
			for _, other := range ids {
				if s.CanEnd() {
					break
				}
				for _, c := range closing {
					if string(piece(other)) == c {
						id = other
					}
				}
			}
		}
		before := s.CanEnd()
		trial := *s
		if before && n >= calm {
			for _, other := range ids {
				if trial.Accept(other) == nil && trial.Done() {
					id = other
					break
				}
				trial = *s
			}
		}
		require.NoError(tb, s.Accept(id))
		if s.Done() {
			require.True(tb, before)
			return string(text), true
		}
		text = append(text, piece(id)...)
	}
	return string(text), false
}
