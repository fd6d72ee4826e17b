package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEOF      tokenKind = iota
	tokenData               // text outside of tags
	tokenPrint              // {{
	tokenPrintEnd           // }}
	tokenBlock              // {%
	tokenBlockEnd           // %}
	tokenName
	tokenString
	tokenInteger
	tokenFloat
	tokenOperator
)

type token struct {
	kind tokenKind
	s    string // the name, operator, digits, or decoded string
	pos  int    // byte offset in the source
}

// A lexer cuts a source into tokens, with the white space control of Jinja: trim_blocks, lstrip_blocks, "-" and "+".
type lexer struct {
	src       string
	at        int
	tokens    []token
	lineStart bool // what was cut last ended in a new line (or nothing was cut yet)
	trimLeft  bool // the last tag ended in "-": drop the white space that follows
}

// lex returns the tokens of src, which end in a tokenEOF; after an error, those up to it.
func lex(src string) ([]token, error) {
	l := &lexer{src: src, lineStart: true}
	for l.at < len(l.src) {
		if err := l.next(); err != nil {
			l.emit(tokenEOF, "", l.at)
			return l.tokens, err
		}
	}
	l.emit(tokenEOF, "", len(src))
	return l.tokens, nil
}

func (l *lexer) emit(kind tokenKind, s string, pos int) {
	l.tokens = append(l.tokens, token{kind, s, pos})
}

// next reads the data up to the next tag, and the tag.
func (l *lexer) next() error {
	if l.trimLeft {
		l.skipSpace()
		l.trimLeft = false
	}
	start := l.at
	open := l.findTag()
	data := l.src[start:open]
	if open == len(l.src) {
		l.data(data, start)
		l.at = open
		return nil
	}
	tag := l.src[open+1]
	l.at = open + 2
	switch {
	case l.accept("-"):
		data = strings.TrimRightFunc(data, isSpace)
	case l.accept("+"):
	case tag != '{':
		data = l.stripLine(data)
	}
	l.data(data, start)
	l.lineStart = false
	switch tag {
	case '#':
		return l.comment(open)
	case '%':
		if end, ok := l.rawStart(); ok {
			l.at = end
			return l.raw(open)
		}
		l.emit(tokenBlock, "", open)
		return l.tag(open, "%}", tokenBlockEnd)
	default:
		l.emit(tokenPrint, "", open)
		return l.tag(open, "}}", tokenPrintEnd)
	}
}

func (l *lexer) data(s string, pos int) {
	if s != "" {
		l.emit(tokenData, s, pos)
	}
}

func (l *lexer) accept(s string) bool {
	if strings.HasPrefix(l.src[l.at:], s) {
		l.at += len(s)
		return true
	}
	return false
}

func (l *lexer) skipSpace() {
	l.at = len(l.src) - len(strings.TrimLeftFunc(l.src[l.at:], isSpace))
}

// findTag is the offset of the next tag, or the end of the source.
func (l *lexer) findTag() int {
	for i := l.at; ; i++ {
		n := strings.IndexByte(l.src[i:], '{')
		if n < 0 || i+n+1 >= len(l.src) {
			return len(l.src)
		}
		i += n
		if c := l.src[i+1]; c == '{' || c == '%' || c == '#' {
			return i
		}
	}
}

// stripLine drops blanks between the start of a line and a block tag (lstrip_blocks).
func (l *lexer) stripLine(data string) string {
	line := strings.LastIndexByte(data, '\n') + 1
	if (line > 0 || l.lineStart) && strings.TrimFunc(data[line:], isSpace) == "" {
		return data[:line]
	}
	return data
}

// close reads the end of a tag if it stands here: "-" drops white space after it, and a new line after it goes away
// (trim_blocks) unless the tag prints or says "+".
func (l *lexer) close(end string) bool {
	if l.accept("-" + end) {
		l.trimLeft = true
		return true
	}
	if end != "}}" && l.accept("+"+end) {
		return true
	}
	if !l.accept(end) {
		return false
	}
	if end != "}}" {
		l.lineStart = l.accept("\n")
	}
	return true
}

func (l *lexer) comment(open int) error {
	n := strings.Index(l.src[l.at:], "#}")
	if n < 0 {
		return syntaxf(open, "comment is not closed")
	}
	l.at += n
	if n > 0 && strings.IndexByte("-+", l.src[l.at-1]) >= 0 {
		l.at--
	}
	l.close("#}")
	return nil
}

// rawStart returns where the text of a raw block starts, if one is opened here.
func (l *lexer) rawStart() (int, bool) {
	probe := lexer{src: l.src, at: l.at}
	probe.skipSpace()
	if !probe.accept("raw") {
		return 0, false
	}
	probe.skipSpace()
	if probe.accept("-%}") {
		probe.skipSpace()
		return probe.at, true
	}
	ok := probe.accept("%}")
	return probe.at, ok
}

