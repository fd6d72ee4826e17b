package grammar

import (
	"slices"
	"unicode/utf8"
)

// maxDigits of numbers that no schema limits.
const maxDigits = 18

// mostIndentation is how many spaces may begin a line. Without a bound a model could fill its answer with them.
const mostIndentation = 20

// basic returns one of the rules that schemas share.
func (s *schemas) basic(name string) *expr {
	r, ok := s.basics[name]
	if !ok {
		r = s.b.declare(name, 0)
		s.basics[name] = r
		body := s.basicBody(name)
		if s.b.err == nil {
			s.b.bodies[r] = body
		}
	}
	return call(r)
}

func (s *schemas) basicBody(name string) *expr {
	switch name {
	case "space":
		return alt(seq(), text(" "), seq(text("\n"), repeat(text(" "), 0, mostIndentation)))
	case "char":
		return stringChar()
	case "string":
		return seq(text(`"`), repeat(stringChar(), 0, unlimited), text(`"`))
	case "integer":
		return alt(text("0"), seq(optional(text("-")), nonZero(), digits(0, maxDigits-1)))
	case "number":
		exponent := seq(class(runes{'E', 'E'}, runes{'e', 'e'}), optional(class(runes{'+', '+'}, runes{'-', '-'})), digits(1, 2))
		return seq(optional(text("-")), alt(text("0"), seq(nonZero(), digits(0, maxDigits-1))), anyFraction(), optional(exponent))
	case "array":
		return s.list(func(int) *expr { return s.basic("value") }, 0, 0, unlimited)
	case "object":
		return s.members(nil, seq(s.basic("string"), s.colon(), s.basic("value")))
	default: // "value"
		return alt(
			s.basic("object"), s.basic("array"), s.basic("string"), s.basic("number"), text("true"), text("false"), text("null"),
		)
	}
}

func nonZero() *expr             { return class(runes{'1', '9'}) }
func digits(low, high int) *expr { return repeat(class(runes{'0', '9'}), low, high) }
func anyFraction() *expr         { return optional(seq(text("."), digits(1, maxDigits))) }

// plainRunes are the characters that stand for themselves in a JSON string.
var plainRunes = []runes{{0x20, '"' - 1}, {'"' + 1, '\\' - 1}, {'\\' + 1, utf8.MaxRune}}

// stringChar is one character of a JSON string, in any way that it can be written.
func stringChar() *expr {
	hex := class(runes{'0', '9'}, runes{'A', 'F'}, runes{'a', 'f'})
	letter := func(letters string) *expr {
		e := class()
		for _, r := range letters {
			e.class = append(e.class, runes{r, r})
		}
		return class(e.class...)
	}
	unit := alt( // of UTF-16, no surrogate
		seq(letter("0123456789ABCEFabcef"), hex, hex, hex),
		seq(letter("Dd"), class(runes{'0', '7'}), hex, hex),
	)
	pair := seq(letter("Dd"), letter("89ABab"), hex, hex, text(`\u`), letter("Dd"), letter("CDEFcdef"), hex, hex)
	return alt(
		class(plainRunes...),
		seq(text(`\`), alt(letter(`"\/bfnrt`), seq(text("u"), alt(unit, pair)))),
	)
}

func (s *schemas) space() *expr { return s.basic("space") }
func (s *schemas) colon() *expr { return seq(text(":"), s.space()) }
func (s *schemas) comma() *expr { return seq(text(","), s.space()) }

// list is an array of low to high items, which part describes by place; from the place others on all are the same.
func (s *schemas) list(part func(int) *expr, others, low, high int) *expr {
	item := func(i int) *expr { // with the comma in front
		if i == 0 {
			return seq(part(0), s.space())
		}
		return seq(s.comma(), part(i), s.space())
	}
	singles := max(others, 1) // the first has no comma
	rest := seq()
	switch {
	case high == unlimited:
		rest = repeat(item(singles), max(0, low-singles), unlimited)
	case high > singles:
		rest = repeat(item(singles), max(0, low-singles), high-singles)
	}
	for i := singles - 1; i >= 0; i-- {
		if high != unlimited && i >= high {
			continue
		}
		rest = seq(item(i), rest)
		if i >= low {
			rest = optional(rest)
		}
	}
	return seq(text("["), s.space(), rest, text("]"))
}

// member is a named part of an object.
type member struct {
	pair     *expr // name, colon and value
	required bool
}

// members is an object of the members in their order and then any number of others; others is nil if there are none.
func (s *schemas) members(list []member, others *expr) *expr {
	after, first := seq(), seq() // what can follow a member; what the object can begin with
	if others != nil {
		after = repeat(seq(s.comma(), others, s.space()), 0, unlimited)
		after.shared = true
		first = optional(seq(others, s.space(), after))
	}
	for _, m := range slices.Backward(list) {
		pair := seq(m.pair, s.space())
		pair.shared = true
		if m.required {
			first = seq(pair, after)
			after = seq(s.comma(), pair, after)
		} else {
			first = alt(seq(pair, after), first)
			after = seq(optional(seq(s.comma(), pair)), after)
		}
		after.shared = true
	}
	return seq(text("{"), s.space(), first, text("}"))
}
