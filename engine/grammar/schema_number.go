package grammar

import (
	"math/big"
	"strings"
)

// maxBound is the number of digits before and after the point of a bound.
const maxBound = 40

// bound limits numbers on one side; a nil bound does not.
type bound struct {
	value     *big.Rat
	inclusive bool
}

func (s *schemas) numberType(p *place, name string) (*expr, error) {
	low, err := p.bound("minimum", "exclusiveMinimum", 1)
	if err != nil {
		return nil, err
	}
	high, err := p.bound("maximum", "exclusiveMaximum", -1)
	switch {
	case err != nil:
		return nil, err
	case low == nil && high == nil:
		return s.basic(name), nil
	case name == "integer":
		return integers(low.whole(1), high.whole(-1)), nil
	default:
		return numbers(low, high), nil
	}
}

// bound reads the bounds of one side and returns the tighter one. side is 1 for lower bounds and -1 for upper ones.
func (p *place) bound(inclusive, exclusive string, side int) (*bound, error) {
	var tightest *bound
	for _, keyword := range []string{exclusive, inclusive} {
		v := p.get(keyword)
		if v == nil {
			continue
		}
		if v.kind != isNumber {
			return nil, p.fail(ErrSyntax, keyword, "not a number")
		}
		value, ok := readBound(v.text)
		if !ok {
			return nil, p.fail(ErrUnsupported, keyword, "%.60s has more than %d digits before or after the point", v.text, maxBound)
		}
		if tightest == nil || value.Cmp(tightest.value)*side > 0 {
			tightest = &bound{value, keyword == inclusive}
		}
	}
	return tightest, nil
}

func readBound(s string) (*big.Rat, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	exponent = strings.TrimLeft(strings.TrimLeft(exponent, "+-"), "0")
	if len(mantissa) > maxBound || len(exponent) > 2 {
		return nil, false
	}
	v, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, false
	}
	before, after := decimal(v)
	return v, len(before) <= maxBound && len(after) <= maxBound
}

// decimal returns the digits of a number's size before and after the point, without zeros at the end.
func decimal(v *big.Rat) (before, after string) {
	before, after, _ = strings.Cut(new(big.Rat).Abs(v).FloatString(3*maxBound+100), ".")
	return before, strings.TrimRight(after, "0")
}

// whole returns the integer nearest to a bound that the bound allows, on the side of larger numbers if side is 1.
func (b *bound) whole(side int64) *big.Int {
	if b == nil {
		return nil
	}
	v := new(big.Int).Div(b.value.Num(), b.value.Denom()) // rounds down, since the denominator is positive
	if b.value.IsInt() {
		if !b.inclusive {
			v.Add(v, big.NewInt(side))
		}
	} else if side > 0 {
		v.Add(v, big.NewInt(1))
	}
	return v
}

// integers are the integers from low to high; nil is no bound.
func integers(low, high *big.Int) *expr {
	e, one := alt(), big.NewInt(1)
	if low == nil || low.Sign() < 0 {
		from, to := one, (*big.Int)(nil)
		if high != nil && high.Sign() < 0 {
			from = new(big.Int).Neg(high)
		}
		if low != nil {
			to = new(big.Int).Neg(low)
		}
		e.parts = append(e.parts, seq(text("-"), counting(from, to)))
	}
	if high == nil || high.Sign() >= 0 {
		from := new(big.Int)
		if low != nil && low.Sign() > 0 {
			from = low
		}
		e.parts = append(e.parts, counting(from, high))
	}
	return e
}

// counting is the integers from low, which is not negative, to high. Without a high they have a digit more than low at
// most, or maxDigits.
func counting(low, high *big.Int) *expr {
	from, to := low.String(), strings.Repeat("9", max(maxDigits, len(low.String())+1))
	if high != nil {
		to = high.String()
		if high.Cmp(low) < 0 {
			return alt()
		}
	}
	e := alt()
	for n := len(from); n <= len(to); n++ {
		a, b := "1"+strings.Repeat("0", n-1), strings.Repeat("9", n)
		if n == len(from) {
			a = from
		}
		if n == len(to) {
			b = to
		}
		e.parts = append(e.parts, sameLength(&a, &b, n))
	}
	return e
}

// sameLength is the n digits from low to high; nil is no bound.
func sameLength(low, high *string, n int) *expr {
	if low == nil && high == nil {
		return digits(n, n)
	}
	if n == 0 {
		return seq()
	}
	e := alt()
	first, last := byte('0'), byte('9')
	var lowRest, highRest *string
	if low != nil {
		first, lowRest = (*low)[0], tail(low)
	}
	if high != nil {
		last, highRest = (*high)[0], tail(high)
	}
	for _, g := range (group{first, last, low != nil, high != nil}).cut() {
		l, h := lowRest, highRest
		if !g.low {
			l = nil
		}
		if !g.high {
			h = nil
		}
		e.parts = append(e.parts, seq(g.digits(), sameLength(l, h, n-1)))
	}
	return e
}