func (l *lexer) raw(open int) error {
	for i := l.at; ; {
		n := strings.Index(l.src[i:], "{%")
		if n < 0 {
			return syntaxf(open, "raw block is not closed")
		}
		end := lexer{src: l.src, at: i + n + 2}
		minus := end.accept("-")
		_ = minus || end.accept("+")
		end.skipSpace()
		if !end.accept("endraw") {
			i += n + 2
			continue
		}
		data := l.src[l.at : i+n]
		if minus {
			data = strings.TrimRightFunc(data, isSpace)
		} else {
			data = l.stripLine(data)
		}
		l.data(data, l.at)
		l.at = end.at
		l.skipSpace()
		if !l.close("%}") {
			return syntaxf(l.at, "endraw takes nothing")
		}
		return nil
	}
}

// tag reads the tokens of a tag up to its end.
func (l *lexer) tag(open int, end string, kind tokenKind) error {
	var brackets []byte // the closing ones that are still to come
	for {
		l.skipSpace()
		if l.at >= len(l.src) {
			return syntaxf(open, "tag is not closed")
		}
		pos := l.at
		if len(brackets) == 0 && l.close(end) {
			l.emit(kind, "", pos)
			return nil
		}
		if err := l.tagToken(); err != nil {
			return err
		}
		last := l.tokens[len(l.tokens)-1]
		if last.kind != tokenOperator {
			continue
		}
		switch last.s {
		case "(":
			brackets = append(brackets, ')')
		case "[":
			brackets = append(brackets, ']')
		case "{":
			brackets = append(brackets, '}')
		case ")", "]", "}":
			if len(brackets) == 0 || brackets[len(brackets)-1] != last.s[0] {
				return syntaxf(pos, "unexpected %q", last.s)
			}
			brackets = brackets[:len(brackets)-1]
		}
	}
}

func (l *lexer) tagToken() error {
	c, _ := utf8.DecodeRuneInString(l.src[l.at:])
	switch {
	case c == '\'' || c == '"':
		return l.str(byte(c))
	case c >= '0' && c <= '9':
		l.number()
		return nil
	case c == '_' || unicode.IsLetter(c):
		start := l.at
		l.skip(func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) })
		l.emit(tokenName, l.src[start:l.at], start)
		return nil
	}
	for _, op := range [...]string{
		"//", "**", "==", "!=", ">=", "<=",
		"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",",
	} {
		if pos := l.at; l.accept(op) {
			l.emit(tokenOperator, op, pos)
			return nil
		}
	}
	return syntaxf(l.at, "unexpected character %q", c)
}

func (l *lexer) skip(in func(rune) bool) {
	rest := l.src[l.at:]
	if n := strings.IndexFunc(rest, func(r rune) bool { return !in(r) }); n >= 0 {
		l.at += n
	} else {
		l.at = len(l.src)
	}
}

// number reads an integer or, unless it follows a dot (a.0.1), a float. Its digits are checked by the parser.
func (l *lexer) number() {
	start := l.at
	digit := func(r rune) bool { return r >= '0' && r <= '9' || r == '_' }
	kind := tokenInteger
	if rest := l.src[l.at:]; len(rest) > 2 && rest[0] == '0' && strings.IndexByte("xXoObB", rest[1]) >= 0 && isHex(rune(rest[2])) {
		l.at += 2
		l.skip(func(r rune) bool { return isHex(r) || r == '_' })
		l.emit(kind, strings.ReplaceAll(l.src[start:l.at], "_", ""), start)
		return
	}
	l.skip(digit)
	attribute := len(l.tokens) > 0 && l.tokens[len(l.tokens)-1].s == "." && l.tokens[len(l.tokens)-1].kind == tokenOperator
	if rest := l.src[l.at:]; !attribute && len(rest) > 1 && rest[0] == '.' && digit(rune(rest[1])) {
		kind = tokenFloat
		l.at++
		l.skip(digit)
	}
	if exp := l.exponent(); exp > 0 && !attribute {
		kind = tokenFloat
		l.at += exp
		l.skip(digit)
	}
	l.emit(kind, strings.ReplaceAll(l.src[start:l.at], "_", ""), start)
}

func isHex(r rune) bool { return strings.ContainsRune("0123456789abcdefABCDEF", r) }

// exponent returns the length of "e", "e+" or "e-" before a digit here.
func (l *lexer) exponent() int {
	rest := l.src[l.at:]
	if rest == "" || rest[0] != 'e' && rest[0] != 'E' {
		return 0
	}
	n := 1
	if len(rest) > 1 && (rest[1] == '+' || rest[1] == '-') {
		n = 2
	}
	if len(rest) > n && rest[n] >= '0' && rest[n] <= '9' {
		return n
	}
	return 0
}
