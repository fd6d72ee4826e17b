package grammar

import (
	"slices"
	"unicode/utf8"
)

// expr describes a language: what parsers make and the compiler takes. Exactly one of the kinds applies.
type expr struct {
	kind   exprKind
	shared bool    // part of several expressions: has one set of states before each state that follows
	bytes  string  // exprBytes
	class  []runes // exprClass: sorted, apart, without surrogates
	parts  []*expr // exprSeq and exprAlt; exprRepeat has one
	min    int     // exprRepeat
	max    int     // exprRepeat; unlimited if negative
	rule   int32   // exprRule
}

type exprKind uint8

const (
	exprBytes exprKind = iota
	exprClass
	exprSeq
	exprAlt
	exprRepeat
	exprRule
)

// runes is a range of characters, both ends included.
type runes struct{ low, high rune }

// unlimited is the max of a repetition without one.
const unlimited = -1

func text(s string) *expr         { return &expr{kind: exprBytes, bytes: s} }
func seq(parts ...*expr) *expr    { return &expr{kind: exprSeq, parts: parts} }
func alt(parts ...*expr) *expr    { return &expr{kind: exprAlt, parts: parts} }
func class(ranges ...runes) *expr { return &expr{kind: exprClass, class: tidy(ranges)} }
func call(rule int32) *expr       { return &expr{kind: exprRule, rule: rule} }
func optional(e *expr) *expr      { return repeat(e, 0, 1) }

func repeat(e *expr, low, high int) *expr {
	return &expr{kind: exprRepeat, parts: []*expr{e}, min: low, max: high}
}

// tidy sorts ranges, joins those that touch and takes the surrogates out, which UTF-8 does not have.
func tidy(ranges []runes) []runes {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b runes) int { return int(a.low) - int(b.low) })
	var joined []runes
	for _, r := range ranges {
		if n := len(joined); n > 0 && r.low <= joined[n-1].high+1 {
			joined[n-1].high = max(joined[n-1].high, r.high)
		} else {
			joined = append(joined, r)
		}
	}
	const first, last = 0xd800, 0xdfff
	var out []runes
	for _, r := range joined {
		if r.low < first {
			out = append(out, runes{r.low, min(r.high, first-1)})
		}
		if r.high > last {
			out = append(out, runes{max(r.low, last+1), r.high})
		}
	}
	return out
}

// inverse returns the characters that are not in ranges, which are tidy.
func inverse(ranges []runes) []runes {
	var out []runes
	next := rune(0)
	for _, r := range ranges {
		if r.low > next {
			out = append(out, runes{next, r.low - 1})
		}
		next = r.high + 1
	}
	if next <= utf8.MaxRune {
		out = append(out, runes{next, utf8.MaxRune})
	}
	return tidy(out)
}

// without returns the characters of a that are not in b; both are tidy.
func without(a, b []runes) []runes { return intersect(a, inverse(b)) }

func intersect(a, b []runes) []runes {
	var out []runes
	for _, x := range a {
		for _, y := range b {
			if low, high := max(x.low, y.low), min(x.high, y.high); low <= high {
				out = append(out, runes{low, high})
			}
		}
	}
	return tidy(out)
}
