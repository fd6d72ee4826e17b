package grammar_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/grammar"
)

// ids lists the tokens that a mask allows.
func ids(mask []uint64) []int32 {
	var out []int32
	for id := range int32(len(mask) * 64) {
		if allowed(mask, id) {
			out = append(out, id)
		}
	}
	return out
}

func TestMask(t *testing.T) {
	t.Parallel()

	// ids: 0 is the end, 1 "a", 2 "ab", 3 "b", 4 "abc", 5 a control token, 6 "a" again, 7 "c"
	v := vocabulary(t, "a", "ab", "b", "abc", "", "a", "c")
	s := start(t, gbnf(t, `root ::= "a" ("b" "c"?)?`), v)
	step := func(id int32, want ...int32) {
		t.Helper()
		if id >= 0 {
			require.NoError(t, s.Accept(id))
		}
		mask, err := s.Mask()
		require.NoError(t, err)
		require.Equal(t, want, ids(mask))
	}
	step(-1, 1, 2, 4, 6)
	for _, id := range []int32{0, 3, 5, 7, 8, -1, 1 << 30} {
		require.ErrorIs(t, s.Accept(id), grammar.ErrRejected)
	}
	step(6, 0, 3)
	copied := *s
	step(3, 0, 7)
	step(7, 0)
	require.True(t, s.CanEnd())
	step(0)
	require.True(t, s.Done())
	require.False(t, s.CanEnd())
	require.ErrorIs(t, s.Accept(0), grammar.ErrRejected)
	require.ErrorIs(t, s.AcceptText("a"), grammar.ErrRejected)
	s = &copied
	step(-1, 0, 3)
}

func TestTokensThatArePartsOfCharacters(t *testing.T) {
	t.Parallel()

	// 1 the first byte of é and è, 2 the second of é, 3 the second of è, 4 that and more, 5 the first of €, 6 é
	v := vocabulary(t, "\xc3", "\xa9", "\xa8", "\xa8x", "\xe2", "é")
	s := start(t, gbnf(t, `root ::= [éè] "x"?`), v)
	mask, err := s.Mask()
	require.NoError(t, err)
	require.Equal(t, []int32{1, 6}, ids(mask))
	require.NoError(t, s.Accept(1))
	require.False(t, s.CanEnd())
	mask, err = s.Mask()
	require.NoError(t, err)
	require.Equal(t, []int32{2, 3, 4}, ids(mask))
}

func TestVocabularyThatCannotSpell(t *testing.T) {
	t.Parallel()

	s := start(t, gbnf(t, `root ::= "ab"`), vocabulary(t, "a", "abc"))
	require.NoError(t, s.Accept(1))
	_, err := s.Mask()
	require.ErrorIs(t, err, grammar.ErrStuck)
	_, err = grammar.NewVocabulary(0, nil, nil)
	require.ErrorIs(t, err, grammar.ErrVocabulary)
}

// TestMasksAreWhatAcceptTakes asks for masks at random points and tries every token.
func TestMasksAreWhatAcceptTakes(t *testing.T) {
	t.Parallel()

	m := open(t, "../../testdata/models/tinychat/guarded-q4_k_m.gguf")
	sources := []*grammar.Grammar{gbnf(t, anyJSON), fromSchema(t, tree), fromSchema(t, schemas["others"].schema), fromSchema(t, `true`)}
	shallow, err := grammar.FromSchema([]byte(`true`), grammar.Limits{Depth: 9})
	require.NoError(t, err)
	for i, g := range append(sources, shallow) {
		c := grammar.NewConstraint(g, m.v)
		for seed := range uint64(3) {
			s, err := c.Start()
			require.NoError(t, err)
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 12 {
				mask, err := s.Mask()
				require.NoError(t, err)
				var taken []int32
				for id := range int32(m.tokens.Size()) {
					if trial := s; trial.Accept(id) == nil {
						taken = append(taken, id)
					}
				}
				require.Equal(t, taken, ids(mask))
				opening := slices.DeleteFunc(slices.Clone(taken), func(id int32) bool { return !strings.ContainsAny(string(m.tokens.Piece(id)), `[{":,`) })
				if len(opening) > 0 && r.IntN(3) > 0 {
					taken = opening
				}
				if require.NoError(t, s.Accept(taken[r.IntN(len(taken))])); s.Done() {
					break
				}
			}
		}
	}
}

func TestDepthIsLimited(t *testing.T) {
	t.Parallel()

	g, err := grammar.ParseGBNF("root ::= \"(\" root \")\" | \"x\"", grammar.Limits{Depth: 10})
	require.NoError(t, err)
	require.True(t, matches(t, g, strings.Repeat("(", 9)+"x"+strings.Repeat(")", 9)))
	require.False(t, matches(t, g, strings.Repeat("(", 10)+"x"+strings.Repeat(")", 10)))

	// Where the depth ends, every text can still be finished.
	g, err = grammar.ParseGBNF("root ::= \"(\" root \")\" | \"x\" a\na ::= b \"1\"\nb ::= \"2\" c \"3\" | \"5\"\nc ::= \"4\" root", grammar.Limits{Depth: 12})
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	v := everyByte(t)
	for range 50 {
		s := start(t, g, v)
		for range 200 {
			mask, err := s.Mask()
			require.NoError(t, err)
			can := ids(mask)
			require.NoError(t, s.Accept(can[r.IntN(len(can))]))
			if s.Done() {
				break
			}
		}
	}
	_, err = grammar.ParseGBNF("root ::= a \"x\"\na ::= b \"x\"\nb ::= c \"x\"\nc ::= \"x\"", grammar.Limits{Depth: 3})
	require.ErrorIs(t, err, grammar.ErrLimit)
}

