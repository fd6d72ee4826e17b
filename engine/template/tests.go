package template

import (
	"errors"
	"strings"
	"unicode"
)

// tests are what may follow "is".
var tests = map[string]testDef{
	"defined":     {typeTest(func(v value) bool { _, u := v.(undefined); return !u }), 0},
	"undefined":   {typeTest(func(v value) bool { _, u := v.(undefined); return u }), 0},
	"none":        {typeTest(func(v value) bool { _, n := v.(none); return n }), 0},
	"string":      {typeTest(func(v value) bool { _, t := v.(text); return t }), 0},
	"mapping":     {typeTest(func(v value) bool { _, d := v.(*dict); return d }), 0},
	"number":      {typeTest(func(v value) bool { _, n := number(v); return n }), 0},
	"integer":     {typeTest(func(v value) bool { return typeName(v) == "int" }), 0},
	"float":       {typeTest(func(v value) bool { _, f := v.(float); return f }), 0},
	"boolean":     {typeTest(func(v value) bool { _, b := v.(boolean); return b }), 0},
	"true":        {typeTest(func(v value) bool { return v == value(boolean(true)) }), 0},
	"false":       {typeTest(func(v value) bool { return v == value(boolean(false)) }), 0},
	"iterable":    {typeTest(isIterable), 0},
	"sequence":    {typeTest(isSequence), 0},
	"callable":    {typeTest(isCallable), 0},
	"lower":       {caseTest(unicode.IsUpper, unicode.IsLower), 0},
	"upper":       {caseTest(unicode.IsLower, unicode.IsUpper), 0},
	"odd":         {remainderTest(2, 1), 0},
	"even":        {remainderTest(2, 0), 0},
	"divisibleby": {testDivisible, 1},
	"sameas":      {testSame, 1},
	"in":          {func(in *interp, v value, a []value) (bool, error) { return in.contains(a[0], v) }, 1},
	"eq":          compareTest("=="),
	"equalto":     compareTest("=="),
	"==":          compareTest("=="),
	"ne":          compareTest("!="),
	"!=":          compareTest("!="),
	"lt":          compareTest("<"),
	"lessthan":    compareTest("<"),
	"<":           compareTest("<"),
	"le":          compareTest("<="),
	"<=":          compareTest("<="),
	"gt":          compareTest(">"),
	"greaterthan": compareTest(">"),
	">":           compareTest(">"),
	"ge":          compareTest(">="),
	">=":          compareTest(">="),
}

func typeTest(f func(value) bool) testFunc {
	return func(_ *interp, v value, _ []value) (bool, error) { return f(v), nil }
}

func compareTest(op string) testDef {
	return testDef{func(in *interp, v value, a []value) (bool, error) { return in.compare(op, v, a[0]) }, 1}
}

// isIterable is true of all that a loop takes, undefined values too, as in Jinja.
func isIterable(v value) bool {
	switch v.(type) {
	case text, *list, *dict, undefined:
		return true
	default:
		return false
	}
}

// isSequence is true of what has a length and items by number. Mappings count, as in Jinja.
func isSequence(v value) bool {
	l, ok := v.(*list)
	return isIterable(v) && (!ok || l.kind == plainList || l.kind == rangeList)
}

func isCallable(v value) bool {
	switch v.(type) {
	case *macro, *builtin, undefined: // what is undefined has a way to be called, which fails
		return true
	default:
		return false
	}
}

// caseTest is true of a text that has a letter which want holds for, and none that bad holds for.
func caseTest(bad, want func(rune) bool) testFunc {
	return func(in *interp, v value, _ []value) (bool, error) {
		t, err := in.toText(v)
		if err != nil {
			return false, err
		}
		if err := in.charge(len(t.s) / stepBytes); err != nil {
			return false, err
		}
		return !strings.ContainsFunc(t.s, bad) && strings.ContainsFunc(t.s, want), nil
	}
}

func remainderTest(n, want int64) testFunc {
	return func(in *interp, v value, _ []value) (bool, error) { return in.hasRest(v, integer(n), want) }
}

// hasRest reports whether v % n is want.
func (in *interp) hasRest(v, n value, want int64) (bool, error) {
	if _, ok := number(v); !ok {
		return false, errors.New("remainder of " + describe(v))
	}
	rest, err := in.arithmetic("%", v, n)
	if err != nil {
		return false, err
	}
	return in.equal(rest, integer(want))
}

func testDivisible(in *interp, v value, a []value) (bool, error) { return in.hasRest(v, a[0], 0) }

func integerValue(v value) (int64, error) {
	i, ok := integral(v)
	if !ok {
		return 0, errors.New("a number is needed, not " + describe(v))
	}
	return i, nil
}

// testSame is Python's "is": the same object. Constants and numbers are the same when they are equal and of one type.
func testSame(in *interp, v value, a []value) (bool, error) {
	if typeName(v) != typeName(a[0]) {
		return false, nil
	}
	switch v := v.(type) {
	case *list:
		return v == a[0], nil
	case *dict:
		return v == a[0], nil
	default:
		return in.equal(v, a[0])
	}
}

func testTruth(_ *interp, v value, _ []value) (bool, error) { return truth(v), nil }
