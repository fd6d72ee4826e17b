package grammar_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/gguf"
	"github.com/hallmark-ml/hallmark/engine/grammar"
	"github.com/hallmark-ml/hallmark/engine/sample"
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

// wish returns random logits. Where calm is 1 and not 0, they prefer short tokens, those that close something, and the end.
func (m model) wish(r *rand.Rand, calm float32) []float32 {
	logits := make([]float32, m.tokens.Size())
	for id := range logits {
		logits[id] = float32(r.NormFloat64())
		piece := string(m.tokens.Piece(int32(id)))
		logits[id] -= calm * 2 * float32(len(piece))
		if strings.Trim(piece, `"]}`) == "" {
			logits[id] += calm * 20
		}
		if m.tokens.EndOfGeneration(int32(id)) {
			logits[id] += calm * 1000
		}
	}
	return logits
}

// generate draws tokens, from the token calm on by other logits. It returns the text and false if there were most tokens
// before the end.
func generate(tb testing.TB, m model, seed uint64, s *grammar.State, calm, most int) (string, bool) {
	tb.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	draw := sample.New(sample.Config{Seed: seed, Temperature: 1})
	logits := m.wish(r, 0)
	var text []byte
	for n := range most {
		if n == calm {
			logits = m.wish(r, 1)
		}
		mask, err := s.Mask()
		require.NoError(tb, err, "after %q", text)
		id, ok := draw.NextOf(logits, mask)
		require.True(tb, ok)
		mayEnd := s.CanEnd()
		require.NoError(tb, s.Accept(id))
		if s.Done() {
			require.True(tb, mayEnd)
			return string(text), true
		}
		text = append(text, m.tokens.Piece(id)...)
	}
	return string(text), false
}
