package scan

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type pyKind uint8

const (
	pyName pyKind = iota
	pyString
	pyNumber
	pyOp
	pyLine // the end of a logical line
)

// A pyToken is one token of Python. text is the name, the operator, or what a string literal has between its quotes, without
// its escapes decoded.
type pyToken struct {
	kind   pyKind
	text   string
	line   int
	column int  // of the first token of a logical line: how far it is indented
	format bool // a string with expressions in braces
	raw    bool // a string without escapes
}

// A pyLexer cuts Python into tokens, of any version: it knows names, strings, numbers and brackets, and takes all else for
// operators of one character.
//
// Source: "Lexical analysis" in the reference of the Python language.
type pyLexer struct {
	src   string
	at    int
	line  int
	open  int // brackets
	start int // of the physical line
}

// next returns the next token; ok is false at the end.
func (l *pyLexer) next() (t pyToken, ok bool, err error) {
	for l.at < len(l.src) {
		c := l.src[l.at]
		switch {
		case c == '\n':
			l.at++
			t = pyToken{kind: pyLine, line: l.line}
			l.line++
			l.start = l.at
			if l.open == 0 {
				return t, true, nil
			}
		case c == ' ' || c == '\t' || c == '\r' || c == '\f':
			l.at++
		case c == '\\' && l.at+1 < len(l.src) && (l.src[l.at+1] == '\n' || l.src[l.at+1] == '\r'):
			l.at += 2
			l.line++
		case c == '#':
			if n := strings.IndexByte(l.src[l.at:], '\n'); n >= 0 {
				l.at += n
			} else {
				l.at = len(l.src)
			}
		default:
			t, err = l.token()
			return t, err == nil, err
		}
	}
	return pyToken{}, false, nil
}

func (l *pyLexer) token() (pyToken, error) {
	start, column := l.at, l.at-l.start
	c, size := utf8.DecodeRuneInString(l.src[l.at:])
	t := pyToken{line: l.line, column: column}
	switch {
	case c == '_' || unicode.IsLetter(c) || c >= utf8.RuneSelf && c != utf8.RuneError && !unicode.IsSpace(c):
		for l.at < len(l.src) {
			r, n := utf8.DecodeRuneInString(l.src[l.at:])
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) && (r < utf8.RuneSelf || r == utf8.RuneError || unicode.IsSpace(r)) {
				break
			}
			l.at += n
		}
		t.text = l.src[start:l.at]
		if l.at < len(l.src) && (l.src[l.at] == '\'' || l.src[l.at] == '"') && isStringPrefix(t.text) {
			return l.str(t, strings.ToLower(t.text))
		}
		return t, nil
	case c == '\'' || c == '"':
		return l.str(t, "")
	case c >= '0' && c <= '9' || c == '.' && l.at+1 < len(l.src) && isDigitByte(l.src[l.at+1]):
		t.kind = pyNumber
		for l.at < len(l.src) && (isDigitByte(l.src[l.at]) || l.src[l.at] == '.' || l.src[l.at] == '_' || l.src[l.at]|0x20 >= 'a' && l.src[l.at]|0x20 <= 'z') {
			l.at++
		}
		t.text = l.src[start:l.at]
		return t, nil
	case c == utf8.RuneError && size <= 1, c < ' ':
		return t, fmt.Errorf("line %d: byte %#x: %w", l.line, l.src[l.at], errForm)
	}
	switch c {
	case '(', '[', '{':
		l.open++
	case ')', ']', '}':
		l.open = max(0, l.open-1)
	}
	l.at += size
	t.kind, t.text = pyOp, l.src[start:l.at]
	return t, nil
}

func isDigitByte(c byte) bool { return c >= '0' && c <= '9' }

func isStringPrefix(s string) bool {
	switch strings.ToLower(s) {
	case "r", "b", "u", "f", "t", "br", "rb", "fr", "rf", "tr", "rt", "ur":
		return true
	}
	return false
}

// str reads a string literal from its quote on.
func (l *pyLexer) str(t pyToken, prefix string) (pyToken, error) {
	t.kind, t.format, t.raw = pyString, strings.ContainsAny(prefix, "ft"), strings.Contains(prefix, "r")
	quote := l.src[l.at : l.at+1]
	if strings.HasPrefix(l.src[l.at:], quote+quote+quote) {
		quote = l.src[l.at : l.at+3]
	}
	l.at += len(quote)
	start := l.at
	for l.at < len(l.src) {
		switch c := l.src[l.at]; {
		case c == '\\':
			l.at += 2
			if l.at <= len(l.src) && l.src[l.at-1] == '\n' {
				l.line++
			}
		case c == '\n' && len(quote) == 1:
			return t, fmt.Errorf("line %d: a string does not end: %w", t.line, errForm)
		case strings.HasPrefix(l.src[l.at:], quote):
			t.text = l.src[start:l.at]
			l.at += len(quote)
			return t, nil
		default:
			if c == '\n' {
				l.line++
			}
			l.at++
		}
	}
	l.at = len(l.src)
	return t, fmt.Errorf("line %d: a string does not end: %w", t.line, errForm)
}
