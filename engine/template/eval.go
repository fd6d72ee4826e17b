package template

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (e *literal) eval(*interp, *scope) (value, error) { return e.v, nil }

func (e *nameExpr) eval(_ *interp, sc *scope) (value, error) {
	if v, ok := sc.get(e.name); ok {
		return v, nil
	}
	if g, ok := globals[e.name]; ok {
		return &builtin{e.name, g}, nil
	}
	return undefined{e.name}, nil
}

func (e *listExpr) eval(in *interp, sc *scope) (value, error) {
	items, err := in.evalAll(e.items, sc)
	return &list{items: items, tuple: e.tuple}, err
}

func (e *dictExpr) eval(in *interp, sc *scope) (value, error) {
	d := newDict(len(e.keys))
	for i := range e.keys {
		k, err := in.eval(e.keys[i], sc)
		if err != nil {
			return nil, err
		}
		v, err := in.eval(e.values[i], sc)
		if err != nil {
			return nil, err
		}
		if err := in.chargeKey(k); err != nil {
			return nil, err
		}
		if err := d.set(k, v); err != nil {
			return nil, at(e.offset(), err)
		}
	}
	return d, nil
}

func (e *unaryExpr) eval(in *interp, sc *scope) (value, error) {
	v, err := in.eval(e.x, sc)
	if err != nil {
		return nil, err
	}
	if e.op == "not" {
		return boolean(!truth(v)), nil
	}
	if f, ok := v.(float); ok {
		if e.op == "-" {
			f = -f
		}
		return f, nil
	}
	i, ok := integral(v)
	if !ok {
		return nil, renderf(e.offset(), "sign of %s", describe(v))
	}
	if e.op == "-" {
		i = -i
	}
	return integer(i), nil
}

func (e *binaryExpr) eval(in *interp, sc *scope) (value, error) {
	l, err := in.eval(e.l, sc)
	if err != nil {
		return nil, err
	}
	if e.op == "and" && !truth(l) || e.op == "or" && truth(l) {
		return l, nil
	}
	r, err := in.eval(e.r, sc)
	if err != nil || e.op == "and" || e.op == "or" {
		return r, err
	}
	var v value
	if e.op == "~" {
		v, err = in.concat(l, r)
	} else {
		v, err = in.arithmetic(e.op, l, r)
	}
	return v, at(e.offset(), err)
}

func (e *compareExpr) eval(in *interp, sc *scope) (value, error) {
	l, err := in.eval(e.first, sc)
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		r, err := in.eval(e.rest[i], sc)
		if err != nil {
			return nil, err
		}
		ok, err := in.compare(op, l, r)
		if err != nil {
			return nil, at(e.offset(), err)
		}
		if !ok {
			return boolean(false), nil
		}
		l = r
	}
	return boolean(true), nil
}

func (e *condExpr) eval(in *interp, sc *scope) (value, error) {
	c, err := in.eval(e.cond, sc)
	switch {
	case err != nil:
		return nil, err
	case truth(c):
		return in.eval(e.yes, sc)
	case e.no == nil:
		return undefined{"the value of if without else"}, nil
	default:
		return in.eval(e.no, sc)
	}
}

func (e *attrExpr) eval(in *interp, sc *scope) (value, error) {
	x, err := in.eval(e.x, sc)
	if err != nil {
		return nil, err
	}
	v, err := attribute(x, e.name)
	return v, at(e.offset(), err)
}

func (e *indexExpr) eval(in *interp, sc *scope) (value, error) {
	x, err := in.eval(e.x, sc)
	if err != nil {
		return nil, err
	}
	i, err := in.eval(e.i, sc)
	if err != nil {
		return nil, err
	}
	if s, ok := i.(text); ok && checkAttribute(0, s.s) != nil {
		return nil, forbiddenf(e.offset(), "subscript %.40q", s.s)
	}
	v, err := in.item(x, i)
	return v, at(e.offset(), err)
}

func (e *sliceExpr) eval(in *interp, sc *scope) (value, error) {
	x, err := in.eval(e.x, sc)
	if err != nil {
		return nil, err
	}
	parts, err := in.evalAll([]expr{e.lo, e.hi, e.step}, sc)
	if err != nil {
		return nil, err
	}
	v, err := in.slice(x, parts)
	return v, at(e.offset(), err)
}

