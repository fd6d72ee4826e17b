package template

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// str reads a string literal and decodes its escapes as Python does.
func (l *lexer) str(quote byte) error {
	start := l.at
	l.at++
	var b strings.Builder
	for l.at < len(l.src) {
		c := l.src[l.at]
		l.at++
		switch c {
		case quote:
			l.emit(tokenString, b.String(), start)
			return nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return err
			}
		default:
			b.WriteByte(c)
		}
	}
	return syntaxf(start, "string is not closed")
}

// escape decodes what follows a backslash. An unknown escape stands for itself.
func (l *lexer) escape(b *strings.Builder) error {
	if l.at >= len(l.src) {
		return nil // the caller sees the end
	}
	c := l.src[l.at]
	l.at++
	if i := strings.IndexByte("ntr\\'\"abfv", c); i >= 0 {
		b.WriteByte("\n\t\r\\'\"\a\b\f\v"[i])
		return nil
	}
	switch c {
	case '\n':
		return nil
	case 'x':
		return l.codePoint(b, 2)
	case 'u':
		return l.codePoint(b, 4)
	case 'U':
		return l.codePoint(b, 8)
	case 'N':
		return syntaxf(l.at-2, "named characters are not supported")
	case '0', '1', '2', '3', '4', '5', '6', '7':
		end := l.at
		for end < len(l.src) && end < l.at+2 && l.src[end] >= '0' && l.src[end] <= '7' {
			end++
		}
		n, err := strconv.ParseUint(l.src[l.at-1:end], 8, 16)
		if err != nil {
			return syntaxf(l.at-2, "octal escape: %v", err)
		}
		b.WriteRune(rune(n))
		l.at = end
		return nil
	default:
		b.WriteByte('\\')
		b.WriteByte(c)
		return nil
	}
}

func (l *lexer) codePoint(b *strings.Builder, digits int) error {
	start := l.at - 2
	if len(l.src)-l.at < digits {
		return syntaxf(start, "escape is cut off")
	}
	n, err := strconv.ParseUint(l.src[l.at:l.at+digits], 16, 32)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return syntaxf(start, "escape %q is not a character", l.src[start:l.at+digits])
	}
	b.WriteRune(rune(n))
	l.at += digits
	return nil
}