func TestALittleCacheChangesNothing(t *testing.T) {
	t.Parallel()

	m := open(t, "../../testdata/models/tinychat/guarded-q4_k_m.gguf")
	large := grammar.NewConstraint(gbnf(t, anyJSON), m.v)
	little, err := grammar.ParseGBNF(anyJSON, grammar.Limits{CacheBytes: 20_000})
	require.NoError(t, err)
	forgetful := grammar.NewConstraint(little, m.v)
	for seed := range uint64(4) {
		a, err := large.Start()
		require.NoError(t, err)
		b, err := forgetful.Start()
		require.NoError(t, err)
		r := rand.New(rand.NewPCG(seed, 3))
		for range 60 {
			want, err := a.Mask()
			require.NoError(t, err)
			got, err := b.Mask()
			require.NoError(t, err)
			require.Equal(t, want, got)
			can := ids(want)
			id := can[r.IntN(len(can))]
			require.NoError(t, a.Accept(id))
			require.NoError(t, b.Accept(id))
			require.Equal(t, a.CanEnd(), b.CanEnd())
			if a.Done() {
				break
			}
		}
	}
}

func TestWorkIsLimited(t *testing.T) {
	t.Parallel()

	var b strings.Builder // 2^30 stacks before the first byte
	b.WriteString("root ::= a0\n")
	for i := range 30 {
		n, next := strings.Repeat("i", i), strings.Repeat("i", i+1)
		b.WriteString("a0" + n + " ::= a0" + next + " | a0" + next + " \"x\"\n")
	}
	b.WriteString("a0" + strings.Repeat("i", 30) + " ::= \"y\"\n")
	g, err := grammar.ParseGBNF(b.String(), grammar.Limits{Work: 1 << 16})
	require.NoError(t, err)
	_, err = grammar.NewConstraint(g, vocabulary(t, "x", "y")).Start()
	require.ErrorIs(t, err, grammar.ErrLimit)
	require.ErrorContains(t, err, "work")
}

func TestLimitsCheck(t *testing.T) {
	t.Parallel()

	require.NoError(t, grammar.Limits{}.Check())
	err := grammar.Limits{SourceBytes: -1, Rules: -1, Nesting: 129, Repeat: 1 << 20, States: -1, Depth: 5000, Work: -1, CacheBytes: -1}.Check()
	for _, name := range []string{"source bytes", "rules", "nesting", "repeat", "states", "depth", "work", "cache bytes"} {
		require.ErrorContains(t, err, name)
	}
	require.NoError(t, grammar.Limits{CacheBytes: 1 << 40}.Check())
}

func TestStepsAllocateNothing(t *testing.T) {
	v := everyByte(t)
	c := grammar.NewConstraint(gbnf(t, anyJSON), v)
	s, err := c.Start()
	require.NoError(t, err)
	run := func() {
		now := s
		for _, b := range []byte(`{"a":[1,{"b":"c"}]}`) {
			_, err := now.Mask()
			require.NoError(t, err)
			require.NoError(t, now.Accept(int32(b)+1))
		}
	}
	run()
	require.Zero(t, testing.AllocsPerRun(20, func() {
		now := s
		for _, b := range []byte(`{"a":[1,{"b":"c"}]}`) {
			if _, err := now.Mask(); err != nil || now.Accept(int32(b)+1) != nil {
				panic("not reached")
			}
		}
	}))
}

// TestTokensThatOpenMuch has tokens that go deeper than is left.
func TestTokensThatOpenMuch(t *testing.T) {
	t.Parallel()

	v := vocabulary(t, "(", "((", "(((", "((((", "x", ")", "))", "x)", "(x)", "((x", ")x", "+", "+(", ")+((")
	g, err := grammar.ParseGBNF("root ::= sum\nsum ::= part (\"+\" part)*\npart ::= \"(\" sum \")\" | \"x\"", grammar.Limits{Depth: 11})
	require.NoError(t, err)
	c := grammar.NewConstraint(g, v)
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		s, err := c.Start()
		require.NoError(t, err)
		for !s.Done() {
			mask, err := s.Mask()
			require.NoError(t, err)
			var taken []int32
			for id := range int32(15) {
				if trial := s; trial.Accept(id) == nil {
					taken = append(taken, id)
				}
			}
			require.Equal(t, taken, ids(mask))
			if r.IntN(40) == 0 {
				break
			}
			require.NoError(t, s.Accept(taken[r.IntN(len(taken))]))
		}
	}
}
