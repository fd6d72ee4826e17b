package splice

import (
	"strings"
	"unicode/utf8"
)

// A kind of token, as far as shapes tell them apart.
type kind int

const (
	name kind = iota
	number
	text // a literal
	op
	keyword
	comment
	broken // a literal or comment without an end
)

// A token is a piece of source and where it stands.
type token struct {
	kind       kind
	source     string
	start, end int
}

// A lexer reads tokens of a language of the usual form.
type lexer struct {
	src string
	at  int
	out []token
}

func (l *lexer) rest() string { return l.src[l.at:] }

func (l *lexer) emit(k kind, n int) {
	l.out = append(l.out, token{kind: k, source: l.src[l.at : l.at+n], start: l.at, end: l.at + n})
	l.at += n
}

// until is the length of the rest up to and with the end mark, searched from the offset; ok is false without one.
func (l *lexer) until(mark string, from int) (n int, ok bool) {
	if from > len(l.rest()) {
		return len(l.rest()), false
	}
	i := strings.Index(l.rest()[from:], mark)
	if i < 0 {
		return len(l.rest()), false
	}
	return from + i + len(mark), true
}

// delimited emits a token that ends with the mark.
func (l *lexer) delimited(k kind, mark string, from int) {
	n, ok := l.until(mark, from)
	if !ok {
		k = broken
	}
	l.emit(k, n)
}

// quoted emits a literal between quote characters; a doubled quote or a backslash may keep it from ending.
func (l *lexer) quoted(quote byte, doubling, backslash bool) {
	s := l.rest()
	for i := 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == quote && doubling && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			l.emit(text, i+1)
			return
		}
	}
	l.emit(broken, len(s))
}

// run is the length of the characters that ok accepts.
func (l *lexer) run(ok func(c byte) bool) int {
	n := 0
	for n < len(l.rest()) && ok(l.rest()[n]) {
		n++
	}
	return n
}

// one is the length of the next character.
func (l *lexer) one() int {
	_, n := utf8.DecodeRuneInString(l.rest())
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isName(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) || c == '_' || c >= 0x80
}

func isNumber(c byte) bool { return isName(c) || c == '.' }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }
