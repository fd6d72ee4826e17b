package grammar

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rootRule is the rule that a whole text must match.
const rootRule = "root"

// ParseGBNF reads a grammar in the notation of llama.cpp: rules "name ::= alternatives", texts in quotes, character
// classes, ".", groups, the repetitions ? * + {m} {m,} {m,n}, and comments. Its tokens in angle brackets are not
// supported. Errors are of type *[SyntaxError] or *[LimitError].
func ParseGBNF(src string, limits Limits) (*Grammar, error) {
	limits = limits.filled()
	if len(src) > limits.SourceBytes {
		return nil, &LimitError{"source bytes", limits.SourceBytes}
	}
	p := &parser{src: src, line: 1, names: map[string]int32{}, b: builder{limits: limits}}
	if err := p.grammar(); err != nil {
		return nil, err
	}
	return p.b.compile(p.names[rootRule])
}

// parser reads GBNF. Its methods leave at behind what they have read and the blanks after it.
type parser struct {
	src   string
	at    int
	line  int
	depth int // of groups
	names map[string]int32
	b     builder
}

func (p *parser) fail(kind error, format string, args ...any) error {
	return &SyntaxError{p.line, fmt.Sprintf(format, args...), kind}
}

func (p *parser) grammar() error {
	p.blanks(true)
	for p.at < len(p.src) {
		if err := p.rule(); err != nil {
			return err
		}
		p.blanks(true)
	}
	for name, r := range p.names {
		if p.b.bodies[r] == nil {
			p.line = p.b.rules[r].line
			return p.fail(ErrSyntax, "rule %q is not defined", name)
		}
	}
	if _, ok := p.names[rootRule]; !ok {
		p.line = 0
		return p.fail(ErrSyntax, "there is no rule %q", rootRule)
	}
	return p.b.err
}

func (p *parser) rule() error {
	line := p.line
	name := p.name()
	if name == "" {
		return p.fail(ErrSyntax, "want the name of a rule at %s", p.here())
	}
	p.blanks(false)
	if !p.take("::=") {
		return p.fail(ErrSyntax, "want ::= after %.40q", name)
	}
	p.blanks(true)
	body, err := p.alternatives()
	if err != nil {
		return err
	}
	if p.at < len(p.src) && p.src[p.at] != '\n' && p.src[p.at] != '\r' {
		return p.fail(ErrSyntax, "unexpected %s", p.here())
	}
	r := p.named(name)
	if p.b.err != nil {
		return p.b.err
	}
	if p.b.bodies[r] != nil {
		return p.fail(ErrSyntax, "rule %.40q is defined twice", name)
	}
	p.b.bodies[r], p.b.rules[r].line = body, line
	return nil
}

// named returns the rule of a name, which may be defined later.
func (p *parser) named(name string) int32 {
	r, ok := p.names[name]
	if !ok {
		r = p.b.declare(name, p.line)
		p.names[strings.Clone(name)] = r
	}
	return r
}

func (p *parser) alternatives() (*expr, error) {
	var parts []*expr
	for {
		s, err := p.sequence()
		if err != nil {
			return nil, err
		}
		parts = append(parts, s)
		if !p.take("|") {
			break
		}
		p.blanks(true)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return alt(parts...), nil
}

func (p *parser) sequence() (*expr, error) {
	var parts []*expr
	for {
		e, err := p.element()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		p.blanks(p.depth > 0)
		if e, err = p.repetitions(e); err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return seq(parts...), nil
}

// element reads what a repetition can follow; nil if there is none.
func (p *parser) element() (*expr, error) {
	if p.at == len(p.src) {
		return nil, nil
	}
	switch c := p.src[p.at]; {
	case c == '"':
		return p.quoted()
	case c == '[':
		return p.class()
	case c == '(':
		return p.group()
	case c == '.':
		p.at++
		return class(runes{0, utf8.MaxRune}), nil
	case c == '<' || c == '!':
		return nil, p.fail(ErrUnsupported, "tokens such as %s", p.here())
	case isNameByte(c):
		return call(p.named(p.name())), p.b.err
	default:
		return nil, nil
	}
}

func (p *parser) group() (*expr, error) {
	p.at++
	if p.depth++; p.depth > p.b.limits.Nesting {
		return nil, &LimitError{"nesting", p.b.limits.Nesting}
	}
	p.blanks(true)
	e, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.fail(ErrSyntax, "want ) at %s", p.here())
	}
	p.depth--
	return e, nil
}

func (p *parser) quoted() (*expr, error) {
	p.at++
	var b strings.Builder
	for !p.take(`"`) {
		r, err := p.char()
		if err != nil {
			return nil, err
		}
		b.WriteRune(r)
	}
	return text(b.String()), nil
}

func (p *parser) class() (*expr, error) {
	p.at++
	negated := p.take("^")
	var ranges []runes
	for !p.take("]") {
		low, err := p.char()
		if err != nil {
			return nil, err
		}
		high := low
		if rest := p.src[p.at:]; strings.HasPrefix(rest, "-") && !strings.HasPrefix(rest, "-]") {
			p.at++
			if high, err = p.char(); err != nil {
				return nil, err
			}
		}
		if high < low {
			return nil, p.fail(ErrSyntax, "range from %q to %q", low, high)
		}
		if ranges = append(ranges, runes{low, high}); len(ranges) > p.b.limits.States {
			return nil, &LimitError{"states", p.b.limits.States}
		}
	}
	e := class(ranges...)
	if negated {
		e.class = inverse(e.class)
	}
	return e, nil
}

// repetitions reads what stands behind an element. Several multiply.
func (p *parser) repetitions(e *expr) (*expr, error) {
	for nested := 0; ; nested++ {
		low, high := 0, unlimited
		switch {
		case p.take("*"):
		case p.take("+"):
			low = 1
		case p.take("?"):
			high = 1
		case p.take("{"):
			var err error
			if low, high, err = p.counts(); err != nil {
				return nil, err
			}
		default:
			return e, nil
		}
		if nested == p.b.limits.Nesting {
			return nil, &LimitError{"nesting", p.b.limits.Nesting}
		}
		p.blanks(p.depth > 0)
		e = repeat(e, low, high)
	}
}

// counts reads the inside of {m,n}.
func (p *parser) counts() (low, high int, err error) {
	if low, err = p.count(); err != nil {
		return 0, 0, err
	}
	high = low
	if p.take(",") {
		high = unlimited
		p.blanks(p.depth > 0)
		if p.at < len(p.src) && isDigit(p.src[p.at]) {
			if high, err = p.count(); err != nil {
				return 0, 0, err
			}
			if high < low {
				return 0, 0, p.fail(ErrSyntax, "repetition {%d,%d}", low, high)
			}
		}
	}
	if !p.take("}") {
		return 0, 0, p.fail(ErrSyntax, "want } at %s", p.here())
	}
	return low, high, nil
}

func (p *parser) count() (int, error) {
	p.blanks(p.depth > 0)
	from := p.at
	for p.at < len(p.src) && isDigit(p.src[p.at]) {
		p.at++
	}
	if p.at == from {
		return 0, p.fail(ErrSyntax, "want a number at %s", p.here())
	}
	n, err := strconv.Atoi(p.src[from:p.at])
	if err != nil || n > p.b.limits.Repeat {
		return 0, &LimitError{"repeat", p.b.limits.Repeat}
	}
	p.blanks(p.depth > 0)
	return n, nil
}

// char reads a character of a text or a class, which may be an escape.
func (p *parser) char() (rune, error) {
	r, n := utf8.DecodeRuneInString(p.src[p.at:])
	switch {
	case n == 0:
		return 0, p.fail(ErrSyntax, "the text or class does not end")
	case r == utf8.RuneError && n == 1:
		return 0, p.fail(ErrSyntax, "not UTF-8")
	}
	p.at += n
	if r == '\n' {
		p.line++
	}
	if r != '\\' {
		return r, nil
	}
	if p.at == len(p.src) {
		return 0, p.fail(ErrSyntax, "the text or class does not end")
	}
	c := p.src[p.at]
	p.at++
	switch c {
	case 't':
		return '\t', nil
	case 'r':
		return '\r', nil
	case 'n':
		return '\n', nil
	case '\\', '"', '[', ']', '-', '^':
		return rune(c), nil
	case 'x':
		return p.hex(2)
	case 'u':
		return p.hex(4)
	case 'U':
		return p.hex(8)
	default:
		return 0, p.fail(ErrSyntax, "unknown escape \\%q", c)
	}
}

func (p *parser) hex(digits int) (rune, error) {
	if len(p.src)-p.at < digits {
		return 0, p.fail(ErrSyntax, "want %d hexadecimal digits", digits)
	}
	v, err := strconv.ParseUint(p.src[p.at:p.at+digits], 16, 32)
	if err != nil || strings.HasPrefix(p.src[p.at:], "+") {
		return 0, p.fail(ErrSyntax, "want %d hexadecimal digits at %s", digits, p.here())
	}
	if r := rune(v); v <= utf8.MaxRune && utf8.ValidRune(r) {
		p.at += digits
		return r, nil
	}
	return 0, p.fail(ErrSyntax, "U+%X is not a character", v)
}

// name reads the name of a rule, and returns nothing if there is none.
func (p *parser) name() string {
	from := p.at
	for p.at < len(p.src) && isNameByte(p.src[p.at]) {
		p.at++
	}
	return p.src[from:p.at]
}

func (p *parser) take(s string) bool {
	if strings.HasPrefix(p.src[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

// blanks skips white space and comments; with lines, also the ends of lines.
func (p *parser) blanks(lines bool) {
	for ; p.at < len(p.src); p.at++ {
		switch c := p.src[p.at]; {
		case c == ' ' || c == '\t':
		case lines && c == '\r':
		case lines && c == '\n':
			p.line++
		case c == '#':
			for p.at+1 < len(p.src) && p.src[p.at+1] != '\n' && p.src[p.at+1] != '\r' {
				p.at++
			}
		default:
			return
		}
	}
}

// here quotes what comes next.
func (p *parser) here() string {
	rest := p.src[p.at:]
	if rest == "" {
		return "the end"
	}
	return fmt.Sprintf("%.16q", rest)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-'
}
