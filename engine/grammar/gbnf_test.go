package grammar_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hallmark-ml/hallmark/engine/grammar"
)

func TestGBNF(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		src     string
		in, out []string
	}{
		"text":        {`root ::= "a\"\\\n\x41\u00e9\U0001F600"`, []string{"a\"\\\nAé😀"}, []string{"", "a", "a\"\\\nAé"}},
		"empty":       {`root ::= ""`, []string{""}, []string{"a"}},
		"alternative": {"root ::= \"a\" |\n  \"b\" | | \"c\" \"d\"", []string{"a", "b", "", "cd"}, []string{"c", "ab"}},
		"class":       {`root ::= [a-cx^\]-]`, []string{"a", "b", "c", "x", "^", "]", "-"}, []string{"d", "ab", ""}},
		"negated": {
			`root ::= [^a-yé\n]`,
			[]string{"z", "A", "ä", "\x00", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff"},
			[]string{"a", "y", "é", "\n", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "zz"},
		},
		"any":             {`root ::= . .`, []string{"é\n", "ab"}, []string{"a", "abc", "\xff\xff"}},
		"star":            {`root ::= "ab"*`, []string{"", "ab", "abab"}, []string{"a", "aba"}},
		"plus":            {`root ::= [0-9]+ "x"`, []string{"0x", "123x"}, []string{"x", "12"}},
		"optional":        {`root ::= "a"? "b"`, []string{"b", "ab"}, []string{"a", "aab"}},
		"exactly":         {`root ::= "a"{3}`, []string{"aaa"}, []string{"aa", "aaaa"}},
		"at least":        {`root ::= "a"{2,}`, []string{"aa", "aaaaa"}, []string{"a"}},
		"between":         {`root ::= ("ab" | "c"){ 2 , 5 }`, []string{"abc", "ccccc", "abababababcc"[:10]}, []string{"c", "cccccc", "ab"}},
		"at most":         {`root ::= "a"{0,2}"b"`, []string{"b", "aab"}, []string{"aaab"}},
		"doubled":         {`root ::= "a"{2}{2} "b"?*`, []string{"aaaa", "aaaabbb"}, []string{"aa", "aaa"}},
		"rules":           {"# a list\nroot ::= item (\",\" item)* # more\nitem ::= [a-z]+ | \"(\" root \")\"\r\n", []string{"a", "a,bc,(d,(e))"}, []string{"", "a,", "(a", "a)"}},
		"groups on lines": {"root ::= (\n \"a\" # one\n\n \"b\"\n | \"c\" )\n\n", []string{"ab", "c"}, []string{"a"}},
		"right recursion": {"root ::= [ab] root | \"c\"", []string{"c", strings.Repeat("ab", 4000) + "c"}, []string{"", "ab"}},
		"nullable loops":  {`root ::= ("a"* ""* ("b"?)*)* "c"`, []string{"c", "abbac"}, []string{"ab"}},
		"a dead branch":   {"root ::= \"a\" (loop | \"b\")\nloop ::= \"x\" loop", []string{"ab"}, []string{"ax"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gbnf(t, tt.src)
			for _, s := range tt.in {
				require.True(t, matches(t, g, s), "%q", s)
			}
			for _, s := range tt.out {
				require.False(t, matches(t, g, s), "%q", s)
			}
		})
	}
}

