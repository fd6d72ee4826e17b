package template

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// within returns the part of t that the arguments start and end of a search give, and the number of its first character.
func (in *interp) within(t text, start, end value) (text, int, error) {
	if start == nil && end == nil {
		return t, 0, nil
	}
	r, err := newSliceRange(utf8.RuneCountInString(t.s), []value{start, end, nil})
	if err != nil {
		return text{}, 0, err
	}
	lo := byteOffset(t.s, r.lo)
	return t.slice(lo, lo+byteOffset(t.s[lo:], max(r.hi-r.lo, 0))), r.lo, in.charge(len(t.s) / stepBytes)
}

func affixMethod(has func(s, affix string) bool) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		affixes := a[:1]
		if l, ok := a[0].(*list); ok && l.tuple {
			affixes = l.items
		}
		ts, err := in.texts(v, affixes...)
		if err != nil {
			return nil, err
		}
		part, _, err := in.within(ts[0], a[1], a[2])
		if err != nil {
			return nil, err
		}
		for _, affix := range ts[1:] {
			if has(part.s, affix.s) {
				return boolean(true), nil
			}
		}
		return boolean(false), nil
	}
}

func methodRemovePrefix(in *interp, v value, a []value) (value, error) {
	ts, err := in.texts(v, a[0])
	if err != nil || !strings.HasPrefix(ts[0].s, ts[1].s) {
		return v, err
	}
	return ts[0].slice(len(ts[1].s), len(ts[0].s)), nil
}

func methodRemoveSuffix(in *interp, v value, a []value) (value, error) {
	ts, err := in.texts(v, a[0])
	if err != nil || !strings.HasSuffix(ts[0].s, ts[1].s) {
		return v, err
	}
	return ts[0].slice(0, len(ts[0].s)-len(ts[1].s)), nil
}

// findMethod is find, or index if what is not there is an error.
func findMethod(find func(s, sub string) int, must bool) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		ts, err := in.texts(v, a[0])
		if err != nil {
			return nil, err
		}
		part, first, err := in.within(ts[0], a[1], a[2])
		if err != nil {
			return nil, err
		}
		i := find(part.s, ts[1].s)
		switch {
		case i < 0 && must:
			return nil, errors.New("substring not found")
		case i < 0:
			return integer(-1), nil
		}
		return integer(first + utf8.RuneCountInString(part.s[:i])), nil
	}
}

// methodIndex is the method of texts and of lists.
func methodIndex(in *interp, v value, a []value) (value, error) {
	l, ok := v.(*list)
	if !ok || a[0] == nil || l.kind != plainList {
		return findMethod(strings.Index, true)(in, v, a)
	}
	for i, x := range l.items {
		if same, err := in.equal(x, a[0]); same || err != nil {
			return integer(i), err
		}
	}
	return nil, errors.New("item is not in the list")
}

// methodCount is the method of texts and of lists.
func methodCount(in *interp, v value, a []value) (value, error) {
	if l, ok := v.(*list); ok && a[0] != nil && l.kind == plainList {
		n := 0
		for _, x := range l.items {
			same, err := in.equal(x, a[0])
			if err != nil {
				return nil, err
			}
			if same {
				n++
			}
		}
		return integer(n), nil
	}
	ts, err := in.texts(v, a[0])
	if err != nil {
		return nil, err
	}
	part, _, err := in.within(ts[0], a[1], a[2])
	return integer(strings.Count(part.s, ts[1].s)), err
}

// partitionMethod cuts a text in three: before, at and after the separator. whole is what it gives without one.
func partitionMethod(find func(s, sub string) int, whole func(text) []value) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		ts, err := in.texts(v, a[0])
		if err != nil {
			return nil, err
		}
		t, sep := ts[0], ts[1]
		if sep.s == "" {
			return nil, errors.New("separator is empty")
		}
		i := find(t.s, sep.s)
		if i < 0 {
			return &list{items: whole(t), tuple: true}, nil
		}
		return &list{items: []value{t.slice(0, i), sep, t.slice(i+len(sep.s), len(t.s))}, tuple: true}, nil
	}
}

// justifyMethod fills a text up to a width. left says how many of the filling characters stand in front.
func justifyMethod(left func(fill, width int) int) callFunc {
	return func(in *interp, v value, a []value) (value, error) {
		pad := a[1]
		if pad == nil {
			pad = str(" ")
		}
		ts, err := in.texts(v, pad)
		if err != nil {
			return nil, err
		}
		width, ok := index(orFalse(a[0]))
		if !ok || a[0] == nil || utf8.RuneCountInString(ts[1].s) != 1 {
			return nil, errors.New("a width and one character are needed")
		}
		fill := max(width-utf8.RuneCountInString(ts[0].s), 0)
		if err := in.grow(len(ts[0].s)+fill*len(ts[1].s), 0); err != nil {
			return nil, err
		}
		front := left(fill, width)
		return in.join(str(strings.Repeat(ts[1].s, front)), ts[0], str(strings.Repeat(ts[1].s, fill-front)))
	}
}

// methodZfill fills with zeros behind the sign.
func methodZfill(in *interp, v value, a []value) (value, error) {
	ts, err := in.texts(v)
	if err != nil {
		return nil, err
	}
	t, sign := ts[0], text{}
	if t.s != "" && (t.s[0] == '+' || t.s[0] == '-') {
		sign, t = t.slice(0, 1), t.slice(1, len(t.s))
	}
	width, ok := index(orFalse(a[0]))
	if !ok || a[0] == nil {
		return nil, errors.New("a width is needed")
	}
	fill := max(width-utf8.RuneCountInString(ts[0].s), 0)
	if err := in.grow(len(t.s)+fill, 0); err != nil {
		return nil, err
	}
	return in.join(sign, str(strings.Repeat("0", fill)), t)
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}
