package splice

import (
	"slices"
	"strings"
)

// pythonLex splits Python source into tokens; a line end is the operator "\n".
//
// Source: The Python Language Reference, chapter 2 (lexical analysis).
func pythonLex(src string) []token {
	l := &lexer{src: src}
	for l.at < len(src) {
		switch rest := l.rest(); {
		case rest[0] == '\n':
			l.emit(op, 1)
		case isSpace(rest[0]):
			l.at++
		case rest[0] == '#':
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.emit(comment, n)
		case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, "'''"):
			l.delimited(text, rest[:3], 3)
		case rest[0] == '"' || rest[0] == '\'':
			l.line(rest[0])
		case isDigit(rest[0]):
			l.emit(number, l.run(isNumber))
		case isName(rest[0]):
			n := l.run(isName)
			k := name
			if slices.Contains(pythonKeywords, rest[:n]) {
				k = keyword
			}
			l.emit(k, n)
		default:
			l.emit(op, l.one())
		}
	}
	return l.out
}

// line emits a literal that has to end on its line.
func (l *lexer) line(quote byte) {
	s := l.rest()
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\n':
			l.emit(broken, i)
			return
		case quote:
			l.emit(text, i+1)
			return
		}
	}
	l.emit(broken, len(s))
}

// pythonKeywords may stand between or before operands.
var pythonKeywords = strings.Fields("and or not in is if else for import from as lambda return del assert raise yield await while with try except finally " +
	"def class global pass break continue async print exec")

// pythonAdded: the text, put into the source, ends the literal or operand that it was meant to be, and the source goes on
// with a call or another statement.
func pythonAdded(before, value, after string) []string {
	plain, full := pythonLex(before+"x"+after), pythonLex(before+value+after)
	if sameShape(plain, full) {
		return nil
	}
	at := slices.IndexFunc(full, func(t token) bool { return t.end > len(before) })
	if at < 0 || !balanced(full) || !pythonGoesOn(full[at:]) {
		return nil
	}
	return []string{value}
}

// balanced reports whether every literal ends and every bracket is closed.
func balanced(tokens []token) bool {
	var open []string
	pairs := map[string]string{")": "(", "]": "[", "}": "{"}
	for _, t := range tokens {
		switch {
		case t.kind == broken:
			return false
		case t.kind != op:
		case strings.Contains("([{", t.source):
			open = append(open, t.source)
		case pairs[t.source] != "":
			if len(open) == 0 || open[len(open)-1] != pairs[t.source] {
				return false
			}
			open = open[:len(open)-1]
		}
	}
	return len(open) == 0
}

// pythonGoesOn reports whether the tokens read as Python and call something. Two operands in a row, as in prose, do not.
func pythonGoesOn(tokens []token) bool {
	operand, calls := false, false
	for _, t := range tokens {
		switch {
		case t.kind == comment:
		case t.kind == keyword:
			operand = t.source == "pass" || t.source == "break" || t.source == "continue"
		case t.kind == op && t.source == "(":
			calls = calls || operand
			operand = false
		case t.kind == op && strings.Contains(")]}", t.source):
			operand = true
		case t.kind == op && strings.Contains("?!$", t.source):
			return false
		case t.kind == op:
			operand = false
		case operand && t.kind != text: // literals in a row are one
			return false
		default:
			operand = true
		}
	}
	return calls
}