func (e *callExpr) eval(in *interp, sc *scope) (value, error) {
	fn, err := in.eval(e.fn, sc)
	if err != nil {
		return nil, err
	}
	a, err := in.passed(e, sc)
	if err != nil {
		return nil, err
	}
	return in.call(e.offset(), fn, a)
}

// passed are the values of the arguments of a call.
type passed struct {
	list  []value
	names []string
	named []value
}

func (in *interp) passed(e *callExpr, sc *scope) (a passed, err error) {
	if a.list, err = in.evalAll(e.args.list, sc); err != nil {
		return a, err
	}
	a.names = e.args.names
	if a.named, err = in.evalAll(e.args.named, sc); err != nil {
		return a, err
	}
	if e.args.star != nil {
		v, err := in.eval(e.args.star, sc)
		if err != nil {
			return a, err
		}
		more, err := in.iterate(v)
		if err != nil {
			return a, at(e.offset(), err)
		}
		a.list = append(a.list, more...)
	}
	if e.args.stars == nil {
		return a, nil
	}
	v, err := in.eval(e.args.stars, sc)
	if err != nil {
		return a, err
	}
	d, ok := v.(*dict)
	if !ok {
		return a, renderf(e.offset(), "** of %s", describe(v))
	}
	a.names = slices.Clone(a.names)
	for i, k := range d.keys {
		name, ok := k.(text)
		if !ok {
			return a, renderf(e.offset(), "** of a mapping with %s as a key", describe(k))
		}
		a.names, a.named = append(a.names, name.s), append(a.named, d.values[i])
	}
	return a, in.charge(len(d.keys))
}

func (in *interp) call(pos int, fn value, a passed) (value, error) {
	switch fn := fn.(type) {
	case *macro:
		return in.callMacro(pos, fn, a)
	case *builtin:
		v, err := fn.call(in, a.list, a.names, a.named)
		if p, ok := errors.AsType[*posError](err); ok { // raise_exception does not know its place
			p.pos = pos
		}
		return v, at(pos, err)
	default:
		return nil, renderf(pos, "%s cannot be called", describe(fn))
	}
}

func (e *methodExpr) eval(in *interp, sc *scope) (value, error) {
	return in.apply(e.x, e.args, e.call, e.offset(), sc)
}

func (e *filterExpr) eval(in *interp, sc *scope) (value, error) {
	return in.apply(e.x, e.args, e.call, e.offset(), sc)
}

func (in *interp) apply(x expr, args []expr, call callFunc, pos int, sc *scope) (value, error) {
	v, err := in.eval(x, sc)
	if err != nil {
		return nil, err
	}
	a, err := in.evalAll(args, sc)
	if err != nil {
		return nil, err
	}
	v, err = call(in, v, a)
	return v, at(pos, err)
}

func (e *testExpr) eval(in *interp, sc *scope) (value, error) {
	v, err := in.eval(e.x, sc)
	if err != nil {
		return nil, err
	}
	a, err := in.evalAll(e.args, sc)
	if err != nil {
		return nil, err
	}
	ok, err := e.call(in, v, a)
	return boolean(ok != e.negate), at(e.offset(), err)
}

// describe names v for an error text.
func describe(v value) string {
	if u, ok := v.(undefined); ok {
		return strings.ToValidUTF8(u.name, "?") + ", which is undefined,"
	}
	return "a " + typeName(v)
}

// attribute is x.name. What is not there is undefined; an attribute of something undefined is an error.
func attribute(x value, name string) (value, error) {
	switch x := x.(type) {
	case undefined:
		return nil, errors.New(x.name + " is undefined")
	case *dict:
		if slices.Contains(dictMethods, name) { // Python finds the method first
			return boundMethod(name), nil
		}
		if v, ok := x.get(str(name)); ok {
			return v, nil
		}
	case *list:
		if slices.Contains(x.methods(), name) {
			return boundMethod(name), nil
		}
	case text:
		if slices.Contains(textMethods, name) {
			return boundMethod(name), nil
		}
	case *namespace:
		if v, ok := x.vars[name]; ok {
			return v, nil
		}
	case *loop:
		return x.attribute(name), nil
	}
	return undefined{name}, nil
}

