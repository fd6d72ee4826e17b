package token

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A preTokenizer cuts a text into words, which are merged on their own.
type preTokenizer struct {
	steps      []matcher // each cuts the pieces that the step before left
	wholeWords bool      // a word that is a token is taken as it is, without merging
	addBOS     bool      // unless the file says otherwise
}

// A matcher looks at the start of a text that is not empty. It returns how many bytes, at least one, belong together:
// to a match, which becomes a piece, or to the gap between two matches, all of which becomes one piece too.
type matcher func(s string) (size int, match bool)

// preTokenizers returns the pre-tokenizer of that name, as the files call it.
func preTokenizers(name string) (preTokenizer, bool) {
	switch name {
	case "default":
		return preTokenizer{steps: []matcher{
			runs(isMathOrPunct), matchGPT2, runs(unicode.IsNumber), digitTriple,
		}}, true
	case "gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "trillion", "granite-docling",
		"gigachat", "mellum", "a.x-4.0", "modern-bert", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de":
		return preTokenizer{steps: []matcher{matchGPT2}}, true
	case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano":
		return preTokenizer{steps: []matcher{modern{digits: 3}.match}, wholeWords: true, addBOS: true}, true
	case "dbrx", "smaug-bpe", "glm4", "chatglm-bpe":
		return preTokenizer{steps: []matcher{modern{digits: 3}.match}}, true
	case "qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan", "grok-2", "kormo", "f2llmv2":
		return preTokenizer{steps: []matcher{modern{digits: 1}.match}}, true
	case "qwen35":
		return preTokenizer{steps: []matcher{modern{digits: 1, marks: true}.match}}, true
	case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2":
		return preTokenizer{steps: []matcher{cased{digits: 3, contractions: true}.match}}, true
	case "tekken":
		return preTokenizer{steps: []matcher{cased{digits: 1}.match}, wholeWords: true, addBOS: true}, true
	case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b":
		return preTokenizer{steps: []matcher{single(unicode.IsNumber), matchGPT2}}, true
	case "falcon":
		return preTokenizer{steps: []matcher{runs(isFalconPunct), matchGPT2, digitTriple}}, true
	case "deepseek-llm":
		return preTokenizer{steps: []matcher{
			single(isLineEnd), spaceRuns(in(deepseekLetters)), spaceRuns(in(deepseekPunct)), spaceAtEnd,
			runs(in(deepseekCJK)), runs(unicode.IsNumber),
		}}, true
	case "deepseek-coder":
		return preTokenizer{steps: []matcher{
			single(isLineEnd), spaceRuns(unicode.IsLetter), spaceRuns(unicode.IsPunct),
			runs(in(deepseekCJK)), single(unicode.IsNumber),
		}}, true
	default:
		return preTokenizer{}, false
	}
}

// split calls word for each word of text, in order.
func (p preTokenizer) split(text string, word func(start, end int)) { cut(text, 0, p.steps, word) }

func cut(text string, base int, steps []matcher, word func(start, end int)) {
	if len(steps) == 0 {
		word(base, base+len(text))
		return
	}
	gap := 0 // where the gap before at starts
	for at := 0; at < len(text); {
		size, match := steps[0](text[at:])
		if match {
			if gap < at {
				cut(text[gap:at], base+gap, steps[1:], word)
			}
			cut(text[at:at+size], base+at, steps[1:], word)
			gap = at + size
		}
		at += size
	}
	if gap < len(text) {
		cut(text[gap:], base+gap, steps[1:], word)
	}
}

// first returns the first character of s and its length; a length of 0 at the end.
func first(s string) (rune, int) {
	if s == "" {
		return 0, 0
	}
	if s[0] < utf8.RuneSelf {
		return rune(s[0]), 1
	}
	return utf8.DecodeRuneInString(s)
}

// run is the length of the characters at the start of s that are in, at most n of them (n < 0: all).
func run(s string, n int, in func(rune) bool) int {
	at := 0
	for ; at < len(s) && n != 0; n-- {
		r, size := first(s[at:])
		if !in(r) {
			break
		}
		at += size
	}
	return at
}

func isLineEnd(r rune) bool { return r == '\r' || r == '\n' }

// isOther is true of what is neither white space nor letter nor number.
func isOther(r rune) bool { return !unicode.IsSpace(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r) }

func isMathOrPunct(r rune) bool { return unicode.IsPunct(r) || strings.ContainsRune("$+<=>^~|", r) }

func isFalconPunct(r rune) bool { return isMathOrPunct(r) || r == '`' }

// matchGPT2 is
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func matchGPT2(s string) (int, bool) {
	if n := contraction(s); n > 0 {
		return n, true
	}
	space := 0
	if s[0] == ' ' {
		space = 1
	}
	for _, class := range [...]func(rune) bool{unicode.IsLetter, unicode.IsNumber, isOther} {
		if n := run(s[space:], -1, class); n > 0 {
			return space + n, true
		}
	}
	return spaces(s), true
}

// contraction is the length of 's, 't, 're, 've, 'm, 'll or 'd at the start of s.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) > 2 {
		switch s[1:3] {
		case "re", "ve", "ll":
			return 3
		}
	}
	return 0
}

// spaces is \s+(?!\S)|\s+ for an s that starts with white space: all of it, but for the last character if text follows
// and one is left.
func spaces(s string) int {
	at, last := 0, 0
	for at < len(s) {
		r, size := first(s[at:])
		if !unicode.IsSpace(r) {
			if last > 0 {
				return last
			}
			break
		}
		last = at
		at += size
	}
	return at
}