func tail(s *string) *string {
	t := (*s)[1:]
	return &t
}

// group is a range of digits; low and high say that its first and last are those of a bound, so that the digits behind
// matter.
type group struct {
	first, last byte
	low, high   bool
}

func (g group) digits() *expr { return class(runes{rune(g.first), rune(g.last)}) }

// cut cuts a range where the bounds at its ends begin or end to matter.
func (g group) cut() []group {
	if g.first > g.last {
		return nil
	}
	if g.first == g.last {
		return []group{g}
	}
	var all []group
	middle := group{first: g.first, last: g.last}
	if g.low {
		all = append(all, group{first: g.first, last: g.first, low: true})
		middle.first++
	}
	if g.high {
		all = append(all, group{first: g.last, last: g.last, high: true})
		middle.last--
	}
	if middle.first <= middle.last {
		all = append(all, middle)
	}
	return all
}

// numbers are the numbers between two bounds, of which one may be nil. They have no exponent.
func numbers(low, high *bound) *expr {
	e, zero := alt(), &bound{new(big.Rat), false}
	if low == nil || low.value.Sign() < 0 {
		from, to := zero, (*bound)(nil)
		if high != nil && high.value.Sign() <= 0 {
			from = &bound{new(big.Rat).Neg(high.value), high.inclusive && high.value.Sign() < 0}
		}
		if low != nil {
			to = &bound{new(big.Rat).Neg(low.value), low.inclusive}
		}
		e.parts = append(e.parts, seq(text("-"), sizes(from, to)))
	}
	if high == nil || high.value.Sign() >= 0 {
		from := &bound{new(big.Rat), true}
		if low != nil && low.value.Sign() >= 0 {
			from = low
		}
		e.parts = append(e.parts, sizes(from, high))
	}
	return e
}

// sizes is the numbers between low, which is not negative, and high, which may be nil.
func sizes(low, high *bound) *expr {
	if high != nil && high.value.Cmp(low.value) < 0 {
		return alt()
	}
	one := big.NewInt(1)
	before, after := decimal(low.value)
	first, _ := new(big.Int).SetString(before, 10)
	from := &edgeOf{after, low.inclusive}
	if high == nil {
		return alt(seq(text(before), fraction(from, nil)), seq(counting(new(big.Int).Add(first, one), nil), anyFraction()))
	}
	endBefore, endAfter := decimal(high.value)
	last, _ := new(big.Int).SetString(endBefore, 10)
	to := &edgeOf{endAfter, high.inclusive}
	if first.Cmp(last) == 0 {
		return seq(text(before), fraction(from, to))
	}
	between := counting(new(big.Int).Add(first, one), new(big.Int).Sub(last, one))
	return alt(seq(text(before), fraction(from, nil)), seq(between, anyFraction()), seq(text(endBefore), fraction(nil, to)))
}

// edgeOf is what is left of the digits of a bound that a number has followed so far.
type edgeOf struct {
	rest      string // without zeros at the end
	inclusive bool
}

// fraction is the point and the digits behind it, or nothing, between two bounds.
func fraction(low, high *edgeOf) *expr {
	longest := maxDigits
	for _, e := range []*edgeOf{low, high} {
		if e != nil {
			longest = max(longest, len(e.rest)+2)
		}
	}
	more := seq(text("."), behind(low, high, longest))
	if mayEnd(low, high) {
		return optional(more)
	}
	return more
}

// mayEnd says that nothing but zeros behind is between the bounds.
func mayEnd(low, high *edgeOf) bool {
	return (low == nil || low.rest == "" && low.inclusive) && (high == nil || high.rest != "" || high.inclusive)
}

// behind is 1 to n digits between two bounds.
func behind(low, high *edgeOf, n int) *expr {
	if low == nil && high == nil {
		return digits(1, max(n, 1))
	}
	if n == 0 {
		return alt()
	}
	first, last := byte('0'), byte('9')
	var lowNext, highNext *edgeOf
	if low != nil {
		first, lowNext = low.next()
	}
	if high != nil {
		last, highNext = high.next()
	}
	e := alt()
	for _, g := range (group{first, last, low != nil, high != nil}).cut() {
		l, h := lowNext, highNext
		if !g.low {
			l = nil
		}
		if !g.high {
			h = nil
		}
		more := seq()
		if n > 1 {
			more = behind(l, h, n-1)
		} else if !mayEnd(l, h) {
			continue
		}
		if n > 1 && mayEnd(l, h) {
			more = optional(more)
		}
		e.parts = append(e.parts, seq(g.digits(), more))
	}
	return e
}

// next returns the next digit and what is left behind it.
func (e *edgeOf) next() (byte, *edgeOf) {
	if e.rest == "" {
		return '0', e
	}
	return e.rest[0], &edgeOf{e.rest[1:], e.inclusive}
}