func TestGBNFRefuses(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		src  string
		kind error
		says string
	}{
		"nothing":             {"", grammar.ErrSyntax, `no rule "root"`},
		"no root":             {`a ::= "b"`, grammar.ErrSyntax, `no rule "root"`},
		"undefined":           {"root ::= \"a\"\n b", grammar.ErrSyntax, "line 2"},
		"undefined rule":      {"root ::= \"a\" b", grammar.ErrSyntax, `"b" is not defined`},
		"defined twice":       {"root ::= \"a\"\nroot ::= \"b\"", grammar.ErrSyntax, "defined twice"},
		"text without end":    {`root ::= "a`, grammar.ErrSyntax, "does not end"},
		"class without end":   {`root ::= [a`, grammar.ErrSyntax, "does not end"},
		"group without end":   {`root ::= ("a"`, grammar.ErrSyntax, "want )"},
		"too many )":          {`root ::= "a")`, grammar.ErrSyntax, "unexpected"},
		"escape":              {`root ::= "\q"`, grammar.ErrSyntax, "escape"},
		"hexadecimal":         {`root ::= "\x4"`, grammar.ErrSyntax, "hexadecimal"},
		"surrogate":           {`root ::= "\ud800"`, grammar.ErrSyntax, "not a character"},
		"beyond Unicode":      {`root ::= "\U00110000"`, grammar.ErrSyntax, "not a character"},
		"not UTF-8":           {"root ::= \"\xff\"", grammar.ErrSyntax, "UTF-8"},
		"range":               {`root ::= [b-a]`, grammar.ErrSyntax, "range"},
		"counts":              {`root ::= "a"{3,2}`, grammar.ErrSyntax, "{3,2}"},
		"no count":            {`root ::= "a"{,2}`, grammar.ErrSyntax, "number"},
		"count too large":     {`root ::= "a"{99999999999999999999}`, grammar.ErrLimit, "repeat"},
		"nothing to repeat":   {`root ::= *`, grammar.ErrSyntax, "unexpected"},
		"token":               {`root ::= <think>`, grammar.ErrUnsupported, "tokens"},
		"token number":        {`root ::= !<[7]>`, grammar.ErrUnsupported, "tokens"},
		"left recursion":      {`root ::= root "a" | "b"`, grammar.ErrRecursion, `"root"`},
		"hidden recursion":    {"root ::= a\na ::= b* c\nb ::= \"x\"\nc ::= a \"y\" | \"z\"", grammar.ErrRecursion, "begins with itself"},
		"recursion in a loop": {"root ::= (\"\"? root)* \"a\"", grammar.ErrRecursion, "root"},
		"never ends":          {`root ::= "a" root`, grammar.ErrEmpty, `"root"`},
		"empty class":         {`root ::= [^\x00-\U0010FFFF]`, grammar.ErrEmpty, `"root"`},
		"too many states":     {`root ::= (((("abc"{16000}) "b"){16000} "c"){16000}) "d"{16000} ` + strings.Repeat(`"abcd"{16000}`, 40), grammar.ErrLimit, "states"},
		"copies of nothing":   {`root ::= ` + strings.Repeat("(", 60) + strings.Repeat("){4}", 60), grammar.ErrLimit, "states"},
		"too deep":            {`root ::= ` + strings.Repeat("(", 200) + `"a"` + strings.Repeat(")", 200), grammar.ErrLimit, "nesting"},
		"too many signs":      {`root ::= "a"` + strings.Repeat("?", 200), grammar.ErrLimit, "nesting"},
		"too large":           {strings.Repeat("#", 1<<20+1), grammar.ErrLimit, "source bytes"},
		"too many rules":      {"root ::= a0" + strings.Repeat(" x", 3) + manyRules(20000), grammar.ErrLimit, "rules"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := grammar.ParseGBNF(tt.src, grammar.Limits{})
			require.ErrorIs(t, err, tt.kind)
			require.ErrorContains(t, err, tt.says)
		})
	}
}

func manyRules(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("\nr" + strconv.Itoa(i) + ` ::= "a"`)
	}
	return b.String()
}

func FuzzGBNF(f *testing.F) {
	f.Add("root ::= item (\",\" item)* # more\nitem ::= [^a-z\\n]+ | \"(\" root \")\"{2,3}", "a,(b)")
	f.Add(`root ::= "\x41\u00e9" . [\]-a]?`, "Aéx")
	f.Add("root ::= (\"a\"? | root2)*\nroot2 ::= \"b\" root2 \"c\" | \"d\"", "abbdcc")
	f.Fuzz(func(t *testing.T, src, text string) {
		g, err := grammar.ParseGBNF(src, grammar.Limits{SourceBytes: 4096, Rules: 256, States: 4096, Work: 1 << 16, CacheBytes: 1 << 18, Depth: 64})
		if err != nil {
			requireKnown(t, err)
			return
		}
		requireSound(t, g, text)
	})
}
