package grammar_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/grammar"
)

// borders are characters at which the bytes of UTF-8 change.
var borders = []rune{0, 0x3f, 0x7f, 0x80, 0xbf, 0xc0, 0x7ff, 0x800, 0xfff, 0x1000, 0xcfff, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x3ffff, 0x40000, 0xfffff, 0x100000, utf8.MaxRune}

func TestClassesOfCharacters(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(1, 2))
	some := func() rune {
		for {
			c := borders[r.IntN(len(borders))] + rune(r.IntN(5)-2)
			if r.IntN(2) == 0 {
				c = rune(r.IntN(utf8.MaxRune + 1))
			}
			if utf8.ValidRune(c) {
				return c
			}
		}
	}
	for range 300 {
		a, b := some(), some()
		low, high := min(a, b), max(a, b)
		in := start(t, gbnf(t, fmt.Sprintf(`root ::= [\U%08x-\U%08x]`, low, high)), vocabulary(t, "x"))
		out := start(t, gbnf(t, fmt.Sprintf(`root ::= [^\U%08x-\U%08x]?`, low, high)), vocabulary(t, "x"))
		try := []rune{low, high, low - 1, low + 1, high - 1, high + 1}
		for range 20 {
			try = append(try, some(), low+rune(r.IntN(int(high-low)+1)))
		}
		for _, c := range try {
			if !utf8.ValidRune(c) {
				continue
			}
			s := *in
			require.Equal(t, low <= c && c <= high, s.AcceptText(string(c)) == nil && s.CanEnd(), "%U in %U to %U", c, low, high)
			s = *out
			require.Equal(t, c < low || c > high, s.AcceptText(string(c)) == nil && s.CanEnd(), "%U outside of %U to %U", c, low, high)
		}
		for range 20 { // other bytes
			bytes := []byte{byte(0x80 | r.Uint32()), byte(0x80 | r.Uint32()), byte(0x80 | r.Uint32()), byte(r.Uint32())}[:1+r.IntN(4)]
			s := *in
			if s.AcceptText(string(bytes)) == nil && s.CanEnd() {
				require.True(t, utf8.Valid(bytes), "% x", bytes)
			}
		}
	}
}

func TestBoundsOfIntegers(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		low, high := r.IntN(2400)-1200, r.IntN(2400)-1200
		if r.IntN(3) == 0 {
			high = low + r.IntN(12)
		}
		schema := fmt.Sprintf(`{"type":"integer","minimum":%d,"maximum":%d}`, low, high)
		least, most := low, high
		switch r.IntN(4) {
		case 0:
			schema, most = fmt.Sprintf(`{"type":"integer","minimum":%d}`, low), 1<<30
		case 1:
			schema, least = fmt.Sprintf(`{"type":"integer","exclusiveMaximum":%d}`, high), -1<<30
			most--
		}
		g, err := grammar.FromSchema([]byte(schema), grammar.Limits{})
		if least > most {
			require.ErrorIs(t, err, grammar.ErrEmpty)
			continue
		}
		require.NoError(t, err)
		begin := start(t, g, vocabulary(t, "x"))
		for n := -1300; n <= 1300; n++ {
			s := *begin
			fits := s.AcceptText(fmt.Sprint(n)) == nil && s.CanEnd()
			require.Equal(t, least <= n && n <= most, fits, "%d under %s", n, schema)
		}
	}
}

func TestBoundsOfNumbers(t *testing.T) {
	t.Parallel()

	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		digits := r.IntN(4)
		a, b := r.NormFloat64()*20, r.NormFloat64()*20
		if r.IntN(3) == 0 {
			b = a + r.Float64()/10
		}
		low, high := fmt.Sprintf("%.*f", digits, min(a, b)), fmt.Sprintf("%.*f", digits, max(a, b))
		least, most := []string{"minimum", "exclusiveMinimum"}[r.IntN(2)], []string{"maximum", "exclusiveMaximum"}[r.IntN(2)]
		schema := fmt.Sprintf(`{"type":"number","%s":%s,"%s":%s}`, least, low, most, high)
		g, err := grammar.FromSchema([]byte(schema), grammar.Limits{})
		if err != nil {
			require.ErrorIs(t, err, grammar.ErrEmpty, schema)
			continue
		}
		from, _ := new(big.Rat).SetString(low)
		to, _ := new(big.Rat).SetString(high)
		begin := start(t, g, vocabulary(t, "x"))
		for range 400 {
			text := fmt.Sprintf("%.*f", r.IntN(6), min(a, b)-1+r.Float64()*(max(a, b)-min(a, b)+2))
			if r.IntN(4) == 0 {
				text = []string{low, high, low + "0", low + "1", high + "1"}[r.IntN(5)] // with no point, ten times as much
			}
			v, ok := new(big.Rat).SetString(text)
			if !ok || v.Sign() == 0 || !json.Valid([]byte(text)) {
				continue
			}
			fits := v.Cmp(from) >= 0 && v.Cmp(to) <= 0
			if least == "exclusiveMinimum" && v.Cmp(from) == 0 || most == "exclusiveMaximum" && v.Cmp(to) == 0 {
				fits = false
			}
			s := *begin
			got := s.AcceptText(text) == nil && s.CanEnd()
			if got {
				require.True(t, fits, "%s under %s", text, schema)
			}
			if trimmed := text; fits && trimmed[len(trimmed)-1] != '0' { // zeros at the end of a bound need not come out
				require.True(t, got, "%s under %s", text, schema)
			}
		}
	}
}