// item is x[i].
func (in *interp) item(x, i value) (value, error) {
	if err := in.chargeKey(i); err != nil {
		return nil, err
	}
	n, isIndex := index(i)
	switch x := x.(type) {
	case *dict:
		if v, ok := x.get(i); ok {
			return v, nil
		}
	case *list:
		if n < 0 {
			n += len(x.items)
		}
		if x.kind == generator || x.kind == dictView {
			break
		}
		if isIndex && n >= 0 && n < len(x.items) {
			return x.items[n], nil
		}
	case text:
		if err := in.charge(len(x.s) / stepBytes); err != nil {
			return nil, err
		}
		if n < 0 {
			n += utf8.RuneCountInString(x.s)
		}
		if start := byteOffset(x.s, n); isIndex && n >= 0 && start < len(x.s) {
			return x.slice(start, start+byteOffset(x.s[start:], 1)), nil
		}
	}
	if s, ok := i.(text); ok {
		return attribute(x, s.s)
	}
	if u, ok := x.(undefined); ok {
		return nil, errors.New(u.name + " is undefined")
	}
	if isIndex {
		return undefined{"item " + strconv.Itoa(n)}, nil
	}
	return undefined{"item"}, nil
}

// slice is x[lo:hi:step].
func (in *interp) slice(x value, parts []value) (value, error) {
	switch x := x.(type) {
	case text:
		if err := in.charge(2 * len(x.s) / stepBytes); err != nil {
			return nil, err
		}
		r, err := newSliceRange(utf8.RuneCountInString(x.s), parts)
		if err != nil {
			return nil, err
		}
		if r.step == 1 {
			start := byteOffset(x.s, r.lo)
			return x.slice(start, start+byteOffset(x.s[start:], max(r.hi-r.lo, 0))), nil
		}
		indexes := r.indexes()
		return pickRunes(x, indexes), in.grow(4*len(indexes), len(indexes))
	case *list:
		if x.kind == generator || x.kind == dictView {
			return nil, errors.New("slice of " + describe(x))
		}
		r, err := newSliceRange(len(x.items), parts)
		if err != nil {
			return nil, err
		}
		indexes := r.indexes()
		out := &list{items: make([]value, len(indexes)), tuple: x.tuple, kind: x.kind}
		for i, k := range indexes {
			out.items[i] = x.items[k]
		}
		return out, in.charge(len(indexes))
	default:
		return nil, errors.New("slice of " + describe(x))
	}
}

// pickRunes returns the characters of t with the given indexes.
func pickRunes(t text, indexes []int) text {
	starts := make([]int, 0, len(t.s)+1)
	for i := range t.s {
		starts = append(starts, i)
	}
	starts = append(starts, len(t.s))
	var b textBuilder
	for i := 0; i < len(indexes); {
		j := i + 1
		for j < len(indexes) && indexes[j] == indexes[j-1]+1 { // a run of neighbours is one piece
			j++
		}
		b.add(t.slice(starts[indexes[i]], starts[indexes[j-1]+1]))
		i = j
	}
	return b.text()
}

// A sliceRange is [lo:hi:step] with the rules of Python applied to a sequence of known length.
type sliceRange struct{ lo, hi, step int }

func newSliceRange(n int, parts []value) (sliceRange, error) {
	step, err := slicePart(parts[2], 1)
	if err != nil {
		return sliceRange{}, err
	}
	if step == 0 {
		return sliceRange{}, errors.New("slice step is zero")
	}
	first, last := 0, n
	if step < 0 {
		first, last = n-1, -n-1
	}
	lo, err := slicePart(parts[0], first)
	if err != nil {
		return sliceRange{}, err
	}
	hi, err := slicePart(parts[1], last)
	if err != nil {
		return sliceRange{}, err
	}
	return sliceRange{clampIndex(lo, n, step), clampIndex(hi, n, step), step}, nil
}

func (r sliceRange) indexes() []int {
	var out []int
	for i := r.lo; r.step > 0 && i < r.hi || r.step < 0 && i > r.hi; i += r.step {
		out = append(out, i)
	}
	return out
}

func slicePart(v value, missing int) (int, error) {
	switch v.(type) {
	case nil, none:
		return missing, nil
	}
	i, ok := index(v)
	if !ok {
		return 0, errors.New("slice index is " + describe(v))
	}
	return i, nil
}

func clampIndex(i, n, step int) int {
	if i < 0 {
		i += n
	}
	if step < 0 {
		return min(max(i, -1), n-1)
	}
	return min(max(i, 0), n)
}
