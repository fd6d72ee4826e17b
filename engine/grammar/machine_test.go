package grammar_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/grammar"
)

// requireKnown says that an error has one of the package's kinds.
func requireKnown(tb testing.TB, err error) {
	tb.Helper()
	for _, kind := range []error{
		grammar.ErrSyntax, grammar.ErrUnsupported, grammar.ErrRecursion, grammar.ErrEmpty, grammar.ErrLimit, grammar.ErrRejected, grammar.ErrStuck,
	} {
		if errors.Is(err, kind) {
			return
		}
	}
	require.Fail(tb, "an error of no kind", "%v", err)
}

// requireSound follows text through g with a small vocabulary, and says that the mask of each step allows just what Accept
// takes, that a text which may not end can go on, and that the end is allowed when the text may end.
func requireSound(tb testing.TB, g *grammar.Grammar, text string) {
	tb.Helper()
	pieces := []string{"a", "b", "ab", "abab", "(", ")", ",", "\"", "{\"", "\":", "}", "]", "[[", "1", "12", "é", "\xc3", "\xa9", "\xa9\"", "e", "true", "\n", " "}
	v := vocabulary(tb, pieces...)
	s, err := grammar.NewConstraint(g, v).Start()
	if err != nil {
		requireKnown(tb, err)
		return
	}
	for i := range min(len(text), 40) {
		mask, err := s.Mask()
		if err != nil && !errors.Is(err, grammar.ErrStuck) {
			requireKnown(tb, err)
			return
		}
		for id := range int32(len(pieces) + 1) {
			trial := s
			err := trial.Accept(id)
			if errors.Is(err, grammar.ErrLimit) {
				return
			}
			require.Equal(tb, err == nil, mask != nil && allowed(mask, id), "token %d after %q: %v", id, text[:i], err)
		}
		if s.AcceptText(text[i:i+1]) != nil {
			return
		}
		requireWay(tb, &s, text[:i+1])
	}
}

// requireWay says that some byte, or the end, can come next.
func requireWay(tb testing.TB, s *grammar.State, after string) {
	tb.Helper()
	if s.CanEnd() {
		return
	}
	for b := range 256 {
		trial := *s
		if err := trial.AcceptText(string([]byte{byte(b)})); err == nil || errors.Is(err, grammar.ErrLimit) {
			return
		}
	}
	require.Fail(tb, "no way on", "after %q", after)
}