// modern is the pattern of Llama 3 (three digits), Qwen 2 (one) and Qwen 3.5 (marks count as letters):
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
type modern struct {
	digits int
	marks  bool
}

func (m modern) letter(r rune) bool { return unicode.IsLetter(r) || m.marks && unicode.IsMark(r) }

func (m modern) other(r rune) bool { return isOther(r) && (!m.marks || !unicode.IsMark(r)) }

func (m modern) match(s string) (int, bool) {
	if s[0] == '\'' {
		if n := contraction(strings.ToLower(s[:min(len(s), 3)])); n > 0 {
			return n, true
		}
	}
	r, size := first(s)
	if m.letter(r) {
		return run(s, -1, m.letter), true
	}
	if !isLineEnd(r) && !unicode.IsNumber(r) {
		if n := run(s[size:], -1, m.letter); n > 0 {
			return size + n, true
		}
	}
	if n := run(s, m.digits, unicode.IsNumber); n > 0 {
		return n, true
	}
	return rest(s, m.other, "\r\n"), true
}

// rest is  ?[other]+[after]*|\s*[\r\n]+|\s+(?!\S)|\s+  where the patterns before it did not match.
func rest(s string, other func(rune) bool, after string) int {
	space := 0
	if s[0] == ' ' {
		space = 1
	}
	if n := run(s[space:], -1, other); n > 0 {
		n += space
		return n + run(s[n:], -1, func(r rune) bool { return strings.ContainsRune(after, r) })
	}
	white := run(s, -1, unicode.IsSpace)
	if end := strings.LastIndexAny(s[:white], "\r\n"); end >= 0 {
		return end + 1
	}
	return spaces(s)
}

// cased is the pattern of GPT-4o (three digits, with contractions) and Mistral's Tekken (one, without), where UPPER is
// [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], LOWER is [\p{Ll}\p{Lm}\p{Lo}\p{M}] and END is (?i:'s|'t|'re|'ve|'m|'ll|'d)? or nothing:
//
//	[^\r\n\p{L}\p{N}]?UPPER*LOWER+END|[^\r\n\p{L}\p{N}]?UPPER+LOWER*END|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
type cased struct {
	digits       int
	contractions bool
}

func upperLike(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Lt, unicode.Lm, unicode.Lo, unicode.M)
}

func lowerLike(r rune) bool { return unicode.In(r, unicode.Ll, unicode.Lm, unicode.Lo, unicode.M) }

func (c cased) match(s string) (int, bool) {
	r, size := first(s)
	prefix := 0
	if !isLineEnd(r) && !unicode.IsLetter(r) && !unicode.IsNumber(r) {
		prefix = size
	}
	for _, word := range [...]func(string) int{mixedWord, upperWord} {
		for _, at := range [...]int{prefix, 0} {
			if n := word(s[at:]); n > 0 {
				return at + n + c.end(s[at+n:]), true
			}
		}
	}
	if n := run(s, c.digits, unicode.IsNumber); n > 0 {
		return n, true
	}
	return rest(s, isOther, "\r\n/"), true
}

func (c cased) end(s string) int {
	if !c.contractions || s == "" || s[0] != '\'' {
		return 0
	}
	return contraction(strings.ToLower(s[:min(len(s), 3)]))
}

// mixedWord is UPPER*LOWER+. Where no letter in lower case follows those in upper case, the last of them that has no case
// is the lower one.
func mixedWord(s string) int {
	upper := run(s, -1, upperLike)
	if lower := run(s[upper:], -1, lowerLike); lower > 0 {
		return upper + lower
	}
	for upper > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:upper])
		if lowerLike(r) {
			return upper
		}
		upper -= size
	}
	return 0
}

// upperWord is UPPER+LOWER*.
func upperWord(s string) int {
	upper := run(s, -1, upperLike)
	if upper == 0 {
		return 0
	}
	return upper + run(s[upper:], -1, lowerLike)
}

// runs matches [class]+.
func runs(class func(rune) bool) matcher {
	return func(s string) (int, bool) {
		if n := run(s, -1, class); n > 0 {
			return n, true
		}
		return run(s, -1, func(r rune) bool { return !class(r) }), false
	}
}

// single matches [class].
func single(class func(rune) bool) matcher {
	return func(s string) (int, bool) {
		r, size := first(s)
		return size, class(r)
	}
}

// spaceRuns matches \s?[class]+.
func spaceRuns(class func(rune) bool) matcher {
	return func(s string) (int, bool) {
		r, size := first(s)
		switch {
		case class(r):
			return run(s, -1, class), true
		case unicode.IsSpace(r):
			if n := run(s[size:], -1, class); n > 0 {
				return size + n, true
			}
		}
		return size, false
	}
}

// spaceAtEnd matches \s+$.
func spaceAtEnd(s string) (int, bool) {
	if n := run(s, -1, unicode.IsSpace); n > 0 {
		return n, n == len(s)
	}
	return run(s, -1, func(r rune) bool { return !unicode.IsSpace(r) }), false
}

// digitTriple matches [0-9][0-9][0-9].
func digitTriple(s string) (int, bool) {
	if run(s, 3, func(r rune) bool { return r >= '0' && r <= '9' }) == 3 {
		return 3, true
	}
	_, size := first(s)
	return size, false
}

func in(table *unicode.RangeTable) func(rune) bool {
	return func(r rune) bool { return unicode.Is(table, r) }
}
